import tilec.language as T


@T.prim_func
def main(B: T.Tensor((64, 16), "float16"), C: T.Tensor((32, 16), "float32")):
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_shared((32, 32), "float16")
        e = T.alloc_shared((32, 4), "int16")
        words = T.alloc_shared((32, 1), "uint32")
        T.gemm_sp(a, a, B, C)
