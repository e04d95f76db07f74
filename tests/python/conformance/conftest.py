"""Conformance of the adapter to tvm-ffi, in two worlds: --world=real takes the installed package
apache-tvm-ffi (and skips where it is missing), --world=double our stand-in for it."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import traceback

import numpy as np
import pytest

try:
    FFI_VERSION = importlib.metadata.version("apache-tvm-ffi")
except importlib.metadata.PackageNotFoundError:
    FFI_VERSION = "0"


def before(patch, what):
    """Marks tests of what apache-tvm-ffi 0.1.<patch> was the first to do; `what` an older one does."""
    older = tuple(map(int, FFI_VERSION.split(".")[:3])) < (0, 1, patch)
    return pytest.mark.skipif(FFI_VERSION != "0" and older,
                              reason="apache-tvm-ffi before 0.1.%d %s" % (patch, what))


HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE))


def pytest_addoption(parser):
    parser.addoption("--world", choices=["real", "double"], default="real")
    parser.addoption("--build", default=str(ROOT / "build"))
    parser.addoption("--installed", action="store_true", help="the package that is installed")


def pytest_configure(config):
    config.addinivalue_line("markers", "real: needs Python's side of tvm-ffi")
    if not config.getoption("--installed"):
        sys.path.insert(0, str(ROOT / "python"))
        os.environ.setdefault("PYTILEC_LIBRARY", str(adapter(config)))


def pytest_collection_modifyitems(config, items):
    if config.getoption("--world") == "double":
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(pytest.mark.skip(reason="only with the real package"))


def adapter(config):
    return pathlib.Path(config.getoption("--build")).resolve() / "libtilec_ffi.so"


class Real:
    """The package, with the names that a double has too."""

    name = "real"

    def __init__(self):
        import tilec
        from tilec import _ffi
        self._ffi = _ffi
        self.diagnostics = tilec.diagnostics

    def __getattr__(self, name):
        return getattr(self._ffi, name)

    @staticmethod
    def numpy(tensor):
        return np.from_dlpack(tensor)

    @staticmethod
    def frames(error):
        return [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]


@pytest.fixture(scope="session")
def world(request, tmp_path_factory):
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    if request.config.getoption("--world") == "real":
        pytest.importorskip("tvm_ffi")
        return Real()
    import double
    build = pathlib.Path(request.config.getoption("--build")).resolve()
    return double.World(build / "tests/ffi/double.so", adapter(request.config))


def ffi_version():
    """Of the binding, as numbers."""
    return tuple(map(int, re.findall(r"\d+", FFI_VERSION)[:3]))


AXPY = """
import tilec, tilec.language as T
N = T.dynamic("N")
@T.prim_func
def axpy(X: T.Tensor((N,), "float32"), Y: T.Tensor((N,), "float32"), alpha: T.float32):
    with T.Kernel(T.ceildiv(N, 256), threads=128) as bx:
        for i in T.Parallel(256):
            Y[bx * 256 + i] += alpha * X[bx * 256 + i]
"""


@pytest.fixture(scope="session")
def compiled(world):
    """A function that compiles a text, once for each."""
    kept = {}

    def compile_text(text, target="cpu", name="kernel.py"):
        key = text, target
        if key not in kept:
            kept[key] = world.module(text, name, None).compile(target)
        return kept[key]
    return compile_text


@pytest.fixture(scope="session")
def axpy(compiled):
    return compiled(AXPY)


@pytest.fixture
def child(pytestconfig):
    """Runs a script in a process of its own and returns (exit status, output, errors)."""
    def run(script, *args, **environment):
        env = dict(os.environ, **environment)
        if not pytestconfig.getoption("--installed"):
            found = str(ROOT / "python"), os.environ.get("PYTHONPATH")
            env["PYTHONPATH"] = os.pathsep.join(filter(None, found))
        done = subprocess.run([sys.executable, "-c", script, *map(str, args)], env=env, timeout=120,
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr
    return run


def refused(kind, call, *words):
    """That a call raises this class with these words in its text; returns the exception."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value).__name__ == kind.__name__
    for word in words:
        assert word in str(caught.value), str(caught.value)
    return caught.value
