"""A product under every choice of the schedule; tests/run/schedules.py says what it computes."""

import tilec
import tilec.language as T


@tilec.jit
def product(M=776, N=176, K=40, dtype=T.bfloat16, out=None, trans_A=False, trans_B=True,
            BM=64, BN=16, BK=16, stages=3, threads=128, choices=""):
    """143 tiles: more than a wave of any part that is simulated."""

    @T.prim_func
    def main(A: T.Tensor((K, M) if trans_A else (M, K), dtype),
             B: T.Tensor((N, K) if trans_B else (K, N), dtype),
             C: T.Tensor((M, N), out or dtype)):
        T.annotate_pass_configs({"tilec." + word.split("=")[0]: word.split("=")[1]
                                 for word in choices.split(",") if word})
        with T.Kernel(T.ceildiv(N, BN), T.ceildiv(M, BM), threads=threads) as (bx, by):
            a = T.alloc_shared((BK, BM) if trans_A else (BM, BK), dtype)
            b = T.alloc_shared((BN, BK) if trans_B else (BK, BN), dtype)
            c = T.alloc_fragment((BM, BN), "float32")
            T.clear(c)
            for k in T.Pipelined(T.ceildiv(K, BK), num_stages=stages):
                if trans_A:
                    T.copy(A[k * BK, by * BM], a)
                else:
                    T.copy(A[by * BM, k * BK], a)
                if trans_B:
                    T.copy(B[bx * BN, k * BK], b)
                else:
                    T.copy(B[k * BK, bx * BN], b)
                T.gemm(a, b, c, transpose_A=trans_A, transpose_B=trans_B)
            T.copy(c, C[by * BM, bx * BN])

    return main
