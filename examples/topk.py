"""The largest entries of each row. `topk` takes them one after the other by a maximum and its first
position; `moe_gate` turns router scores into expert numbers and normalised weights with it."""

import tilec
import tilec.language as T


@T.macro
def take_largest(values, place, best, block_M, n):
    """The largest value of each row and the first column where it stands; that one becomes -inf."""
    candidate = T.alloc_fragment((block_M, n), T.int32)
    T.reduce_max(values, best, dim=1)
    for i, j in T.Parallel(block_M, n):
        candidate[i, j] = j if values[i, j] == best[i] else n
    T.reduce_min(candidate, place, dim=1)
    for i, j in T.Parallel(block_M, n):
        if j == place[i]:
            values[i, j] = -T.infinity(T.float32)


@tilec.jit
def topk(X, k: int = 4, dtype=T.float32, block_M: int = 16):
    """Values in falling order and their columns; of equal values the first column comes first."""
    M, N = T.const("M, N")
    assert k <= N, f"there are no {k} entries in a row of {N}"
    X: T.Tensor((M, N), dtype)
    values = T.empty((M, k), dtype)
    indices = T.empty((M, k), T.int32)

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        x = T.alloc_fragment((block_M, N), T.float32)
        best = T.alloc_fragment((block_M,), T.float32)
        place = T.alloc_fragment((block_M,), T.int32)
        T.copy(X[bx * block_M, 0], x)
        for s in T.serial(k):
            take_largest(x, place, best, block_M, N)
            for i in T.Parallel(block_M):
                values[bx * block_M + i, s] = best[i]
                indices[bx * block_M + i, s] = place[i]

    return values, indices


@tilec.jit
def moe_gate(logits, k: int = 2, block_M: int = 16):
    """The k experts of each token, with softmax weights renormalised to the sum 1."""
    tokens, experts = T.const("tokens, experts")
    logits: T.Tensor((tokens, experts), T.float32)
    weights = T.empty((tokens, k), T.float32)
    chosen = T.empty((tokens, k), T.int32)

    with T.Kernel(T.ceildiv(tokens, block_M), threads=128) as bx:
        x = T.alloc_fragment((block_M, experts), T.float32)
        best = T.alloc_fragment((block_M,), T.float32)
        most = T.alloc_fragment((block_M,), T.float32)
        total = T.alloc_fragment((block_M,), T.float32)
        place = T.alloc_fragment((block_M,), T.int32)
        picked = T.alloc_fragment((block_M, k), T.float32)
        T.copy(logits[bx * block_M, 0], x)
        T.reduce_max(x, most, dim=1)
        for s in T.serial(k):
            take_largest(x, place, best, block_M, experts)
            for i in T.Parallel(block_M):
                picked[i, s] = T.exp(best[i] - most[i])
                chosen[bx * block_M + i, s] = place[i]
        T.reduce_sum(picked, total, dim=1)
        for i, s in T.Parallel(block_M, k):
            weights[bx * block_M + i, s] = picked[i, s] / total[i]

    return weights, chosen
