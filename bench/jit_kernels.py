"""Kernels for jit_beside.py, in the language that tilec and TileLang share. JIT_PACKAGE names which of
them makes them."""

import importlib
import os

tl = importlib.import_module(os.environ.get("JIT_PACKAGE", "tilec"))
T = importlib.import_module(tl.__name__ + ".language")


@tl.jit
def gemm(M, N, K, block_M=128, block_N=128, block_K=64):
    @T.prim_func
    def main(A: T.Tensor((M, K), "float16"), B: T.Tensor((K, N), "float16"),
             C: T.Tensor((M, N), "float16")):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
            A_shared = T.alloc_shared((block_M, block_K), "float16")
            B_shared = T.alloc_shared((block_K, block_N), "float16")
            C_local = T.alloc_fragment((block_M, block_N), "float32")
            T.clear(C_local)
            for k in T.Pipelined(T.ceildiv(K, block_K), num_stages=3):
                T.copy(A[by * block_M, k * block_K], A_shared)
                T.copy(B[k * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            T.copy(C_local, C[by * block_M, bx * block_N])

    return main


@tl.jit
def add(N, block=256):
    @T.prim_func
    def main(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
             C: T.Tensor((N,), "float32")):
        with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
            for i in T.Parallel(block):
                C[bx * block + i] = A[bx * block + i] + B[bx * block + i]

    return main


@tl.jit
def softmax(M, N, rows=4):
    @T.prim_func
    def main(X: T.Tensor((M, N), "float32"), Y: T.Tensor((M, N), "float32")):
        with T.Kernel(T.ceildiv(M, rows), threads=128) as bx:
            x = T.alloc_fragment((rows, N), "float32")
            top = T.alloc_fragment((rows,), "float32")
            total = T.alloc_fragment((rows,), "float32")
            T.copy(X[bx * rows, 0], x)
            T.reduce_max(x, top, dim=1, clear=True)
            for i, j in T.Parallel(rows, N):
                x[i, j] = T.exp(x[i, j] - top[i])
            T.reduce_sum(x, total, dim=1)
            for i, j in T.Parallel(rows, N):
                x[i, j] = x[i, j] / total[i]
            T.copy(x, Y[bx * rows, 0])

    return main


def cases(torch):
    """(name, function that compiles, tensors of a call with the result last, what it should be)"""
    half = [torch.randn(1024, 1024, device="cuda", dtype=torch.float16) for _ in range(2)]
    flat = [torch.randn(1 << 16, device="cuda") for _ in range(2)]
    square = torch.randn(256, 512, device="cuda")
    yield "gemm", lambda: gemm(1024, 1024, 1024), [*half, torch.empty_like(half[0])], \
        half[0] @ half[1]
    yield "add", lambda: add(1 << 16), [*flat, torch.empty_like(flat[0])], flat[0] + flat[1]
    yield "softmax", lambda: softmax(256, 512), [square, torch.empty_like(square)], \
        torch.softmax(square, 1)
