# That an extent made of a kernel's own values does not wrap cannot be asserted at launch.
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 4), "float32"), I: T.Tensor((8,), "int32")):
    with T.Kernel(8, threads=32) as bx:
        k = I[bx]
        whole = T.view(A, ((k + 1) * 64 - k * 64, 4))
        flat = T.view(A, (T.max(k, 4) * 64 - T.max(k, 4) * 64 + 256,))
        flat[bx] = 1.0
