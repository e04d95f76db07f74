"""Sparse and block-scaled products; tests/run/products.py says what each computes."""

import tilec
import tilec.language as T
from tilec.cuda.intrinsics.sparse_layout import get_e_factor, get_e_replicate_factor


@tilec.jit
def sparse(M=32, N=16, K=64, dtype=T.float16, meta=T.int16, accum=T.float32, flip=False,
           clear=False):
    e_factor = get_e_factor(dtype, meta)
    assert get_e_replicate_factor(dtype) in (1, 2)
    shape = {"A": (K // 2, M), "E": (K // e_factor, M), "B": (N, K)} if flip else {
        "A": (M, K // 2), "E": (M, K // e_factor), "B": (K, N)}

    @T.prim_func
    def main(A: T.Tensor(shape["A"], dtype), E: T.Tensor(shape["E"], meta),
             B: T.Tensor(shape["B"], dtype), C: T.Tensor((M, N), accum)):
        with T.Kernel(1, threads=128) as bx:
            a = T.alloc_shared((1,) + shape["A"], dtype)
            e = T.alloc_shared(shape["E"], meta)
            b = T.alloc_shared(shape["B"], dtype)
            c = T.alloc_fragment((M, N), accum)
            T.copy(A, a[0, :, :])
            T.copy(E, e)
            T.copy(B, b)
            T.fill(c, 1)
            T.gemm_sp(a[0, :, :], e, b, c, flip, flip, flip, policy=T.GemmWarpPolicy.Square,
                      clear_accum=clear)
            T.copy(c, C)

    return main


@tilec.jit
def scaled(M=128, N=128, K=256, dtype=T.float4_e2m1fn, block=64, gran_a=16, gran_b=16,
           layout=None, flip=False):
    words_a, words_b = K // gran_a // 4, K // gran_b // 4
    tile_a = K // gran_a // 4 if layout is None else block // gran_a // 4
    tile_b = K // gran_b // 4 if layout is None else block // gran_b // 4
    a_shape, b_shape = ((K, M), (K, N)) if flip else ((M, K), (N, K))

    @T.prim_func
    def main(A: T.Tensor(a_shape, dtype), B: T.Tensor(b_shape, dtype),
             SFA: T.Tensor((M * words_a // tile_a, tile_a), "uint32"),
             SFB: T.Tensor((N * words_b // tile_b, tile_b), "uint32"),
             C: T.Tensor((M, N), "float32")):
        with T.Kernel(1, threads=128) as bx:
            a = T.alloc_shared((block, M) if flip else (M, block), dtype)
            b = T.alloc_shared((block, N) if flip else (N, block), dtype)
            sfa = T.alloc_shared((M, tile_a), "uint32")
            sfb = T.alloc_shared((N, tile_b), "uint32")
            c = T.alloc_fragment((M, N), "float32")
            T.clear(c)
            for ko in T.Pipelined(K // block, num_stages=2):
                if flip:
                    T.copy(A[ko * block, 0], a)
                    T.copy(B[ko * block, 0], b)
                else:
                    T.copy(A[0, ko * block], a)
                    T.copy(B[0, ko * block], b)
                part = 0 if layout is None else ko
                T.copy(SFA[part * M : (part + 1) * M, :], sfa)
                T.copy(SFB[part * N : (part + 1) * N, :], sfb)
                T.mma_gemm_blockscaled(a, b, c, sfa, sfb, transpose_A=flip, transpose_B=not flip,
                                       k_start=ko * block, sf_a_granularity_k=gran_a,
                                       sf_b_granularity_k=gran_b, sf_layout=layout)
            T.copy(c, C)

    return main


@T.prim_func
def scale_types(A: T.Tensor((16, 64), "float8_e4m3fn"), B: T.Tensor((8, 64), "float8_e5m2"),
                SFA: T.Tensor((16, 2), "uint8"), SFB: T.Tensor((8, 4), "float8_e4m3fn"),
                C: T.Tensor((16, 8), "float32")):
    with T.Kernel(1, threads=128) as bx:
        bytes_a = T.alloc_shared((16, 2), "uint8")
        sfb = T.alloc_shared((8, 4), "float8_e4m3fn")
        T.copy(SFA, bytes_a)
        T.copy(SFB, sfb)
        sfa = T.view(bytes_a, dtype="float8_e8m0fnu")
        c = T.alloc_fragment((16, 8), "float32")
        T.mma_gemm_blockscaled(A, B, c, sfa, sfb, transpose_B=True, clear_accum=True, k_start=0,
                               sf_a_granularity_k=32, sf_b_granularity_k=16)
        T.copy(c, C)
