# What all threads read behind the last statement of single ones depends on a read before it.
# arg A int32 plain 7 exact 64
# arg B int32 plain 3 exact 4
# arg C int32 plain 5 exact 64
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "int32"), B: T.Tensor((4,), "int32"), C: T.Tensor((64,), "int32")):
    with T.Kernel(1, threads=64) as b:
        t = T.alloc_shared((64,), "int32")
        tx = T.get_thread_binding()
        t[tx] = 1
        T.sync_threads()
        t[63 - tx] = A[tx] + b
        t[tx] = 4 if ((b < B[0]) or (A[tx - 19] <= A[b])) else 4
        T.sync_threads()
        C[tx] = t[tx]
