# A layout is made by T.make_*_layout, T.Layout or T.Fragment, or is a function of the indices.
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=64):
        f = T.alloc_fragment((64,), "float32")
        T.annotate_layout({f: lambda i: i})
        T.annotate_layout({f: 5})
