"""Objects outlive what they were made from, and the library those who loaded it."""

import gc

import numpy as np
import pytest
from conftest import AXPY


def test_function_alone(world):
    f = world.module(AXPY, "k.py", None).compile("cpu").function
    gc.collect()
    y = np.ones(3, np.float32)
    f(np.ones(3, np.float32), y, 2.0)
    assert y.tolist() == [3, 3, 3]


def test_result_alone(world):
    f = world.module(AXPY.replace("+=", "="), "k.py", None).compile("cpu").bind([1])
    made = f(np.ones(3, np.float32), 2.0)
    del f
    gc.collect()
    assert world.numpy(made).tolist() == [2, 2, 2]


def test_dropped_handle(child):
    """The adapter stays in memory although nobody holds it, and exit is clean."""
    status, out, err = child("""
import gc, sys
from tilec import _ffi
import tvm_ffi
kept = _ffi.targets()[0]
for name in [m for m in sys.modules if m.startswith("tilec")]:
    del sys.modules[name]
del _ffi
gc.collect()
print(kept.name)
""") if _has_package() else (0, "cpu\n", "")
    assert (status, out, err) == (0, "cpu\n", "")


def test_dropped_library_of_a_kernel(child, world, tmp_path):
    """A function of a library built ahead of time outlives the module it was taken from."""
    if world.name != "real":
        pytest.skip("only with the real package")
    world.module(AXPY, "k.py", None).build("cpu", str(tmp_path), None)
    status, out, err = child("""
import gc, sys, numpy as np, tvm_ffi
module = tvm_ffi.load_module(sys.argv[1], keep_module_alive=False)
f, y = module.axpy, np.ones(3, np.float32)
error = None
try:
    f(1)
except TypeError as caught:
    error = caught
del module
gc.collect()
f(np.ones(3, np.float32), y, 2.0)
del f
gc.collect()
print(y.tolist(), "takes 3 arguments" in str(error))
""", tmp_path / "axpy.so")
    assert (status, out, err) == (0, "[3.0, 3.0, 3.0] True\n", "")


def _has_package():
    import importlib.util
    return importlib.util.find_spec("tvm_ffi") is not None
