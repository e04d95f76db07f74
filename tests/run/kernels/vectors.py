"""Short vectors, loads of so many bits, and arithmetic with a chosen rounding; tests/run/vectors.py
says what each computes."""

import tilec
import tilec.language as T

N = 64


@tilec.jit
def pairs(dtype=T.float32):
    pair = {"float32": T.float32x2, "float16": T.float16x2, "bfloat16": T.bfloat16x2}[dtype]

    @T.prim_func
    def main(A: T.Tensor((N,), dtype), B: T.Tensor((N,), dtype), out: T.Tensor((8, N), dtype)):
        with T.Kernel(1) as bx:
            for i in T.serial(N // 2):
                x = pair(A[2 * i], A[2 * i + 1])
                y = pair(B[2 * i], B[2 * i + 1])
                out[0, 2 * i : 2 * i + 2] = T.add2(x, y)
                out[1, 2 * i : 2 * i + 2] = T.sub2(x, y)
                out[2, 2 * i : 2 * i + 2] = T.mul2(x, y)
                out[3, 2 * i : 2 * i + 2] = T.fma2(x, y, x)
                out[4, 2 * i : 2 * i + 2] = T.max2(x, y)
                out[5, 2 * i : 2 * i + 2] = T.min2(x, y)
                out[6, 2 * i : 2 * i + 2] = T.abs2(x)
                out[7, 2 * i] = T.extract_lane(T.Shuffle([x, y], [1, 2]), 0)
                out[7, 2 * i + 1] = T.extract_lane(T.Shuffle([x, y], [3, 2, 1]), 1)

    return main


@T.prim_func
def bits(A: T.Tensor((9, 24), "float16"), out: T.Tensor((10, 24), "float16"),
         words: T.Tensor((64,), "uint32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((4, 8), "float16")
        for i, j in T.Parallel(10, 24):
            out[i, j] = 0
        for i in T.serial(8):
            T.stg32(out[i, 0], T.ldg32(A[i, 2:4]))
            T.stg64(out[i, 2], T.ldg64(A[i, 4]))
            T.stg128(out[i, 6:14], T.ldg128(A[i, 8], pred=i % 2 == 0), pred=i != 4)
            T.stg256(out[i, 20], T.ldg256(A[i, 20]))  # goes on in the next row
            words[8 * i : 8 * i + 8] = T.ldg256(A[i, 0])
        for i in T.serial(2):
            T.sts32(s[i, 0], T.ldg32(A[i, 0]))
            T.sts64(s[i, 4], T.ldg64(A[i, 4]))
            T.sts128(s[2 + i, 0], T.ldg128(A[2 + i, 8]))
        T.stg32(out[9, 4], T.lds32(s[1, 0]))
        T.stg64(out[9, 6], T.lds64(s[0, 4]))
        T.stg128(out[9, 10], T.lds128(s[3]))
        out[9, 18] = T.__ldg(A[1, 2])
        out[9, 19] = T.__ldg(words, 0) % 8


MODES = ["rn", "rz", "ru", "rd"]


@T.prim_func
def rounded(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
            C: T.Tensor((N,), "float32"), out: T.Tensor((7, 4, N), "float32"),
            rest: T.Tensor((5, N), "float32"), fixed: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            for k, mode in enumerate(MODES):
                out[0, k, i] = T.ieee_add(A[i], B[i], mode)
                out[1, k, i] = T.ieee_sub(A[i], B[i], rounding_mode=mode)
                out[2, k, i] = T.ieee_mul(A[i], B[i], mode)
                out[3, k, i] = T.ieee_fmaf(A[i], B[i], C[i], mode)
                out[4, k, i] = T.ieee_frcp(A[i], mode)
                out[5, k, i] = T.ieee_fsqrt(T.abs(A[i]), mode)
                out[6, k, i] = T.ieee_fdiv(A[i], B[i], mode)
            rest[0, i] = T.ieee_frsqrt(T.abs(B[i]))
            rest[1, i] = T.fast_rcp(B[i])
            rest[2, i] = T.fmul(A[i], B[i])
            rest[3, i] = T.ldexp(A[i], i * 8 - 256)
            rest[4, i] = T.if_then_else(T.likely(i < 32), A[i], B[i])
            fixed[i] = T.q_multiply_shift(i * 100003 - 3000000, 1717986918, 31, i % 5)


@T.prim_func
def values(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
           C: T.Tensor((N,), "float16")):
    with T.Kernel(1) as bx:
        rows = T.alloc_local((4,), "float32x4")
        row = T.alloc_local((4,), "float32")
        for i in T.serial(N // 4):
            x = A[i * 4 : i * 4 + 4]
            y = x * 2.0 + T.float32x4(1.0, 2.0, 3.0, 4.0)
            z = T.if_then_else(i % 2 == 0, y, x)
            row[0:4] = T.max(z, T.Broadcast(0.0, 4))
            B[i * 4 : i * 4 + 4] = row[0:4]
            C[i * 4 : i * 4 + 4] = T.cast(y, "float16x4")
        for i in T.serial(4):
            rows[i] = A[i * 4 : i * 4 + 4]
        for i in T.serial(4):
            C[i * 4 : i * 4 + 4] = rows[3 - i] + 1.0
            C[i * 4 + 1] = rows[i][2]
