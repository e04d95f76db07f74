"""The kernels of tests/aot: small, on dynamic shapes."""

import tilec
import tilec.language as T


@tilec.jit
def gemm(block=32):
    M, N, K = T.dynamic("M, N, K")

    @T.prim_func
    def main(
        A: T.Tensor((M, K), T.float32), B: T.Tensor((K, N), T.float32), C: T.Tensor((M, N), T.float32)
    ):
        with T.Kernel(T.ceildiv(N, block), T.ceildiv(M, block), threads=128) as (bx, by):
            A_shared = T.alloc_shared((block, block), T.float32)
            B_shared = T.alloc_shared((block, block), T.float32)
            C_local = T.alloc_fragment((block, block), T.float32)
            T.clear(C_local)
            for k in T.Pipelined(T.ceildiv(K, block), num_stages=2):
                T.copy(A[by * block, k * block], A_shared)
                T.copy(B[k * block, bx * block], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            T.copy(C_local, C[by * block, bx * block])

    return main


@tilec.jit
def scale():
    """Scalars of several types, one rounded to float16; an assert; a name that C has taken."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        register: T.Tensor((N,), T.float32),
        Y: T.Tensor((N,), T.float32),
        alpha: T.float16,
        beta: T.float32,
        shift: T.int32,
        negate: T.uint8,
    ):
        assert shift < 100, "shift is too large"
        with T.Kernel(T.ceildiv(N, 64), threads=64) as bx:
            for i in T.Parallel(64):
                x = register[bx * 64 + i] * T.cast(alpha, T.float32) + beta + T.cast(shift, T.float32)
                Y[bx * 64 + i] = T.if_then_else(negate != 0, -x, x)

    return main


@tilec.jit
def strided():
    N, S = T.dynamic("N, S")

    @T.prim_func
    def main(X: T.StridedTensor((N, N), (S, 1), T.int32), Y: T.Tensor((N * 2, N), T.int32)):
        with T.Kernel(1, threads=1) as bx:
            for i, j in T.Parallel(N, N):
                Y[i, j] = X[i, j]
                Y[N + i, j] = X[j, i]

    return main


@tilec.jit
def talk():
    @T.prim_func
    def main(X: T.Tensor((4,), T.int32)):
        with T.Kernel(1, threads=1) as bx:
            T.print(X[2])
            T.device_assert(X[3] == 7, "the last must be seven")

    return main


@tilec.jit
def two_steps():
    """Two kernels with a workspace between them."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.float32), Y: T.Tensor((N,), T.float32)):
        W = T.alloc_global((N,), T.float32)
        with T.Kernel(T.ceildiv(N, 16), threads=16) as bx:
            for i in T.Parallel(16):
                W[bx * 16 + i] = X[bx * 16 + i] + 1.0
        with T.Kernel(T.ceildiv(N, 16), threads=16) as bx:
            for i in T.Parallel(16):
                Y[bx * 16 + i] = W[N - 1 - (bx * 16 + i)]

    return main


@tilec.jit
def refused():
    """The host does not compute with float16."""

    @T.prim_func
    def main(Y: T.Tensor((4,), T.float32), alpha: T.float16):
        assert alpha < 2
        with T.Kernel(1, threads=1) as bx:
            Y[bx] = alpha

    return main
