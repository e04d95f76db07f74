import tilec.language as T


@T.prim_func
def main(
    A: T.Tensor((128, 64), T.float16),
    B: T.Tensor((64, 128), T.float16),
    C: T.Tensor((128, 128), T.float32),
):
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_shared((128, 64), T.float16)
        b = T.alloc_shared((64, 128), T.float16)
        c = T.alloc_fragment((128, 128), T.float32)
        d = T.alloc_fragment((128, 128), T.float32)
        row = T.alloc_fragment((128,), T.float32)
        T.copy(A, a)
        T.copy(B, b)
        T.gemm(a, b, c)
        for k in T.serial(4):
            T.gemm(a, b, d, clear_accum=k == 0)
        T.copy(d, C)
        T.reduce_max(d, row, dim=1, clear=False)
