"""Control as frames, and tile schedulers; tests/run/control.py says what each computes."""

import tilec
import tilec.language as T
from tilec.language.meta import meta_class

N = 64


@T.macro
def leave_at(i, last):
    if i == last:
        T.loop_break()


@T.prim_func
def frames(A: T.Tensor((N,), "int32"), out: T.Tensor((6, N), "int32")):
    with T.Kernel(1) as bx:
        T.clear(out)
        with T.sblock("body"):
            T.reads(A)
            T.writes(out)
            for i in T.serial(N):
                with T.If(A[i] > 0):
                    with T.Then():
                        out[0, i] = A[i]
                    with T.Else():
                        with T.If(A[i] < -50):
                            with T.Then():
                                out[0, i] = -A[i]
        v = T.alloc_var("int32")
        with T.While(A[v] < 90 and v < N - 1):
            out[1, v] = A[v] + 1
            v += 1
        for i in T.serial(N):
            if A[i] > 95:
                T.break_loop()
            out[2, i] = A[i]
        for i in T.serial(N):
            leave_at(i, 20)
            out[3, i] = A[i] * 2
        for i in T.serial(N):
            if A[i] % 3 == 0:
                T.continue_loop()
            out[4, i] = A[i]
        with T.Assert(A[0] < 1000, "never"):
            out[5, 0] = A[0]


@tilec.jit
def tiles(M=5, K=7, workers=3, swizzle=1, columns=True, cluster=1):
    @T.prim_func
    def main(seen: T.Tensor((M, K), "int32"), order: T.Tensor((2, M, K), "int32")):
        with T.Kernel(workers * cluster) as bx:
            s = T.PersistentTileScheduler(M, K, num_workers=workers, swizzle_size=swizzle,
                                          column_major=columns, cluster_size=cluster, name="tile")
            s.init(bx // cluster)
            while s.valid():
                m = s.m_idx * cluster + bx % cluster
                if m < M:
                    T.atomic_add(seen[m, s.n_idx], 1)
                    order[0, m, s.n_idx] = s.current_iter
                    order[1, m, s.n_idx] = s.linear_idx
                s.next_tile()

    return main


@T.prim_func
def decode(out: T.Tensor((12, 2), "int32")):
    with T.Kernel(1) as bx:
        s = T.PersistentTileScheduler(4, 3, swizzle_size=2, stateful=False)
        for i in T.serial(12):
            m, n = s.coord(i)
            out[i, 0] = m
            out[i, 1] = n
        assert s.coord(5) == (2, 1)


@meta_class
class Diagonal(T.BaseTileScheduler):
    def __init__(self, n):
        super().__init__()
        self._total_tiles = n

    @T.inline
    def update_current_idx(self, linear_idx):
        self._m_idx[0] = linear_idx
        self._n_idx[0] = self._total_tiles - 1 - linear_idx


@T.prim_func
def diagonal(out: T.Tensor((8, 8), "int32")):
    with T.Kernel(2) as bx:
        s = Diagonal(8)
        s.init(bx)
        while s.valid():
            out[s.m_idx, s.n_idx] = s.current_iter + 1
            s.next_tile(2)


@tilec.jit
def clusters(M=8, K=4):
    @T.prim_func
    def main(out: T.Tensor((M, K, 10), "int32")):
        with T.ClusterKernel(M, K, cluster_dims=(4, 2), threads=32) as (bx, by):
            x, y, z = T.get_cluster_ids()
            nx, ny, nz = T.get_cluster_extents()
            assert T.get_cluster_size() == 8 and T.get_cluster_dims() == (4, 2, 1)
            out[bx, by, 0] = T.block_rank_in_cluster()
            out[bx, by, 1] = T.get_cluster_id()
            out[bx, by, 2] = T.get_cluster_id(1)
            out[bx, by, 3] = T.get_cluster_extent(dim=1)
            out[bx, by, 4] = x * 100 + y * 10 + z
            out[bx, by, 5] = nx * 100 + ny * 10 + nz
            for i in T.serial(6, 10):
                out[bx, by, i] = T.get_cluster_extent(2)

    return main


@T.prim_func
def cluster_dims(out: T.Tensor((64,), "int32"), n: T.int32):
    with T.ClusterKernel(n, cluster_dims=2) as bx:
        out[bx] = T.block_rank_in_cluster()
