import tilelang.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.Kernel(1) as bx:
        T.annotate_pass_configs({"tl.disable_wgmma": True})
        T.annotate_pass_configs({"tilec.panel": 0})
        T.clear(A)
