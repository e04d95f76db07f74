"""More small kernels, one per rule of docs/rules.def: what is evaluated when, names, macros, types."""

import tilec.language as T

N = 64


@T.prim_func
def float_pairs(H: T.Tensor((N,), "float16"), B: T.Tensor((N,), "bfloat16"),
                E: T.Tensor((N,), "float8_e4m3fn"), F: T.Tensor((N,), "float32"),
                I: T.Tensor((N,), "int32"), out: T.Tensor((6, N), "float32")):
    with T.Kernel(1):
        for i in T.Parallel(N):
            out[0, i] = H[i] * F[i]  # the wider float
            out[1, i] = B[i] * H[i]  # float16: it wins over all but wider ones of its kind
            out[2, i] = E[i] * H[i]
            out[3, i] = B[i] * F[i]
            out[4, i] = B[i] * I[i]  # a narrow float wins over integers
            out[5, i] = H[i] * H[i] + H[i]  # rounded to float16 twice


@T.prim_func
def int_pairs(A: T.Tensor((N,), "int8"), U: T.Tensor((N,), "uint8"), I: T.Tensor((N,), "int32"),
              W: T.Tensor((N,), "uint32"), out: T.Tensor((4, N), "int64")):
    with T.Kernel(1):
        for i in T.Parallel(N):
            out[0, i] = A[i] + U[i]  # uint8
            out[1, i] = A[i] * I[i]  # int32
            out[2, i] = I[i] - W[i]  # uint32
            out[3, i] = (A[i] < 0) + I[i]  # a bool counts as 0 or 1


@T.prim_func
def deferred_compare(A: T.Tensor((N,), "int32"), B: T.Tensor((N,), "int32"),
                     out: T.Tensor((3, N), "bool")):
    with T.Kernel(1):
        for i in T.Parallel(N):
            same = A[i] == B[i]
            out[0, i] = same
            out[1, i] = A[i] != B[i]
            flag = T.alloc_var("bool")
            flag = A[i] == 3
            if flag:
                flag = 0 < B[i] < 4
            out[2, i] = flag


def count(x):
    if x > 2:  # a branch of the kernel: x is a run-time value
        return_value = 1
    else:
        return_value = 0
    return x + 1


class Shape:
    def __init__(self, rows):
        self.rows = rows


