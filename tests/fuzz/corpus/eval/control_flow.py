"""Control flow on run-time values: loops with break and continue, branches, short circuit.
T.alloc_var makes a variable that can change; any other name is bound to one value."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def collatz(limit=1000, block=64):
    """Steps until n, n / 2 or 3 n + 1, ... reaches 1; `limit` if it takes longer, -1 for n < 1."""
    N = T.dynamic("N")

    @T.prim_func
    def main(start: T.Tensor((N,), T.int32), steps: T.Tensor((N,), T.int32)):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            n = T.alloc_var(T.int32)
            count = T.alloc_var(T.int32)
            for i in T.Parallel(block):
                n = start[bx * block + i]
                count = 0 if n >= 1 else -1
                while n > 1 and count < limit:
                    n = n // 2 if n % 2 == 0 else 3 * n + 1
                    count += 1
                steps[bx * block + i] = count

    return main


@tilec.jit(out_idx=[-1])
def search_sorted(block=64):
    """For each key its position in the sorted table, or -1: a loop that ends with break."""
    N, M = T.dynamic("N, M")

    @T.prim_func
    def main(
        table: T.Tensor((M,), T.int32),
        keys: T.Tensor((N,), T.int32),
        positions: T.Tensor((N,), T.int32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            low = T.alloc_var(T.int32)
            high = T.alloc_var(T.int32)
            found = T.alloc_var(T.int32)
            for i in T.Parallel(block):
                key = keys[bx * block + i]
                low = 0
                high = M
                found = -1
                while low < high:
                    middle = (low + high) // 2
                    value = table[middle]
                    if value == key:
                        found = middle
                        break
                    if value < key:
                        low = middle + 1
                    else:
                        high = middle
                positions[bx * block + i] = found

    return main


@tilec.jit
def classify(X, low: float = -1.0, high: float = 1.0, block: int = 128):
    """0: not a number, 1: below, 2: inside, 3: above the range; 4: infinite."""
    N = T.const("N")
    X: T.Tensor((N,), T.float32)
    kind = T.empty((N,), T.int32)

    with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
        for t in T.Parallel(block):
            i = bx * block + t
            x = X[i]
            if T.isnan(x):
                kind[i] = 0
            elif T.isinf(x):
                kind[i] = 4
            elif low <= x <= high:
                kind[i] = 2
            else:
                kind[i] = 1 if x < low else 3

    return kind


@tilec.jit(out_idx=[-1])
def lookup(M, block=64):
    """Y[i] = table[index[i]] if that exists and is positive, else -1. Shared memory is not
    guarded; `and` is: its right side is evaluated only where the left side holds."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        table: T.Tensor((M,), T.float32),
        index: T.Tensor((N,), T.int32),
        Y: T.Tensor((N,), T.float32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            table_shared = T.alloc_shared((M,), T.float32)
            T.copy(table, table_shared)
            for t in T.Parallel(block):
                i = bx * block + t
                if i < N:
                    at = index[i]
                    if 0 <= at < M and table_shared[at] > 0:
                        Y[i] = table_shared[at]
                    else:
                        Y[i] = -1.0

    return main


@tilec.jit(out_idx=[-1])
def scale_rows(workers=4, block_N=64):
    """Y = 2 X for rows with mask, 0 for others: blocks that take one row after another."""
    M, N = T.dynamic("M, N")

    @T.prim_func
    def main(
        X: T.Tensor((M, N), T.float32),
        mask: T.Tensor((M,), T.int32),
        Y: T.Tensor((M, N), T.float32),
    ):
        with T.Kernel(workers, threads=64) as worker:
            x = T.alloc_fragment((block_N,), T.float32)
            row = T.alloc_var(T.int32, init=worker)
            next_row = T.alloc_var(T.int32, init=worker)

            while next_row < M:
                row = next_row
                next_row += workers
                if mask[row] == 0:
                    for k in T.serial(T.ceildiv(N, block_N)):
                        for j in T.Parallel(block_N):
                            Y[row, k * block_N + j] = 0
                    continue
                for k in T.serial(T.ceildiv(N, block_N)):
                    T.copy(X[row, k * block_N], x)
                    for j in T.Parallel(block_N):
                        x[j] = x[j] * 2
                    T.copy(x, Y[row, k * block_N])

    return main


@tilec.jit(out_idx=[-1])
def fibonacci(N, block=64):
    """Y[i] = the i-th Fibonacci number modulo 2^32, by swapping two variables."""

    @T.prim_func
    def main(Y: T.Tensor((N,), T.uint32)):
        with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
            a = T.alloc_var(T.uint32)
            b = T.alloc_var(T.uint32)
            for t in T.Parallel(block):
                a = 0
                b = 1
                for _ in T.serial(bx * block + t):
                    a, b = b, a + b
                Y[bx * block + t] = a

    return main


@tilec.jit(out_idx=[-1])
def reverse_rows(M, N, dtype=T.float32):
    """Each row back to front, by swapping pairs of elements in shared memory."""

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((M, N), dtype)):
        with T.Kernel(M, threads=64) as row:
            x = T.alloc_shared((N,), dtype)
            T.copy(X[row, 0], x)
            for j in T.Parallel(N // 2):
                x[j], x[N - 1 - j] = x[N - 1 - j], x[j]
            T.copy(x, Y[row, 0])

    return main


@tilec.jit(out_idx=[-1])
def loops(N):
    """Sums over X by every kind of sequential loop; the last one stops early."""

    @T.prim_func
    def main(X: T.Tensor((N,), T.int32), Y: T.Tensor((7,), T.int32)):
        with T.Kernel(1, threads=32):
            total = T.alloc_var(T.int32)

            for i in range(N):
                total += X[i]
            Y[0] = total

            total = 0
            for i in T.serial(1, N):
                total += X[i] - X[i - 1]
            Y[1] = total

            # Every third element forwards, and every second one backwards, with a weight.
            total = 0
            for i in T.serial(0, N, 3):
                total = total * 3 + X[i]
            Y[2] = total
            total = 0
            for i in T.serial(N - 1, -1, -2):
                total = total * 3 + X[i]
            Y[3] = total

            total = 0
            for i in T.unroll(4):
                if i < N:
                    total = total * 2 + X[i]
            Y[4] = total

            total = 0
            for i, j in T.grid(N, 2):
                if j == 1 and i % 2 == 0:
                    continue
                total += X[i] * (j + 1)
            Y[5] = total

            # Up to the first negative element.
            total = 0
            for i in T.serial(N):
                if X[i] < 0:
                    break
                total += X[i]
            Y[6] = total

    return main


@tilec.jit(out_idx=[-1])
def checked_gather(block=32):
    """What a kernel may assume, what it checks while it runs, and how it prints."""
    N, M = T.dynamic("N, M")

    @T.prim_func
    def main(
        table: T.Tensor((M,), T.float32),
        index: T.Tensor((N,), T.int32),
        Y: T.Tensor((N,), T.float32),
    ):
        with T.Kernel(N // block, threads=32) as bx:
            # The host checks this before the launch; here it makes guards superfluous.
            T.assume(N % block == 0)
            for i in T.Parallel(block):
                at = index[bx * block + i]
                T.device_assert(at >= 0 and at < M, "index out of range")
                Y[bx * block + i] = table[at]
            if bx == 0:
                T.print(index[0], msg="first index")

    return main
