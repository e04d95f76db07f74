"""Gradients of attention. The forward pass is given as O and the logarithm of its softmax sums; the
scores are computed again tile by tile (Dao, FlashAttention-2, section 3.1.2). One kernel prepares
delta = sum(O dO), one walks the queries for dK and dV, one the keys for dQ: no atomics."""

import tilec
import tilec.language as T


@tilec.jit
def attention_backward(
    Q,
    K,
    V,
    O,
    dO,
    log_sum,
    is_causal: bool = False,
    dtype=T.float16,
    block_M: int = 32,
    block_N: int = 32,
):
    """Tensors are (batch, heads, seq, dim); log_sum is (batch, heads, seq), natural logarithms."""
    batch, heads, seq, dim = T.const("batch, heads, seq, dim")
    Q: T.Tensor((batch, heads, seq, dim), dtype)
    K: T.Tensor((batch, heads, seq, dim), dtype)
    V: T.Tensor((batch, heads, seq, dim), dtype)
    O: T.Tensor((batch, heads, seq, dim), dtype)
    dO: T.Tensor((batch, heads, seq, dim), dtype)
    log_sum: T.Tensor((batch, heads, seq), T.float32)
    dQ = T.empty((batch, heads, seq, dim), T.float32)
    dK = T.empty((batch, heads, seq, dim), T.float32)
    dV = T.empty((batch, heads, seq, dim), T.float32)
    delta = T.alloc_global((batch, heads, seq), T.float32)
    scale = (1.0 / dim) ** 0.5

    with T.Kernel(T.ceildiv(seq, block_M), heads, batch, threads=128) as (bx, h, b):
        product = T.alloc_fragment((block_M, dim), T.float32)
        sums = T.alloc_fragment((block_M,), T.float32)
        for i, j in T.Parallel(block_M, dim):
            row = bx * block_M + i
            product[i, j] = T.cast(O[b, h, row, j], T.float32) * T.cast(dO[b, h, row, j], T.float32)
        T.reduce_sum(product, sums, dim=1)
        T.copy(sums, delta[b, h, bx * block_M])

    with T.Kernel(T.ceildiv(seq, block_N), heads, batch, threads=128) as (bx, h, b):
        K_shared = T.alloc_shared((block_N, dim), dtype)
        V_shared = T.alloc_shared((block_N, dim), dtype)
        Q_shared = T.alloc_shared((block_M, dim), dtype)
        dO_shared = T.alloc_shared((block_M, dim), dtype)
        p = T.alloc_fragment((block_N, block_M), T.float32)
        dp = T.alloc_fragment((block_N, block_M), T.float32)
        p_cast = T.alloc_shared((block_N, block_M), dtype)
        ds_cast = T.alloc_shared((block_N, block_M), dtype)
        dK_local = T.alloc_fragment((block_N, dim), T.float32)
        dV_local = T.alloc_fragment((block_N, dim), T.float32)

        T.copy(K[b, h, bx * block_N, 0], K_shared)
        T.copy(V[b, h, bx * block_N, 0], V_shared)
        T.clear(dK_local)
        T.clear(dV_local)
        first = bx * block_N // block_M if is_causal else 0
        for k in T.Pipelined(first, T.ceildiv(seq, block_M), num_stages=2):
            T.copy(Q[b, h, k * block_M, 0], Q_shared)
            T.copy(dO[b, h, k * block_M, 0], dO_shared)
            T.gemm(K_shared, Q_shared, p, transpose_B=True, clear_accum=True)
            T.gemm(V_shared, dO_shared, dp, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(block_N, block_M):
                key = bx * block_N + i
                query = k * block_M + j
                seen = query < seq and key <= query if is_causal else query < seq
                p[i, j] = T.exp(p[i, j] * scale - log_sum[b, h, query]) if seen else 0
                dp[i, j] = p[i, j] * (dp[i, j] - delta[b, h, query]) * scale
            T.copy(p, p_cast)
            T.copy(dp, ds_cast)
            T.gemm(p_cast, dO_shared, dV_local)
            T.gemm(ds_cast, Q_shared, dK_local)
        T.copy(dK_local, dK[b, h, bx * block_N, 0])
        T.copy(dV_local, dV[b, h, bx * block_N, 0])

    with T.Kernel(T.ceildiv(seq, block_M), heads, batch, threads=128) as (bx, h, b):
        Q_shared = T.alloc_shared((block_M, dim), dtype)
        dO_shared = T.alloc_shared((block_M, dim), dtype)
        K_shared = T.alloc_shared((block_N, dim), dtype)
        V_shared = T.alloc_shared((block_N, dim), dtype)
        p = T.alloc_fragment((block_M, block_N), T.float32)
        dp = T.alloc_fragment((block_M, block_N), T.float32)
        ds_cast = T.alloc_fragment((block_M, block_N), dtype)
        dQ_local = T.alloc_fragment((block_M, dim), T.float32)

        T.copy(Q[b, h, bx * block_M, 0], Q_shared)
        T.copy(dO[b, h, bx * block_M, 0], dO_shared)
        T.clear(dQ_local)
        last = T.min((bx + 1) * block_M, seq) if is_causal else seq
        for k in T.Pipelined(T.ceildiv(last, block_N), num_stages=2):
            T.copy(K[b, h, k * block_N, 0], K_shared)
            T.copy(V[b, h, k * block_N, 0], V_shared)
            T.gemm(Q_shared, K_shared, p, transpose_B=True, clear_accum=True)
            T.gemm(dO_shared, V_shared, dp, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(block_M, block_N):
                query = bx * block_M + i
                key = k * block_N + j
                seen = key < seq and key <= query if is_causal else key < seq
                prob = T.exp(p[i, j] * scale - log_sum[b, h, query]) if seen else 0.0
                dp[i, j] = prob * (dp[i, j] - delta[b, h, query]) * scale
            T.copy(dp, ds_cast)
            T.gemm(ds_cast, K_shared, dQ_local)
        T.copy(dQ_local, dQ[b, h, bx * block_M, 0])

    return dQ, dK, dV
