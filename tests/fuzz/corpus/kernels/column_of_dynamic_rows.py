# A column is not contiguous because the length of a row is not known.
# arg A uint8 small 7 exact 6 1
# arg B uint8 small 0 exact 6 33
import tilec.language as T

N = T.dynamic("N")


@T.prim_func
def main(A: T.Tensor((6, 1), "uint8"), B: T.Tensor((6, N), "uint8")):
    with T.Kernel(T.ceildiv(N, 20), threads=128) as bx:
        T.copy(A[0:6, 0:1], B[0:6, bx * 20 : bx * 20 + 1])
