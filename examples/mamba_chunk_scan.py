"""The scan of Mamba-2 (Dao and Gu 2024, section 6), whose state decays by exp(A dt) in a step:

    state[t] = exp(dA[t]) state[t-1] + dt[t] B[t] x[t]^T,    y[t] = C[t] state[t] + D x[t]

`cumulative` holds, within each chunk, the running sums of dA. Inside a chunk the recurrence is a
masked product; the state is carried from chunk to chunk."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def mamba_chunk_scan(x, B, C, dt, cumulative, D, dtype=T.float16, chunk: int = 32):
    """x (batch, seq, heads, dim); B, C (batch, seq, groups, n); dt and cumulative
    (batch, heads, seq); seq is a multiple of the chunk. Heads share B and C in groups."""
    batch, seq, heads, dim, groups, n = T.const("batch, seq, heads, dim, groups, n")
    x: T.Tensor((batch, seq, heads, dim), dtype)
    B: T.Tensor((batch, seq, groups, n), dtype)
    C: T.Tensor((batch, seq, groups, n), dtype)
    dt: T.Tensor((batch, heads, seq), T.float32)
    cumulative: T.Tensor((batch, heads, seq), T.float32)
    D: T.Tensor((heads,), T.float32)
    y = T.empty((batch, seq, heads, dim), dtype)
    assert seq % chunk == 0, f"{seq} steps are not whole chunks of {chunk}"

    with T.Kernel(heads, batch, threads=128) as (h, b):
        x_shared = T.alloc_shared((chunk, dim), dtype)
        B_shared = T.alloc_shared((chunk, n), dtype)
        C_shared = T.alloc_shared((chunk, n), dtype)
        scores = T.alloc_fragment((chunk, chunk), T.float32)
        weights = T.alloc_shared((chunk, chunk), dtype)
        state = T.alloc_fragment((n, dim), T.float32)
        state_cast = T.alloc_shared((n, dim), dtype)
        out = T.alloc_fragment((chunk, dim), T.float32)
        sums = T.alloc_shared((chunk,), T.float32)
        steps = T.alloc_shared((chunk,), T.float32)
        group = h // (heads // groups)

        T.clear(state)
        for c in T.serial(seq // chunk):
            T.copy(x[b, c * chunk : (c + 1) * chunk, h, :], x_shared)
            T.copy(B[b, c * chunk : (c + 1) * chunk, group, :], B_shared)
            T.copy(C[b, c * chunk : (c + 1) * chunk, group, :], C_shared)
            T.copy(cumulative[b, h, c * chunk : (c + 1) * chunk], sums)
            T.copy(dt[b, h, c * chunk : (c + 1) * chunk], steps)

            T.copy(state, state_cast)
            T.gemm(C_shared, state_cast, out, clear_accum=True)
            for i, j in T.Parallel(chunk, dim):
                out[i, j] *= T.exp2(sums[i] * LOG2_E)
            T.gemm(C_shared, B_shared, scores, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(chunk, chunk):
                weights[i, j] = (
                    scores[i, j] * T.exp2((sums[i] - sums[j]) * LOG2_E) * steps[j] if j <= i else 0
                )
            T.gemm(weights, x_shared, out)
            for i, j in T.Parallel(chunk, dim):
                y[b, c * chunk + i, h, j] = out[i, j] + D[h] * T.cast(x_shared[i, j], T.float32)

            for i, j in T.Parallel(n, dim):
                state[i, j] *= T.exp2(sums[chunk - 1] * LOG2_E)
            for i, j in T.Parallel(chunk, n):
                B_shared[i, j] = (
                    B_shared[i, j] * T.exp2((sums[chunk - 1] - sums[i]) * LOG2_E) * steps[i]
                )
            T.gemm(B_shared, x_shared, state, transpose_A=True)

    return y
