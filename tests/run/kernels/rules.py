"""One small kernel per rule of the language; tests/run/rules.py says what each must compute."""

import tilec.language as T

N = 64


@T.prim_func
def promotion(A: T.Tensor((N,), "float16"), narrow: T.Tensor((N,), "float32"),
              wide: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            narrow[i] = A[i] * 3  # an int literal keeps float16
            wide[i] = A[i] * 3.0  # a float literal is float32


@T.prim_func
def floor_forms(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32"),
                out: T.Tensor((6, N), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            out[0, i] = A[i] // B[i]
            out[1, i] = A[i] % B[i]
            out[2, i] = T.ceildiv(A[i], B[i])
            out[3, i] = T.truncdiv(A[i], B[i])
            out[4, i] = T.truncmod(A[i], B[i])
            out[5, i] = T.floormod(A[i], 7)


@T.prim_func
def guards(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(2) as bx:
        for i in T.Parallel(N):
            B[bx * N + i - 10] = A[bx * N + i + 5] + 1.0


@T.prim_func
def safe_value(A: T.Tensor((N,), "float32"), B: T.Tensor((2 * N,), "float32")):
    with T.Kernel(1) as bx:
        tile = T.alloc_shared((2 * N,), "float32")
        T.annotate_safe_value({A: -7.0})
        T.copy(A[0], tile)
        for i in T.Parallel(2 * N):
            B[i] = tile[i] + A[i]


@T.prim_func
def negative_index(A: T.Tensor((N,), "float32"), B: T.Tensor((4,), "float32")):
    with T.Kernel(1) as bx:
        B[0] = A[-1]
        for i in T.serial(1, 3):
            B[i] = A[-i]
        B[-1] = 9.0


@T.prim_func
def lazy_ternary(I: T.Tensor((N,), "int32"), A: T.Tensor((N,), "float32"),
                 B: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "float32")
        T.copy(A, s)
        for i in T.Parallel(N):
            j = I[i]
            B[i] = s[j] if j >= 0 and j < N else -1.0


@T.prim_func
def lazy_if_then_else(I: T.Tensor((N,), "int32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "float32")
        for i in T.Parallel(N):
            s[i] = i
        for i in T.Parallel(N):
            B[i] = T.if_then_else(I[i] >= 0 and I[i] < N, s[I[i]] * 2.0 + 1.0, -1.0)


@T.prim_func
def short_circuit(I: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "int32")
        for i in T.Parallel(N):
            s[i] = i
        for i in T.Parallel(N):
            if I[i] >= 0 and I[i] < N and s[I[i]] > 10:
                B[i] = 1
            elif I[i] < 0 or I[i] >= N or s[I[i]] == 3:
                B[i] = 2
            else:
                B[i] = 3


@T.prim_func
def let_is_a_snapshot(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            x = A[i]
            A[i] = 5.0
            B[i] = x


@T.prim_func
def swap_and_chain(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32"),
                   C: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        u = T.alloc_var("int32", init=1)
        v = T.alloc_var("int32", init=2)
        u, v = v, u
        for i in T.Parallel(N):
            A[i], B[i] = B[i], A[i]
        C[0] = u
        C[1] = v
        C[2] = C[3] = 11
        w = T.alloc_var("int32", init=u)
        u = 40
        C[4] = w


@T.prim_func
def copy_forms(A: T.Tensor((N, N), "float32"), row: T.Tensor((N,), "float32"),
               out: T.Tensor((5, 16, 16), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((16, 16), "float32")
        T.copy(A[8, 8], s)
        T.copy(s, out[0, 0, 0])
        T.copy(A[60:76, 56:72], s)  # past the end: zeros
        T.copy(s, out[1, 0:16, 0:16])
        T.copy(row[0:16], s)  # stretched along the rows
        T.copy(s, out[2, :, :])
        T.clear(s)
        T.copy(A[0, 0:16], s[3, :])
        T.copy(s, out[3, 0, 0])
        T.fill(s, 2.5)
        T.fill(s[4:8, 2:4], -1.0)
        T.copy(s, out[4, 0, 0])


@T.prim_func
def copy_converts(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float8_e4m3fn"),
                  C: T.Tensor((N,), "int8"), D: T.Tensor((N,), "bfloat16")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "float8_e4m3fn")
        T.copy(A, s)
        T.copy(s, B)
        for i in T.Parallel(N):
            C[i] = A[i]
        T.copy(A, D)


@T.prim_func
def view_aliases(A: T.Tensor((8, 8), "float32"), B: T.Tensor((N,), "int32"),
                 C: T.Tensor((8, 8), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((8, 8), "float32")
        flat = T.reshape(s, (N,))
        bits = T.view(s, (N,), "int32")
        T.copy(A, s)
        flat[3] = 1.0
        for i in T.Parallel(N):
            B[i] = bits[i]
        bits[0] = 0
        T.copy(s, C)


rows, columns = T.dynamic("rows"), T.dynamic("columns")


@T.prim_func
def dynamic_view(A: T.Tensor((rows, columns), "float32"), B: T.Tensor((columns, rows), "float32")):
    flat = T.view(A, (rows * columns,))
    with T.Kernel(columns) as bx:
        turned = T.reshape(B, (columns * rows,))
        for i in T.Parallel(rows):
            turned[bx * rows + i] = flat[i * columns + bx]


@T.prim_func
def vector_tensors(A: T.Tensor((rows, 3), "float32x2"), B: T.Tensor((rows,), "float16x4"),
                   C: T.Tensor((3, rows), "float32x2"), I: T.Tensor((rows,), "int4x2")):
    with T.Kernel(rows) as bx:
        for j in T.Parallel(3):
            C[j, bx] = A[bx, j] * T.float32x2(2.0, -1.0)
        B[bx] = B[bx] + B[bx]
        I[bx] = I[bx] + I[bx]


@T.prim_func
def reduce_rules(A: T.Tensor((4, N), "int8"), H: T.Tensor((4, N), "float16"),
                 wraps: T.Tensor((4,), "int8"), kept: T.Tensor((4,), "float32"),
                 no_nan: T.Tensor((4,), "float16"), with_nan: T.Tensor((4,), "float16")):
    with T.Kernel(1) as bx:
        a = T.alloc_fragment((4, N), "int8")
        h = T.alloc_fragment((4, N), "float16")
        w = T.alloc_fragment((4,), "int8")
        k = T.alloc_fragment((4,), "float32")
        m = T.alloc_fragment((4,), "float16")
        T.copy(A, a)
        T.copy(H, h)
        T.reduce_sum(a, w, dim=1)
        T.copy(w, wraps)
        T.fill(k, 100.0)
        T.reduce_absmax(a, k, dim=-1, clear=False)
        T.copy(k, kept)
        T.reduce_max(h, m, dim=1)
        T.copy(m, no_nan)
        T.reduce_max(h, m, dim=1, nan_propagate=True)
        T.copy(m, with_nan)


@T.prim_func
def pipelined(A: T.Tensor((N, N), "float32"), n: T.int32, B: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "float32")
        acc = T.alloc_fragment((N,), "float32")
        T.clear(acc)
        for k in T.Pipelined(n, num_stages=3):
            T.copy(A[k, 0], s)
            for i in T.Parallel(N):
                acc[i] += s[i]
        T.copy(acc, B)


@T.prim_func
def persistent(B: T.Tensor((5, 7), "int32")):
    with T.Kernel(4) as worker:
        for i, j in T.Persistent([5, 7], 4, worker):
            T.atomic_add(B[i, j], i * 10 + j)


@T.prim_func
def atomics(A: T.Tensor((N,), "int32"), total: T.Tensor((3,), "int32"),
            order: T.Tensor((N,), "int32"), tile: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((N,), "float32")
        for i in T.Parallel(N):
            order[i] = T.atomic_add(total[0], 1, return_prev=True)
            T.atomic_max(total[1], A[i])
            T.atomic_min(total[2], A[i])
        T.fill(s, 0.5)
        T.atomic_add(tile, s)
        T.atomic_add(tile[0], 2.0)


@T.prim_func
def loops(B: T.Tensor((8, 8), "int32")):
    with T.Kernel(1) as bx:
        v = T.alloc_var("int32")
        for i in T.serial(6, -1, -3):
            B[0, i] = i
        for i in range(1, 8, 2):
            B[1, i] = i
        for i in T.unroll(8):
            B[2, i] = i * i
        for i in T.vectorized(8):
            B[3, 0] = i  # sequential meaning: the last one stays
        for i, j in T.grid(2, 3):
            v += i * j + 1
        B[3, 1] = v
        i = T.alloc_var("int32")
        while True if v < 0 else i < 100:
            i += 7
            if i % 2 == 0:
                continue
            if i > 60:
                break
            B[4, 0] = i
        B[4, 1] = i


@T.prim_func
def wraps(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32"), C: T.Tensor((N,), "uint8")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = A[i] * A[i] + 1
            C[i] = A[i] - 300


@T.prim_func
def rounding(A: T.Tensor((N,), "float32"), out: T.Tensor((3, N), "float32"),
             ints: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            out[0, i] = T.round(A[i])
            out[1, i] = T.round(A[i], "ties-away-from-zero")
            out[2, i] = T.clamp(A[i], -1.5, 2)
            ints[i] = A[i]


@T.prim_func
def broadcast_index(A: T.Tensor((16, 2), "float32"), B: T.Tensor((16, 64), "float32")):
    with T.Kernel(1) as bx:
        f = T.alloc_fragment((16, 2), "float32")
        T.copy(A, f)
        for i, j in T.Parallel(16, 64):
            B[i, j] += f[i, j // 32]


@T.prim_func
def gemm_without_k(A: T.Tensor((32, 32), "float32"), n: T.int32, C: T.Tensor((32, 32), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared((32, 32), "float32")
        acc = T.alloc_fragment((32, 32), "float32")
        T.clear(acc)
        for k in T.serial(n):
            T.copy(A, s)
            T.gemm(s, s, acc, transpose_B=True)
        T.copy(acc, C)


@T.prim_func
def hints(A: T.Tensor((N, N), "float32"), B: T.Tensor((N, N), "float32")):
    with T.Kernel(2, 2) as (bx, by):
        s = T.alloc_shared((32, 32), "float32")
        T.use_swizzle(panel_size=4, order="column")
        T.annotate_layout({s: T.Layout((32, 32), lambda i, j: (i, j ^ (i % 8)))})
        T.copy(A[by * 32, bx * 32], s)
        T.copy(s, B[by * 32, bx * 32])


@T.prim_func
def wide_index(A: T.Tensor((T.dynamic("n", "int64"),), "float32"),
               B: T.Tensor((T.dynamic("n", "int64"),), "float32")):
    n = T.dynamic("n", "int64")
    with T.Kernel(T.ceildiv(n, N)) as bx:
        for i in T.Parallel(N):
            B[bx * N + i] = A[n - 1 - (bx * N + i)]


@T.prim_func
def reducer_once(A: T.Tensor((8,), "float32"), B: T.Tensor((16,), "float32"),
                 out: T.Tensor((2,), "float32")):
    with T.Kernel(1, threads=128):
        acc = T.alloc_reducer((1,), "float32", op="sum")
        seeded = T.alloc_reducer((1,), "float32")
        start = T.alloc_fragment((1,), "float32")
        start[0] = 100.0
        T.reducer_init(acc)
        T.reducer_init(seeded, start[0])
        start[0] = 7.0  # the value counts that it had when the reducer was opened
        for i in T.Parallel(8):
            T.reducer_update(acc[0], A[i])  # 36 for 1..8, however many threads there are
            if A[i] > 4:
                T.reducer_update(seeded[0], A[i])
        for i in T.Parallel(16):
            T.reducer_update(acc[0], B[i])
        total = T.alloc_fragment((1,), "float32")
        T.finalize_reducer(acc, total)
        out[0] = total[0]
        T.finalize_reducer(seeded, total)
        out[1] = total[0]


@T.prim_func
def reducer_kinds(A: T.Tensor((16, 100), "int32"), H: T.Tensor((16, 100), "float16"),
                  out: T.Tensor((6, 16), "int32"), ends: T.Tensor((2, 16), "float16")):
    with T.Kernel(1, threads=128):
        total = T.alloc_reducer((16,), "int32", "sum")
        low = T.alloc_reducer(16, "int32", op="min")
        high = T.alloc_reducer(16, "int32", op="max")
        both = T.alloc_reducer(16, "int32", op="bitand")
        any_ = T.alloc_reducer(16, "int32", op="bitor")
        odd = T.alloc_reducer(16, "int32", op="bitxor")
        first = T.alloc_reducer(16, "float16", op="min")
        last = T.alloc_reducer(16, "float16", op="max")
        for r in [total, low, high, both, any_, odd, first, last]:
            T.reducer_init(r)
        for i, j in T.Parallel(16, 100):
            for r in [total, low, high, both, any_, odd]:
                T.reducer_update(r[i], A[i, j])
            T.reducer_update(first[i], H[i, j])
            T.reducer_update(last[i], H[i, j])
        k = 0
        for r in [total, low, high, both, any_, odd]:
            T.finalize_reducer(r, out[k, :])
            k = k + 1
        T.finalize_reducer(first, ends[0, :])
        T.finalize_reducer(last, ends[1, :])


@T.prim_func
def reducer_half(A: T.Tensor((4, 300), "float16"), out: T.Tensor((4,), "float16")):
    with T.Kernel(1, threads=128):
        acc = T.alloc_reducer((4,), "float16")
        T.reducer_init(acc, 0.5)
        for i, j in T.Parallel(4, 300):
            T.reducer_update(acc[i], A[i, j])
        T.finalize_reducer(acc, out)


@T.prim_func
def reducer_rows(A: T.Tensor((N, 4 * N), "float32"), rows: T.Tensor((N,), "float32"),
                 columns: T.Tensor((N,), "float32"), picked: T.Tensor((4,), "float32")):
    with T.Kernel(1, threads=128):
        tile = T.alloc_shared((N, N), "float32")
        by_row = T.alloc_reducer((N,), "float32")
        by_column = T.alloc_reducer((N,), "float32")
        by_class = T.alloc_reducer((4,), "float32")
        T.reducer_init(by_row)
        T.reducer_init(by_column)
        T.reducer_init(by_class)
        for k in T.Pipelined(4, num_stages=2):
            T.copy(A[0, k * N], tile)
            for i, j in T.Parallel(N, N):
                T.reducer_update(by_row[i], tile[i, j])
            for i, j in T.Parallel(N, N):
                T.reducer_update(by_column[j], tile[i, j])
            for i, j in T.Parallel(N, N):
                T.reducer_update(by_class[(i + j) % 4], tile[i, j])
        T.finalize_reducer(by_row, rows)
        T.finalize_reducer(by_column, columns)
        T.finalize_reducer(by_class, picked)


@T.prim_func
def reducer_epochs(A: T.Tensor((4 * N,), "float32"), S: T.Tensor((2,), "int32"),
                   B: T.Tensor((2,), "float32"), C: T.Tensor((2,), "float32")):
    with T.Kernel(2, threads=128) as bx:
        tile = T.alloc_fragment((N,), "float32")
        high = T.alloc_fragment((1,), "float32")
        part = T.alloc_fragment((1,), "float32")
        most = T.alloc_var("float32", init=-T.infinity("float32"))
        total = T.alloc_var("float32")
        for k in T.serial(4):
            T.copy(A[k * N], tile)
            new_max = T.alloc_reducer((1,), "float32", op="max")
            T.reducer_init(new_max, most)
            for i in T.Parallel(N):
                T.reducer_update(new_max[0], tile[i])
            T.finalize_reducer(new_max, high)
            new_sum = T.alloc_reducer((1,), "float32")
            T.reducer_init(new_sum)
            for i in T.Parallel(N):
                T.reducer_update(new_sum[0], T.exp(tile[i] - high[0]))
            T.finalize_reducer(new_sum, part)
            total = T.exp(most - high[0]) * total + part[0]
            most = high[0]
        B[bx] = T.log(total) + most
        acc = T.alloc_reducer((1,), "float32")
        T.reducer_init(acc)
        if S[bx] < 0:
            C[bx] = -1.0
        else:
            for i in T.Parallel(N):
                T.reducer_update(acc[0], A[i])
            T.finalize_reducer(acc, part)
            C[bx] = part[0]


@T.prim_func
def reducer_legacy(A: T.Tensor((N, N), "float16"), x: T.Tensor((N,), "float16"),
                   B: T.Tensor((N,), "float32"), C: T.Tensor((N,), "float32"),
                   D: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=128):
        acc = T.alloc_reducer(N, "float32", replication="all")
        less = T.alloc_reducer(N, "float32", replication="none")
        high = T.alloc_reducer(N, "float32", op="max", replication="all")
        T.clear(acc)
        T.clear(less)
        T.fill(high, -T.infinity("float32"))
        for i, j in T.Parallel(N, N):
            acc[i] += A[i, j] * x[j]
            less[i] -= A[i, j]
            high[i] = T.max(high[i], A[i, j])
        T.finalize_reducer(acc)
        T.finalize_reducer(less)
        T.finalize_reducer(high)
        for i in T.Parallel(N):
            acc[i] = acc[i] * 2.0  # an ordinary fragment from here on
        T.copy(acc, B)
        T.copy(high, C)
        T.copy(less, D)


@T.prim_func
def any_and_all(A: T.Tensor((8, N), "int32"), M: T.Tensor((8, 3), "bool"),
                rows: T.Tensor((4, 8), "bool"), whole: T.Tensor((2,), "bool")):
    with T.Kernel(1):
        s = T.alloc_shared((8, N), "int32")
        T.copy(A, s)
        for i in T.Parallel(8):
            rows[0, i] = T.any_of(s[i, :])
            rows[1, i] = T.all_of(A[i, 0:4])
            rows[2, i] = T.any_of(M[i, :]) and not T.all_of(M[i, :])
            rows[3, i] = T.any_of(A[i, N - 2:N + 2])  # past the end: 0
        if T.any_of(s):
            whole[0] = True
        whole[1] = T.all_of(s)


@T.prim_func
def dp4a_dots(A: T.Tensor((N, N), "int8"), B: T.Tensor((N, N), "int8"),
              C: T.Tensor((N,), "int32"), D: T.Tensor((1,), "int32")):
    with T.Kernel(1):
        a = T.alloc_local((4,), "int8")
        b = T.alloc_local((4,), "int8")
        c = T.alloc_local((1,), "int32")
        for i in T.Parallel(N):
            acc = T.alloc_var("int32", init=1000)
            for k in T.serial(N // 4):
                T.dp4a(A[i, k * 4], B[i, 4 * k:4 * k + 4], acc)
            C[i] = acc
        for k in T.serial(4):
            a[k] = A[0, k]
            b[k] = B[0, k]
        c[0] = 5
        T.dp4a(a, b, c)
        D[0] = c[0]
