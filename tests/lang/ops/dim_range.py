import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 64), "float32"), B: T.Tensor((64, 64), "float32")):
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_fragment((64, 32), "float32")
        s = T.alloc_fragment((64,), "float32")
        T.clear(a)
        T.reduce_sum(a, s, dim=2)
