"""Names of kernels that mean something else where they are used."""

import numpy as np
import pytest
from conftest import AXPY, refused

RESERVED = ("kind", "imports", "get_function", "name", "function", "class_", "self")


@pytest.mark.parametrize("name", RESERVED + ("main", "größe", "核"))
def test_compiled_here(compiled, name):
    kernel = compiled(AXPY.replace("def axpy", "def " + name), "interp")
    y = np.zeros(4, np.float32)
    kernel.function(np.ones(4, np.float32), y, 2.0)
    assert kernel.name == name and (y == 2).all() and name in kernel.signature


@pytest.mark.parametrize("name", RESERVED[:2])
def test_built(world, tmp_path, name):
    module = world.module(AXPY.replace("def axpy", "def " + name), "k.py", None)
    files = [str(f) for f in module.build("cpu", str(tmp_path), None)]
    assert str(tmp_path / (name + ".so")) in files
    if world.name != "real":
        return
    import tvm_ffi
    loaded, y = tvm_ffi.load_module(str(tmp_path / (name + ".so"))), np.zeros(4, np.float32)
    loaded[name](np.ones(4, np.float32), y, 2.0)
    assert (y == 2).all()


@pytest.mark.parametrize("name", ["main", "größe", "int"])
def test_refused(world, tmp_path, name):
    text = AXPY.replace("def axpy", "def " + name)
    refused(ValueError, lambda: world.module(text, "k.py", None).build("cpu", str(tmp_path), None),
            "E0754", name)
    assert not list(tmp_path.iterdir())
    files = world.module(text, "k.py", None).build("cpu", str(tmp_path), "other")
    assert str(tmp_path / "other.so") in [str(f) for f in files]