@T.prim_func
def compile_time(A: T.Tensor((N,), "float32"), out: T.Tensor((10, N), "float32")):
    steps = T.ceildiv(N, 16)
    with T.Kernel(1):
        if steps > 3:  # a Python int: only this branch exists
            rows = [0, 1, 2]
        shape = Shape(7)
        shape.rows = shape.rows + 1
        squares = [k**2 for k in range(3)]
        tile = T.alloc_shared((steps, N // steps), "float32")
        for i in T.Parallel(N):
            for k in rows:
                out[k, i] = A[i] + squares[k]
            out[3, i] = tile.shape[0] + shape.rows
            out[4, i] = T.pow(A[i], 3)
            out[5, i] = 2**10
            if A[i] > 0:
                out[6, i] = 1.0
            else:
                out[6, i] = -1.0
            x: T.int32 = A[i]  # the annotation converts nothing
            out[7, i] = x
            out[8, i] = count(A[i])
            A[0]
        for i in range(N):
            out[9, i] = i


@T.prim_func
def symbolic_prologue(A: T.Tensor((T.dynamic("n"),), "float32"), B: T.Tensor((T.dynamic("n"),), "float32")):
    n = T.dynamic("n")
    blocks = T.ceildiv(n, 16)
    half = blocks // 2
    with T.Kernel(blocks) as bx:
        for i in T.Parallel(16):
            B[bx * 16 + i] = A[bx * 16 + i] + (half if bx < half else 0)


@T.macro
def bump(x, amount, var: T.Ref):
    x = x + amount  # by value: the caller keeps its own
    var = var + x


@T.prim_func
def macro_arguments(out: T.Tensor((3,), "int32")):
    with T.Kernel(1):
        a = T.alloc_var("int32", init=5)
        total = T.alloc_var("int32")
        bump(a, 10, total)
        bump(a, 20, total)
        out[0] = a
        out[1] = total
        bump(1, 2, out[2])


@T.prim_func
def private_variables(A: T.Tensor((N,), "int32"), out: T.Tensor((2, N), "int32")):
    with T.Kernel(1):
        v = T.alloc_var("int32")
        zero = T.alloc_var("int32")
        three = T.alloc_var("int32", init=3)
        for i in T.Parallel(N):
            out[0, i] = three
            v = A[i]  # each iteration has its own
            v = v * 2
            out[1, i] = v + zero


@T.prim_func
def vector_wraps(A: T.Tensor((N,), "float32"), B: T.Tensor((8, 4), "float32")):
    with T.Kernel(1):
        for t in T.serial(4):
            B[t, 0:4] = A[T.Ramp(t - 2, 1, 4)]
        for t in T.serial(2):
            A[T.Ramp(t - 2, 32, 2)] = 7.0


@T.prim_func
def packed_neighbours(A: T.Tensor((N,), "int4"), B: T.Tensor((N,), "int4")):
    with T.Kernel(2) as bx:
        for i in T.Parallel(N // 2):
            B[2 * i + bx] = A[2 * i + bx]


@T.prim_func
def assumed(A: T.Tensor((T.dynamic("n"),), "float32"), B: T.Tensor((T.dynamic("n"),), "float32")):
    n = T.dynamic("n")
    T.assume(n % 16 == 0)
    with T.Kernel(n // 16) as bx:
        T.assume(bx < 1000)
        for i in T.Parallel(16):
            B[bx * 16 + i] = A[bx * 16 + i] * 2.0


@T.prim_func
def copy_extents(A: T.Tensor((N,), "float32"), out: T.Tensor((2, 32), "float32")):
    with T.Kernel(1):
        s = T.alloc_shared((N,), "float32")
        f = T.alloc_fragment((32,), "float32")
        T.fill(s, 9.0)
        T.copy(A[48:80], s[0:32])  # 16 elements inside, zeros for the rest
        T.copy(s[8:40], f[0:32])
        T.copy(f, out[0, 0])
        for i in T.Parallel(8):
            for j in T.Parallel(4):  # one loop over 8 x 4
                out[1, i * 4 + j] = s[i * 4 + j]


@T.prim_func
def transposed(A: T.Tensor((40, 24), "float32"), out: T.Tensor((32, 32), "float32")):
    with T.Kernel(1):
        s = T.alloc_shared((32, 32), "float32")
        T.transpose(A[16:48, 0:32], s)  # past the end: zeros
        T.copy(s, out)


@T.prim_func
def transposed_batches(A: T.Tensor((2, 3, 20, 24), "float32"), B: T.Tensor((5, 1, 7), "int32"),
                       out: T.Tensor((2, 3, 24, 20), "float32"), rows: T.Tensor((5, 7, 1), "int32"),
                       part: T.Tensor((3, 16, 8), "float32")):
    with T.Kernel(1):
        s = T.alloc_shared((3, 8, 16), "float32")
        T.transpose(A, out)
        T.transpose(B, rows)
        T.copy(A[1, :, 16:24, 0:16], s)  # past the end: zeros
        T.transpose(s, part)


@T.prim_func
def accumulator_rows(A: T.Tensor((32, 32), "float32"), out: T.Tensor((32,), "float32")):
    with T.Kernel(1):
        a = T.alloc_shared((32, 32), "float32")
        c = T.alloc_fragment((32, 32), "float32")
        T.copy(A, a)
        T.gemm(a, a, c, clear_accum=True)
        for i in T.Parallel(32):
            s = T.alloc_var("float32")
            for j in T.serial(32):
                s += c[i, j]
            out[i] = s


@T.prim_func
def gemm_forms(A: T.Tensor((32, 32), "float32"), B: T.Tensor((32, 32), "float32"),
               H: T.Tensor((32, 32), "float16"), C: T.Tensor((32, 32), "float32"),
               D: T.Tensor((32, 32), "float16")):
    with T.Kernel(1):
        c = T.alloc_fragment((1, 32, 32), "float32")
        h = T.alloc_shared((32, 32), "float16")
        d = T.alloc_fragment((32, 32), "float16")
        T.clear(c)
        T.gemm(A, B, c, policy=T.GemmWarpPolicy.FullRow, k_pack=2)  # operands in global memory
        T.copy(c[0, :, :], C)
        T.copy(H, h)
        T.gemm(h, h, d, clear_accum=True, policy=T.GemmWarpPolicy.FullCol)
        T.copy(d, D)


@T.prim_func
def pipeline_lists(A: T.Tensor((8, N), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1):
        s = T.alloc_shared((N,), "float32")
        acc = T.alloc_fragment((N,), "float32")
        T.clear(acc)
        for k in T.Pipelined(8, num_stages=2, order=[0, 1], stage=[0, 1]):
            T.copy(A[k, 0], s)
            for i in T.Parallel(N):
                acc[i] += s[i]
        T.copy(acc, B)


@T.prim_func
def odd_reductions(A: T.Tensor((7, 100), "float32"), out: T.Tensor((7, 1), "float32"),
                   back: T.Tensor((2, 100), "float32")):
    with T.Kernel(1, threads=96):
        a = T.alloc_fragment((7, 100), "float32")
        r = T.alloc_fragment((7, 1), "float32")
        T.copy(A, a)
        T.fill(r, 1000.0)
        T.reduce_sum(a, r, dim=1, clear=False, batch=3)
        T.copy(r, out)
        line = T.alloc_shared((100,), "float32")
        T.copy(A[0, :], line)
        T.cumsum(line, reverse=True)
        T.copy(line, back[0, :])
        T.cummax(A[0, :], back[1, :], dim=1)


@T.prim_func
def fast_forms(A: T.Tensor((N,), "float32"), out: T.Tensor((3, N), "float32")):
    with T.Kernel(1):
        for i in T.Parallel(N):
            out[0, i] = T.exp(A[i])
            out[1, i] = T.__exp(A[i])
            out[2, i] = T.exp(i % 4)


@T.prim_func
def both_sides(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1):
        for i in T.Parallel(N):
            taken = A[i] if A[i] > 0 else -1.0
            B[i] = T.Select(A[i] > 2, A[i + 1], taken)


@T.prim_func
def two_launches(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    work = T.alloc_global((N,), "float32")
    with T.Kernel(4) as bx:
        for i in T.Parallel(16):
            work[bx * 16 + i] = A[bx * 16 + i] + 1.0
    with T.Kernel(1):
        for i in T.Parallel(N):
            B[i] = work[N - 1 - i]


@T.prim_func
def unused_argument(A: T.Tensor((N,), "float32"), spare: T.Tensor((N,), "float32"),
                    B: T.Tensor((N,), "float32")):
    with T.Kernel(1):
        T.copy(A, B)


@T.prim_func
def strided(A: T.StridedTensor((8, 4), (1, 8), "float32"), B: T.Tensor((8, 4), "float32")):
    with T.Kernel(1):
        for i, j in T.Parallel(8, 4):
            B[i, j] = A[i, j] + 1.0
