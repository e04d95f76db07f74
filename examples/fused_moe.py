"""A layer of experts: every token goes through the feed-forward networks of its experts, and the
results are added with the gate's weights. Assignments come sorted by expert; `order` says which
(token, choice) each is, so that tokens are gathered and scattered in place."""

import tilec
import tilec.language as T


@tilec.jit
def fused_moe(
    X,
    W_gate,
    W_up,
    W_down,
    order,
    starts,
    weights,
    dtype=T.float16,
    block_M: int = 16,
    block_N: int = 32,
    block_K: int = 32,
):
    """X (tokens, hidden); W_gate, W_up (experts, inner, hidden); W_down (experts, hidden, inner);
    weights (tokens, choices). Assignments starts[e] .. starts[e + 1] - 1 belong to expert e, and
    order[a] = token * choices + choice."""
    tokens, hidden, experts, inner, slots, choices = T.const(
        "tokens, hidden, experts, inner, slots, choices"
    )
    X: T.Tensor((tokens, hidden), dtype)
    W_gate: T.Tensor((experts, inner, hidden), dtype)
    W_up: T.Tensor((experts, inner, hidden), dtype)
    W_down: T.Tensor((experts, hidden, inner), dtype)
    order: T.Tensor((slots,), T.int32)
    starts: T.Tensor((experts + 1,), T.int32)
    weights: T.Tensor((tokens, choices), T.float32)
    Y = T.empty((tokens, choices, hidden), T.float32)
    middle = T.alloc_global((slots, inner), dtype)

    # middle = silu(X W_gate^T) * (X W_up^T), for the tokens of each expert
    with T.Kernel(T.ceildiv(inner, block_N), experts, threads=128) as (bx, e):
        x = T.alloc_shared((block_M, block_K), dtype)
        w = T.alloc_shared((block_N, block_K), dtype)
        v = T.alloc_shared((block_N, block_K), dtype)
        gate = T.alloc_fragment((block_M, block_N), T.float32)
        up = T.alloc_fragment((block_M, block_N), T.float32)
        first = starts[e]
        count = starts[e + 1] - first
        for tile in T.serial(T.ceildiv(count, block_M)):
            T.clear(gate)
            T.clear(up)
            for k in T.Pipelined(T.ceildiv(hidden, block_K), num_stages=2):
                for i, j in T.Parallel(block_M, block_K):
                    row = tile * block_M + i
                    token = order[first + row] // choices
                    x[i, j] = X[token, k * block_K + j] if row < count else 0
                T.copy(W_gate[e, bx * block_N, k * block_K], w)
                T.copy(W_up[e, bx * block_N, k * block_K], v)
                T.gemm(x, w, gate, transpose_B=True)
                T.gemm(x, v, up, transpose_B=True)
            for i, j in T.Parallel(block_M, block_N):
                row = tile * block_M + i
                if row < count:
                    middle[first + row, bx * block_N + j] = (
                        gate[i, j] * T.sigmoid(gate[i, j]) * up[i, j]
                    )

    # Y[token, choice] = weight * middle W_down^T
    with T.Kernel(T.ceildiv(hidden, block_N), experts, threads=128) as (bx, e):
        m = T.alloc_shared((block_M, block_K), dtype)
        w = T.alloc_shared((block_N, block_K), dtype)
        out = T.alloc_fragment((block_M, block_N), T.float32)
        first = starts[e]
        count = starts[e + 1] - first
        for tile in T.serial(T.ceildiv(count, block_M)):
            T.clear(out)
            for k in T.Pipelined(T.ceildiv(inner, block_K), num_stages=2):
                for i, j in T.Parallel(block_M, block_K):
                    row = tile * block_M + i
                    m[i, j] = middle[first + row, k * block_K + j] if row < count else 0
                T.copy(W_down[e, bx * block_N, k * block_K], w)
                T.gemm(m, w, out, transpose_B=True)
            for i, j in T.Parallel(block_M, block_N):
                row = tile * block_M + i
                if row < count:
                    token = order[first + row] // choices
                    choice = order[first + row] % choices
                    Y[token, choice, bx * block_N + j] = out[i, j] * weights[token, choice]

    return Y
