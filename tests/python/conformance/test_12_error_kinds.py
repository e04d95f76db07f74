"""Errors arrive as the classes that the table src/ffi/kinds.def says."""

import re

import pytest
from conftest import ROOT, ffi_version, refused

ASSERTS = """
import tilec, tilec.language as T
@T.prim_func
def asserts(A: T.Tensor((4,), "float32")):
    with T.Kernel(1, threads=32) as bx:
        for i in T.Parallel(4):
            T.device_assert(A[i] < 2.0, "too large")
            A[i] = 1.0
"""


def test_compile_error(world):
    refused(world.CompileError, lambda: world.module("def f(:", "k.py", None).compile("cpu"), "k.py:1")
    assert issubclass(world.CompileError, ValueError)


def test_target_error(world):
    text = "import tilec.language as T\n"
    refused(world.TargetError, lambda: world.module(text, "k.py", None).compile("nonsense"))


def test_os_error(world):
    refused(OSError, lambda: world.module(None, "/no/such/file.py", None), "/no/such/file.py")


def test_usage(world):
    refused(ValueError, lambda: world.config({"nonsense": 1}), "there is no option 'nonsense'")
    refused(KeyError, lambda: world.explain("E9999"))
    refused(TypeError, lambda: world.module(3, "k.py"), "argument 0 is an int, expected a str")
    refused(TypeError, lambda: world.module(), "takes 2 to 9 arguments, got 0")
    refused(TypeError, lambda: world.module("x", "k.py", None, ["a", 3]), "defines are names and texts")
    refused(ValueError, lambda: world.module("x", "k.py", None, ["a"]), "a name has no value")
    refused(TypeError, lambda: world.module("a\0b", "k.py"), "without NUL")


@pytest.mark.parametrize("start", ["", "a", "ab", "abc"])
def test_no_text_ends_inside_a_character(world, start):
    """What was given is quoted, as much of it as there is room for; half a character is no text."""
    name = start + "\u20ac" * 900
    refused(KeyError, lambda: world.explain(name), name[:8])
    refused(ValueError, lambda: world.config({name: "1"}), name[:8])
    refused(ValueError, lambda: world.layout(name), name[:8])
    refused(ValueError, lambda: world.layout_make(name, [16], 16, 1), name[:8])
    refused(TypeError, lambda: world.module("x", "k.py", None, [name, 3]), "defines are names")
    refused(ValueError, lambda: world.cache(name, None), name[:8])


def test_launch_error(world, compiled):
    import numpy as np
    f = compiled(ASSERTS).function
    f(np.ones(4, np.float32))
    error = refused(world.LaunchError, lambda: f(np.full(4, 3, np.float32)), "too large")
    if world.name == "double" or ffi_version() >= (0, 1, 12):  # else it gives no context
        assert [d.code for d in world.diagnostics(error)] == ["E0644"]


@pytest.mark.real
def test_every_kind_has_a_class(world):
    """No row of the table ends as a plain RuntimeError by accident."""
    tvm_ffi = pytest.importorskip("tvm_ffi")
    kinds = set(re.findall(r'"([\w.]+)"\)', (ROOT / "src/ffi/kinds.def").read_text()))
    kinds |= {"RuntimeError", "ValueError", "TypeError", "AttributeError", "KeyError", "IndexError",
              "AssertionError", "MemoryError", "OverflowError", "NotImplementedError"}
    assert len(kinds) > 18
    for kind in kinds:
        name = tvm_ffi.core.Error(kind, "text", "").py_error()
        assert type(name).__name__ == kind.split(".")[-1]


@pytest.mark.real
def test_unknown_kind():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    assert type(tvm_ffi.core.Error("tilec.NoSuchError", "x", "").py_error()) is RuntimeError
