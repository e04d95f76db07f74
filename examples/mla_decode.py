"""Decoding with multi-head latent attention (DeepSeek-V2): all heads share one compressed cache.
A key is a row of `latent` followed by one of `rope`; the row of `latent` is the value as well."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def mla_decode(
    Q, Q_rope, latent, rope, dtype=T.float16, block_H: int = 16, block_N: int = 32
):
    """Q is (batch, heads, dim), Q_rope (batch, heads, dim_rope), the caches (batch, keys, ..)."""
    batch, heads, dim, dim_rope, keys = T.const("batch, heads, dim, dim_rope, keys")
    Q: T.Tensor((batch, heads, dim), dtype)
    Q_rope: T.Tensor((batch, heads, dim_rope), dtype)
    latent: T.Tensor((batch, keys, dim), dtype)
    rope: T.Tensor((batch, keys, dim_rope), dtype)
    O = T.empty((batch, heads, dim), dtype)
    scale = (1.0 / (dim + dim_rope)) ** 0.5 * LOG2_E

    with T.Kernel(T.ceildiv(heads, block_H), batch, threads=128) as (bh, b):
        Q_shared = T.alloc_shared((block_H, dim), dtype)
        Q_rope_shared = T.alloc_shared((block_H, dim_rope), dtype)
        latent_shared = T.alloc_shared((block_N, dim), dtype)
        rope_shared = T.alloc_shared((block_N, dim_rope), dtype)
        probs = T.alloc_shared((block_H, block_N), dtype)
        scores = T.alloc_fragment((block_H, block_N), T.float32)
        acc = T.alloc_fragment((block_H, dim), T.float32)
        old_max = T.alloc_fragment((block_H,), T.float32)
        row_max = T.alloc_fragment((block_H,), T.float32)
        rescale = T.alloc_fragment((block_H,), T.float32)
        tile_sum = T.alloc_fragment((block_H,), T.float32)
        row_sum = T.alloc_fragment((block_H,), T.float32)

        T.copy(Q[b, bh * block_H, 0], Q_shared)
        T.copy(Q_rope[b, bh * block_H, 0], Q_rope_shared)
        T.clear(acc)
        T.clear(row_sum)
        T.fill(row_max, -1e30)
        for k in T.Pipelined(T.ceildiv(keys, block_N), num_stages=2):
            T.copy(latent[b, k * block_N, 0], latent_shared)
            T.copy(rope[b, k * block_N, 0], rope_shared)
            T.gemm(Q_shared, latent_shared, scores, transpose_B=True, clear_accum=True)
            T.gemm(Q_rope_shared, rope_shared, scores, transpose_B=True)
            for i, j in T.Parallel(block_H, block_N):
                visible = k * block_N + j < keys
                scores[i, j] = scores[i, j] * scale if visible else -T.infinity(T.float32)
            T.copy(row_max, old_max)
            T.reduce_max(scores, row_max, dim=1, clear=False)
            for i in T.Parallel(block_H):
                rescale[i] = T.exp2(old_max[i] - row_max[i])
            for i, j in T.Parallel(block_H, block_N):
                scores[i, j] = T.exp2(scores[i, j] - row_max[i])
            T.reduce_sum(scores, tile_sum, dim=1)
            for i in T.Parallel(block_H):
                row_sum[i] = row_sum[i] * rescale[i] + tile_sum[i]
            for i, j in T.Parallel(block_H, dim):
                acc[i, j] *= rescale[i]
            T.copy(scores, probs)
            T.gemm(probs, latent_shared, acc)
        for i, j in T.Parallel(block_H, dim):
            acc[i, j] /= row_sum[i]
        T.copy(acc, O[b, bh * block_H, 0])

    return O
