import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "float32")):
    with T.Kernel(1, threads=128):
        T.atomic_store(A[0], 1.0, memory_order="acq_rel")
