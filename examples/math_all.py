"""Every scalar function of the language, elementwise: row r of an output holds function r.
All of them take and give the type of their operand, except where a row says otherwise."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def math_unary(block=64):
    """x: any value, u: between -1 and 1, p: positive."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        X: T.Tensor((N,), T.float32),
        U: T.Tensor((N,), T.float32),
        P: T.Tensor((N,), T.float32),
        Y: T.Tensor((27, N), T.float32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                i = bx * block + t
                if i < N:
                    x = X[i]
                    u = U[i]
                    p = P[i]
                    Y[0, i] = T.exp(x)
                    Y[1, i] = T.exp2(x)
                    Y[2, i] = T.exp10(x)
                    Y[3, i] = T.log(p)
                    Y[4, i] = T.log2(p)
                    Y[5, i] = T.log10(p)
                    Y[6, i] = T.log1p(p)
                    Y[7, i] = T.sqrt(p)
                    Y[8, i] = T.rsqrt(p)
                    Y[9, i] = T.sin(x)
                    Y[10, i] = T.cos(x)
                    Y[11, i] = T.tan(u)
                    Y[12, i] = T.asin(u)
                    Y[13, i] = T.acos(u)
                    Y[14, i] = T.atan(x)
                    Y[15, i] = T.sinh(x)
                    Y[16, i] = T.cosh(x)
                    Y[17, i] = T.tanh(x)
                    Y[18, i] = T.asinh(x)
                    Y[19, i] = T.acosh(p + 1.0)
                    Y[20, i] = T.atanh(u)
                    Y[21, i] = T.erf(x)
                    Y[22, i] = T.sigmoid(x)
                    Y[23, i] = T.abs(x)
                    Y[24, i] = T.pow(x, 3)
                    Y[25, i] = -x
                    Y[26, i] = T.pow(x, 0)

    return main


@tilec.jit(out_idx=[-1])
def math_rounding(block=64):
    """Exact results: ties, signs and large values are where implementations differ."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.float32), Y: T.Tensor((7, N), T.float32)):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                i = bx * block + t
                Y[0, i] = T.floor(X[i])
                Y[1, i] = T.ceil(X[i])
                Y[2, i] = T.trunc(X[i])
                Y[3, i] = T.round(X[i])
                Y[4, i] = T.round(X[i], rounding_mode="ties-away-from-zero")
                Y[5, i] = T.nearbyint(X[i])
                Y[6, i] = T.clamp(X[i], -2.5, 1.5)

    return main


@tilec.jit(out_idx=[-1])
def math_binary(block=64):
    """p is positive; b is never 0."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        A: T.Tensor((N,), T.float32),
        B: T.Tensor((N,), T.float32),
        P: T.Tensor((N,), T.float32),
        Y: T.Tensor((12, N), T.float32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                i = bx * block + t
                if i < N:
                    a = A[i]
                    b = B[i]
                    p = P[i]
                    Y[0, i] = a + b
                    Y[1, i] = a - b
                    Y[2, i] = a * b
                    Y[3, i] = a / b
                    Y[4, i] = T.max(a, b)
                    Y[5, i] = T.min(a, b)
                    Y[6, i] = T.pow(p, b)
                    Y[7, i] = T.fmod(a, b)
                    Y[8, i] = T.atan2(a, b)
                    Y[9, i] = T.hypot(a, b)
                    Y[10, i] = T.copysign(a, b)
                    Y[11, i] = T.nextafter(a, b)

    return main


@tilec.jit(out_idx=[-1])
def math_integer(block=64):
    """Division with `//` and `%` rounds down, T.truncdiv and T.truncmod round towards zero."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        A: T.Tensor((N,), T.int32),
        B: T.Tensor((N,), T.int32),
        Y: T.Tensor((22, N), T.int32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                i = bx * block + t
                # The divisor must not be 0, so nothing is computed past the end.
                if i < N:
                    a = A[i]
                    b = B[i]
                    Y[0, i] = a // b
                    Y[1, i] = a % b
                    Y[2, i] = T.floordiv(a, b)
                    Y[3, i] = T.floormod(a, b)
                    Y[4, i] = T.truncdiv(a, b)
                    Y[5, i] = T.truncmod(a, b)
                    Y[6, i] = T.ceildiv(a, b)
                    Y[7, i] = T.max(a, b)
                    Y[8, i] = T.min(a, b)
                    Y[9, i] = T.abs(a)
                    Y[10, i] = a & b
                    Y[11, i] = a | b
                    Y[12, i] = a ^ b
                    Y[13, i] = ~a
                    Y[14, i] = T.bitwise_and(a, b)
                    Y[15, i] = T.bitwise_or(a, b)
                    Y[16, i] = T.bitwise_xor(a, b)
                    Y[17, i] = T.bitwise_not(a)
                    Y[18, i] = T.popcount(a)
                    Y[19, i] = T.clz(a)
                    Y[20, i] = T.shift_left(a, b & 15)
                    Y[21, i] = T.shift_right(a, b & 15)

    return main


@tilec.jit(out_idx=[-1])
def math_predicates(block=64):
    """Boolean results, stored as bytes: 1 for true and 0 for false."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        A: T.Tensor((N,), T.float32),
        B: T.Tensor((N,), T.float32),
        Y: T.Tensor((12, N), T.uint8),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                i = bx * block + t
                Y[0, i] = T.isnan(A[i])
                Y[1, i] = T.isinf(A[i])
                Y[2, i] = T.isfinite(A[i])
                Y[3, i] = A[i] == B[i]
                Y[4, i] = A[i] != B[i]
                Y[5, i] = A[i] < B[i]
                Y[6, i] = A[i] <= B[i]
                Y[7, i] = A[i] > B[i]
                Y[8, i] = A[i] >= B[i]
                Y[9, i] = T.And(A[i] > 0, B[i] > 0)
                Y[10, i] = T.Or(A[i] > 0, B[i] > 0)
                Y[11, i] = T.Not(A[i] > 0)

    return main


@tilec.jit(out_idx=[-1])
def convert(src="float32", dst="float16", block=64):
    """A cast from one type to another: to narrower floats it rounds to nearest even."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), src), Y: T.Tensor((N,), dst)):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            for t in T.Parallel(block):
                Y[bx * block + t] = T.Cast(dst, X[bx * block + t])

    return main
