"""Names of the language that no example uses; tests/run/names.py says what each computes."""

import tilec.language as T

N = 64


@T.prim_func
def buffer_annotation(A: T.Buffer((N,), "float32"), S: T.Buffer((8, 4), "float32", strides=(1, 8)),
                      C: T.Buffer((N,), "float32"), D: T.Buffer((8, 4), "float32")):
    with T.Kernel(1) as bx:
        T.func_attr({"tir.noalias": True})
        square = T.Buffer((8, 8), "float32", data=A.data)
        bits = T.Buffer((N,), "int32", data=C.data)
        for i, j in T.Parallel(8, 8):
            C[i * 8 + j] = square[j, i]
        for i in T.Parallel(8):
            bits[i] = 0
        for i, j in T.Parallel(8, 4):
            D[i, j] = S[i, j]


@T.macro
def gather(shared: T.SharedBuffer((16,), "float32"), tile: T.FragmentBuffer((16,), "float32"),
           weights: T.LocalBuffer((2,), "float32")):
    for i in T.Parallel(16):
        tile[i] = shared[15 - i] * weights[0] + weights[1]


@T.prim_func
def macro_annotations(A: T.Tensor((16,), "float32"), B: T.Tensor((16,), "float32")):
    with T.Kernel(1) as bx:
        s = T.alloc_shared(16, "float32")
        f = T.alloc_fragment((16,), "float32")
        w = T.alloc_local((2,), "float32")
        T.copy(A, s)
        w[0] = 3.0
        w[1] = -1.0
        gather(s, f, w)
        T.copy(f, B)


@T.prim_func
def handles(a: T.handle, b: T.handle("float32"), c: T.ptr("float32"), n: T.int32):
    A = T.match_buffer(a, (n, 4), "int16")
    B = T.match_buffer(b, (4, n), dtype="float32")
    with T.Kernel(1) as bx:
        C = T.make_tensor(c, (n,), "float32", strides=(2,))
        for i, j in T.Parallel(n, 4):
            B[j, i] = A[i, j]
        for i in T.Parallel(n):
            C[i] = A[i, 0]


@T.prim_func
def addresses(tables: T.Tensor((3,), T.ptr("float32")), n: T.int32):
    with T.Kernel(3) as bx:
        X = T.make_tensor_from_addr(tables[bx], (n, 2), "float32")
        for i in T.Parallel(n):
            X[i, 0], X[i, 1] = X[i, 1] * 2.0, X[i, 0]


@T.prim_func
def loop_names(A: T.Tensor((N,), "int32"), B: T.Tensor((4, N), "int32")):
    with T.Kernel(1) as bx:
        for i in T.parallel(N):
            B[0, i] = A[i] + 1
        for i in T.parallel(0, N):
            B[1, i] = A[i] + 2
        for i in T.Unroll(3, N, 4):
            B[2, i] = i
        for i in T.Unroll(0, N, unroll_factor=4):
            B[2, i] += A[i]
        for i in T.Vectorized(8, N):
            B[3, i] = A[i] * i
        for i in T.Serial(2, 5):
            B[3, i] = -i


@T.prim_func
def buffers(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
            C: T.Tensor((N,), "int16")):
    T.func_attr({"global_symbol": "buffers"})
    work = T.allocate((N,), "int16")
    wide = T.alloc_buffer((2, N), dtype="float32", scope="global")
    with T.Kernel(1) as bx:
        s = T.alloc_buffer((N,), "float32", scope="shared")
        f = T.alloc_buffer((N,), "float32", "local.fragment")
        one = T.allocate((1,), "float32", scope="local")
        T.copy(A, s)
        T.copy(s, f)
        one[0] = 0.5
        for i in T.Parallel(N):
            work[i] = f[N - 1 - i]
            wide[1, i] = f[i] + one[0]
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[N - 1 - i] = wide[1, i]
            C[i] = work[i]


@T.prim_func
def patches(image: T.Tensor((2, 6, 5, 3), "float32"), out: T.Tensor((4, 8, 28), "float32")):
    with T.Kernel(4) as bx:
        col = T.alloc_shared((8, 14), "float32")
        for k in T.serial(2):
            T.c2d_im2col(image, col, bx, k, 3, 2, 1, 1)
            T.copy(col, out[bx, 0:8, k * 14:k * 14 + 14])


