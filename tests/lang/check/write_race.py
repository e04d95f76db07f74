import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 32), T.float32), B: T.Tensor((64,), T.float32)):
    with T.Kernel(1, threads=128) as bx:
        for i, j in T.Parallel(64, 32):
            B[i] = A[i, j]
        # Every iteration stores the same.
        for i, j in T.Parallel(64, 32):
            B[i] = A[i, 0]
        # One iteration per element stores.
        for i, j in T.Parallel(64, 32):
            if j == 3:
                B[i] = A[i, j]
        for i, j in T.Parallel(64, 32):
            T.atomic_add(B[i], A[i, j])
