import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32"), B: T.Tensor((64,), "uint32")):
    with T.Kernel(1, threads=1) as bx:
        if bx > 0:
            T.rng_init(1, 2)
        B[0] = T.rng_rand()
