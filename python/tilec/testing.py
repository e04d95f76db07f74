"""What tests of kernels use. pytest is imported only by what needs it."""

import functools
import importlib.util
import inspect
import random
import sys
import unittest

from . import profiler as _profiler


def set_random_seed(seed=42):
    """Seeds Python's, NumPy's and torch's generators, as far as those packages are loaded."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def main():
    """Runs the tests of the calling file."""
    import pytest
    path = inspect.getsourcefile(sys._getframe(1))
    sys.exit(pytest.main([path] + sys.argv[1:]))


# ---- comparison ----

def torch_assert_close(actual, expected, rtol=1e-2, atol=1e-3, max_mismatched_ratio=0.001,
                       verbose=False, equal_nan=True, check_device=True, check_dtype=True,
                       check_stride=False, check_layout=True, base_name="LHS", ref_name="RHS"):
    """Few elements may differ by more than rtol * |expected| + atol."""
    del verbose, check_stride, check_layout
    both = hasattr(actual, "dtype") and hasattr(expected, "dtype")
    if check_dtype and both and str(actual.dtype) != str(expected.dtype):
        raise AssertionError("types differ: %s is %s, %s is %s"
                             % (base_name, actual.dtype, ref_name, expected.dtype))
    devices = [str(getattr(x, "device", "")) for x in (actual, expected)]
    if check_device and both and devices[0] != devices[1]:
        raise AssertionError("devices differ: %s is on %s, %s on %s"
                             % (base_name, devices[0], ref_name, devices[1]))
    if not equal_nan and any((x != x).any() for x in map(_profiler.as_numpy, (actual, expected))):
        raise AssertionError("%s or %s holds NaN" % (base_name, ref_name))
    _profiler.assert_close(actual, expected, rtol=rtol, atol=atol,
                           max_mismatched_ratio=max_mismatched_ratio)


# ---- what a test needs ----

@functools.lru_cache(maxsize=1)
def cuda_compute_version():
    """(major, minor) of the first GPU, by its driver; None when there is none."""
    import ctypes
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    device, number = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
        return None
    found = []
    for attribute in (75, 76):  # compute capability, major and minor
        if driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device):
            return None
        found.append(number.value)
    return tuple(found)


def _requires(met, why):
    """A decorator that skips unless `met`. Under pytest a mark, else unittest's."""
    def decorate(test):
        if met:
            return test
        if "pytest" in sys.modules:
            return sys.modules["pytest"].mark.skip(reason=why)(test)
        return unittest.skip(why)(test)

    return decorate


def requires_cuda(test):
    """Skips where no NVIDIA GPU is."""
    return _requires(cuda_compute_version() is not None, "needs an NVIDIA GPU")(test)


def _never(what):
    def requires(test):
        return _requires(False, "needs %s, for which tilec does not compile" % what)(test)

    requires.__doc__ = "Skips: there is no such target."
    return requires


requires_rocm = _never("ROCm")
requires_metal = _never("Metal")
requires_cdna = _never("a CDNA GPU")
requires_gfx950 = _never("gfx950")


def requires_llvm(test):
    """Target llvm stands for cpu, which is always there."""
    return test


def requires_cuda_or_cdna(test):
    return requires_cuda(test)


def requires_package(name):
    """Skips where a package is not installed."""
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    return _requires(found, "needs the package %s" % name)


_ORDERS = {"ge": lambda a, b: a >= b, "gt": lambda a, b: a > b, "le": lambda a, b: a <= b,
           "lt": lambda a, b: a < b, "eq": lambda a, b: a == b}


def requires_cuda_compute_version(major_version, minor_version=0, mode="ge"):
    """Skips unless the GPU's compute capability stands in this order to the one named."""
    if mode not in _ORDERS:
        raise ValueError("mode is one of %s, not %r" % (", ".join(_ORDERS), mode))
    found = cuda_compute_version()
    met = found is not None and _ORDERS[mode](found, (major_version, minor_version))
    return _requires(met, "needs compute capability %s %d.%d"
                     % (mode, major_version, minor_version))


def _version_order(mode):
    def requires(major_version, minor_version=0):
        return requires_cuda_compute_version(major_version, minor_version, mode)

    requires.__doc__ = "requires_cuda_compute_version with mode %r." % mode
    return requires


requires_cuda_compute_version_ge = _version_order("ge")
requires_cuda_compute_version_gt = _version_order("gt")
requires_cuda_compute_version_le = _version_order("le")
requires_cuda_compute_version_lt = _version_order("lt")
requires_cuda_compute_version_eq = _version_order("eq")


# ---- performance ----

_results = []


def process_func(func, name=None, /, **kwargs):
    """Calls a function that returns milliseconds and keeps its result under a name."""
    latency = func(**kwargs)
    _results.append((name or getattr(func, "__module__", None) or func.__name__, latency))
    return latency


def regression(prefixes=("regression_",), verbose=True):
    """Calls the functions of the calling module whose names begin so; gives names and results."""
    scope = sys._getframe(1).f_globals
    names = [name for name in list(scope) if callable(scope[name]) and name.startswith(
        tuple(prefixes) if not isinstance(prefixes, str) else prefixes)]
    del _results[:]
    for name in names:
        scope[name]()
    if verbose:
        for name, latency in _results:
            print("%s: %.4f ms" % (name, latency))
    return list(_results)
