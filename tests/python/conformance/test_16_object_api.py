"""Our objects as Python has them."""

import pytest

pytestmark = pytest.mark.real


@pytest.fixture
def target(world):
    return next(t for t in world.targets() if t.name == "cpu")


def test_fields(world, target, axpy):
    assert isinstance(target, world.Target)
    assert (target.name, target.available) == ("cpu", True)
    assert axpy.target in ("cpu", "interp")
    assert [(p.name, p.kind, p.dtype, p.rank) for p in axpy.params] == [
        ("X", "tensor", "float32", 1), ("Y", "tensor", "float32", 1), ("alpha", "scalar", "float32", 0)]
    assert axpy.compile_ns >= axpy.toolchain_ns >= 0
    assert axpy.function.same_as(axpy.function)


def test_read_only(target):
    with pytest.raises(AttributeError):
        target.name = "x"
    with pytest.raises(AttributeError):
        target.other = 1


def test_methods(world, axpy):
    assert world.config({"jobs": 3}).get("jobs") == "3"
    assert axpy.diagnostics() == [] or list(axpy.diagnostics()) == []
    module = world.module("import tilec.language as T\n", "k.py", None)
    assert module.path == "k.py" and module.entry == ""
    assert "Module" in module.emit("ast") or module.emit("ast")


@pytest.mark.parametrize("name", ["Target", "Diagnostic", "Param", "Config", "Module", "Kernel"])
def test_no_constructor(world, name):
    with pytest.raises(TypeError):
        getattr(world, name)()


def test_method_of_another_type(world, target):
    with pytest.raises(TypeError, match="expected a tilec.Kernel"):
        world.Kernel.diagnostics(target)
    with pytest.raises(TypeError, match="expected a tilec.Config"):
        world.module("", "k.py", None, [], [], target)


def test_repr(target):
    assert 'name="cpu"' in repr(target) and str(target) == "cpu"


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


def test_call_of_a_kernel(axpy):
    import numpy as np
    y = np.ones(3, np.float32)
    axpy(np.ones(3, np.float32), y, 2.0)
    assert y.tolist() == [3, 3, 3]


def test_positions():
    """Fields and methods are those of the table, each with a line of documentation."""
    import re

    import tvm_ffi
    from conftest import ROOT
    from tilec import _ffi
    table = (ROOT / "src/ffi/objects.def").read_text()
    rows = re.findall(r"^(FIELD|METHOD)\((\w+), (\w+),", table, re.M)
    assert len(rows) > 40
    for _, cls, name in rows:
        assert hasattr(getattr(_ffi, cls), name), (cls, name)
    info = _ffi.Target.__tvm_ffi_type_info__
    assert [f.name for f in info.fields] == ["name", "help", "available"]
    assert all(f.doc for f in info.fields)
    assert tvm_ffi.structural_equal(1, 1)
