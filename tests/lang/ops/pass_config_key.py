import tilelang
import tilelang.language as T


@tilelang.jit(pass_configs={"tilec.persistant": True})
def kernel(N=64):
    @T.prim_func
    def main(A: T.Tensor((N,), "float32")):
        with T.Kernel(1) as bx:
            T.clear(A)

    return main
