import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32"), B: T.Tensor((1,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        src = T.alloc_fragment((64,), "float32")
        r = T.alloc_fragment((1,), "float32")
        T.copy(A, src)
        T.reducer_init(r)
