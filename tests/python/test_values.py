"""Values of a kernel in the hands of Python code that the compiler cannot read: what operators do on
them, what they are afterwards, and how often such code runs."""

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec._values import Buffer, Expr, Var
from tilec.profiler import as_numpy


def opaque(text, **names):
    """A function without a text: the compiler calls it."""
    scope = dict(names, T=T)
    exec("made = lambda *a: " + text, scope)  # pylint: disable=exec-used
    return scope["made"]


def stored(function, n=8):
    """What B is when B[i] = function(A, i), with A[i] = i - 3."""
    @T.prim_func
    def main(A: T.Tensor((n,), T.float32), B: T.Tensor((n,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(n):
                B[i] = function(A, i)
    a = np.arange(n, dtype=np.float32) - 3
    return a, as_numpy(tilec.compile(main, out_idx=-1, target="cpu")(a))


@pytest.mark.parametrize("text, want", [
    ("a[0][a[1]] * 2 + 1", lambda x, i: x * 2 + 1), ("1 - a[0][a[1]]", lambda x, i: 1 - x),
    ("-a[0][a[1]]", lambda x, i: -x), ("a[1] // 2 * 3 % 4", lambda x, i: i // 2 * 3 % 4),
    ("2.5 * a[1]", lambda x, i: 2.5 * i), ("7 // (a[1] + 1)", lambda x, i: 7 // (i + 1)),
    ("(a[1] << 2) | 1", lambda x, i: i << 2 | 1), ("a[1] ^ 5", lambda x, i: i ^ 5),
    ("T.max(a[0][a[1]], 0)", lambda x, i: np.maximum(x, 0)),
    ("T.if_then_else(a[1] < 4, a[0][a[1]], 9)", lambda x, i: np.where(i < 4, x, 9)),
    ("T.Cast(T.float32, a[1] >= 2)", lambda x, i: i >= 2),
    ("a[0][a[1]].astype('int32') + len(a[0].shape)", lambda x, i: x + 1),
    ("(a[0].shape[0] - 1) + True", lambda x, i: 0 * i + 8),
    ("a[0][a[1]] / 2", lambda x, i: x / 2)])
def test_operators(text, want):
    a, b = stored(opaque(text))
    assert (b == want(a, np.arange(8))).all()


def test_types():
    seen = []
    stored(opaque("kept.extend([a[0], a[1], a[1] + 1, a[0][a[1]]]) or 0.0", kept=seen))
    buffer, loop, sum_, element = seen[:4]
    assert (type(buffer), type(loop), type(sum_), type(element)) == (Buffer, Var, Expr, Expr)
    assert all(value.op == "staged" and value.evaluation and value.number for value in seen)
    assert len({value.evaluation for value in seen[:4]}) == 1


def test_attributes():
    seen = []
    stored(opaque("kept.append((a[0].shape, a[0].dtype, a[0].name, a[1].name, hasattr(a[0], 'no'),"
                  " repr(a[1]), str(a[1] + 1))) or 0.0", kept=seen))
    shape, dtype, name, loop, odd, *texts = seen[0]
    assert (tuple(shape), dtype, name, loop, odd) == ((8,), "float32", "A", "i", False)
    assert all(isinstance(text, str) and "i" in text for text in texts)


def test_stores():
    put = opaque("a[0].__setitem__(a[1], a[1] * 3)")

    @T.prim_func
    def main(B: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                put(B, i)
    b = np.zeros(8, np.float32)
    tilec.compile(main, target="cpu")(b)
    assert (b == np.arange(8) * 3).all()


def test_nothing_of_a_kernel_is_left():
    seen = []
    stored(opaque("kept.append(a[0]) or 0.0", kept=seen))
    buffer = seen[0]
    assert "compiled" in repr(buffer) and "compiled" in str(buffer)
    uses = [lambda: buffer[0], lambda: buffer[0] + 1, lambda: buffer.shape, lambda: len(buffer),
            lambda: buffer == 1, lambda: bool(buffer), lambda: T.Tensor((buffer,), "int8"),
            lambda: T.max(buffer, 1)]
    for use in uses:
        with pytest.raises(RuntimeError):
            use()
    with pytest.raises(RuntimeError, match="another kernel"):
        stored(opaque("kept[0][0]", kept=seen))
    with pytest.raises(RuntimeError, match="another kernel"):
        stored(opaque("a[0][0] + kept[0]", kept=seen))
    with pytest.raises(RuntimeError, match="another kernel"):
        stored(opaque("kept[0]", kept=seen))


def test_code_runs_once():
    """However many forms a kernel is compiled to, Python code around it is called when the kernel is
    defined, and never again."""
    calls = []
    value = opaque("calls.append(1) or len(calls) + a[0]", calls=calls)

    @T.prim_func
    def main(B: T.Tensor((8,), T.int32)):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(8):
                B[i] = value(i)

    texts = {main.emit("ir") for _ in range(3)}
    assert len(calls) == 1 and texts == {main.script()}
    for target in ("cpu", "interp"):
        b = np.zeros(8, np.int32)
        tilec.compile(main, target=target)(b)
        assert (b == np.arange(8) + 1).all()
    assert len(calls) == 1


def test_values_put_off_are_the_same_dimension():
    m = T.dynamic("m")
    half = m // 2
    total = opaque("a[0] + a[1]")

    @T.prim_func
    def main(A: T.Tensor((m,), T.float32), B: T.Tensor((half,), T.float32)):
        with T.Kernel(half, threads=1) as bx:
            B[bx] = A[2 * bx] + total(m, half)
    a, b = np.arange(10, dtype=np.float32), np.zeros(5, np.float32)
    tilec.compile(main, target="cpu")(a, b)
    assert (b == a[::2] + 15).all()


def test_containers_in_values_put_off():
    """Lists, tuples, slices, dicts and objects of Python come to the kernel as they were."""
    m, table = T.dynamic("m"), {"a": 1, "b": [2, 3]}

    def shape_of(m):
        return [m, table["b"][1]]

    @T.prim_func
    def main(A: T.Tensor([m, 3], T.float32), B: T.Tensor(shape_of(m), T.float32)):
        with T.Kernel(m, threads=4) as bx:
            for i in T.Parallel(3):
                B[bx, i] = A[bx, i] * table["b"][0]
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 3), np.float32)
    tilec.compile(main, target="cpu")(a, b)
    assert (b == 2 * a).all()


@pytest.mark.over_ffi
def test_functions_of_tvm_ffi_build_kernels():
    """What knows nothing of this package sees objects with methods."""
    import tvm_ffi

    def scale(value, index):
        doubled = value.getitem(index).binary("*", 2)
        return doubled.binary("+", 1)

    function = tvm_ffi.convert(scale)
    a, b = stored(opaque("f(a[0], a[1])", f=function))
    assert (b == a * 2 + 1).all()
    seen = []
    keys = tvm_ffi.convert(lambda x: seen.append(x.__tvm_ffi_type_info__.type_key) or x)
    stored(opaque("f(a[1])", f=keys))
    assert set(seen) == {"tilec.Var"}
