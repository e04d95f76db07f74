"""Fragments that products take, and that operations want in different registers;
tests/run/fragments.py says what each kernel computes."""

import tilec
import tilec.language as T

POLICIES = {
    "square": T.GemmWarpPolicy.Square,
    "rows": T.GemmWarpPolicy.FullRow,
    "columns": T.GemmWarpPolicy.FullCol,
}


@tilec.jit
def operands(M, N, K, dtype=T.float16, accum=T.float32, held="a", flip_a=False, flip_b=False,
             policy="square", threads=128, tf32=False):
    """C = 2 A B, with A (held="a"), B ("b") or both ("ab") in a fragment."""
    inner = T.tfloat32 if tf32 else dtype
    a_shape = (K, M) if flip_a else (M, K)
    b_shape = (N, K) if flip_b else (K, N)

    @T.prim_func
    def main(A: T.Tensor(a_shape, dtype), B: T.Tensor(b_shape, dtype), C: T.Tensor((M, N), accum)):
        with T.Kernel(1, threads=threads) as bx:
            a = (T.alloc_fragment if "a" in held else T.alloc_shared)(a_shape, inner)
            b = (T.alloc_fragment if "b" in held else T.alloc_shared)(b_shape, inner)
            c = T.alloc_fragment((M, N), accum)
            T.copy(A, a)
            T.copy(B, b)
            T.clear(c)
            for repeat in T.serial(2):
                T.gemm(a, b, c, transpose_A=flip_a, transpose_B=flip_b, policy=POLICIES[policy])
            T.copy(c, C)

    return main


@tilec.jit
def chain(M, N, K, P, dtype=T.float16, accum=T.float32, first="rows", second="rows", loop=True,
          threads=128):
    """D = (A B^T / 2) E: the result of one product is an operand of the next."""

    @T.prim_func
    def main(A: T.Tensor((M, K), dtype), B: T.Tensor((N, K), dtype), E: T.Tensor((N, P), dtype),
             D: T.Tensor((M, P), accum)):
        with T.Kernel(1, threads=threads) as bx:
            a = T.alloc_shared((M, K), dtype)
            b = T.alloc_shared((N, K), dtype)
            e = T.alloc_shared((N, P), dtype)
            c = T.alloc_fragment((M, N), accum)
            narrow = T.alloc_fragment((M, N), dtype)
            d = T.alloc_fragment((M, P), accum)
            T.copy(A, a)
            T.copy(B, b)
            T.copy(E, e)
            T.clear(c)
            T.gemm(a, b, c, transpose_B=True, policy=POLICIES[first])
            if loop:
                for i, j in T.Parallel(M, N):
                    narrow[i, j] = c[i, j] / 2
            else:
                for i, j in T.Parallel(M, N):
                    c[i, j] /= 2
                T.copy(c, narrow)
            T.clear(d)
            T.gemm(narrow, e, d, policy=POLICIES[second])
            T.copy(d, D)

    return main


@tilec.jit
def twice(M, K, dtype=T.float16, threads=128):
    """C = A A^T + A B, with one fragment as both operands of a product and one of another."""

    @T.prim_func
    def main(A: T.Tensor((M, K), dtype), B: T.Tensor((K, M), dtype),
             C: T.Tensor((M, M), "float32")):
        with T.Kernel(1, threads=threads) as bx:
            a = T.alloc_fragment((M, K), dtype)
            b = T.alloc_shared((K, M), dtype)
            c = T.alloc_fragment((M, M), "float32")
            T.copy(A, a)
            T.copy(B, b)
            T.clear(c)
            T.gemm(a, a, c, transpose_B=True)
            T.gemm(a, b, c, policy=T.GemmWarpPolicy.FullCol)
            T.copy(c, C)

    return main


@tilec.jit
def rescaled(M, N, P, K, dtype=T.float16, threads=128):
    """The greatest element of each row of A B scales that row of A E, with warps that share the two
    products differently."""

    @T.prim_func
    def main(A: T.Tensor((M, K), dtype), B: T.Tensor((K, N), dtype), E: T.Tensor((K, P), dtype),
             D: T.Tensor((M, P), "float32")):
        with T.Kernel(1, threads=threads) as bx:
            a = T.alloc_shared((M, K), dtype)
            b = T.alloc_shared((K, N), dtype)
            e = T.alloc_shared((K, P), dtype)
            c = T.alloc_fragment((M, N), "float32")
            d = T.alloc_fragment((M, P), "float32")
            most = T.alloc_fragment((M,), "float32")
            T.copy(A, a)
            T.copy(B, b)
            T.copy(E, e)
            T.clear(c)
            T.clear(d)
            T.gemm(a, b, c, policy=T.GemmWarpPolicy.FullRow)
            T.gemm(a, e, d, policy=T.GemmWarpPolicy.FullCol)
            T.reduce_max(c, most, dim=1)
            for turn in T.serial(2):
                for i, j in T.Parallel(M, P):
                    d[i, j] *= most[i]
                for i in T.Parallel(M):
                    most[i] = most[i] / 2
            T.copy(d, D)

    return main