@T.prim_func
def reduce_by_name(A: T.Tensor((4, N), "int32"), H: T.Tensor((4, N), "float16"),
                   out: T.Tensor((6, 4), "int32"), columns: T.Tensor((N,), "int32"),
                   with_nan: T.Tensor((4,), "float16")):
    with T.Kernel(1) as bx:
        a = T.alloc_shared((4, N), "int32")
        h = T.alloc_fragment((4, N), "float16")
        r = T.alloc_fragment((4,), "int32")
        c = T.alloc_fragment((N,), "int32")
        m = T.alloc_fragment((4,), "float16")
        T.copy(A, a)
        T.copy(H, h)
        T.reduce(a, r, "max", 1, True)
        T.copy(r, out[0, 0:4])
        T.reduce(a, r, "sum", 1, False)
        T.copy(r, out[1, 0:4])
        T.reduce(a, r, "abssum", 1, True)
        T.copy(r, out[2, 0:4])
        T.reduce(a, r, "bitand", 1, True)
        T.copy(r, out[3, 0:4])
        T.reduce(a, r, "bitxor", dim=1, clear=True)
        T.copy(r, out[4, 0:4])
        T.reduce(a, r, reduce_type="absmax", dim=1, clear=True)
        T.copy(r, out[5, 0:4])
        T.reduce(a, c, "min", 0, True)
        T.copy(c, columns)
        T.reduce(h, m, "min", 1, True, nan_propagate=True)
        T.copy(m, with_nan)


@T.prim_func
def atomic_names(A: T.Tensor((N,), "uint32"), bits: T.Tensor((2,), "uint32"),
                 pairs: T.Tensor((4, 2), "float32"), quad: T.Tensor((8,), "float16"),
                 before: T.Tensor((2,), "float32"), copies: T.Tensor((N,), "uint32"),
                 V: T.Tensor((4,), "float32")):
    with T.Kernel(4) as bx:
        v = T.alloc_local((2,), "float32")
        for i in T.Parallel(N):
            T.atomic_or(bits[0], A[i])
            T.atomic_or(bits[i % 2], 1 << bx, memory_order="release")
        for i in T.serial(3):
            T.atomic_addx2(pairs[bx, 0], V[2])
        T.atomic_addx2(pairs[bx, 0], T.float32x2(1.0, bx))
        T.atomic_addx4(quad[4], T.Broadcast(T.float16(0.5), 4))
        T.atomic_addx4(quad[0:4], V)
        T.atomic_addx2(pairs[bx, 0:2], V[2:4])
        T.atomic_addx2(pairs[bx, :], bx)
        T.atomic_addx2(pairs[bx], bx)
        if bx == 3:
            old = T.atomic_addx2(pairs[bx, 0], V[0:2], return_prev=True)
            v[0:2] = old
            before[0] = v[0]
            before[1] = v[1]
        for i in T.Parallel(N):
            T.atomic_store(copies[i], T.atomic_load(A[N - 1 - i], "acquire") + 1, "release")


