import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 64), "float32"), B: T.Tensor((64, 64), "float32")):
    with T.Kernel(1, threads=128) as bx:
        wide = T.Tensor((64, 65), "float32", data=A.data)
        wide[63, 64] = 1.0
