import tilec
import tilec.language as T


@T.macro
def clip(value: T.Ref, low):
    value = T.max(value, low)


@T.prim_func
def main(A: T.Tensor((64,), T.float32)):
    with T.Kernel(4) as bx:
        x = A[bx] * 2.0
        clip(x, 0.0)
