import tilec
import tilec.language as T

import torch


class Model(torch.nn.Module):
    pass


@tilec.jit
def factory(n=3):
    model = Model(n)

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
