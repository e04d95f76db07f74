"""Kernels written for single threads; tests/run/threads.py says what each must compute."""

import tilec
import tilec.language as T

N = 128


# Shared memory by thread index


@T.prim_func
def reverse(A: T.Tensor((4, N), "float32"), B: T.Tensor((4, N), "float32")):
    with T.Kernel(4, threads=N) as bx:
        s = T.alloc_shared((N,), "float32")
        tx = T.get_thread_binding()
        s[tx] = A[bx, tx]
        T.sync_threads()
        B[bx, tx] = s[N - 1 - tx]


@T.prim_func
def implied_barriers(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        s = T.alloc_shared((N,), "float32")
        tx = T.get_thread_binding()
        s[tx] = A[tx]
        for i in range(5):
            s[tx] = s[(tx + 1) % N] + s[(tx + 7) % N]
        B[tx] = s[N - 1 - tx]


@T.prim_func
def implied_between_turns(A: T.Tensor((N + 4,), "float32"), B: T.Tensor((N + 4,), "float32"),
                          C: T.Tensor((N,), "int32")):
    with T.Kernel(1, threads=N) as bx:
        s = T.alloc_shared((N + 4,), "float32")
        count = T.alloc_shared((2,), "int32")
        T.copy(A, s)
        T.clear(count)
        tx = T.get_thread_binding()
        for k in range(4):
            s[tx + k] = s[tx + k] * 2 + k
        T.copy(s, B)
        T.atomic_add(count[0], 1)
        if tx == 3:
            count[1] = 1000
        C[tx] = count[0] + count[1]


@T.prim_func
def tree_sum(A: T.Tensor((3, 256), "float32"), B: T.Tensor((3,), "float32")):
    with T.Kernel(3, threads=256) as bx:
        s = T.alloc_shared((256,), "float32")
        tx = T.get_thread_binding()
        s[tx] = A[bx, tx]
        T.sync_threads()
        stride = T.alloc_var("int32", init=128)
        while stride > 0:
            if tx < stride:
                s[tx] += s[tx + stride]
            T.sync_threads()
            stride = stride // 2
        if tx == 0:
            B[bx] = s[0]


@T.prim_func
def atomics_of_threads(A: T.Tensor((8,), "float32"), B: T.Tensor((8,), "float32"),
                       count: T.Tensor((3,), "int32")):
    with T.Kernel(3, threads=32) as bx:
        s = T.alloc_shared((1,), "int32")
        s[0] = 0
        T.atomic_addx4(B[4], A[0])
        T.atomic_addx2(B[0:2], A[4:6])
        T.atomic_add(s[0], 2)
        for i in T.Parallel(8):
            T.atomic_add(B[i], 1.0)
        if bx == 1:
            T.atomic_add(count[0], 1)
            count[1] = s[0]
    with T.Kernel(1):
        T.atomic_add(count[2], 1)  # says nothing of threads


@T.prim_func
def transpose(A: T.Tensor((40, 50), "float16"), B: T.Tensor((50, 40), "float16")):
    with T.Kernel(T.ceildiv(50, 32), T.ceildiv(40, 32), threads=(32, 8)) as (bx, by):
        s = T.alloc_shared((32, 33), "float16")
        tx, ty = T.get_thread_bindings()
        for j in T.serial(4):
            s[ty + 8 * j, tx] = A[by * 32 + ty + 8 * j, bx * 32 + tx]
        T.sync_threads()
        for j in T.unroll(4):
            B[bx * 32 + ty + 8 * j, by * 32 + tx] = s[tx, ty + 8 * j]


@T.prim_func
def block_scan(A: T.Tensor((2, N), "int32"), B: T.Tensor((2, N), "int32")):
    with T.Kernel(2, threads=N) as bx:
        s = T.alloc_shared((2, N), "int32")
        tx = T.get_thread_binding(0)
        s[0, tx] = A[bx, tx]
        T.sync_threads()
        for i in T.serial(7):
            if tx >= (1 << i):
                s[1 - i % 2, tx] = s[i % 2, tx] + s[i % 2, tx - (1 << i)]
            else:
                s[1 - i % 2, tx] = s[i % 2, tx]
            T.sync_threads()
        B[bx, tx] = s[1, tx]


@T.prim_func
def histogram(A: T.Tensor((1000,), "int32"), B: T.Tensor((16,), "int32"),
              order: T.Tensor((N,), "int32")):
    with T.Kernel(1, threads=N) as bx:
        bins = T.alloc_shared((16,), "int32")
        tx = T.get_thread_binding()
        if tx < 16:
            bins[tx] = 0
        T.sync_threads()
        for i in T.serial(tx, 1000, N):
            T.atomic_add(bins[A[i]], 1)
        T.sync_threads()
        if tx < 16:
            B[tx] = bins[tx]
        count = T.alloc_shared((1,), "int32")
        count[0] = 0
        T.sync_threads()
        order[T.atomic_add(count[0], 1, return_prev=True)] = 1


@T.prim_func
def local_arrays(A: T.Tensor((N, 8), "float32"), B: T.Tensor((N, 2), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        a = T.alloc_local((8,), "float32")
        r = T.alloc_local((1,), "float32")
        best = T.alloc_var("float32", init=-100.0)
        for v in T.vectorized(8):
            a[v] = A[tx, v]
        T.reduce_sum(a, r, dim=0)
        for v in T.serial(8):
            if a[v] < 0:
                continue
            best = T.max(best, a[v])
            if best > 1.5:
                break
        B[tx, 0] = r[0]
        B[tx, 1] = best


@T.prim_func
def own_loops(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        x = T.alloc_var("int32")
        steps = T.alloc_var("int32")
        x = A[tx]
        while x != 1:
            x = x // 2 if x % 2 == 0 else 3 * x + 1
            steps += 1
        B[tx] = steps


# Exchanges


@T.prim_func
def shuffles(A: T.Tensor((N,), "float32"), out: T.Tensor((6, N), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        x = A[tx]
        out[0, tx] = T.shfl_sync(x, 3)
        out[1, tx] = T.shfl_up(x, 2)
        out[2, tx] = T.shfl_down(x, 5, 8)
        out[3, tx] = T.shfl_xor(x, 1, 16)
        out[4, tx] = T.tvm_warp_shuffle(0xFFFFFFFF, x, (tx + 1) % 4, 4, 32)
        up = T.tvm_warp_shuffle_up(0xFFFFFFFF, x, 1, 32, 32)
        out[5, tx] = T.tvm_warp_shuffle_down(0xFFFFFFFF, up, 1, 32, 32)


@T.prim_func
def butterfly(A: T.Tensor((N,), "float32"), B: T.Tensor((N // 32,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        x = T.alloc_var("float32")
        x = A[tx]
        for i in T.unroll(5):
            x += T.shfl_xor(x, 1 << i)
        if T.get_lane_idx() == 0:
            B[T.get_warp_idx()] = x


@T.prim_func
def votes(A: T.Tensor((N,), "int32"), small: T.Tensor((7, N), "int32"),
          wide: T.Tensor((5, N), "uint64")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        x = A[tx]
        small[0, tx] = T.any_sync(x > 3)
        small[1, tx] = T.all_sync(x > 0)
        small[2, tx] = T.syncthreads_count(x > 2)
        small[3, tx] = T.syncthreads_and(x >= 0)
        small[4, tx] = T.syncthreads_or(x > 100)
        small[5, tx] = T.__ffs(x)
        small[6, tx] = T.cast(T.match_all_sync(x // 8) != 0, "int32")
        wide[0, tx] = T.ballot_sync(x > 2)
        wide[1, tx] = T.ballot(x == 1)
        wide[2, tx] = T.activemask()
        wide[3, tx] = T.cast(T.match_any_sync(x), "uint64")
        wide[4, tx] = T.cast(T.tvm_warp_activemask(), "uint64")


@T.prim_func
def warp_reductions(A: T.Tensor((N,), "int32"), B: T.Tensor((5, N), "int32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        x = A[tx]
        B[0, tx] = T.warp_reduce_sum(x)
        B[1, tx] = T.warp_reduce_max(x)
        B[2, tx] = T.warp_reduce_min(x)
        B[3, tx] = T.warp_reduce_bitand(x)
        B[4, tx] = T.warp_reduce_bitor(x)


@T.prim_func
def some_warps(A: T.Tensor((N,), "float32"), B: T.Tensor((2,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        partial = T.alloc_shared((4,), "float32")
        x = T.warp_reduce_sum(A[tx])
        if tx % 32 == 0:
            partial[tx // 32] = x
        T.sync_threads()
        if tx < 32:
            y = T.warp_reduce_sum(partial[tx] if tx < 4 else T.float32(0))
            if tx == 0:
                B[0] = y
        elif tx < 64:
            B[1] = T.warp_reduce_max(T.cast(tx, "float32"))


@T.prim_func
def ids(out: T.Tensor((9, 64), "int32")):
    with T.Kernel(2, 1, threads=(8, 4, 2)) as (bx, by):
        tx, ty, tz = T.get_thread_bindings()
        b = T.get_block_bindings()
        t = tx + 8 * ty + 32 * tz
        x = T.get_thread_extent(0) + T.get_thread_extents()[1] * 100
        if T.get_block_binding(0) == 1:
            out[0, t] = T.get_thread_binding(2)
            out[1, t] = T.get_lane_idx()
            out[2, t] = T.get_warp_idx_sync()
            out[3, t] = T.get_warp_idx(16)
            out[4, t] = T.get_warp_group_idx(8, 2)
            out[5, t] = T.get_block_extent(0) * 10 + T.get_block_extents()[1]
            out[6, t] = x
            out[7, t] = T.cast(T.shuffle_elect(16), "int32")
            out[8, t] = b[0] * 10 + b[1]


# Barriers


@T.prim_func
def named_barriers(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((64,), "float32")
        if tx < 64:
            s[tx] = A[tx]
            T.named_barrier_arrive(1, N)
            T.sync_threads(2, N)
            B[tx] = s[63 - tx]
        else:
            T.sync_threads(1, N)
            x = s[tx - 64]
            T.sync_threads(3, 64)
            s[127 - tx] = x * A[tx]
            T.sync_threads(2, N)
            B[tx] = x


@T.prim_func
def warp_barriers(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((N,), "float32")
        s[tx] = A[tx]
        T.sync_warp()
        x = s[tx ^ 5]
        T.tvm_storage_sync("warp")
        s[tx] = x * 2.0
        T.tvm_storage_sync("shared")
        B[tx] = s[(tx + 64) % N]


@T.prim_func
def grid_barrier(A: T.Tensor((4, 64), "float32"), B: T.Tensor((4, 64), "float32"),
                 sums: T.Tensor((4,), "float32")):
    with T.Kernel(4, threads=64) as bx:
        tx = T.get_thread_binding()
        if tx == 0:
            sums[bx] = A[bx, 0] + A[bx, 63]
        T.sync_grid()
        B[bx, tx] = A[bx, tx] + sums[(bx + 1) % 4]
        T.sync_global()
        if tx == 0:
            sums[bx] = B[3 - bx, 5]


@T.prim_func
def part_of_a_range(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=N) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((N,), "float32")
        if tx // 32 == 1:
            s[tx] = A[tx]
            T.sync_threads()
            B[tx] = s[95 - tx]
        elif 64 <= tx < 96:
            B[tx] = A[tx] + 1.0
        else:
            B[tx] = A[tx] - 1.0


# Roles


@T.prim_func
def producer_consumer(A: T.Tensor((8, 64), "float32"), B: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        tx = T.get_thread_binding()
        ring = T.alloc_shared((2, 64), "float32")
        full = T.alloc_barrier([64, 64])
        empty = T.alloc_barrier([64, 64])
        if tx < 64:
            for k in T.serial(8):
                T.mbarrier_wait_parity(empty[k % 2], (k // 2) % 2 ^ 1)
                ring[k % 2, tx] = A[k, tx]
                T.mbarrier_arrive(full[k % 2])
        else:
            total = T.alloc_var("float32")
            for k in T.serial(8):
                T.mbarrier_wait_parity(full[k % 2], (k // 2) % 2)
                total += ring[k % 2, 127 - tx] * T.cast(k + 1, "float32")
                T.mbarrier_arrive(empty[k % 2])
            B[tx - 64] = total


@T.prim_func
def elected_copies(A: T.Tensor((6, 32, 16), "float16"), B: T.Tensor((32, 16), "float32")):
    with T.Kernel(1, threads=256) as bx:
        tiles = T.alloc_shared((3, 32, 16), "float16")
        acc = T.alloc_fragment((32, 16), "float32")
        full = T.alloc_barrier([1] * 3)
        empty = T.alloc_barrier([128] * 3)
        with T.ws(1):
            T.dec_max_nreg(24)
            for k in T.serial(6):
                T.barrier_wait(empty[k % 3], (k // 3) % 2 ^ 1)
                if T.shuffle_elect(128):
                    T.tma_copy(A[k, :, :], tiles[k % 3, :, :], barrier=full[k % 3])
                    T.barrier_arrive(full[k % 3])
        with T.ws(0):
            T.inc_max_nreg(240)
            T.clear(acc)
            for k in T.serial(6):
                T.barrier_wait(full[k % 3], (k // 3) % 2)
                for i, j in T.Parallel(32, 16):
                    acc[i, j] = acc[i, j] * 0.5 + tiles[k % 3, i, j]
                T.barrier_arrive(empty[k % 3])
            T.copy(acc, B)


@T.prim_func
def expected_bytes(A: T.Tensor((2, 64), "float32"), B: T.Tensor((2, 64), "float32")):
    with T.Kernel(2, threads=64) as bx:
        tx = T.get_thread_binding()
        a = T.alloc_shared((64,), "float32")
        b = T.alloc_shared((64,), "float32")
        bar = T.alloc_barrier(1)
        again = T.alloc_barrier(64)
        T.ptx_init_barrier_thread_count(again, 1)
        T.ptx_fence_barrier_init()
        if tx == 0:
            T.tma_copy(A[bx, :], a, barrier=bar)
            T.mbarrier_arrive_expect_tx(bar, 0)
        T.mbarrier_wait_parity(bar, 0)
        b[63 - tx] = a[tx] * 2.0
        T.fence_proxy_async()
        T.sync_threads()
        if tx == 0:
            T.tma_copy(b, B[bx, :])
            T.tma_store_arrive()
            T.tma_store_wait(0)
            T.mbarrier_expect_tx(again, 0)
            T.ptx_arrive_barrier(again)
        T.ptx_wait_barrier(again, 0)


@T.prim_func
def warp_specialised_gemm(A: T.Tensor((64, 96), "float16"), B: T.Tensor((96, 64), "float16"),
                          C: T.Tensor((64, 64), "float32")):
    with T.Kernel(2, 2, threads=256) as (bx, by):
        As = T.alloc_shared((2, 32, 32), "float16")
        Bs = T.alloc_shared((2, 32, 32), "float16")
        acc = T.alloc_fragment((32, 32), "float32")
        full = T.alloc_barrier([128] * 2)
        empty = T.alloc_barrier([128] * 2)
        tx = T.get_thread_binding()
        if tx < 128:
            T.set_max_nreg(240, 1)
            T.clear(acc)
            for k in T.serial(3):
                T.mbarrier_wait_parity(full[k % 2], (k // 2) & 1)
                T.wgmma_gemm(As[k % 2, :, :], Bs[k % 2, :, :], acc)
                T.wait_wgmma(0)
                T.mbarrier_arrive(empty[k % 2])
            T.copy(acc, C[by * 32, bx * 32])
        else:
            T.set_max_nreg(24, 0)
            for k in T.serial(3):
                T.mbarrier_wait_parity(empty[k % 2], ((k // 2) & 1) ^ 1)
                T.tma_copy(A[by * 32, k * 32], As[k % 2, :, :], barrier=full[k % 2])
                T.tma_copy(B[k * 32, bx * 32], Bs[k % 2, :, :], barrier=full[k % 2])
                T.mbarrier_arrive(full[k % 2])


# Asynchronous copies


@T.prim_func
def cp_async(A: T.Tensor((6, 512), "float16"), B: T.Tensor((512,), "float32")):
    with T.Kernel(1, threads=64) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((2, 512), "float16")
        acc = T.alloc_local((8,), "float32")
        T.clear(acc)
        T.ptx_cp_async(T.access_ptr(s[0, tx * 8], "w", 8), T.access_ptr(A[0, tx * 8], "r", 8), 8)
        T.ptx_commit_group()
        for k in T.serial(6):
            T.ptx_cp_async(T.access_ptr(s[(k + 1) % 2, tx * 8], "w", 8),
                           T.address_of(A[(k + 1) % 6, tx * 8]), 8, k < 5)
            T.ptx_commit_group()
            T.ptx_wait_group(1)
            T.sync_threads()
            for v in T.serial(8):
                acc[v] += s[k % 2, 511 - (tx * 8 + v)]
            T.sync_threads()
        T.ptx_wait_group(0)
        for v in T.vectorized(8):
            B[tx * 8 + v] = acc[v]


@T.prim_func
def async_tiles(A: T.Tensor((4, 64), "float32"), B: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=64) as bx:
        s = T.alloc_shared((4, 64), "float32")
        f = T.alloc_fragment((64,), "float32")
        for k in T.serial(4):
            T.async_copy(A[k, :], s[k, :])
        T.clear(f)
        T.ptx_wait_group(2)
        for i in T.Parallel(64):
            f[i] += s[0, i] - s[1, i]
        T.ptx_wait_group(0)
        for i in T.Parallel(64):
            f[i] += s[2, i] * s[3, i]
        T.copy(f, B)


@T.prim_func
def async_scope(A: T.Tensor((4, 64), "float32"), B: T.Tensor((4, 64), "float32")):
    with T.Kernel(1, threads=128) as bx:
        tx = T.get_thread_binding()
        s = T.alloc_shared((64,), "float32")
        full = T.alloc_barrier(64)
        empty = T.alloc_barrier(64)
        if tx >= 64:
            for k in T.serial(4):
                T.barrier_wait(empty, (k & 1) ^ 1)
                for u in T.serial(2):
                    with T.attr("default", "async_scope", 1):
                        if tx % 2 == u:
                            s[tx - 64] = A[k, tx - 64]
                T.cp_async_barrier_noinc(full)
        else:
            for k in T.serial(4):
                T.barrier_wait(full, k & 1)
                B[k, tx] = s[63 - tx]
                T.barrier_arrive(empty)


# Attention over a latent cache, written for three roles of 128 threads each


HEADS, HALF, TAIL, KEYS, STEP = 16, 32, 16, 96, 16
SCALE = 0.25 * 1.44269504


@T.macro
def probabilities(s, m, m_old, rescale, l, l_new):
    T.copy(m, m_old)
    T.reduce_max(s, m, dim=1, clear=False)
    for h in T.Parallel(HEADS):
        rescale[h] = T.exp2((m_old[h] - m[h]) * SCALE)
    for h, n in T.Parallel(HEADS, STEP):
        s[h, n] = T.exp2((s[h, n] - m[h]) * SCALE)
    T.reduce_sum(s, l_new, dim=1)
    for h in T.Parallel(HEADS):
        l[h] = l[h] * rescale[h] + l_new[h]


@T.prim_func
def latent_attention(Q: T.Tensor((2, HEADS, 2 * HALF), "float16"),
                     Qt: T.Tensor((2, HEADS, TAIL), "float16"),
                     KV: T.Tensor((2, KEYS, 2 * HALF), "float16"),
                     Kt: T.Tensor((2, KEYS, TAIL), "float16"),
                     O: T.Tensor((2, HEADS, 2 * HALF), "float32")):
    with T.Kernel(2, threads=384) as b:
        q_left = T.alloc_shared((HEADS, HALF), "float16")
        q_right = T.alloc_shared((HEADS, HALF), "float16")
        q_tail = T.alloc_shared((HEADS, TAIL), "float16")
        left = T.alloc_shared((2, STEP, HALF), "float16")
        right = T.alloc_shared((2, STEP, HALF), "float16")
        tail = T.alloc_shared((2, STEP, TAIL), "float16")
        weights = T.alloc_shared((HEADS, STEP), "float16")
        factor = T.alloc_shared((HEADS,), "float32")
        total = T.alloc_shared((HEADS,), "float32")
        o_left = T.alloc_fragment((HEADS, HALF), "float32")
        o_right = T.alloc_fragment((HEADS, HALF), "float32")
        s = T.alloc_fragment((HEADS, STEP), "float32")
        m, m_old = T.alloc_fragment((HEADS,), "float32"), T.alloc_fragment((HEADS,), "float32")
        l, l_new = T.alloc_fragment((HEADS,), "float32"), T.alloc_fragment((HEADS,), "float32")
        rescale = T.alloc_fragment((HEADS,), "float32")
        q_ready = T.alloc_barrier(384)
        full = T.alloc_barrier([128, 128])
        free = T.alloc_barrier([256, 256])
        weights_full = T.alloc_barrier(128)
        weights_free = T.alloc_barrier(128)
        done = T.alloc_barrier(128)
        tx = T.get_thread_binding()

        T.copy(Q[b, :, 0:HALF], q_left)
        T.copy(Q[b, :, HALF:2 * HALF], q_right)
        T.copy(Qt[b, :, :], q_tail)
        T.barrier_arrive(q_ready)

        if tx < 128:
            T.set_max_nreg(240, 1)
            T.fill(m, -1000.0)
            T.clear(l)
            T.clear(o_left)
            T.barrier_wait(q_ready, 0)
            for i in T.serial(KEYS // STEP):
                T.barrier_wait(full[i % 2], (i // 2) & 1)
                T.clear(s)
                T.wgmma_gemm(q_left, left[i % 2, :, :], s, transpose_B=True)
                T.wgmma_gemm(q_right, right[i % 2, :, :], s, transpose_B=True)
                T.wgmma_gemm(q_tail, tail[i % 2, :, :], s, transpose_B=True)
                T.wait_wgmma(0)
                probabilities(s, m, m_old, rescale, l, l_new)
                T.barrier_wait(weights_free, (i & 1) ^ 1)
                T.copy(s, weights)
                T.copy(rescale, factor)
                T.fence_proxy_async()
                T.barrier_arrive(weights_full)
                for h, d in T.Parallel(HEADS, HALF):
                    o_left[h, d] *= rescale[h]
                T.gemm(weights, left[i % 2, :, :], o_left)
                T.barrier_arrive(free[i % 2])
            T.copy(l, total)
            T.barrier_arrive(done)
            for h, d in T.Parallel(HEADS, HALF):
                o_left[h, d] /= l[h]
            T.copy(o_left, O[b, :, 0:HALF])
        elif tx < 256:
            T.set_max_nreg(168, 1)
            T.clear(o_right)
            for i in T.serial(KEYS // STEP):
                T.barrier_wait(weights_full, i & 1)
                for h, d in T.Parallel(HEADS, HALF):
                    o_right[h, d] *= factor[h]
                T.gemm(weights, right[i % 2, :, :], o_right)
                T.barrier_arrive(weights_free)
                T.barrier_arrive(free[i % 2])
            T.barrier_wait(done, 0)
            for h, d in T.Parallel(HEADS, HALF):
                o_right[h, d] /= total[h]
            T.copy(o_right, O[b, :, HALF:2 * HALF])
        else:
            T.set_max_nreg(80, 0)
            row, at = (tx - 256) // 8, (tx - 256) % 8
            for i in T.serial(KEYS // STEP):
                T.barrier_wait(free[i % 2], (i // 2) & 1 ^ 1)
                with T.attr("default", "async_scope", 1):
                    for v in T.vectorized(HALF // 8):
                        left[i % 2, row, at * 4 + v] = KV[b, i * STEP + row, at * 4 + v]
                        right[i % 2, row, at * 4 + v] = KV[b, i * STEP + row, HALF + at * 4 + v]
                    for v in T.vectorized(TAIL // 8):
                        tail[i % 2, row, at * 2 + v] = Kt[b, i * STEP + row, at * 2 + v]
                T.cp_async_barrier_noinc(full[i % 2])


# Reductions over thread indices, loops that are threads


@T.prim_func
def matrix_vector(A: T.Tensor((70, 200), "float16"), x: T.Tensor((200,), "float16"),
                  y: T.Tensor((70,), "float32")):
    with T.Kernel(T.ceildiv(70, 16), threads=(16, 8)) as bn:
        tn = T.get_thread_binding(0)
        tk = T.get_thread_binding(1)
        a = T.alloc_local((4,), "float16")
        b = T.alloc_local((4,), "float16")
        part = T.alloc_local((1,), "float32")
        total = T.alloc_local((1,), "float32")
        T.clear(part)
        for k in T.serial(T.ceildiv(200, 32)):
            for v in T.vectorized(4):
                a[v] = A[bn * 16 + tn, k * 32 + tk * 4 + v]
                b[v] = x[k * 32 + tk * 4 + v]
            for v in T.serial(4):
                part[0] += T.cast(a[v], "float32") * T.cast(b[v], "float32")
        with T.attr(T.comm_reducer(lambda p, q: p + q, [T.cast(0, "float32")]), "reduce_scope",
                    T.reinterpret(T.uint64(0), dtype="handle")):
            T.evaluate(T.tvm_thread_allreduce(T.uint32(1), part[0], True, total[0], tk,
                                              dtype="handle"))
        if tk == 0:
            y[bn * 16 + tn] = total[0]


@T.prim_func
def bound_loops(A: T.Tensor((4, 64), "int32"), B: T.Tensor((4, 64), "int32"),
                most: T.Tensor((4,), "int32")):
    with T.Kernel(4, threads=64):
        for b in T.thread_binding(4, thread="blockIdx.x"):
            for i in T.thread_binding(0, 64, thread="threadIdx.x"):
                B[b, i] = A[b, i] * 2
                best = T.alloc_var("int32")
                with T.attr(T.comm_reducer(lambda p, q: T.max(p, q), -1000), "reduce_scope", 0):
                    T.tvm_thread_allreduce(1, A[b, i], i % 2 == 0, best, i)
                for j in T.thread_binding(1, thread="threadIdx.x"):
                    most[b + j] = best


@T.prim_func
def other_spellings(A: T.Tensor((32, 32), "float16"), B: T.Tensor((32, 32), "float32")):
    with T.Kernel(1, threads=256) as bx:
        T.annotate_producer_reg_dealloc(24)
        T.annotate_consumer_reg_alloc(240)
        T.pdl_sync()
        s = T.alloc_shared((32, 32), "float16")
        acc = T.alloc_fragment((32, 32), "float32")
        ready = T.alloc_barrier(1)
        with T.WarpSpecialize(1):
            if T.shuffle_elect(128):
                T.tma_copy(A, s, barrier=ready)
                T.ptx_arrive_barrier_expect_tx(ready, 0)
        with T.WarpSpecialize(0):
            T.mbarrier_wait_parity(ready, 0)
            T.warpgroup_fence_operand(acc)
            T.warpgroup_arrive()
            T.wgmma_mma(s, s, acc, clear_accum=True)
            T.warpgroup_commit_batch()
            T.gemm(s, s, acc, wg_wait=-1)
            T.warpgroup_wait(0)
            T.copy(acc, B)
        T.pdl_trigger()


@tilec.jit
def updates(dtype, order="relaxed"):
    """Every update of one type: of global memory, of shared memory, and loads and stores beside
    them. What was there before comes back."""
    whole = dtype in ("int32", "uint32", "int64", "uint64")

    @T.prim_func
    def main(A: T.Tensor((N,), dtype), G: T.Tensor((8,), dtype), S: T.Tensor((8,), dtype),
             was: T.Tensor((N,), dtype)):
        with T.Kernel(1, threads=N) as bx:
            tx = T.get_thread_binding()
            s = T.alloc_shared((8,), dtype)
            if tx < 8:
                s[tx] = G[tx]
            T.sync_threads()
            T.atomic_add(G[0], A[tx], memory_order=order)
            T.atomic_min(G[1], A[tx], memory_order=order)
            T.atomic_max(G[2], A[tx])
            T.atomic_add(s[0], A[tx])
            T.atomic_min(s[1], A[tx])
            T.atomic_max(s[2], A[tx])
            if whole:
                T.atomic_or(G[3], A[tx])
                T.atomic_or(s[3], A[tx])
            was[tx] = T.atomic_add(s[4 + tx % 4], A[tx], return_prev=True)
            if tx == 5:
                T.atomic_store(G[4], T.atomic_load(A[tx], "acquire"), "release")
                T.atomic_store(G[5], T.atomic_load(A[tx + 1]))
            T.sync_threads()
            if tx < 8:
                S[tx] = s[tx]

    return main
