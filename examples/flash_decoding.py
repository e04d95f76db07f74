"""One query per sequence against a long cache of keys. The keys are split over blocks, each of
which leaves a partial result with the logarithm of its softmax sum; a second kernel combines them.
`flash_decoding` has dense caches of different lengths, `paged_decoding` keeps them in pages."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@T.macro
def attend(scores, row_max, row_sum, acc, group, block_N, dim):
    """One step of the online softmax in powers of two; `scores` become probabilities."""
    old_max = T.alloc_fragment((group,), T.float32)
    rescale = T.alloc_fragment((group,), T.float32)
    tile_sum = T.alloc_fragment((group,), T.float32)
    T.copy(row_max, old_max)
    T.reduce_max(scores, row_max, dim=1, clear=False)
    for i in T.Parallel(group):
        rescale[i] = T.exp2(old_max[i] - row_max[i])
    for i, j in T.Parallel(group, block_N):
        scores[i, j] = T.exp2(scores[i, j] - row_max[i])
    T.reduce_sum(scores, tile_sum, dim=1)
    for i in T.Parallel(group):
        row_sum[i] = row_sum[i] * rescale[i] + tile_sum[i]
    for i, j in T.Parallel(group, dim):
        acc[i, j] *= rescale[i]


@T.macro
def combine(partial, log_sum, O, batch, heads, dim, splits):
    """O = sum of partial[s] * 2^(log_sum[s] - log_sum of all)."""
    with T.Kernel(heads, batch, threads=128) as (head, b):
        weight = T.alloc_fragment((splits,), T.float32)
        most = T.alloc_fragment((1,), T.float32)
        total = T.alloc_fragment((1,), T.float32)
        out = T.alloc_fragment((dim,), T.float32)
        T.copy(log_sum[b, head, :], weight)
        T.reduce_max(weight, most, dim=0)
        for s in T.Parallel(splits):
            weight[s] = T.exp2(weight[s] - most[0])
        T.reduce_sum(weight, total, dim=0)
        T.clear(out)
        for s in T.serial(splits):
            for d in T.Parallel(dim):
                out[d] += partial[b, head, s, d] * (weight[s] / total[0])
        T.copy(out, O[b, head, :])


@tilec.jit
def flash_decoding(
    Q, K, V, lengths, splits: int = 4, dtype=T.float16, block_N: int = 32
):
    """Q is (batch, heads, dim); K and V are (batch, keys, heads_kv, dim), of which the first
    lengths[b] >= 1 keys count."""
    batch, keys, heads, heads_kv, dim = T.const("batch, keys, heads, heads_kv, dim")
    Q: T.Tensor((batch, heads, dim), dtype)
    K: T.Tensor((batch, keys, heads_kv, dim), dtype)
    V: T.Tensor((batch, keys, heads_kv, dim), dtype)
    lengths: T.Tensor((batch,), T.int32)
    O = T.empty((batch, heads, dim), dtype)
    partial = T.alloc_global((batch, heads, splits, dim), T.float32)
    log_sum = T.alloc_global((batch, heads, splits), T.float32)
    group = heads // heads_kv
    scale = (1.0 / dim) ** 0.5 * LOG2_E

    with T.Kernel(splits, heads_kv, batch, threads=128) as (split, head, b):
        Q_shared = T.alloc_shared((group, dim), dtype)
        K_shared = T.alloc_shared((block_N, dim), dtype)
        V_shared = T.alloc_shared((block_N, dim), dtype)
        scores = T.alloc_fragment((group, block_N), T.float32)
        probs = T.alloc_fragment((group, block_N), dtype)
        acc = T.alloc_fragment((group, dim), T.float32)
        row_max = T.alloc_fragment((group,), T.float32)
        row_sum = T.alloc_fragment((group,), T.float32)

        T.copy(Q[b, head * group : (head + 1) * group, :], Q_shared)
        T.clear(acc)
        T.clear(row_sum)
        T.fill(row_max, -1e30)
        tiles = T.ceildiv(lengths[b], block_N)
        for k in T.Pipelined(tiles * split // splits, tiles * (split + 1) // splits, num_stages=2):
            T.copy(K[b, k * block_N : (k + 1) * block_N, head, :], K_shared)
            T.copy(V[b, k * block_N : (k + 1) * block_N, head, :], V_shared)
            T.gemm(Q_shared, K_shared, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(group, block_N):
                visible = k * block_N + j < lengths[b]
                scores[i, j] = scores[i, j] * scale if visible else -T.infinity(T.float32)
            attend(scores, row_max, row_sum, acc, group, block_N, dim)
            T.copy(scores, probs)
            T.gemm(probs, V_shared, acc)
        for i, j in T.Parallel(group, dim):
            partial[b, head * group + i, split, j] = acc[i, j] / T.max(row_sum[i], 1e-30)
        for i in T.Parallel(group):
            # A split without keys has the sum 0 and counts for nothing.
            log_sum[b, head * group + i, split] = row_max[i] + T.log2(T.max(row_sum[i], 1e-30))

    combine(partial, log_sum, O, batch, heads, dim, splits)
    return O


@tilec.jit
def paged_decoding(Q, K_pages, V_pages, table, lengths, splits: int = 2, dtype=T.float16):
    """Key number n of sequence b is row n % page of page table[b, n // page]."""
    batch, heads, heads_kv, dim, pages, page, most_pages = T.const(
        "batch, heads, heads_kv, dim, pages, page, most_pages"
    )
    Q: T.Tensor((batch, heads, dim), dtype)
    K_pages: T.Tensor((pages, page, heads_kv, dim), dtype)
    V_pages: T.Tensor((pages, page, heads_kv, dim), dtype)
    table: T.Tensor((batch, most_pages), T.int32)
    lengths: T.Tensor((batch,), T.int32)
    O = T.empty((batch, heads, dim), dtype)
    partial = T.alloc_global((batch, heads, splits, dim), T.float32)
    log_sum = T.alloc_global((batch, heads, splits), T.float32)
    group = heads // heads_kv
    scale = (1.0 / dim) ** 0.5 * LOG2_E

    with T.Kernel(splits, heads_kv, batch, threads=128) as (split, head, b):
        Q_shared = T.alloc_shared((group, dim), dtype)
        K_shared = T.alloc_shared((page, dim), dtype)
        V_shared = T.alloc_shared((page, dim), dtype)
        scores = T.alloc_fragment((group, page), T.float32)
        probs = T.alloc_fragment((group, page), dtype)
        acc = T.alloc_fragment((group, dim), T.float32)
        row_max = T.alloc_fragment((group,), T.float32)
        row_sum = T.alloc_fragment((group,), T.float32)

        T.copy(Q[b, head * group : (head + 1) * group, :], Q_shared)
        T.clear(acc)
        T.clear(row_sum)
        T.fill(row_max, -1e30)
        used = T.ceildiv(lengths[b], page)
        for k in T.Pipelined(used * split // splits, used * (split + 1) // splits, num_stages=2):
            T.copy(K_pages[table[b, k], :, head, :], K_shared)
            T.copy(V_pages[table[b, k], :, head, :], V_shared)
            T.gemm(Q_shared, K_shared, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(group, page):
                visible = k * page + j < lengths[b]
                scores[i, j] = scores[i, j] * scale if visible else -T.infinity(T.float32)
            attend(scores, row_max, row_sum, acc, group, page, dim)
            T.copy(scores, probs)
            T.gemm(probs, V_shared, acc)
        for i, j in T.Parallel(group, dim):
            partial[b, head * group + i, split, j] = acc[i, j] / T.max(row_sum[i], 1e-30)
        for i in T.Parallel(group):
            log_sum[b, head * group + i, split] = row_max[i] + T.log2(T.max(row_sum[i], 1e-30))

    combine(partial, log_sum, O, batch, heads, dim, splits)
    return O
