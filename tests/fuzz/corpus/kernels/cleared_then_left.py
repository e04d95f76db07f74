# What a loop clears and then leaves stays zero.
# scalar n int32 2
# arg A float32 small 1 exact 16 16
# arg C float32 small 2 exact 16 16
import tilec.language as T


@T.prim_func
def main(n: T.int32, A: T.Tensor((16, 16), "float32"), C: T.Tensor((16, 16), "float32")):
    with T.Kernel(1, threads=128) as b:
        a = T.alloc_shared((16, 16), "float32")
        c = T.alloc_fragment((16, 16), "float32")
        T.copy(A, a)
        for k in T.serial(4):
            T.clear(c)
            if k == n:
                break
            T.gemm(a, a, c)
        T.copy(c, C)
