# What a slice's ends are made of is read once, so that the extent is known.
import tilec.language as T


@T.macro
def next_of(w: T.Ref):
    w += 1
    return w


@T.prim_func
def main(A: T.Tensor((400,), "int32"), I: T.Tensor((9,), "int32")):
    with T.Kernel(4, threads=32) as bx:
        w = T.alloc_var("int32", init=3)
        rows = T.alloc_shared((2, 4), "int32")
        T.copy(A[w : w + 4], rows)
        T.copy(A[I[bx] + w : 4 + w + I[bx]], rows)
        T.copy(A[2 * w + 1 : (w + 2) * 2 + 1], rows)
        w += 1
        T.copy(A[w : w + 4], rows)
        # Not the same w: the first end is read before the second one changes it.
        T.copy(A[w : next_of(w) + 4], rows[0, :])