@tilec.jit
def pieces(N, threads=64):
    """Elements and parts of fragments, which other threads hold."""
    half = N // 2

    @T.prim_func
    def main(A: T.Tensor((N,), "float32"), B: T.Tensor((6, N), "float32"), at: T.int32):
        with T.Kernel(1, threads=threads) as bx:
            one = T.alloc_fragment((1,), "float32")
            f = T.alloc_fragment((N,), "float32")
            g = T.alloc_fragment((N,), "float32")
            h = T.alloc_fragment((half,), "float32")
            rows = T.alloc_fragment((N, 3), "float32")
            T.copy(A[0:1], one)
            T.copy(A, f)
            for i in T.Parallel(N):
                B[0, i] = f[i] * one[0]
            for i in T.Parallel(N):
                g[i] = f[N - 1 - i]
            T.copy(g, B[1, :])
            T.copy(f[half : 2 * half], h)
            T.copy(h, g[0:half])
            T.copy(h, g[at : at + half])
            T.copy(g, B[2, :])
            g[at + 1] = f[at] + 1
            T.copy(g, B[3, :])
            for s in T.serial(3):
                for i in T.Parallel(N):
                    rows[i, s] = f[i] * s
            for i in T.Parallel(N):
                B[4, i] = rows[i, 2] + rows[i, 1]
            for i in T.Parallel(half):
                h[i] = g[2 * i] + h[i]
            T.copy(h, B[5, half : 2 * half])
            T.copy(f[at : at + half], B[5, 0:half])

    return main


@tilec.jit
def sums(M, N, threads=128, dtype="float32", where="fragment"):
    """Sums of rows, of columns, and of a part of both, added to what is there."""

    @T.prim_func
    def main(A: T.Tensor((M, N), dtype), R: T.Tensor((M,), dtype), C: T.Tensor((1, N), dtype),
             P: T.Tensor((M,), dtype)):
        with T.Kernel(1, threads=threads) as bx:
            a = (T.alloc_fragment if where == "fragment" else T.alloc_shared)((M, N), dtype)
            r = T.alloc_fragment((M,), dtype)
            c = T.alloc_fragment((1, N), dtype)
            p = T.alloc_shared((M,), dtype)
            T.copy(A, a)
            T.fill(c, 1)
            T.fill(p, 2)
            T.reduce_sum(a, r, dim=1)
            T.reduce_sum(a, c, dim=0, clear=False)
            T.reduce_max(a[:, 1:N], p, dim=1, clear=False)
            T.copy(r, R)
            T.copy(c, C)
            T.copy(p, P)

    return main


@T.prim_func
def in_place(A: T.Tensor((8,), "float32"), B: T.Tensor((8,), "float32"),
             C: T.Tensor((8,), "float32")):
    """Memory and other threads' elements are updated by more threads than there are elements."""
    with T.Kernel(1, threads=128) as bx:
        f = T.alloc_fragment((8,), "float32")
        T.copy(A, f)
        for i in T.Parallel(8):
            f[(i + 3) % 8] += 1
        for i in T.Parallel(8):
            B[i] = B[i] * f[i] + 1
        T.copy(f, C)


@T.prim_func
def flags(A: T.Tensor((6, 40), "int32"), B: T.Tensor((3, 6), "int32")):
    """Reductions of bools."""
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_fragment((6, 40), "bool")
        most = T.alloc_fragment((6,), "bool")
        least = T.alloc_fragment((6,), "bool")
        size = T.alloc_fragment((6,), "bool")
        for i, j in T.Parallel(6, 40):
            a[i, j] = A[i, j] > 0
        T.reduce_max(a, most, dim=1)
        T.reduce_min(a, least, dim=1)
        T.reduce_absmax(a, size, dim=1)
        for i in T.Parallel(6):
            B[0, i] = T.cast(most[i], "int32")
            B[1, i] = T.cast(least[i], "int32")
            B[2, i] = T.cast(size[i], "int32")
