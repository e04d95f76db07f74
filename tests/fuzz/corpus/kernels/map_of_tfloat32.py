# A tensor map of tfloat32 had no code for its elements.
# runs on sim:cuda:sm_90a
# arg A4_0 tfloat32 small 0 exact 192 128
# arg B6_0 tfloat32 small 0 exact 48 128
# arg C12_0 float32 small 2 exact 192 48
import tilec.language as T


@T.prim_func
def main(
    A4_0: T.Tensor((192, 128, ), "tfloat32"),
    B6_0: T.Tensor((48, 128, ), "tfloat32"),
    C12_0: T.Tensor((192, 48, ), "float32"),
):
    with T.Kernel(T.ceildiv(48, 16), T.ceildiv(192, 192), threads=128) as (b2_0, b1_0):
        a8_0 = T.alloc_shared((192, 32), "tfloat32")
        b9_0 = T.alloc_shared((16, 32), "tfloat32")
        c10_0 = T.alloc_fragment((192, 16), "float32")
        T.clear(c10_0)
        for k11_0 in T.Pipelined(T.ceildiv(128, 32), num_stages=3):
            T.copy(A4_0[b1_0 * 192, k11_0 * 32], a8_0)
            T.copy(B6_0[b2_0 * 16, k11_0 * 32], b9_0)
            T.gemm(a8_0, b9_0, c10_0, transpose_B=True)
        T.copy(c10_0, C12_0[b1_0 * 192, b2_0 * 16])
