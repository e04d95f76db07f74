"""Counting and sorting by small keys. `histogram` counts in shared memory before it adds to the
result; `counting_sort` places every element behind those with smaller keys, in order of arrival."""

import tilec
import tilec.language as T


@tilec.jit
def histogram(keys, bins: int = 16, block_N: int = 128):
    """counts[b] = how many keys are b. Keys outside 0 .. bins - 1 do not count."""
    N = T.const("N")
    keys: T.Tensor((N,), T.int32)
    partial = T.alloc_global((T.ceildiv(N, block_N), bins), T.int32)
    counts = T.empty((bins,), T.int32)

    with T.Kernel(T.ceildiv(N, block_N), threads=128) as bx:
        local = T.alloc_shared((bins,), T.int32)
        T.clear(local)
        for i in T.Parallel(block_N):
            at = bx * block_N + i
            if at < N and 0 <= keys[at] and keys[at] < bins:
                T.atomic_add(local[keys[at]], 1)
        T.copy(local, partial[bx, 0])

    with T.Kernel(1, threads=128) as bx:
        total = T.alloc_fragment((bins,), T.int32)
        T.clear(total)
        for block in T.serial(T.ceildiv(N, block_N)):
            for b in T.Parallel(bins):
                total[b] += partial[block, b]
        T.copy(total, counts)

    return counts


@tilec.jit
def counting_sort(keys, values, bins: int = 16, dtype=T.float32):
    """Values in order of their keys, 0 .. bins - 1; equal keys keep their order."""
    N = T.const("N")
    keys: T.Tensor((N,), T.int32)
    values: T.Tensor((N,), dtype)
    out = T.empty((N,), dtype)

    with T.Kernel(1, threads=128) as bx:
        key = T.alloc_shared((N,), T.int32)
        before = T.alloc_shared((bins, N), T.int32)
        counts = T.alloc_shared((bins,), T.int32)
        ends = T.alloc_shared((bins,), T.int32)
        T.copy(keys, key)
        # before[b, i]: how many of the elements up to i have key b
        for b, i in T.Parallel(bins, N):
            before[b, i] = T.if_then_else(key[i] == b, 1, 0)
        T.cumsum(before, dim=1)
        for b in T.Parallel(bins):
            counts[b] = before[b, N - 1]
        T.cumsum(counts, ends, dim=0)
        for i in T.Parallel(N):
            out[ends[key[i]] - counts[key[i]] + before[key[i], i] - 1] = values[i]

    return out
