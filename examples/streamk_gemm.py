"""Stream-K matrix multiplication: the steps along K of all output tiles, laid end to end, are cut
into equal shares (Osama et al., PPoPP 2023). No worker idles however the tiles divide, and tiles
cut between workers are completed by atomic additions."""

import tilec
import tilec.language as T


@tilec.jit
def streamk_gemm(
    M,
    N,
    K,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    block_K=32,
    workers=8,
    threads=128,
):
    """C += A @ B, accumulated in float32."""
    tiles_N = T.ceildiv(N, block_N)
    steps = T.ceildiv(K, block_K)  # of one tile
    total = T.ceildiv(M, block_M) * tiles_N * steps
    share = T.ceildiv(total, workers)

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((K, N), dtype),
        C: T.Tensor((M, N), T.float32),
    ):
        with T.Kernel(workers, threads=threads) as worker:
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)
            at = T.alloc_var(T.int32, init=worker * share)
            end = T.min((worker + 1) * share, total)

            while at < end:
                tile = at // steps
                first = at % steps
                last = T.min(first + end - at, steps)
                row = tile // tiles_N * block_M
                col = tile % tiles_N * block_N

                T.clear(C_local)
                for k in T.Pipelined(first, last, num_stages=2):
                    T.copy(A[row, k * block_K], A_shared)
                    T.copy(B[k * block_K, col], B_shared)
                    T.gemm(A_shared, B_shared, C_local)
                for i, j in T.Parallel(block_M, block_N):
                    T.atomic_add(C[row + i, col + j], C_local[i, j])
                at += last - first

    return main
