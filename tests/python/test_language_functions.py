"""Macros, helpers with and without source, objects and their methods, in kernels of a process."""

import collections
import dataclasses
import enum

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec.profiler import as_numpy


def run(func, *arrays, out_idx=-1):
    return as_numpy(tilec.compile(func, out_idx=out_idx)(*arrays))


def numbers(n=8):
    return np.arange(n, dtype=np.float32) - 3


def elementwise(apply, n=8):
    """A kernel that stores apply(A[i], i)."""

    @T.prim_func
    def main(A: T.Tensor((n,), T.float32), B: T.Tensor((n,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(n):
                B[i] = apply(A[i], i)

    return run(main, numbers(n))


@T.macro
def add_into(buffer, value, n=8):
    for i in T.Parallel(n):
        buffer[i] += value


def clamp(x, low=-1, high=2):
    """A helper in the same file, with a condition that Python could not evaluate."""
    if x < low:
        y = T.float32(low)
    return T.min(T.max(x, low), high)


def describe(n):
    return "large" if n > 4 else "small"


def recursive_sum(x, n):
    return x if n == 0 else recursive_sum(x, n - 1) + n


# ---- macros ----

def test_macro_of_the_module():
    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            T.copy(A, B)
            add_into(B, 2)
            add_into(B, value=A[0], n=4)

    a = numbers()
    want = a + 2
    want[:4] += a[0]
    assert np.array_equal(run(main, a), want)


def test_macro_that_closes_over_values_and_returns():
    def build(scale):
        @T.macro
        def scaled(x):
            y = x * scale
            return y, y + 1

        @T.macro
        def both(x):
            a, b = scaled(x)
            return a + b

        @T.prim_func
        def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                for i in T.Parallel(8):
                    B[i] = both(A[i])
        return main

    assert np.array_equal(run(build(3), numbers()), numbers() * 6 + 1)


def test_macro_with_a_reference():
    @T.macro
    def increase(x: T.Ref, by):
        x = x + by

    @T.prim_func
    def main(A: T.Tensor((1,), T.int32), B: T.Tensor((1,), T.int32)):
        with T.Kernel(1, threads=1):
            v = T.alloc_var(T.int32, init=5)
            increase(v, A[0])
            B[0] = v
            increase(B[0], 10)

    assert run(main, np.array([4], np.int32))[0] == 19


def test_macro_nested_in_the_kernel_function():
    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        @T.macro
        def store(i):
            B[i] = A[i] + 1
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                store(i)

    assert np.array_equal(run(main, numbers()), numbers() + 1)


def test_macro_outside_a_kernel():
    with pytest.raises(TypeError, match="in a kernel"):
        add_into(None, 1)


# ---- functions with text ----

def test_helpers_are_evaluated():
    # Not inside of asserts, which pytest may compile anew without the places of lambdas.
    found = [elementwise(lambda x, i: clamp(x)),
             elementwise(lambda x, i: clamp(x, high=0)),
             elementwise(lambda x, i: recursive_sum(x, 3)),
             elementwise(lambda x, i: x + len(describe(8)))]
    wanted = [np.clip(numbers(), -1, 2), np.clip(numbers(), -1, 0), numbers() + 6, numbers() + 5]
    assert all(map(np.array_equal, found, wanted))


def test_two_lambdas_on_a_line():
    first, second = lambda x, i: x + 1, lambda x, i: x + 2
    assert np.array_equal(elementwise(second), numbers() + 2)
    assert np.array_equal(elementwise(first), numbers() + 1)


def test_defaults_are_those_of_the_definition():
    made = [lambda x, i, k=k: x * k for k in (2, 5)]
    assert np.array_equal(elementwise(made[0]), numbers() * 2)
    assert np.array_equal(elementwise(made[1]), numbers() * 5)


# ---- functions without text ----

def without_source(text, name, **names):
    scope = dict(names)
    exec(text, scope)  # pylint: disable=exec-used
    return scope[name]


def test_function_without_source_is_called():
    seen = []
    f = without_source("def f(x, i):\n    seen.append(i)\n    return 3 * x - x / 2 + (-i)", "f",
                       seen=seen)
    assert np.array_equal(elementwise(f), 2.5 * numbers() - np.arange(8))
    assert seen and "compiled" in repr(seen[0])


def test_function_without_source_calls_operations():
    f = without_source("def f(x, i):\n    return T.max(x, T.cast(i, T.float32))", "f", T=T)
    assert np.array_equal(elementwise(f), np.maximum(numbers(), np.arange(8)))


def test_function_without_source_allocates_and_stores():
    f = without_source("""
def prepare(A, n):
    s = T.alloc_shared((n,), A.dtype)
    T.copy(A, s)
    add_into(s, 1)
    s[0] = 100
    return s, A.shape[0]
""", "prepare", T=T, add_into=add_into)

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            s, n = f(A, 8)
            assert n == 8
            T.copy(s, B)

    want = numbers() + 1
    want[0] = 100
    assert np.array_equal(run(main, numbers()), want)


def test_function_without_source_that_needs_text():
    f = without_source("def f(x, i):\n    return 1.0 if x > 0 else 2.0", "f")
    with pytest.raises(tilec.CompileError, match="known at compile time"):
        elementwise(f)
    g = without_source("def f(x, i):\n    for k in T.serial(4):\n        x = x + k\n    return x", "f",
                       T=T)
    with pytest.raises(tilec.CompileError, match="a loop is only possible in text") as caught:
        elementwise(g)
    if hasattr(caught.value, "add_note"):
        assert "E0253" in " ".join(caught.value.__notes__)


def test_builtins_and_the_library():
    import random
    import statistics
    generator = random.Random(7)
    values = [generator.randint(0, 9) for _ in range(4)]

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                B[i] = A[i] + statistics.median(values) + sorted(values)[0] + abs(-2) \
                    + divmod(7, 2)[1] + round(2.6) + len(list(zip(values, "abcd")))

    want = numbers() + statistics.median(values) + min(values) + 2 + 1 + 3 + 4
    assert np.array_equal(run(main, numbers()), want)


# ---- objects ----

class Mode(enum.Enum):
    FAST = "fast"
    EXACT = "exact"


@dataclasses.dataclass
class Config:
    block: int
    mode: Mode = Mode.FAST

    @property
    def threads(self):
        return self.block * 2

    def emit(self, A, B, bx):
        """A method that holds a part of a kernel."""
        for i in T.Parallel(self.block):
            B[bx * self.block + i] = A[bx * self.block + i] + (1 if self.mode is Mode.FAST else 2)


Point = collections.namedtuple("Point", "x y")


def test_objects():
    config = Config(4)
    point = Point(10, y=20)

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(8 // config.block, threads=config.threads) as bx:
            config.emit(A, B, bx)
            if bx == 0:
                B[0] = point.x + point[1] + len(point)

    want = numbers() + 1
    want[0] = 32
    assert np.array_equal(run(main, numbers()), want)
    config.mode = Mode.EXACT  # too late: a kernel is what it was when it was defined
    assert np.array_equal(run(main, numbers()), want)


def test_objects_of_numpy():
    size, row = np.int64(8), np.array([1, 2, 3], np.int64)

    @T.prim_func
    def main(A: T.Tensor((size,), np.float32), B: T.Tensor((8,), np.dtype("float32"))):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(size):
                B[i] = A[i] * row[1] + row.sum() + row.shape[0]

    assert np.array_equal(run(main, numbers()), numbers() * 2 + 9)


class Vector:
    """An object with operators of its own, also from the right."""

    def __init__(self, k):
        self.k = k

    def __radd__(self, other):
        return other * self.k

    def __contains__(self, item):
        return item == self.k

    def __bool__(self):
        return self.k > 0

    def __iter__(self):
        return iter(range(self.k))

    def __getitem__(self, i):
        return i + self.k

    def __len__(self):
        return self.k


def test_operators_of_objects():
    v, empty = Vector(3), Vector(0)

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                B[i] = (A[i] + v) + v[2] + len(v) + (3 in v) + (100 if empty else 0)
            for k in v:
                B[k] = k

    want = numbers() * 3 + 5 + 3 + 1
    want[:3] = range(3)
    assert np.array_equal(run(main, numbers()), want)


def test_objects_receive_what_kernels_store():
    log = {}

    class Log:
        def __setitem__(self, key, value):
            log[key] = value

    sink, holder = Log(), Config(1)

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            sink["n"] = A.shape[0]
            holder.block = 8
            for i in T.Parallel(holder.block):
                B[i] = A[i]

    assert np.array_equal(run(main, numbers()), numbers())
    assert log == {"n": 8} and holder.block == 8


def test_an_int_that_is_no_64_bit_number():
    huge = 1 << 70

    with pytest.raises(OverflowError, match="64 bits"):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                B[0] = A[0] + huge


SCALE = 2


def scaled(x):
    return x * SCALE


def test_a_kernel_is_what_it_was_when_it_was_defined(monkeypatch):
    calls = []
    count = without_source("def count(x):\n    calls.append(1)\n    return x + T.float32(len(calls))",
                           "count", calls=calls, T=T)

    @T.macro
    def stored(buffer, i, x):
        buffer[i] = x

    @T.prim_func
    def main(A: T.Tensor((8,), T.float32), B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                stored(B, i, count(scaled(A[i])))

    monkeypatch.setitem(globals(), "SCALE", 3)
    kernel = tilec.compile(main, out_idx=1)
    assert np.array_equal(as_numpy(kernel(numbers())), numbers() * 2 + 1)
    assert "2" in kernel.get_kernel_source() and len(calls) == 1
    assert np.array_equal(run(main, numbers()), numbers() * 2 + 1) and len(calls) == 1
