"""Random numbers; tests/run/random_numbers.py says what each kernel draws."""

import tilec
import tilec.language as T

N = 64


@tilec.jit
def draws(seed=42, seq=0, off=0):
    @T.prim_func
    def main(out: T.Tensor((6, N), "uint32"), floats: T.Tensor((2, N), "float32"),
             doubles: T.Tensor((2, N), "float64")):
        with T.Kernel(1, threads=1) as bx:
            T.rng_init(seed, seq, off)
            for i in T.serial(N):
                out[0, i] = T.rng_rand()
            for i, j in T.Parallel(4, N // 4):
                out[1, i * (N // 4) + j] = T.rng_rand()
                if (i + j) % 2 == 0:
                    out[2, i * (N // 4) + j] = T.rng_rand()
                else:
                    out[2, i * (N // 4) + j] = 7
            for i in T.Parallel(2):
                for j in T.Parallel(N // 2):
                    out[3, i * (N // 2) + j] = T.rng_rand()
            for i in T.serial(N):
                out[4, i] = T.rng_rand() if i % 3 == 0 else T.uint32(5)
            for i in T.serial(N):
                floats[0, i] = T.rng_rand_float()
                doubles[0, i] = T.rng_rand_float(bit=64)
                floats[1, i] = T.rng_rand_float(32, "normal")
                doubles[1, i] = T.rng_rand_float(64, dist="normal")
            T.rng_init(seed, seq, off)  # from the beginning
            for i in T.serial(N):
                out[5, i] = T.rng_rand()

    return main


@T.prim_func
def blocks(out: T.Tensor((8, 16), "uint32"), seed: T.int64):
    with T.Kernel(8, threads=1) as bx:
        T.rng_init(seed)
        if bx % 2 == 0:
            T.rng_init(seed, seq=bx + 100, off=3)
            for i in T.Parallel(16):
                out[bx, i] = T.rng_rand()
        else:
            for i in T.Parallel(16):
                T.rng_init(seed, i, bx)
                for k in T.serial(2):
                    out[bx, i] = T.rng_rand()
