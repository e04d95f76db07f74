# One thread writes what all read next, or each what its neighbour reads in the next turn.
# arg A int32 small 1 exact 68
# arg B int32 small 2 exact 64
# arg C int32 small 3 exact 68
import tilec.language as T


@T.prim_func
def main(
    A: T.Tensor((68,), "int32"),
    B: T.Tensor((64,), "int32"),
    C: T.Tensor((68,), "int32"),
):
    with T.Kernel(1, threads=64):
        s = T.alloc_shared((68,), "int32")
        T.copy(A, s)
        tx = T.get_thread_binding()
        if tx == 5:
            s[0] = 77
        B[tx] = s[0]
        for k in T.serial(4):
            s[tx + k] = s[tx + k] * 2 + tx
        T.sync_threads()
        T.copy(s, C)
