import tilec
import tilec.language as T


@T.macro
def relu(x):
    if x > 0.0:
        return x
    return 0.0


@T.prim_func
def main(A: T.Tensor((64,), T.float32)):
    with T.Kernel(4) as bx:
        A[bx] = relu(A[bx])
