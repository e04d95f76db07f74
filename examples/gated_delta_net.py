"""The gated delta rule (Yang, Kautz and Hatamizadeh 2024): what the state already answers to a key
is taken back before the key's value is added,

    state[t] = exp(g[t]) (I - beta[t] k[t] k[t]^T) state[t-1] + beta[t] k[t] v[t]^T
    o[t] = q[t] state[t]

Chunk by chunk: u, the values corrected for the keys of the same chunk, solve a triangular system,
row after row; the rest are products."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def gated_delta_net(Q, K, V, g, beta, dtype=T.float32, chunk: int = 16):
    """Q, K (batch, seq, heads, dim); V (batch, seq, heads, dim_v); g <= 0 and beta in float32,
    (batch, seq, heads); seq is a multiple of the chunk."""
    batch, seq, heads, dim, dim_v = T.const("batch, seq, heads, dim, dim_v")
    Q: T.Tensor((batch, seq, heads, dim), dtype)
    K: T.Tensor((batch, seq, heads, dim), dtype)
    V: T.Tensor((batch, seq, heads, dim_v), dtype)
    g: T.Tensor((batch, seq, heads), T.float32)
    beta: T.Tensor((batch, seq, heads), T.float32)
    O = T.empty((batch, seq, heads, dim_v), T.float32)
    assert seq % chunk == 0, f"{seq} steps are not whole chunks of {chunk}"

    with T.Kernel(heads, batch, threads=128) as (h, b):
        q = T.alloc_shared((chunk, dim), dtype)
        k = T.alloc_shared((chunk, dim), dtype)
        u = T.alloc_shared((chunk, dim_v), T.float32)
        u_cast = T.alloc_shared((chunk, dim_v), dtype)
        sums = T.alloc_shared((chunk,), T.float32)
        keys = T.alloc_shared((chunk, chunk), T.float32)
        scores = T.alloc_fragment((chunk, chunk), T.float32)
        weights = T.alloc_shared((chunk, chunk), dtype)
        answered = T.alloc_fragment((chunk, dim_v), T.float32)
        out = T.alloc_fragment((chunk, dim_v), T.float32)
        correction = T.alloc_fragment((dim_v,), T.float32)
        state = T.alloc_fragment((dim, dim_v), T.float32)
        state_cast = T.alloc_shared((dim, dim_v), dtype)

        T.clear(state)
        for c in T.serial(seq // chunk):
            T.copy(Q[b, c * chunk : (c + 1) * chunk, h, :], q)
            T.copy(K[b, c * chunk : (c + 1) * chunk, h, :], k)
            T.copy(g[b, c * chunk : (c + 1) * chunk, h], sums)
            T.cumsum(sums, dim=0)
            T.copy(state, state_cast)

            # u[i] = beta[i] (v[i] - decayed answers of the state and of the keys before i)
            T.gemm(k, state_cast, answered, clear_accum=True)
            T.gemm(k, k, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(chunk, chunk):
                keys[i, j] = scores[i, j] * T.exp2((sums[i] - sums[j]) * LOG2_E) if j < i else 0
            for i, j in T.Parallel(chunk, dim_v):
                value = T.cast(V[b, c * chunk + i, h, j], T.float32)
                u[i, j] = value - answered[i, j] * T.exp2(sums[i] * LOG2_E)
            for i in T.serial(chunk):
                T.clear(correction)
                for s in T.serial(i):
                    for j in T.Parallel(dim_v):
                        correction[j] += keys[i, s] * u[s, j]
                for j in T.Parallel(dim_v):
                    u[i, j] = (u[i, j] - correction[j]) * beta[b, c * chunk + i, h]
            T.copy(u, u_cast)

            T.gemm(q, state_cast, out, clear_accum=True)
            for i, j in T.Parallel(chunk, dim_v):
                out[i, j] *= T.exp2(sums[i] * LOG2_E)
            T.gemm(q, k, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(chunk, chunk):
                weights[i, j] = scores[i, j] * T.exp2((sums[i] - sums[j]) * LOG2_E) if j <= i else 0
            T.gemm(weights, u_cast, out)
            T.copy(out, O[b, c * chunk : (c + 1) * chunk, h, :])

            for i, j in T.Parallel(dim, dim_v):
                state[i, j] *= T.exp2(sums[chunk - 1] * LOG2_E)
            for i, j in T.Parallel(chunk, dim):
                k[i, j] = k[i, j] * T.exp2((sums[chunk - 1] - sums[i]) * LOG2_E)
            T.gemm(k, u_cast, state, transpose_A=True)

    return O
