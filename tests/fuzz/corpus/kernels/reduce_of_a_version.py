# A reduction of a tile that has versions named the dimension before the one it meant.
# arg A bfloat16 small 814714 exact 192 96
# arg B bfloat16 small 7 exact 96 56
# arg S float32 plain 0 exact 1 192
# arg C float16 small 0 exact 192 56
# runs on placed:sm_80,placed:sm_90a
import tilec.language as T


@T.prim_func
def main(
    A: T.Tensor((192, 96, ), "bfloat16"),
    B: T.Tensor((96, 56, ), "bfloat16"),
    S: T.Tensor((1, 192, ), "float32"),
    C: T.Tensor((192, 56, ), "float16"),
):
    with T.Kernel(T.ceildiv(56, 72), T.ceildiv(192, 192), threads=256) as (bx, by):
        a = T.alloc_shared((192, 48), "bfloat16")
        b = T.alloc_shared((48, 72), "bfloat16")
        c = T.alloc_fragment((192, 72), "float32")
        s = T.alloc_fragment((192,), "float32")
        T.clear(c)
        T.clear(s)
        for k in T.Pipelined(T.ceildiv(96, 48), num_stages=3):
            T.copy(A[by * 192, k * 48], a)
            T.copy(B[k * 48, bx * 72], b)
            T.reduce_sum(a, s, dim=1, clear=False)
            T.gemm(a, b, c)
        T.copy(s, S[bx * 1, by * 192])
        T.copy(c, C[by * 192, bx * 72])
