"""Kernels written in odd places, and what programs do with them: copies, pickles, other processes;
arguments that are no arrays."""

import array
import copy
import functools
import linecache
import multiprocessing
import pickle

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec.autotuner import autotune


def filling(value):
    @T.prim_func
    def main(A: T.Tensor((4,), "float32")):
        with T.Kernel(1, threads=4):
            for i in T.Parallel(4):
                A[i] = value
    return main


@tilec.jit(target="interp")
def eager(A, value=3):
    N = T.const("N")
    A: T.Tensor((N,), "float32")
    with T.Kernel(1, threads=4):
        for i in T.Parallel(N):
            A[i] = value


@tilec.jit(target="interp")
def lazy(value):
    return filling(value)


@autotune(configs=[{"value": 1}, {"value": 2}])
@tilec.jit(target="interp")
def tuned(value=1):
    return filling(value)


@T.macro
def put(A, i, value):
    A[i] = value


def run(kernel, *more, n=4):
    a = np.zeros(n, np.float32)
    kernel(a, *more)
    return a.tolist()


# ---- where functions stand ----

def test_lines_at_the_margin():
    """Texts and comments in the body may begin before the block does."""
    @tilec.jit(target="interp")
    def texts(A):
        A: T.Tensor((4,), "float32")
        text = """
one
"""
# a comment
        with T.Kernel(1, threads=1):
            A[0] = len(text)

    assert texts.mode == "eager" and run(texts)[0] == 5


def test_lambda():
    factory = tilec.jit(lambda value: filling(value), target="interp")
    assert factory.mode == "lazy" and run(factory(2)) == [2] * 4
    pair = [tilec.jit(f, target="interp") for f in (lambda: filling(1), lambda: filling(5))]
    assert [run(f())[0] for f in pair] == [1, 5]


def test_wrapped():
    def deco(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **kwargs)
        return inner

    assert run(tilec.jit(deco(lazy.func), target="interp")(6)) == [6] * 4
    with pytest.raises(TypeError, match="found ndarray: .* has no T.Kernel of its own"):
        run(tilec.jit(deco(eager.func), target="interp"))


CELL = """
import tilec, tilec.language as T
@tilec.jit(target="interp")
def cell(A):
    N = T.const("N")
    A: T.Tensor((N,), "float32")
    with T.Kernel(1, threads=1):
        A[0] = %d
"""


def notebook(text, name, flags=0):
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    names = {}
    exec(compile(text, name, "exec", flags=flags, dont_inherit=True), names)
    return names["cell"]


def test_a_cell_that_another_replaced():
    """A function whose text is gone is not compiled from the text in its place."""
    first = notebook(CELL % 7, "<cell 1>")
    assert run(first)[0] == 7
    second = notebook(CELL % 9, "<cell 1>")
    assert run(second)[0] == 9 and run(first)[0] == 7
    with pytest.raises(OSError, match="was changed since 'cell' was defined"):
        run(first, n=5)
    assert run(notebook(CELL % 7, "<cell 1>"), n=5)[0] == 7


def test_a_cell_compiled_in_a_session_with_a_future():
    """The statement stood in an earlier cell; annotations are texts from then on."""
    import __future__
    text = CELL.replace("def cell(A):", "def cell(A, k: int = 1):\n    def inner(x: int): return x")
    flags = __future__.annotations.compiler_flag
    assert run(notebook(text % 4, "<cell 2>", flags))[0] == 4


FUNCTION = """
import tilec, tilec.language as T
@T.prim_func
def function(A: T.Tensor((4,), "float32")):
    with T.Kernel(1, threads=1):
        A[0] = 1
"""


@pytest.mark.parametrize("text, kind", [(CELL % 1, OSError), (FUNCTION, tilec.CompileError)])
def test_text_that_is_nowhere(text, kind):
    names = {}
    with pytest.raises(kind, match="source .* cannot be found"):
        exec(compile(text, "<nowhere>", "exec"), names)
        run(names["cell"])


# ---- copies and pickles ----

@pytest.mark.parametrize("thing", [eager, lazy, tuned, put, filling(1)],
                         ids=["eager", "lazy", "tuned", "macro", "prim_func"])
def test_copies_are_the_thing(thing):
    assert copy.copy(thing) is thing and copy.deepcopy(thing) is thing
    assert copy.deepcopy({"model": [thing]})["model"][0] is thing


def test_copies_of_kernels():
    kernel = lazy(2)
    for other in (copy.copy(kernel), copy.deepcopy(kernel)):
        assert other is not kernel and run(other) == [2] * 4
        other.update_tuner_result(latency=1.0)
        assert kernel.latency is None


def test_pickles_go_by_name():
    for thing in (eager, lazy, tuned, put):
        assert pickle.loads(pickle.dumps(thing)) is thing
    with pytest.raises((pickle.PicklingError, AttributeError), match="filling.<locals>.main"):
        pickle.dumps(filling(1))
    with pytest.raises(TypeError, match="compiled kernel cannot be pickled: .*export_library"):
        pickle.dumps(lazy(1))


def test_a_spawned_process_gets_a_function():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(run, [(eager, 5), (eager, 6)], chunksize=2) == [[5] * 4, [6] * 4]


# ---- arguments ----

class WithoutShape:
    """All that DLPack asks for."""

    def __init__(self, of):
        self.of = of

    def __dlpack__(self, **kwargs):
        return self.of.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.of.__dlpack_device__()


class Lying(WithoutShape):
    shape = 7


@pytest.mark.over_ffi
@pytest.mark.parametrize("value", [
    memoryview(bytearray(16)), array.array("f", [0] * 4), bytearray(16), [0.0] * 4, (0.0,) * 4,
    "text", None, 3, 2.5, True, np.float32(1), np.ndarray, range(4), object(), 1j,
    np.zeros(4, np.complex64), np.zeros(4, bool)], ids=repr)
def test_no_array_of_float32(value):
    """The same error from an eager function and from a kernel: TypeError, and of ours."""
    for call in (eager, eager.compile(N=4)):
        with pytest.raises(TypeError, match="float32|hashable"):
            call(value)


@pytest.mark.over_ffi
@pytest.mark.parametrize("value", [
    np.array(0, np.float32), np.zeros((2, 2), np.float32), np.zeros(8, np.float32)[::2],
    np.zeros(4, np.float32)[::-1], np.zeros(17, np.uint8)[1:].view(np.float32)[:4],
    np.zeros(0, np.float32)], ids=["0-d", "2-d", "step", "backwards", "misaligned", "empty"])
def test_arrays_of_another_form(value):
    for call in (eager, eager.compile(N=4)):
        if value.size == 0 and call is eager:
            continue  # a kernel of its own, with nothing to do
        with pytest.raises(ValueError, match="argument 'A'"):
            call(value)


@pytest.mark.over_ffi
@pytest.mark.parametrize("dtype", [">f4", "O", "U1", "datetime64[s]", [("a", "f4")]], ids=str)
def test_arrays_that_numpy_does_not_hand_out(dtype):
    for call in (eager, eager.compile(N=4)):
        with pytest.raises((BufferError, TypeError)):
            call(np.zeros(4, dtype))


@pytest.mark.over_ffi
def test_dlpack_alone():
    a = np.zeros(4, np.float32)
    eager(WithoutShape(a), 8)
    assert a.tolist() == [8] * 4
    with pytest.raises(TypeError, match="'A' is a Lying whose shape is 7"):
        eager(Lying(a))
