"""One small kernel for each bug that was found; tests/run/bugs.py says what it must compute."""

import tilec
import tilec.language as T

N = 64


@T.prim_func
def negated_fma(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = T.reinterpret(-T.fma(A[i], -2.25, A[i]), "int32")  # the sign of a zero shows


@T.prim_func
def product_with_minus_one(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = T.reinterpret(T.fma(A[i], -2.25, A[i]) * -1.0, "int32")


@T.prim_func
def folded_is_no_literal(A: T.Tensor((N,), "int16"), B: T.Tensor((N,), "uint16")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = A[i] * 0 - 14  # wraps like any computed value


@T.prim_func
def literal_saturates(A: T.Tensor((N,), "int32"), B: T.Tensor((2, N), "uint8")):
    with T.Kernel(1) as bx:
        tile = T.alloc_shared((N,), "float8_e5m2")
        for i in T.Parallel(N):
            tile[i] = 1e9
            B[0, i] = T.reinterpret(T.cast(1e9, "float8_e5m2"), "uint8")
            B[1, i] = T.reinterpret(tile[i], "uint8")


@T.prim_func
def cleared_in_shared(A: T.Tensor((N, N), "float16"), B: T.Tensor((N, N), "float16"),
                      C: T.Tensor((N, N), "float32")):
    with T.Kernel(1) as bx:
        a, b = T.alloc_shared((N, 32), "float16"), T.alloc_shared((32, N), "float16")
        c = T.alloc_shared((N, N), "float32")  # the product is added up here by the threads
        T.clear(c)
        for k in T.Pipelined(N // 32, num_stages=2):
            T.copy(A[0, k * 32], a)
            T.copy(B[k * 32, 0], b)
            T.gemm(a, b, c)
        T.copy(c, C)


@T.prim_func
def steps_from_memory(A: T.Tensor((N, 128), "float16"), B: T.Tensor((128, N), "float16"),
                      steps: T.Tensor((4,), "int32"), C: T.Tensor((4, N, N), "float32")):
    with T.Kernel(4) as bx:
        a, b = T.alloc_shared((N, 32), "float16"), T.alloc_shared((32, N), "float16")
        c = T.alloc_fragment((N, N), "float32")
        T.clear(c)
        for k in T.Pipelined(steps[bx], num_stages=3):
            T.copy(A[0, k * 32], a)
            T.copy(B[k * 32, 0], b)
            T.gemm(a, b, c)
        T.copy(c, C[bx, 0:N, 0:N])


@T.prim_func
def written_twice(A: T.Tensor((N, N), "float32"), B: T.Tensor((N, N), "float32"),
                  C: T.Tensor((2 * N,), "float32"), D: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        T.fill(B, 1)
        for i, j in T.Parallel(N, N):
            if A[i, j] > 0:
                B[j, N - 1 - i] = A[i, j]
        for k in range(8):
            for i in T.Parallel(N):
                C[k * 7 + i] = A[k, i]
        T.fill(D, 2)
        D[N - 1] = A[0, 0]


@tilec.jit
def stored_and_used(threads=128):
    @T.prim_func
    def main(A: T.Tensor((128, N), "float16"), B: T.Tensor((N, 128), "float16"),
             C: T.Tensor((128, 128), "float16"), D: T.Tensor((128, 128), "float16"),
             E: T.Tensor((128, 128), "float16")):
        with T.Kernel(1, threads=threads) as bx:
            a, b = T.alloc_shared((128, 32), "float16"), T.alloc_shared((32, 128), "float16")
            c, d = T.alloc_fragment((128, 128), "float32"), T.alloc_shared((128, 128), "float16")
            T.clear(c)
            T.clear(E)
            for k in T.Pipelined(N // 32, num_stages=2):
                T.copy(A[0, k * 32], a)
                T.copy(B[k * 32, 0], b)
                T.gemm(a, b, c)
            T.copy(c, C)
            T.copy(C, d)
            for i, j in T.Parallel(128, 128):
                D[i, j] = d[j, i]
            T.copy(c, E)
            for i in T.Parallel(128):
                E[i, 127 - i] = 0

    return main
