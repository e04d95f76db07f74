"""Each thing that can be wrong with a tensor has its class and its words."""

import ctypes

import numpy as np
import pytest
from conftest import refused

ADD = """
import tilec, tilec.language as T
@T.prim_func
def add(A: T.Tensor((8, 16), "float32"), B: T.Tensor((8, 16), "float32")):
    with T.Kernel(1, threads=32) as bx:
        for i, j in T.Parallel(8, 16):
            B[i, j] += A[i, j]
"""


@pytest.fixture(scope="module")
def add(compiled):
    return compiled(ADD).function


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("a, kind, code", [
    (lambda: zeros(16), ValueError, "E0633"), (lambda: zeros(1, 8, 16), ValueError, "E0633"),
    (lambda: zeros(8, 16, dtype=np.float64), TypeError, "E0632"),
    (lambda: zeros(8, 16, dtype=np.int32), TypeError, "E0632"),
    (lambda: zeros(8, 17), ValueError, "E0634"), (lambda: zeros(0, 16), ValueError, "E0634"),
    (lambda: zeros(16, 8).T, ValueError, "E0635"), (lambda: zeros(8, 32)[:, ::2], ValueError, "E0635")])
def test_refused(world, add, a, kind, code):
    error = refused(kind, lambda: add(a(), zeros(8, 16)), "argument 'A'", "[%s]" % code)
    assert [d.code for d in world.diagnostics(error)] == [code]


def test_overlap(add):
    whole = zeros(16, 16)
    refused(ValueError, lambda: add(whole[:8], whole[4:12]), "E0638")
    add(whole[:8], whole[8:])


def test_nothing_is_written_after_an_error(add):
    b = zeros(8, 16)
    refused(ValueError, lambda: add(zeros(8, 15), b))
    add(np.ones((8, 16), np.float32), b)
    assert b.min() == b.max() == 1


def test_alignment(add):
    raw = np.zeros(8 * 16 * 4 + 8, np.uint8)
    start = 1 + (-raw.ctypes.data % 4)
    a = raw[start:start + 512].view(np.float32).reshape(8, 16)
    refused(ValueError, lambda: add(a, zeros(8, 16)), "argument 'A'", "E0636")


def test_told_of_itself(world, add):
    """Devices, offsets and null, which NumPy's arrays have no part in."""
    if world.name != "double":
        pytest.skip("test_producer is this for the real package")
    from double import OnDevice
    add(OnDevice(zeros(8, 16), (1, 1)), zeros(8, 16))  # host memory all the same
    for device in ((2, 0), (2, 1), (8, 0)):
        refused(ValueError, lambda: add(OnDevice(zeros(8, 16), device), zeros(8, 16)), "E0665",
                "argument 'A'")
    refused(ValueError, lambda: add(OnDevice(zeros(8, 16), (1, 0), null=True), zeros(8, 16)),
            "E0637", "argument 'A'")
    b = zeros(8, 16)
    add(OnDevice(np.ones((8, 16), np.float32), (1, 0), offset_b=64), b)
    assert b.min() == 1
    raw = np.zeros(8 * 16 * 4 + 8, np.uint8)
    a = raw[2 + -raw.ctypes.data % 4:][:512].view(np.float32).reshape(8, 16)
    refused(ValueError, lambda: add(OnDevice(a, (1, 0), offset_b=2), b), "E0636", "argument 'A'")


class Borrowed:
    """DLPack as a producer that we write, for what NumPy would not say."""

    CAPSULE = ctypes.pythonapi.PyCapsule_New
    CAPSULE.restype = ctypes.py_object
    CAPSULE.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

    def __init__(self, array, device=(1, 0), offset_b=0, null=False):
        import double
        self.deleted = 0
        deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

        class Managed(ctypes.Structure):
            _fields_ = [("tensor", double.DLTensor), ("manager", ctypes.c_void_p),
                        ("deleter", deleter)]

        def delete(_):
            self.deleted += 1
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        strides = (ctypes.c_int64 * array.ndim)(*[s // array.itemsize for s in array.strides])
        self.device, self.keep = device, (array, shape, strides)
        self.delete = deleter(delete)
        self.managed = Managed(double.DLTensor(
            0 if null else array.ctypes.data - offset_b, device[0], device[1], array.ndim,
            double.DTYPES[array.dtype.kind], array.itemsize * 8, 1, shape, strides, offset_b), None,
            self.delete)

    def __dlpack__(self, **_):
        return self.CAPSULE(ctypes.addressof(self.managed), b"dltensor", None)

    def __dlpack_device__(self):
        return self.device


@pytest.mark.real
def test_producer(add):
    refused(ValueError, lambda: add(Borrowed(zeros(8, 16), device=(2, 0)), zeros(8, 16)), "E0665",
            "host memory")
    refused(ValueError, lambda: add(Borrowed(zeros(8, 16), device=(8, 0)), zeros(8, 16)), "E0665")
    add(Borrowed(zeros(8, 16), device=(1, 1)), zeros(8, 16))  # host memory all the same
    refused(ValueError, lambda: add(Borrowed(zeros(8, 16), null=True), zeros(8, 16)), "E0637")
    shifted, b = Borrowed(np.ones((8, 16), np.float32), offset_b=64), zeros(8, 16)
    add(shifted, b)
    assert b.min() == 1 and shifted.deleted == 1
    refused(ValueError, lambda: add(Borrowed(zeros(8, 16), offset_b=2), zeros(8, 15)), "E0634")
