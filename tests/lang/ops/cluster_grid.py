import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.ClusterKernel(3, cluster_dims=2, threads=32) as bx:
        A[0] = 1.0
