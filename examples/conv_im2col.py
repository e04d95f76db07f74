"""2-D convolution as a matrix product: NHWC images, weights (KH, KW, C, F), square kernels.
The matrix of image patches (rows: n, oh, ow; columns: kh, kw, c) exists only tile by tile."""

import tilec
import tilec.language as T


def output_size(size, kernel, stride, dilation, pad):
    return (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1


@tilec.jit(out_idx=[-1])
def conv2d(
    N,
    C,
    H,
    W,
    F,
    K,
    stride=1,
    dilation=1,
    pad=0,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    block_K=32,
    num_stages=2,
    threads=128,
):
    """T.im2col fetches the patches; on a GPU that has one, the copy engine does the arithmetic."""
    OH = output_size(H, K, stride, dilation, pad)
    OW = output_size(W, K, stride, dilation, pad)

    @T.prim_func
    def main(
        image: T.Tensor((N, H, W, C), dtype),
        weight: T.Tensor((K, K, C, F), dtype),
        out: T.Tensor((N, OH, OW, F), dtype),
    ):
        with T.Kernel(
            T.ceildiv(F, block_N), T.ceildiv(N * OH * OW, block_M), threads=threads
        ) as (bx, by):
            patches = T.alloc_shared((block_M, block_K), dtype)
            weight_shared = T.alloc_shared((block_K, block_N), dtype)
            out_local = T.alloc_fragment((block_M, block_N), T.float32)

            weight_2d = T.reshape(weight, (K * K * C, F))
            out_2d = T.reshape(out, (N * OH * OW, F))

            T.clear(out_local)
            for ko in T.Pipelined(T.ceildiv(K * K * C, block_K), num_stages=num_stages):
                T.im2col(image, patches, by, ko, K, stride, dilation, pad)
                T.copy(weight_2d[ko * block_K, bx * block_N], weight_shared)
                T.gemm(patches, weight_shared, out_local)

            T.copy(out_local, out_2d[by * block_M, bx * block_N])

    return main


@tilec.jit
def conv2d_explicit(
    image,
    weight,
    stride: int = 1,
    dilation: int = 1,
    pad: int = 0,
    dtype=T.float16,
    block_M: int = 64,
    block_N: int = 64,
    block_K: int = 32,
):
    """The same with the index arithmetic in sight. Padding needs no test: a read outside a
    global tensor, here at a negative or too large row or column, yields 0."""
    N, H, W, C, K, F = T.const("N, H, W, C, K, F")
    image: T.Tensor((N, H, W, C), dtype)
    weight: T.Tensor((K, K, C, F), dtype)
    OH = output_size(H, K, stride, dilation, pad)
    OW = output_size(W, K, stride, dilation, pad)
    out = T.empty((N, OH, OW, F), dtype)

    with T.Kernel(T.ceildiv(F, block_N), T.ceildiv(N * OH * OW, block_M), threads=128) as (bx, by):
        patches = T.alloc_shared((block_M, block_K), dtype)
        weight_shared = T.alloc_shared((block_K, block_N), dtype)
        out_local = T.alloc_fragment((block_M, block_N), T.float32)

        T.clear(out_local)
        for ko in T.Pipelined(T.ceildiv(K * K * C, block_K), num_stages=2):
            for i, j in T.Parallel(block_M, block_K):
                m = by * block_M + i
                k = ko * block_K + j
                row = m // OW % OH * stride + k // (K * C) * dilation - pad
                col = m % OW * stride + k // C % K * dilation - pad
                patches[i, j] = image[m // (OH * OW), row, col, k % C]
            for i, j in T.Parallel(block_K, block_N):
                k = ko * block_K + i
                weight_shared[i, j] = weight[k // (K * C), k // C % K, k % C, bx * block_N + j]
            T.gemm(patches, weight_shared, out_local)

        for i, j in T.Parallel(block_M, block_N):
            m = by * block_M + i
            out[m // (OH * OW), m // OW % OH, m % OW, bx * block_N + j] = out_local[i, j]

    return out
