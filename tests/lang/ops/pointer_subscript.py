import tilec.language as T


@T.prim_func
def main(p: T.ptr):
    with T.Kernel(1) as bx:
        p[0] = 1.0