@T.prim_func
def atomic_guards(A: T.Tensor((10,), "int32"), B: T.Tensor((10,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(16):
            T.atomic_store(B[i - 2], T.atomic_load(A[i]) + 5)


@T.prim_func
def divisions(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32"),
              out: T.Tensor((5, N), "int32")):
    with T.Kernel(1) as bx:
        rows = T.cdiv(N, 5)
        padded = T.align_up(N, 5)
        for i in T.Parallel(N):
            out[0, i] = T.cdiv(A[i], B[i])
            out[1, i] = T.indexdiv(A[i], B[i])
            out[2, i] = T.indexmod(A[i], B[i])
            out[3, i] = T.align_up(A[i], B[i])
            out[4, i] = rows * 1000 + padded


@T.prim_func
def scalar_math(A: T.Tensor((N,), "float32"), P: T.Tensor((N,), "float32"),
                out: T.Tensor((14, N), "float32"), whole: T.Tensor((2, N), "int32"),
                narrow: T.Tensor((2, N), "float16")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            out[0, i] = T.Select(A[i] > 0.0, A[i], P[i])
            out[1, i] = T.fabs(A[i])
            out[2, i] = T.expm1(A[i] * 0.001)
            out[3, i] = T.fma(A[i], P[i], -1.0)
            out[4, i] = T.__exp(A[i])
            out[5, i] = T.__exp10(A[i])
            out[6, i] = T.__log(P[i])
            out[7, i] = T.__log2(P[i])
            out[8, i] = T.__log10(P[i])
            out[9, i] = T.__sin(A[i])
            out[10, i] = T.__cos(A[i])
            out[11, i] = T.__tan(A[i])
            out[12, i] = T.Select(i % 2 == 0, i, A[i])
            out[13, i] = T.fma(i, 2, P[i])
            whole[0, i] = T.fabs(i - 9)
            whole[1, i] = T.Select(A[i] > P[i], 7, T.Select(i > 40, i, -i))
            narrow[0, i] = T.__exp(T.cast(A[i], "float16"))
            narrow[1, i] = T.fma(T.float16(A[i]), T.float16(3), T.float16(0.25))


@T.prim_func
def fused_once(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
               out: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            out[i] = T.fma(A[i], B[i], -(A[i] * B[i]))  # the error of the rounded product


@T.prim_func
def limits(i8: T.Tensor((2,), "int8"), u8: T.Tensor((2,), "uint8"), i16: T.Tensor((2,), "int16"),
           u16: T.Tensor((2,), "uint16"), i32: T.Tensor((2,), "int32"),
           u32: T.Tensor((2,), "uint32"), i64: T.Tensor((2,), "int64"),
           u64: T.Tensor((2,), "uint64"),
           f16: T.Tensor((2,), "float16"), bf16: T.Tensor((2,), "bfloat16"),
           f32: T.Tensor((2,), "float32"), f64: T.Tensor((2,), "float64"),
           e4: T.Tensor((2,), "float8_e4m3fn"), e5: T.Tensor((2,), "float8_e5m2"),
           room: T.Tensor((1,), "int32")):
    with T.Kernel(1) as bx:
        for B in (i8, u8, i16, u16, i32, u32, i64, u64, f16, bf16, f32, f64, e4, e5):
            B[0] = T.max_value(B.dtype)
            B[1] = T.min_value(B.dtype)
        if T.max_value("int32") > 5:  # known while staging
            room[0] = T.max_value("int32") - 5


@T.prim_func
def dtype_calls(A: T.Tensor((N,), "float32"), I: T.Tensor((N,), "int32"),
                i8: T.Tensor((N,), "int8"), u16: T.Tensor((N,), "uint16"),
                h: T.Tensor((N,), "float16"), out: T.Tensor((6, N), "int32"),
                wide: T.Tensor((N,), "int64"), yes: T.Tensor((N,), "bool")):
    with T.Kernel(1) as bx:
        half = T.dtype("float16")
        for i in T.Parallel(N):
            i8[i] = T.int8(I[i])
            u16[i] = T.uint16(I[i]) + T.uint16(65535)
            h[i] = half(A[i]) * half(0.1)
            out[0, i] = T.int32(A[i])
            out[1, i] = T.int8(100) + T.int8(I[i])
            out[2, i] = T.int32(T.uint8(I[i]))
            out[3, i] = T.dtype(A.dtype).bits + T.dtype(half).bytes
            out[4, i] = T.dtype(T.float32x4).lanes
            out[5, i] = T.float32(T.float16(A[i])) * 1000.0
            wide[i] = T.int64(I[i]) * 4294967296
            yes[i] = T.bool(I[i] % 3)


@T.prim_func
def vectors(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
            C: T.Tensor((N,), "float16"), D: T.Tensor((N,), "int32"), X: T.Tensor((N,), "float32"),
            Y: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        pairs = T.view(X, (N // 2,), "float32x2")
        lanes = T.alloc_local((4,), "int32")
        v = T.alloc_shared((N // 4,), "float32x4")
        for i in T.serial(N // 4):
            x = A[i * 4 : i * 4 + 4]
            B[i * 4 : i * 4 + 4] = x * T.float32x4(2.0) + T.float32x4(0.0, 1.0, 2.0, 3.0)
            v[i] = x
        for i in T.Parallel(N // 4):
            C[T.Ramp(i * 4, 1, 4)] = v[N // 4 - 1 - i]
            D[T.Ramp(i, 16, 4)] = T.Ramp(i, -1, 4) + T.Broadcast(10 * i, 4)
            D[T.Ramp(i, 16, 4)] += T.Broadcast(i, 4)
        for i in T.serial(4):
            lanes[i] = N - 1 - i * i
        for i in T.Parallel(N // 2):
            y = pairs[i] * T.float32x2(-1.0, A[i])
            Y[i * 2] = y[1]
            Y[i * 2 + 1] = y[0]
        Y[T.int32x4(0, -1, 1, 5)] = A[lanes[0:4]]


@T.prim_func
def coordinates(A: T.Tensor((3, 5, 7), "int32"), B: T.Tensor((105,), "int32"),
                at: T.Tensor((105, 3), "int32"), known: T.Tensor((3,), "int32")):
    with T.Kernel(1) as bx:
        here = T.index_to_coordinates(53, [3, 5, 7])
        for d in range(3):
            if d == 0:
                known[d] = here[0]
        known[1] = here[1]
        known[2] = here[2]
        for flat in T.Parallel(105):
            where = T.index_to_coordinates(flat, A.shape)
            B[flat] = A[where[0], where[1], where[2]]
            for d in T.serial(1):
                at[flat, 0] = where[0]
            at[flat, 1] = where[1]
            at[flat, 2] = where[2]


@T.prim_func
def evaluated(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            T.evaluate(T.atomic_add(B[i], A[i], return_prev=True))
            T.evaluate(A[i])
            T.evaluate(0)


@T.prim_func
def all_hints(A: T.Tensor((N, N), "float32"), B: T.Tensor((N, N), "float32")):
    T.annotate_pass_configs({"tl.disable_tma_lower": True})
    T.annotate_compile_flags(["-O3"])
    with T.Kernel(2, 2, threads=64) as (bx, by):
        T.annotate_l2_hit_ratio({A: 0.8})
        T.annotate_restrict_buffers(A, B)
        T.annotate_min_blocks_per_sm(2)
        T.no_set_max_nreg()
        T.disable_warp_group_reg_alloc()
        s = T.alloc_shared((32, 32), "float32")
        T.copy(A[by * 32, bx * 32], s)
        T.copy(s, B[bx * 32, by * 32])


@T.prim_func
def layouts(A: T.Tensor((7, 32, 32), "float16"), B: T.Tensor((7, 32, 32), "float16")):
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_shared((32, 32), "float16")
        b = T.alloc_shared((32, 32), "float16")
        c = T.alloc_shared((32, 32), "float16")
        d = T.alloc_shared((32, 32), "float16")
        e = T.alloc_shared((32, 32), "float16")
        g = T.alloc_shared((32, 32), "float16")
        f = T.alloc_fragment((32, 32), "float16")
        T.annotate_layout({
            a: T.make_swizzled_layout(a),
            b: T.make_full_bank_swizzled_layout(b),
            c: T.make_half_bank_swizzled_layout(c),
            d: T.make_quarter_bank_swizzled_layout(d),
            e: T.make_mma_swizzle_layout(e),
            g: T.make_linear_layout(g),
            f: T.Fragment((32, 32), forward_fn=lambda i, j: (i * 4 + j // 8, j % 8)),
        })
        T.copy(A[0, :, :], a)
        T.copy(A[1, :, :], b)
        T.copy(A[2, :, :], c)
        T.copy(A[3, :, :], d)
        T.copy(A[4, :, :], e)
        T.copy(A[5, :, :], g)
        T.copy(A[6, :, :], f)
        for i, j in T.Parallel(32, 32):
            B[0, i, j] = a[j, i]
            B[1, i, j] = b[j, i]
            B[2, i, j] = c[j, i]
            B[3, i, j] = d[j, i]
            B[4, i, j] = e[j, i]
            B[5, i, j] = g[j, i]
        T.copy(f, B[6, :, :])
