"""Attention over sequences of different lengths, packed one behind the other: sequence b has the
rows starts[b] <= r < starts[b + 1] of Q, K and V. Nothing is padded."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def varlen_attention(
    Q,
    K,
    V,
    starts_q,
    starts_k,
    longest_q: int = 64,
    is_causal: bool = False,
    dtype=T.float16,
    block_M: int = 32,
    block_N: int = 32,
):
    """`longest_q` bounds the number of queries of a sequence: it sizes the grid."""
    rows_q, rows_k, heads, dim, batch = T.const("rows_q, rows_k, heads, dim, batch")
    Q: T.Tensor((rows_q, heads, dim), dtype)
    K: T.Tensor((rows_k, heads, dim), dtype)
    V: T.Tensor((rows_k, heads, dim), dtype)
    starts_q: T.Tensor((batch + 1,), T.int32)
    starts_k: T.Tensor((batch + 1,), T.int32)
    O = T.empty((rows_q, heads, dim), dtype)
    scale = (1.0 / dim) ** 0.5 * LOG2_E

    with T.Kernel(T.ceildiv(longest_q, block_M), heads, batch, threads=128) as (bx, head, b):
        Q_shared = T.alloc_shared((block_M, dim), dtype)
        K_shared = T.alloc_shared((block_N, dim), dtype)
        V_shared = T.alloc_shared((block_N, dim), dtype)
        scores = T.alloc_fragment((block_M, block_N), T.float32)
        probs = T.alloc_fragment((block_M, block_N), dtype)
        acc = T.alloc_fragment((block_M, dim), T.float32)
        old_max = T.alloc_fragment((block_M,), T.float32)
        row_max = T.alloc_fragment((block_M,), T.float32)
        rescale = T.alloc_fragment((block_M,), T.float32)
        tile_sum = T.alloc_fragment((block_M,), T.float32)
        row_sum = T.alloc_fragment((block_M,), T.float32)

        first_q = starts_q[b]
        first_k = starts_k[b]
        seq_q = starts_q[b + 1] - first_q
        seq_k = starts_k[b + 1] - first_k
        past = seq_k - seq_q
        if bx * block_M < seq_q:
            query = first_q + bx * block_M
            T.copy(Q[query : query + block_M, head, :], Q_shared)
            T.clear(acc)
            T.clear(row_sum)
            T.fill(row_max, -1e30)
            last = T.min(seq_k, (bx + 1) * block_M + past) if is_causal else seq_k
            for k in T.Pipelined(T.ceildiv(last, block_N), num_stages=2):
                row = first_k + k * block_N
                T.copy(K[row : row + block_N, head, :], K_shared)
                # Rows of the next sequence: their probability is 0, but 0 * NaN is not.
                for i, j in T.Parallel(block_N, dim):
                    V_shared[i, j] = V[row + i, head, j] if k * block_N + i < seq_k else 0
                T.gemm(Q_shared, K_shared, scores, transpose_B=True, clear_accum=True)
                for i, j in T.Parallel(block_M, block_N):
                    key = k * block_N + j
                    limit = T.min(seq_k, bx * block_M + i + past + 1) if is_causal else seq_k
                    scores[i, j] = scores[i, j] * scale if key < limit else -T.infinity(T.float32)
                T.copy(row_max, old_max)
                T.reduce_max(scores, row_max, dim=1, clear=False)
                for i in T.Parallel(block_M):
                    rescale[i] = T.exp2(old_max[i] - row_max[i])
                for i, j in T.Parallel(block_M, block_N):
                    scores[i, j] = T.exp2(scores[i, j] - row_max[i])
                T.reduce_sum(scores, tile_sum, dim=1)
                for i in T.Parallel(block_M):
                    row_sum[i] = row_sum[i] * rescale[i] + tile_sum[i]
                for i, j in T.Parallel(block_M, dim):
                    acc[i, j] *= rescale[i]
                T.copy(scores, probs)
                T.gemm(probs, V_shared, acc)
            for i, j in T.Parallel(block_M, dim):
                if bx * block_M + i < seq_q:
                    O[first_q + bx * block_M + i, head, j] = acc[i, j] / row_sum[i]

    return O
