# Sizes are compared as polynomials; what the comparison supposes about int32 is asserted.
import tilec.language as T

n = T.dynamic("n")
m = T.dynamic("m")


@T.prim_func
def main(A: T.Tensor((n, 4), "float32"), B: T.Tensor((n + 1, m), "float32"),
         C: T.Tensor((n, m), "float32")):
    flat = T.view(A, (n * 4,))
    long = T.reshape(B, (m + m * n,))
    with T.Kernel(n, threads=32) as bx:
        inside = T.view(A, (2, n * 2))
        halves = T.view(C, dtype="float16")
        flat[bx] = inside[0, bx] + long[bx] + T.cast(halves[bx, 0], "float32")
