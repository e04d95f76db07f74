"""Our objects as Python has them."""

from conftest import refused
import numpy as np
import pytest
from conftest import ffi_version

real = pytest.mark.real


@pytest.fixture
def target(world):
    return next(t for t in world.targets() if t.name == "cpu")


@real
def test_fields(world, target, axpy):
    assert isinstance(target, world.Target)
    assert (target.name, target.available) == ("cpu", True)
    assert axpy.target in ("cpu", "interp")
    assert [(p.name, p.kind, p.dtype, p.rank) for p in axpy.params] == [
        ("X", "tensor", "float32", 1), ("Y", "tensor", "float32", 1), ("alpha", "scalar", "float32", 0)]
    assert axpy.compile_ns >= axpy.toolchain_ns >= 0
    assert axpy.function.same_as(axpy.function)


@real
def test_read_only(target):
    with pytest.raises(AttributeError):
        target.name = "x"
    if ffi_version() >= (0, 1, 12):
        with pytest.raises(AttributeError):
            target.other = 1


@real
def test_methods(world, axpy):
    assert world.config({"jobs": 3}).get("jobs") == "3"
    assert axpy.diagnostics() == [] or list(axpy.diagnostics()) == []
    module = world.module("import tilec.language as T\n", "k.py", None)
    assert module.path == "k.py" and module.entry == ""
    assert "Module" in module.emit("ast") or module.emit("ast")


@real
@pytest.mark.parametrize("name", ["Target", "Diagnostic", "Param", "Config", "Layout", "Module", "Kernel"])
def test_no_constructor(world, name):
    with pytest.raises(TypeError if ffi_version() >= (0, 1, 12) else RuntimeError):
        getattr(world, name)()


@real
def test_method_of_another_type(world, target):
    with pytest.raises(TypeError, match="expected a tilec.Kernel"):
        world.Kernel.diagnostics(target)
    with pytest.raises(TypeError, match="expected a tilec.Config"):
        world.module("", "k.py", None, [], [], target)


@real
def test_repr(target):
    assert 'name="cpu"' in repr(target) and str(target) == "cpu"


@real
def test_unregistered(world, child):
    """Without our classes the binding makes some of its own."""
    status, out, err = child("""
import ctypes, sys, tvm_ffi
text = ctypes.create_string_buffer(1024)
library = ctypes.CDLL(sys.argv[1])
assert library.tilec_ffi_attach(None, text, ctypes.c_size_t(1024)) == 0, text.value
print([t.name for t in tvm_ffi.get_global_func("tilec.targets")()][0])
""", world.LIBRARY)
    assert status == 0, err
    assert out == "cpu\n"


@real
def test_call_of_a_kernel(axpy):
    import numpy as np
    y = np.ones(3, np.float32)
    axpy(np.ones(3, np.float32), y, 2.0)
    assert y.tolist() == [3, 3, 3]


@real
def test_positions():
    """Fields and methods are those of the table, each with a line of documentation."""
    import re

    import tvm_ffi
    from conftest import ROOT
    from tilec import _ffi, _values
    table = (ROOT / "src/ffi/objects.def").read_text()
    rows = re.findall(r"^(FIELD|METHOD)\((\w+), (\w+),", table, re.M)
    assert len(rows) > 40
    for _, cls, name in rows:
        owner = getattr(_ffi, cls, None) or getattr(_values, cls)
        assert hasattr(owner, name), (cls, name)
    info = _ffi.Target.__tvm_ffi_type_info__
    assert [f.name for f in info.fields] == ["name", "help", "available"]
    assert all(f.doc for f in info.fields)
    assert tvm_ffi.structural_equal(1, 1)


# ---- layouts, in both worlds ----

SWIZZLED = "layout(offset:[8(0,1), 8^(0,8), 8^(1,8), 2(8,0)] -> [16, 64])"
FRAGMENT = "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])"


def facts(layout):
    return (list(layout.shape), layout.n_threads, layout.n_slots, layout.n_offsets, layout.n_copies,
            layout.is_injective, layout.is_surjective, layout.is_replicated, layout.is_table)


def test_layout_of_text(world):
    layout = world.layout(FRAGMENT.replace(" ", ""))
    assert layout.text == FRAGMENT
    assert facts(layout) == ([8, 6], 24, 2, 1, 1, True, True, False, False)
    assert [list(layout.find(x, 0)) for x in ([0, 0], [0, 3], [1, 0])] == [[0, 0, 0], [1, 1, 0],
                                                                           [3, 0, 0]]
    assert list(layout.element(4, 1, 0)) == [1, 3]
    for i in range(8):
        for j in range(6):
            assert list(layout.element(*layout.find([i, j], 0))) == [i, j]


