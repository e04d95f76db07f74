# Scans, transposes and reductions of a tile that has versions.
# arg A int32 small 1 exact 4 64
# arg C int32 small 2 exact 4 64
# runs on placed:sm_80,placed:sm_90a
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4, 64), "int32"), C: T.Tensor((4, 64), "int32")):
    with T.Kernel(1, threads=128):
        a = T.alloc_shared((2, 32), "int32")
        c = T.alloc_shared((2, 32), "int32")
        t = T.alloc_shared((32, 2), "int32")
        r = T.alloc_shared((2,), "int32")
        for k in T.Pipelined(4, num_stages=2):
            T.copy(A[k // 2 * 2, k % 2 * 32], a)
            T.cumsum(a, c, dim=1)
            T.transpose(a, t)
            T.reduce_sum(a, r, dim=1)
            for i, j in T.Parallel(2, 32):
                C[k // 2 * 2 + i, k % 2 * 32 + j] = c[i, j] + t[j, i] + r[i]
