import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.float32), n: T.int32):
    with T.Kernel(4, threads=32) as bx:
        T.print(A[0], f"value {A[0]}")