def test_layout_of_a_name(world):
    layout = world.layout_make("make_full_bank_swizzled_layout", [16, 64], 16)
    assert layout.text == SWIZZLED
    assert layout.text == world.layout_make("make_swizzled_layout", [16, 64], 16).text
    # Chunk j of 8 elements of row i is chunk j ^ i of it.
    assert all(list(layout.find([i, j], 0))[2] == 64 * i + (j // 8 ^ i % 8) * 8 + j % 8
               for i in range(16) for j in range(64))
    rows = world.layout_make("make_linear_layout", [3, 5])
    assert list(rows.find([2, 1], 0)) == [0, 0, 11] and rows.n_offsets == 15
    assert facts(world.layout_make("mma_c"))[:3] == ([16, 8], 32, 4)
    assert facts(world.layout_make("mma_c", [32, 16]))[:3] == ([32, 16], 32, 16)
    copies = world.layout_make("make_fully_replicated_layout_fragment", [4], 0, 32)
    assert (copies.n_copies, copies.is_replicated) == (32, True)
    assert list(copies.find([3], 7)) == [7, 3, 0]


def test_layout_of_places(world):
    layout = world.layout_fit([2, 4], 1, [n for i in range(8) for n in (i // 4, i % 4, 0)])
    assert layout.text == "layout(thread:[2(1,0)], slot:[4(0,1)] -> [2, 4])"
    table = world.layout_fit([4], 1, [n for at in (2, 0, 3, 1) for n in (0, 0, at)])
    assert table.is_table and [list(table.find([i], 0))[2] for i in range(4)] == [2, 0, 3, 1]
    assert world.layout(table.text).text == table.text


@pytest.mark.parametrize("args,error", [
    (("layout", "layout(-> [0])"), ValueError), (("layout", "layout("), ValueError),
    (("layout", "\0"), TypeError), (("layout", 3), TypeError), (("layout",), TypeError),
    (("layout_make", "make_lovely_layout", [8]), ValueError),
    (("layout_make", "make_swizzled_layout", [7, 9], 16), ValueError),
    (("layout_make", "make_linear_layout", [2] * 7), ValueError),
    (("layout_make", "make_linear_layout", ["x"]), TypeError),
    (("layout_make", "make_linear_layout", [1 << 40, 1 << 40]), ValueError),
    (("layout_make", "make_linear_layout", [-1]), ValueError),
    (("layout_fit", [2], 1, [0, 0, 0]), ValueError), (("layout_fit", [2], 1, [0, 0]), ValueError),
    (("layout_fit", [2], 1, [0, 0, 0, 0, 0, 0]), ValueError),
    (("layout_fit", [2], 1, [0, 0, 0, 0, 0, -1]), ValueError),
    (("layout_fit", [2], 1, [0, 0, 0, 0, 0, 1.5]), TypeError)])
def test_layout_refused(world, args, error):
    with pytest.raises(error):
        getattr(world, args[0])(*args[1:])


def test_layout_outside(world):
    layout = world.layout(FRAGMENT)
    for index, copy in (([8, 0], 0), ([0, -1], 0), ([0, 0], 1), ([0, 0], -1)):
        with pytest.raises(IndexError):
            layout.find(index, copy)
    for place in ((24, 0, 0), (0, 2, 0), (0, 0, 1), (-1, 0, 0)):
        with pytest.raises(IndexError):
            layout.element(*place)
    padded = world.layout("layout(offset:[8(0,1), 2(1,0)] -> [2, 6])")
    with pytest.raises(IndexError, match="nothing is at thread 0, slot 0, offset 7"):
        padded.element(0, 0, 7)
    with pytest.raises(ValueError, match="rank 2"):
        layout.find([1], 0)
    with pytest.raises(TypeError):
        layout.find(["x", 0], 0)


@real
def test_layout_in_python(world):
    from tilec import layout
    one = layout.parse(FRAGMENT)
    assert isinstance(one, world.Layout) and str(one) == FRAGMENT and one(1, 3) == (4, 1, 0)
    assert one.inverse(thread=4, slot=1) == (1, 3) and eval(repr(one), {"tilec": __import__("tilec")}) == one
    assert layout.make("make_swizzled_layout", (16, 64), "bfloat16").text == SWIZZLED
    assert layout.make("make_swizzled_layout", (16, 64), "float8_e4m3fn") != layout.parse(SWIZZLED)
    assert layout.fit((8, 6), lambda i, j: (i * 3 + j // 2, j % 2)) == one
    assert layout.fit((3, 5), lambda i, j: i * 5 + j) == layout.make("make_linear_layout", (3, 5))
    copies = layout.fit((4,), lambda i, copy: (copy, i), n_copies=32)
    assert copies == layout.make("make_fully_replicated_layout_fragment", (4,), n_threads=32)
    assert copies(3, copy=7) == (7, 3, 0)
    with pytest.raises(AttributeError):
        one.text = SWIZZLED
    with pytest.raises(TypeError, match="expected a tilec.Layout"):
        world.Layout.find(next(iter(world.targets())), [0, 0], 0)


# ---- values of kernels ----

STAGED, VAR, EXPR, BUFFER = 16, 17, 18, 19  # tilec_value_kind


def test_values_that_are_put_off(world):
    """In both worlds: fields, methods, and what no value has outside of a kernel."""
    m = world.value(VAR, "call", 0, "m")
    both = m.binary("+", 1)
    assert (both.op, list(both.args)[0], list(both.args)[2]) == ("binary", "+", 1)
    assert (both.evaluation, m.number, both.number) == (0, 1, 2)
    assert (m.compare("<", 5).op, m.unary("-").op, m.getitem(2).op, m.getattr("name").op,
            m.call(0, 1, 2).op) == ("compare", "unary", "getitem", "getattr", "call")
    for name, args in (("truth", ()), ("len", ()), ("text", ()), ("setitem", (0, 1)),
                       ("setattr", ("x", 1)), ("contains", (1,))):
        with pytest.raises(TypeError, match="known only in a kernel"):
            getattr(m, name)(*args)
    with pytest.raises(TypeError, match="takes 3 arguments, got 2"):
        m.binary("+")
    with pytest.raises(TypeError):
        world.value(VAR)
    with pytest.raises(ValueError, match="no operation 99"):
        world.value_do(99, m)


def test_values_in_each_other(world):
    """So deeply that ending them would need too much of the stack: refused before."""
    value = world.value(EXPR, "unary", "-", 1)
    with pytest.raises(ValueError, match="more than 5000 operations in each other"):
        for i in range(6000):
            value = world.value(EXPR, "binary", "+", value, [value]) if i % 3 else value.unary("-")
    assert value.number == 5000
    listed = [value]
    for _ in range(80):
        listed = [listed]
    with pytest.raises(ValueError):
        world.value(EXPR, "list", listed)


@real
def test_types_of_values(world):
    """Parents and children; operators of Python go the same way."""
    import tilec.language as T
    from tilec._values import Buffer, Expr, Value, Var
    assert issubclass(Var, Expr) and issubclass(Expr, Value) and issubclass(Buffer, Value)
    m = T.dynamic("m")
    assert type(m) is Var and type(m + 1) is Expr and type(2 * m - 1 < 4) is Expr
    assert type(T.ceildiv(m, 8)) is Expr and type(T.Tensor((m, 4), T.float16)) is Buffer
    assert (m.name, m.dtype) == ("m", T.int32)
    assert repr(m * 2) == "(T.dynamic('m') * 2)" and repr(-m) == "(-T.dynamic('m'))"
    with pytest.raises(TypeError, match="expected a tilec.Value"):
        Value.binary(next(iter(world.targets())), "+", 1)
    for use in (bool, len, int, float, list, lambda x: x.__setitem__(0, 1)):
        with pytest.raises(TypeError):
            use(m)


@real
def test_layout_that_a_kernel_asks_for():
    import tilec
    import tilec.language as T

    def copied_through(layout):
        @T.prim_func
        def main(A: T.Tensor((64, 64), "float16"), B: T.Tensor((64, 64), "float16")):
            with T.Kernel(1, threads=128):
                s = T.alloc_shared((64, 64), "float16")
                T.annotate_layout({s: layout})
                T.copy(A, s)
                T.copy(s, B)
        return main

    swizzled = tilec.layout.make("make_swizzled_layout", (64, 64), "float16")
    assert str(swizzled) in copied_through(swizzled).script()
    columns = tilec.layout.fit((64, 64), lambda i, j: i + 64 * j)
    kernel = tilec.compile(copied_through(columns), target="interp")
    a, b = np.arange(4096, dtype=np.float16).reshape(64, 64), np.zeros((64, 64), np.float16)
    kernel(a, b)
    assert (a == b).all()
    small = tilec.layout.make("make_linear_layout", (32, 64))
    refused(tilec.CompileError, lambda: copied_through(small), "E0309", "all its 64x64 elements")
    refused(tilec.CompileError, lambda: copied_through(object()), "E0309", "a layout or a function")
