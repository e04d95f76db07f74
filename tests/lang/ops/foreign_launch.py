import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    T.CUDASourceCodeKernel(1, threads=128, source_code_or_path="k.cu")
