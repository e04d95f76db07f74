# That an extent did not wrap in int32 is asserted where a launch could get past it.
import tilec.language as T

n = T.dynamic("n")
m = T.dynamic("m")


@T.prim_func
def main(A: T.Tensor((n, m), "float32")):
    proved = T.alloc_global((T.ceildiv(m, 16),), "float32")
    asserted = T.alloc_global((m * 16,), "float32")
    with T.Kernel(T.ceildiv(n, 64), T.ceildiv(m, 32) + 1, threads=32) as (bx, by):
        A[bx, by] = 0.0
    with T.Kernel(n * m, T.ceildiv(n * m, 64)) as (bx, by):
        A[bx, by] = proved[bx] + asserted[by]
    T.assume(n < 1000)
    T.assume(m < 1000)
    with T.Kernel(n * m + 1) as bx:
        A[bx, 0] = 1.0
