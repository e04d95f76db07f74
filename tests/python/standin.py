"""GPUs that are made up: the stand-ins for NVIDIA's libraries (tests/fake), and arrays that say they
lie on such a GPU. Their memory is the host's, and no kernel runs: what the driver was asked for is
recorded."""

import ctypes
import os
import pathlib

import numpy as np
import pytest


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class _Managed(ctypes.Structure):
    _fields_ = [("tensor", _Tensor), ("manager", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


_KEPT = []  # consumers may let go of a capsule at any time, also when Python ends
_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda managed: None)
_CODES = {"b": 6, "i": 0, "u": 1, "f": 2}
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                         ctypes.c_void_p]


class OnGpu:
    """An array of NumPy that says it lies on a GPU."""

    def __init__(self, array, device=0):
        self.array, self.device = array, device
        self.shape, self.dtype = array.shape, array.dtype

    def __dlpack_device__(self):
        return 2, self.device

    def __dlpack__(self, **ignored):
        a = self.array
        shape = (ctypes.c_int64 * max(a.ndim, 1))(*a.shape)
        strides = (ctypes.c_int64 * max(a.ndim, 1))(*[s // a.itemsize for s in a.strides])
        managed = _Managed(_Tensor(a.ctypes.data, 2, self.device, a.ndim, _CODES[a.dtype.kind],
                                   a.itemsize * 8, 1, shape, strides, 0), None,
                           ctypes.cast(_DELETER, ctypes.c_void_p))
        _KEPT.append((a, shape, strides, managed))
        return _capsule(ctypes.addressof(managed), b"dltensor", None)


class _Controls(ctypes.Structure):
    """fake_cuda of tests/fake/cuda.h."""

    _fields_ = [("log", ctypes.CFUNCTYPE(ctypes.c_char_p)), ("clear_log", ctypes.CFUNCTYPE(None)),
                ("reset", ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int)),
                ("fail", ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)),
                ("set_current", ctypes.CFUNCTYPE(None, ctypes.c_int)),
                ("set_capturing", ctypes.CFUNCTYPE(None, ctypes.c_int)),
                ("set_function", ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int)),
                ("on_launch", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)),
                ("n_live", ctypes.CFUNCTYPE(ctypes.c_int))]


class Driver:
    """The stand-in for the driver, with some GPUs."""

    def __init__(self, path, n_devices):
        self.library = ctypes.CDLL(str(path))
        self.library.fake_cuda_get.restype = ctypes.POINTER(_Controls)
        self.controls = self.library.fake_cuda_get()[0]
        self.controls.reset(n_devices, 90)

    def calls(self):
        """(symbol, rest of the line) of all calls since this was asked last."""
        lines = self.controls.log().decode().splitlines()
        self.controls.clear_log()
        return [tuple(line.partition(" ")[::2]) for line in lines]

    def current(self):
        """The number of the GPU whose context is this thread's, or None."""
        device = ctypes.c_int()
        return None if self.library.cuCtxGetDevice(ctypes.byref(device)) else device.value - 100


def _folder():
    library = os.environ.get("PYTILEC_LIBRARY")
    build = pathlib.Path(library).parent if library else \
        pathlib.Path(__file__).resolve().parents[2] / "build"
    return build / "tests/fake"


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """A function of a number of GPUs. What this test compiles for a GPU, it compiles for those."""
    folder = _folder()
    if not (folder / "cuda.so").exists() or not (folder / "nvrtc.so").exists():
        pytest.skip("build targets fake_cuda and fake_nvrtc")
    monkeypatch.setenv("TILEC_LIBCUDA", str(folder / "cuda.so"))
    monkeypatch.setenv("TILEC_NVRTC", str(folder / "nvrtc.so"))
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path / "cache"))  # and so, options of its own
    return lambda n: Driver(folder / "cuda.so", n)


def zeros(n, device=0):
    return OnGpu(np.zeros(n, np.float32), device)
