import tilec.language as T


@T.prim_func
def main(A: T.Tensor((8, 8), "float32")):
    with T.Kernel(1, threads=1) as bx:
        s = T.alloc_shared((8, 8), "float32")
        x, y = T.make_swizzled_layout(s)(0, 0)
