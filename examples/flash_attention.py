"""FlashAttention forward, O = softmax(Q K^T / sqrt(dim)) V, without storing the score matrix.
Tensors are (batch, heads, sequence, dim); a causal mask lines up the last query and last key."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit(out_idx=[-1])
def flash_attention(
    batch,
    heads,
    seq_q,
    seq_kv,
    dim,
    is_causal=False,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    num_stages=2,
    threads=128,
):
    accum_dtype = T.float32
    # Scores are scaled and turned into powers of two in one multiplication.
    scale = (1.0 / dim) ** 0.5 * LOG2_E
    past = seq_kv - seq_q
    assert not is_causal or past >= 0, f"{seq_q} queries see only {seq_kv} keys"

    @T.prim_func
    def main(
        Q: T.Tensor((batch, heads, seq_q, dim), dtype),
        K: T.Tensor((batch, heads, seq_kv, dim), dtype),
        V: T.Tensor((batch, heads, seq_kv, dim), dtype),
        O: T.Tensor((batch, heads, seq_q, dim), dtype),
    ):
        with T.Kernel(T.ceildiv(seq_q, block_M), heads, batch, threads=threads) as (bx, by, bz):
            Q_shared = T.alloc_shared((block_M, dim), dtype)
            K_shared = T.alloc_shared((block_N, dim), dtype)
            V_shared = T.alloc_shared((block_N, dim), dtype)
            O_shared = T.alloc_shared((block_M, dim), dtype)
            scores = T.alloc_fragment((block_M, block_N), accum_dtype)
            probs = T.alloc_fragment((block_M, block_N), dtype)
            acc = T.alloc_fragment((block_M, dim), accum_dtype)
            old_max = T.alloc_fragment((block_M,), accum_dtype)
            row_max = T.alloc_fragment((block_M,), accum_dtype)
            rescale = T.alloc_fragment((block_M,), accum_dtype)
            tile_sum = T.alloc_fragment((block_M,), accum_dtype)
            row_sum = T.alloc_fragment((block_M,), accum_dtype)

            T.copy(Q[bz, by, bx * block_M : (bx + 1) * block_M, :], Q_shared)
            T.clear(acc)
            T.clear(row_sum)
            T.fill(row_max, -T.infinity(accum_dtype))

            # Tiles of keys that lie wholly in the future of this query tile are never visited.
            key_tiles = (
                T.min(T.ceildiv(seq_kv, block_N), T.ceildiv((bx + 1) * block_M + past, block_N))
                if is_causal
                else T.ceildiv(seq_kv, block_N)
            )
            for k in T.Pipelined(key_tiles, num_stages=num_stages):
                T.copy(K[bz, by, k * block_N : (k + 1) * block_N, :], K_shared)

                # A masked score starts at -inf and stays there when the product is added.
                if is_causal:
                    for i, j in T.Parallel(block_M, block_N):
                        scores[i, j] = T.if_then_else(
                            k * block_N + j <= bx * block_M + i + past,
                            0,
                            -T.infinity(accum_dtype),
                        )
                elif seq_kv % block_N != 0:
                    for i, j in T.Parallel(block_M, block_N):
                        scores[i, j] = T.if_then_else(
                            k * block_N + j < seq_kv, 0, -T.infinity(accum_dtype)
                        )
                else:
                    T.clear(scores)
                T.gemm(
                    Q_shared, K_shared, scores, transpose_B=True, policy=T.GemmWarpPolicy.FullRow
                )

                # Online softmax: when the running maximum grows, older sums are scaled down.
                T.copy(row_max, old_max)
                T.reduce_max(scores, row_max, dim=1, clear=False)
                for i in T.Parallel(block_M):
                    rescale[i] = T.exp2(old_max[i] * scale - row_max[i] * scale)
                for i, j in T.Parallel(block_M, block_N):
                    scores[i, j] = T.exp2(scores[i, j] * scale - row_max[i] * scale)
                T.reduce_sum(scores, tile_sum, dim=1)
                for i in T.Parallel(block_M):
                    row_sum[i] = row_sum[i] * rescale[i] + tile_sum[i]
                for i, j in T.Parallel(block_M, dim):
                    acc[i, j] *= rescale[i]

                T.copy(scores, probs)
                T.copy(V[bz, by, k * block_N : (k + 1) * block_N, :], V_shared)
                T.gemm(probs, V_shared, acc, policy=T.GemmWarpPolicy.FullRow)

            for i, j in T.Parallel(block_M, dim):
                acc[i, j] /= row_sum[i]
            T.copy(acc, O_shared)
            T.copy(O_shared, O[bz, by, bx * block_M : (bx + 1) * block_M, :])

    return main
