import tilelang.language as T

# T.thread_binding bound to a name is the index from there on, as in a loop over it.


@T.prim_func
def main(A: T.Tensor((64, 256), "float32")):
    with T.Kernel(64, threads=128):
        tx = T.thread_binding(0, 128, thread="threadIdx.x")
        bx = T.thread_binding(64, "blockIdx.x")
        for k in T.serial(2):
            i = k * 128 + tx
            A[bx, i] = A[bx, i] + 1.0
