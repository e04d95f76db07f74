import tilec
import tilec.language as T


@tilec.jit
def twice(factor=3):
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.int32), Y: T.Tensor((N,), T.int32)):
        with T.Kernel(T.ceildiv(N, 32), threads=32) as bx:
            for i in T.Parallel(32):
                Y[bx * 32 + i] = X[bx * 32 + i] * factor

    return main
