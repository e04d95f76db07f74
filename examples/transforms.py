"""Transforms of rows: the Walsh-Hadamard transform by butterflies, and rotary position embedding in
its two layouts, pairs of neighbours and pairs of halves."""

import tilec
import tilec.language as T


@tilec.jit
def hadamard(X, dtype=T.float32, block_M: int = 8):
    """Y = X H / sqrt(N) with the Hadamard matrix of N, a power of two."""
    M, N = T.const("M, N")
    assert N & (N - 1) == 0, f"{N} is no power of two"
    X: T.Tensor((M, N), dtype)
    Y = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        x = T.alloc_shared((block_M, N), T.float32)
        y = T.alloc_shared((block_M, N), T.float32)
        T.copy(X[bx * block_M, 0], x)
        for step in range(N.bit_length() - 1):
            half = 1 << step
            for i, j in T.Parallel(block_M, N):
                y[i, j] = x[i, j] + x[i, j ^ half] if j & half == 0 else x[i, j ^ half] - x[i, j]
            T.copy(y, x)
        for i, j in T.Parallel(block_M, N):
            Y[bx * block_M + i, j] = x[i, j] * (1.0 / N) ** 0.5

    return Y


@tilec.jit
def rope(X, cos, sin, positions, interleaved: bool = True, dtype=T.float16, block_M: int = 8):
    """X (tokens, heads, dim) rotated by the angles of row positions[token] of the tables."""
    tokens, heads, dim, longest = T.const("tokens, heads, dim, longest")
    X: T.Tensor((tokens, heads, dim), dtype)
    cos: T.Tensor((longest, dim // 2), T.float32)
    sin: T.Tensor((longest, dim // 2), T.float32)
    positions: T.Tensor((tokens,), T.int32)
    Y = T.empty((tokens, heads, dim), dtype)

    with T.Kernel(T.ceildiv(tokens, block_M), heads, threads=128) as (bx, h):
        for i, j in T.Parallel(block_M, dim // 2):
            token = bx * block_M + i
            first = 2 * j if interleaved else j
            second = 2 * j + 1 if interleaved else j + dim // 2
            at = positions[token]
            a = T.cast(X[token, h, first], T.float32)
            b = T.cast(X[token, h, second], T.float32)
            Y[token, h, first] = a * cos[at, j] - b * sin[at, j]
            Y[token, h, second] = b * cos[at, j] + a * sin[at, j]

    return Y
