"""One library built ahead of time, called from everywhere."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import AXPY, HERE, refused


@pytest.fixture(scope="module")
def built(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    world.module(AXPY, "kernel.py", None).compile("cpu")
    world.module(AXPY, "kernel.py", None).build("cpu", str(folder), None)
    return folder


@pytest.mark.real
def test_python(built):
    import tvm_ffi
    f, y = tvm_ffi.load_module(str(built / "axpy.so")).axpy, np.zeros(5, np.float32)
    f(np.ones(5, np.float32), y, 3)
    assert (y == 3).all()
    refused(TypeError, lambda: f(y, y), "takes 3 arguments, not 2")
    refused(TypeError, lambda: f("x", y, 1.0), "'X'")
    refused(TypeError, lambda: f(y.astype(np.float64), y, 1.0), "'X'")
    refused(ValueError, lambda: f(np.ones(4, np.float32), y, 1.0), "shape")
    refused(ValueError, lambda: f(y, y, 1.0), "memory")


@pytest.mark.real
def test_system_library(built):
    script = """
import ctypes, sys, numpy as np, tvm_ffi
assert ctypes.CDLL(sys.argv[1]).axpy_register() == 0
y = np.zeros(5, np.float32)
tvm_ffi.system_lib()["axpy"](np.ones(5, np.float32), y, 4.0)
assert (y == 4).all()
"""
    done = subprocess.run([sys.executable, "-c", script, str(built / "axpy.so")],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_without_tilec(built):
    """A process that has tvm-ffi and nothing of ours."""
    script = """
import sys, numpy as np, tvm_ffi
f = tvm_ffi.load_module(sys.argv[1]).axpy
try:
    f(1)
except TypeError as error:
    print(error)
assert "tilec" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script, str(built / "axpy.so")],
                          capture_output=True, text=True, timeout=120, check=False)
    assert "takes 3 arguments, not 1" in done.stdout, done.stderr


def test_again_after_a_hit(world, built, tmp_path):
    """What is compiled comes from the cache; what is built is complete all the same."""
    assert world.module(AXPY, "kernel.py", None).compile("cpu").cached
    world.module(AXPY, "kernel.py", None).build("cpu", str(tmp_path), None)
    for suffix in (".c", ".h", ".o", ".json"):
        assert (tmp_path / ("axpy" + suffix)).read_bytes() == (built / ("axpy" + suffix)).read_bytes()
    assert (tmp_path / "axpy.so").exists()




def test_rust(built, tmp_path):
    rustc = shutil.which("rustc")
    if rustc is None:
        pytest.skip("no rustc")
    host = tmp_path / "host"
    made = subprocess.run(
        [rustc, "--edition=2021", "-o", host, HERE / "aot_host.rs", "-C",
         "link-arg=%s" % (built / "axpy.so"), "-C", "link-arg=-Wl,-rpath,%s" % built],
        capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stderr
    done = subprocess.run([host], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "'Y'" in done.stdout and "shape" in done.stdout, \
        done.stdout + done.stderr
