# A fraction converted to an integer and back is a zero without sign.
# arg C float32 plain 286106 exact 3 16 3
import tilec.language as T


@T.prim_func
def main(C: T.Tensor((3, 16, 3), "float32")):
    with T.Kernel(1, 2, 1, threads=32) as (b, c, d):
        for i, j, k in T.Parallel(4, 12, 32):
            C[b * 4 + i, c * 12 + (j + 1) % 12, d * 32 + (k + 1) % 32] = (T.clamp(T.Cast("float32", j), T.cast(-2, "float32"), T.cast(2, "float32")) / T.cast(T.cast(C[b * 4 + i, c * 12 + (j + 1) % 12, d * 32 + (k + 1) % 32], "int32"), "float32")) + 0.0
