"""Causal linear attention, O[t] = sum over s <= t of (Q[t] . K[s]) V[s], chunk by chunk: within a
chunk as a masked product, before it through the state, the sum of K[s]^T V[s]. `retention` lets
the state decay by a factor per step, one for each head."""

import tilec
import tilec.language as T


@tilec.jit
def linear_attention(Q, K, V, dtype=T.float16, chunk: int = 32):
    """Q and K are (batch, seq, heads, dim), V is (batch, seq, heads, dim_v)."""
    batch, seq, heads, dim, dim_v = T.const("batch, seq, heads, dim, dim_v")
    Q: T.Tensor((batch, seq, heads, dim), dtype)
    K: T.Tensor((batch, seq, heads, dim), dtype)
    V: T.Tensor((batch, seq, heads, dim_v), dtype)
    O = T.empty((batch, seq, heads, dim_v), T.float32)

    with T.Kernel(heads, batch, threads=128) as (h, b):
        q = T.alloc_shared((chunk, dim), dtype)
        k = T.alloc_shared((chunk, dim), dtype)
        v = T.alloc_shared((chunk, dim_v), dtype)
        scores = T.alloc_fragment((chunk, chunk), T.float32)
        masked = T.alloc_shared((chunk, chunk), dtype)
        state = T.alloc_fragment((dim, dim_v), T.float32)
        state_cast = T.alloc_shared((dim, dim_v), dtype)
        out = T.alloc_fragment((chunk, dim_v), T.float32)

        T.clear(state)
        for c in T.Pipelined(T.ceildiv(seq, chunk), num_stages=1):
            T.copy(Q[b, c * chunk : (c + 1) * chunk, h, :], q)
            T.copy(K[b, c * chunk : (c + 1) * chunk, h, :], k)
            T.copy(V[b, c * chunk : (c + 1) * chunk, h, :], v)
            T.gemm(q, k, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(chunk, chunk):
                masked[i, j] = scores[i, j] if j <= i else 0
            T.copy(state, state_cast)
            T.gemm(masked, v, out, clear_accum=True)
            T.gemm(q, state_cast, out)
            T.gemm(k, v, state, transpose_A=True)
            T.copy(out, O[b, c * chunk : (c + 1) * chunk, h, :])

    return O


@tilec.jit
def retention(Q, K, V, log_decay, dtype=T.float16, chunk: int = 32):
    """O[t] = sum over s <= t of 2^(log_decay[h] * (t - s)) (Q[t] . K[s]) V[s]."""
    batch, seq, heads, dim, dim_v = T.const("batch, seq, heads, dim, dim_v")
    Q: T.Tensor((batch, seq, heads, dim), dtype)
    K: T.Tensor((batch, seq, heads, dim), dtype)
    V: T.Tensor((batch, seq, heads, dim_v), dtype)
    log_decay: T.Tensor((heads,), T.float32)
    O = T.empty((batch, seq, heads, dim_v), T.float32)

    with T.Kernel(heads, batch, threads=128) as (h, b):
        q = T.alloc_shared((chunk, dim), dtype)
        k = T.alloc_shared((chunk, dim), dtype)
        v = T.alloc_shared((chunk, dim_v), dtype)
        scores = T.alloc_fragment((chunk, chunk), T.float32)
        masked = T.alloc_shared((chunk, chunk), dtype)
        state = T.alloc_fragment((dim, dim_v), T.float32)
        state_cast = T.alloc_shared((dim, dim_v), dtype)
        out = T.alloc_fragment((chunk, dim_v), T.float32)
        decay = log_decay[h]

        T.clear(state)
        for c in T.serial(T.ceildiv(seq, chunk)):
            T.copy(Q[b, c * chunk : (c + 1) * chunk, h, :], q)
            T.copy(K[b, c * chunk : (c + 1) * chunk, h, :], k)
            T.copy(V[b, c * chunk : (c + 1) * chunk, h, :], v)
            # From before the chunk: the state, decayed by the distance to its end.
            T.copy(state, state_cast)
            T.gemm(q, state_cast, out, clear_accum=True)
            for i, j in T.Parallel(chunk, dim_v):
                out[i, j] *= T.exp2(decay * (i + 1))
            T.gemm(q, k, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(chunk, chunk):
                masked[i, j] = scores[i, j] * T.exp2(decay * (i - j)) if j <= i else 0
            T.gemm(masked, v, out)
            T.copy(out, O[b, c * chunk : (c + 1) * chunk, h, :])
            for i, j in T.Parallel(dim, dim_v):
                state[i, j] *= T.exp2(decay * chunk)
            for i, j in T.Parallel(chunk, dim):
                k[i, j] = k[i, j] * T.exp2(decay * (chunk - 1 - i))
            T.gemm(k, v, state, transpose_A=True)

    return O
