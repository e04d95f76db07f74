# A product by plain threads into shared memory: clearing and adding up chose two thread maps.
# arg A float8_e5m2 small 1 exact 32 32
# arg B float8_e4m3fn small 2 exact 32 40
# arg C float32 small 3 exact 32 40
# runs on sim:cuda:sm_80,sim:cuda:sm_90a
import tilec.language as T


@T.prim_func
def main(
    A: T.Tensor((32, 32), "float8_e5m2"),
    B: T.Tensor((32, 40), "float8_e4m3fn"),
    C: T.Tensor((32, 40), "float32"),
):
    with T.Kernel(1, threads=64):
        a = T.alloc_shared((32, 32), "float8_e5m2")
        b = T.alloc_shared((32, 40), "float8_e4m3fn")
        c = T.alloc_shared((32, 40), "float32")
        T.copy(A, a)
        T.copy(B, b)
        T.gemm(a, b, c, transpose_A=True, clear_accum=True)
        T.copy(c, C)
