import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 64), "float32")):
    x = 1
