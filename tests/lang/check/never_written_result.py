# tilec: -D N=64
import tilec
import tilec.language as T


@tilec.jit
def main(A):
    N = T.const("N")
    A: T.Tensor((N,), T.float32)
    total = T.empty((1,), T.float32)
    most = T.empty((1,), T.float32)
    tiles = T.empty((32,), T.float32)
    count = T.empty((2,), T.int32)
    with T.Kernel(1, threads=32) as bx:
        count[0] = 0
        most[0] = 0.0
    with T.Kernel(T.ceildiv(N, 32), threads=32) as bx:
        a = T.alloc_fragment((32,), T.float32)
        T.copy(A[bx * 32], a)
        for i in T.Parallel(32):
            T.atomic_add(total[0], a[i])
            T.atomic_max(most[0], a[i])
            T.atomic_add(count[0], 1)
        T.atomic_add(tiles, a)
    return total, most, tiles, count
