import tilec.language as T


@T.prim_func
def main(A: T.Tensor((128,), "int32"), B: T.Tensor((128,), "int32")):
    with T.Kernel(1, threads=128) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((130,), "int32")
        q = T.alloc_shared((130,), "int32")
        s[tx // 2] = A[tx]
        # All store the same, one thread of two stores, and no two meet.
        s[tx // 2] = A[tx // 2]
        if tx % 2 == 1:
            s[tx // 2] = A[tx]
        s[127 - tx] = A[tx]
        q[tx] = s[tx]
        T.sync_threads()
        B[tx] = s[tx]
        # Global memory gets no barrier by itself.
        A[tx] = B[(tx + 1) % 128]
        T.sync_threads()
        # A warp meets where lanes exchange values: not looked into.
        A[tx] = T.shfl_xor(A[tx], 1) + B[tx ^ 1]
        T.sync_threads()
        # Shared memory does, under conditions too.
        if tx % 2 == 0:
            q[tx] = A[tx]
            q[tx] += q[tx + 2]
        # Threads of different parity.
        if tx % 2 == 0:
            q[tx] = q[tx + 1]
        T.atomic_add(A[0], 1)
