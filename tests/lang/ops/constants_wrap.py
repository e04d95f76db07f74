# Operators on constants of a type wrap in it, whichever operator came before.
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "int32")):
    with T.Kernel(1, threads=32):
        one = "int32"
        A[0] = (T.cast(5, one) * 3) << 30
        A[1] = (-T.cast(5, one)) << 30
        A[2] = (~T.cast(5, one)) << 30
