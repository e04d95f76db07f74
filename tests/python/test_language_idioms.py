"""Each way in which kernels are written, on small arrays against NumPy."""

import functools
import math

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec.profiler import as_numpy

N_MODULE = 24
SCALES = {"small": 2, "large": 5}


def run(func, *arrays, out_idx=-1):
    return as_numpy(tilec.compile(func, out_idx=out_idx)(*arrays))


def numbers(*shape):
    return (np.arange(np.prod(shape), dtype=np.float32) % 17 - 5).reshape(shape)


def test_loops():
    @T.prim_func
    def main(A: T.Tensor((8, 16), T.float32), B: T.Tensor((8, 16), T.float32)):
        with T.Kernel(2, threads=32) as bx:
            s = T.alloc_shared((4, 16), T.float32)
            T.copy(A[bx * 4, 0], s)
            for i, j in T.Parallel(4, 16):
                s[i, j] = s[i, j] * 2
            for k in T.serial(3):
                for i, j in T.Parallel(4, 16):
                    s[i, j] += k
            for k in range(2):
                for i, j in T.Parallel(4, 16):
                    s[i, j] -= k
            for k in T.unroll(2):
                for i, j in T.Parallel(4, 16):
                    s[i, j] = s[i, j] + k
            T.copy(s, B[bx * 4:bx * 4 + 4, :])

    a = numbers(8, 16)
    assert np.array_equal(run(main, a), a * 2 + 3)


def test_pipelined_product():
    M = K = 64

    @tilec.jit(out_idx=[2])
    def matmul(N, block=32, dtype=T.float32, accum=T.float32):
        @T.prim_func
        def main(A: T.Tensor((M, K), dtype), B: T.Tensor((K, N), dtype),
                 C: T.Tensor((M, N), dtype)):
            with T.Kernel(T.ceildiv(N, block), T.ceildiv(M, block), threads=128) as (bx, by):
                As = T.alloc_shared((block, block), dtype)
                Bs = T.alloc_shared((block, block), dtype)
                Cl = T.alloc_fragment((block, block), accum)
                T.clear(Cl)
                for k in T.Pipelined(T.ceildiv(K, block), num_stages=2):
                    T.copy(A[by * block, k * block], As)
                    T.copy(B[k * block, bx * block], Bs)
                    T.gemm(As, Bs, Cl, policy=T.GemmWarpPolicy.FullRow)
                T.copy(Cl, C[by * block, bx * block])
        return main

    a, b = numbers(M, K), numbers(K, 96)
    np.testing.assert_allclose(as_numpy(matmul(96)(a, b)), a @ b, rtol=1e-5)


def test_if_with_compile_time_and_run_time_conditions():
    def build(mode, bias=None):
        @T.prim_func
        def main(A: T.Tensor((32,), T.float32), B: T.Tensor((32,), T.float32)):
            with T.Kernel(1, threads=32):
                for i in T.Parallel(32):
                    if mode == "relu":
                        B[i] = T.max(A[i], 0)
                    elif mode == "abs" and bias is None:
                        B[i] = T.abs(A[i])
                    else:
                        B[i] = A[i] + bias
                    if i % 2 == 0:
                        B[i] = B[i] * 2
                    else:
                        B[i] = B[i] + 1
        return main

    a = numbers(32)
    for mode, bias, want in (("relu", None, np.maximum(a, 0)), ("abs", None, np.abs(a)),
                             ("add", 4, a + 4)):
        expected = np.where(np.arange(32) % 2 == 0, want * 2, want + 1)
        assert np.array_equal(run(build(mode, bias), a), expected)


def test_ternary_logic_and_chained_comparison():
    @T.prim_func
    def main(A: T.Tensor((32,), T.float32), I: T.Tensor((32,), T.int32),
             B: T.Tensor((32,), T.float32)):
        with T.Kernel(1, threads=32):
            for i in T.Parallel(32):
                near = I[i] if 0 <= I[i] < 32 else 0
                ok = I[i] >= 0 and A[near] > 0
                B[i] = A[near] if ok or not I[i] < 40 else -1.0

    a, index = numbers(32), (np.arange(32, dtype=np.int32) * 3 - 8)
    inside = np.where((index >= 0) & (index < 32), index, 0)
    ok = (index >= 0) & (a[inside] > 0) | ~(index < 40)
    assert np.array_equal(run(main, a, index), np.where(ok, a[inside], -1))


