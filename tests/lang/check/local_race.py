import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32"), B: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        v = T.alloc_local((1,), "float32")
        v[0] = 0.0
        for i in T.Parallel(64):
            B[i] = v[0]
            v[0] = A[i]
