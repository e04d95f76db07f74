import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.ClusterKernel(64, cluster_dims=32, threads=32) as bx:
        A[0] = 1.0
