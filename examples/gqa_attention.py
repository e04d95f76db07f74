"""Grouped-query attention: several query heads share one head of keys and values.
Tensors are (batch, sequence, heads, dim); an optional window limits how far back a query looks."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def gqa_attention(
    Q,
    K,
    V,
    window=None,
    dtype=T.float16,
    block_M: int = 64,
    block_N: int = 64,
    num_stages: int = 2,
):
    """Causal attention over as many queries as keys. `window` is a number of keys, or None."""
    batch, seq, heads, heads_kv, dim = T.const("batch, seq, heads, heads_kv, dim")
    Q: T.Tensor((batch, seq, heads, dim), dtype)
    K: T.Tensor((batch, seq, heads_kv, dim), dtype)
    V: T.Tensor((batch, seq, heads_kv, dim), dtype)
    O = T.empty((batch, seq, heads, dim), dtype)
    assert heads % heads_kv == 0, f"{heads} query heads over {heads_kv} heads of keys"

    with T.Kernel(T.ceildiv(seq, block_M), heads, batch, threads=128) as (bx, head, b):
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

        scale = (1.0 / dim) ** 0.5 * LOG2_E
        head_kv = T.floordiv(head, heads // heads_kv)
        first = 0 if window is None else T.max(0, T.floordiv(bx * block_M - window + 1, block_N))
        last = T.min(T.ceildiv(seq, block_N), T.ceildiv((bx + 1) * block_M, block_N))

        T.copy(Q[b, bx * block_M : (bx + 1) * block_M, head, :], Q_shared)
        T.clear(acc)
        T.clear(row_sum)
        # Finite, unlike -inf: a tile may mask every key of a row, and -inf - -inf is NaN.
        T.fill(row_max, -1e30)

        for k in T.Pipelined(first, last, num_stages=num_stages):
            T.copy(K[b, k * block_N : (k + 1) * block_N, head_kv, :], K_shared)
            T.copy(V[b, k * block_N : (k + 1) * block_N, head_kv, :], V_shared)
            T.gemm(Q_shared, K_shared, scores, transpose_B=True, clear_accum=True)

            for i, j in T.Parallel(block_M, block_N):
                query = bx * block_M + i
                key = k * block_N + j
                visible = key <= query if window is None else query - window < key <= query
                scores[i, j] = scores[i, j] * scale if visible else -T.infinity(T.float32)

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
            acc[i, j] /= row_sum[i]
        T.copy(acc, O[b, bx * block_M : (bx + 1) * block_M, head, :])

    return O
