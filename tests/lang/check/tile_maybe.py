import tilec.language as T

M = T.dynamic("M")


@T.prim_func
def main(A: T.Tensor((M,), "float32")):
    with T.Kernel(M) as bx:
        S = T.alloc_shared((64,), "float32")
        T.clear(S)
        T.fill(S[bx : bx + 8], 1.0)
        T.copy(S, A[0:64])
