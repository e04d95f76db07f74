import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32"), B: T.Tensor((1,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        src = T.alloc_fragment((64,), "float32")
        r = T.alloc_fragment((1,), "float32")
        T.copy(A, src)
        acc = T.alloc_reducer((1,), "float32")
        for k in T.serial(4):
            T.reducer_init(acc)
            for i in T.Parallel(64):
                T.reducer_update(acc[0], src[i])
        T.finalize_reducer(acc, r)
