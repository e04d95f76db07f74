import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    T.import_source("__device__ int f();")
    with T.Kernel(1, threads=1) as bx:
        A[0] = 1.0