def test_while_break_and_alloc_var():
    @T.prim_func
    def main(A: T.Tensor((32,), T.int32), B: T.Tensor((1,), T.int32)):
        with T.Kernel(1, threads=1):
            i = T.alloc_var(T.int32, init=0)
            total = T.alloc_var(T.int32)
            while i < 32:
                total = total + A[i]
                i += 1
            for k in T.serial(32):
                if k > 3:
                    break
                total += k
            B[0] = total

    a = np.arange(32, dtype=np.int32)
    assert run(main, a)[0] == a.sum() + 6


def test_assignments():
    @T.prim_func
    def main(A: T.Tensor((8,), T.int32), B: T.Tensor((8,), T.int32)):
        with T.Kernel(1, threads=1):
            a, b = A[0], A[1]
            a, b = b, a
            c = d = a + b
            shape = B.shape
            (n,) = shape
            x: T.int32 = n * 2
            B[0], B[1] = a, b
            B[2] = c
            B[3] = d
            B[4] = x
            B[5] = 7
            B[5] += 1
            B[5] *= 2
            B[6] = -A[2] // 2 % 3
            B[7] = (A[3] << 2) ^ (A[3] & 1) | 2 ** 4

    a = np.arange(8, dtype=np.int32) + 3
    assert list(run(main, a)) == [4, 3, 7, 7, 16, 16, -5 // 2 % 3, (6 << 2) ^ 0 | 16]


def test_what_is_captured():
    blocks = [4, 8]
    local = {"scale": 3, "offset": (1, 2)}

    @T.prim_func
    def main(A: T.Tensor((N_MODULE,), T.float32), B: T.Tensor((N_MODULE,), T.float32)):
        with T.Kernel(N_MODULE // blocks[1], threads=32) as bx:
            for i in T.Parallel(blocks[-1]):
                at = bx * 8 + i
                B[at] = A[at] * local["scale"] + sum(local["offset"]) + SCALES["large"] \
                    + len(blocks) + math.floor(math.log2(blocks[0])) + max(blocks) \
                    + int("small" in SCALES)

    a = numbers(N_MODULE)
    assert np.array_equal(run(main, a), a * 3 + 3 + 5 + 2 + 2 + 8 + 1)


def test_names_are_those_of_the_definition():
    made = []
    for factor in (2, 3):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                for i in T.Parallel(8):
                    B[i] = A[i] * factor
        made.append(main)
    factor = 100
    a = numbers(8)
    assert np.array_equal(run(made[0], a), a * 2)
    assert np.array_equal(run(made[1], a), a * 3)


def test_annotations_use_names_around():
    def build(rows, dtype):
        kind = T.Tensor((rows, 4), dtype)

        @T.prim_func
        def main(A: kind, B: T.Tensor[(rows, 4), dtype], scale: T.float32):
            with T.Kernel(1, threads=4):
                for i, j in T.Parallel(A.shape[0], A.shape[1]):
                    B[i, j] = A[i, j] * scale
        return main

    a = numbers(5, 4)
    assert np.array_equal(as_numpy(tilec.compile(build(5, "float32"), out_idx=1)(a, 2.0)), a * 2)


def test_dynamic_dimensions():
    M, N = T.dynamic("M, N")

    @T.prim_func
    def main(A: T.Tensor((M, N), T.float32), B: T.Tensor((N, M), T.float32)):
        with T.Kernel(T.ceildiv(M, 8), T.ceildiv(N, 8), threads=64) as (bx, by):
            for i, j in T.Parallel(8, 8):
                B[by * 8 + j, bx * 8 + i] = A[bx * 8 + i, by * 8 + j]

    kernel = tilec.compile(main, out_idx=[1])
    for shape in ((3, 5), (16, 9), (1, 1)):
        a = numbers(*shape)
        assert np.array_equal(as_numpy(kernel(a)), a.T)


def test_arithmetic_of_dynamic_dimensions_outside():
    n = T.dynamic("n")
    padded = T.ceildiv(n, 4) * 4
    assert not isinstance(padded, int)

    @T.prim_func
    def main(A: T.Tensor((n,), T.float32), B: T.Tensor((padded,), T.float32)):
        with T.Kernel(padded // 4, threads=4) as bx:
            for i in T.Parallel(4):
                B[bx * 4 + i] = T.if_then_else(bx * 4 + i < n, A[bx * 4 + i], -1.0)

    a = numbers(6)
    assert list(as_numpy(tilec.compile(main, out_idx=1)(a))) == list(a) + [-1, -1]
    with pytest.raises(TypeError):
        bool(n == 4)


def test_two_kernels_with_a_workspace():
    @T.prim_func
    def main(A: T.Tensor((16,), T.float32), B: T.Tensor((1,), T.float32)):
        w = T.alloc_global((4,), T.float32)
        with T.Kernel(4, threads=1) as bx:
            total = T.alloc_var(T.float32)
            for i in T.serial(4):
                total += A[bx * 4 + i]
            w[bx] = total
        with T.Kernel(1, threads=1):
            B[0] = w[0] + w[1] + w[2] + w[3]

    a = numbers(16)
    assert run(main, a)[0] == a.sum()


def test_reductions_and_fragments():
    @T.prim_func
    def main(A: T.Tensor((8, 32), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=32):
            f = T.alloc_fragment((8, 32), T.float32)
            m = T.alloc_fragment((8,), T.float32)
            s = T.alloc_fragment((8,), T.float32)
            T.copy(A, f)
            T.reduce_max(f, m, dim=1)
            for i, j in T.Parallel(8, 32):
                f[i, j] = T.exp2(f[i, j] - m[i])
            T.reduce_sum(f, s, dim=1)
            T.copy(s, B)

    a = numbers(8, 32)
    want = np.exp2(a - a.max(1, keepdims=True)).sum(1)
    np.testing.assert_allclose(run(main, a), want, rtol=1e-5)


def test_formatted_text_and_dtype_values():
    dtype, accum = "float16", T.float32
    assert T.float16 == "float16" and T.float16.bits == 16 and T.dtype("half") is not None

    @T.prim_func
    def main(A: T.Tensor((8,), dtype), B: T.Tensor((8,), accum)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                assert accum.bits == 32, f"wanted 32 bits, found {accum}"
                B[i] = T.cast(A[i], accum) + T.float32(accum.bits) + (accum == "float32")

    a = numbers(8).astype(np.float16)
    assert np.array_equal(run(main, a), a.astype(np.float32) + 33)


def test_lambdas_and_functions_as_values():
    operations = {"twice": lambda x: x * 2, "halve": lambda x: x / 2}
    compose = functools.partial(lambda f, g, x: f(g(x)), operations["twice"])
    import_here = True

    def build(name):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                for i in T.Parallel(8):
                    pick = operations[name]
                    B[i] = compose(pick, A[i]) + (1 if import_here else 0)
        return main

    a = numbers(8)
    assert np.array_equal(run(build("twice"), a), a * 4 + 1)
    assert np.array_equal(run(build("halve"), a), a + 1)


def test_imports_inside_a_kernel():
    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        import math as mathematics
        from operator import add
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                B[i] = add(A[i], mathematics.ceil(1.5))

    a = numbers(8)
    assert np.array_equal(run(main, a), a + 2)


def test_layouts_and_hints():
    @T.prim_func
    def main(A: T.Tensor((16, 32), T.float16), B: T.Tensor((16, 32), T.float16)):
        with T.Kernel(1, threads=32):
            s = T.alloc_shared((16, 32), T.float16)
            T.annotate_layout({s: tilec.layout.make_swizzled_layout(s)})
            T.use_swizzle(10)
            T.copy(A, s)
            T.copy(s, B)

    a = numbers(16, 32).astype(np.float16)
    assert np.array_equal(run(main, a), a)


def test_layout_from_a_lambda_outside():
    layout = T.Layout((16, 32), lambda i, j: (j, i))

    @T.prim_func
    def main(A: T.Tensor((16, 32), T.float16), B: T.Tensor((16, 32), T.float16)):
        with T.Kernel(1, threads=32):
            s = T.alloc_shared((16, 32), T.float16)
            T.annotate_layout({s: layout})
            T.copy(A, s)
            T.copy(s, B)

    a = numbers(16, 32).astype(np.float16)
    assert np.array_equal(run(main, a), a)
