import tilelang
import tilelang.language as T

CONFIGS = {
    tilelang.PassConfigKey.TL_DISABLE_TMA_LOWER: True,
    tilelang.PassConfigKey.TL_ENABLE_FAST_MATH: True,
    "tl.disable_wgmma": False,
    "tilec.lockstep": 4,
    "tilec.k_serpentine": False,
}


@tilelang.jit(out_idx=[-1], pass_configs=CONFIGS)
def kernel(N=64):
    @T.prim_func
    def main(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
        T.annotate_pass_configs({"tilec.raster": "blocked", "tir.noalias": True})
        with T.Kernel(1) as bx:
            T.annotate_pass_configs({"tilec.persistent": None})
            T.annotate_pass_configs({"tilec.lockstep": 0})  # the decorator's counts
            T.copy(A, B)

    return main
