"""Producers that misbehave."""

import numpy as np
import pytest
from conftest import before
from test_08_tensor_checks import Borrowed

pytestmark = pytest.mark.real


class Raising:
    def __dlpack__(self, **_):
        raise ZeroDivisionError("not today")

    def __dlpack_device__(self):
        return (1, 0)


class Consumed(Borrowed):
    def __init__(self, array):
        super().__init__(array)
        self.capsule = super().__dlpack__()

    def __dlpack__(self, **_):
        return self.capsule


def test_raising(axpy):
    with pytest.raises(ZeroDivisionError, match="not today"):
        axpy.function(Raising(), np.zeros(3, np.float32), 1.0)


def test_consumed(axpy):
    y, x = np.zeros(3, np.float32), Consumed(np.ones(3, np.float32))
    axpy.function(x, y, 1.0)
    with pytest.raises(ValueError, match="once"):
        axpy.function(x, y, 1.0)
    assert y.tolist() == [1, 1, 1] and x.deleted == 1


def test_read_only(axpy):
    x, y = np.zeros(3, np.float32), np.zeros(3, np.float32)
    y.flags.writeable = False
    with pytest.raises(BufferError):
        axpy.function(x, y, 1.0)


def misaligned():
    raw = np.zeros(3 * 4 + 8, np.uint8)
    return raw[1 + -raw.ctypes.data % 4:][:12].view(np.float32)


@pytest.mark.parametrize("x, error", [
    (lambda: Borrowed(np.ones(5, np.float32)), ValueError),  # of another extent than Y
    (lambda: Borrowed(np.ones((3, 1), np.float32)), ValueError),
    (lambda: Borrowed(np.ones(3)), TypeError),
    (lambda: Borrowed(np.ones(6, np.float32)[::2]), ValueError),
    (lambda: Borrowed(np.ones(3, np.float32)[::-1]), ValueError),
    (lambda: Borrowed(misaligned()), ValueError),
    (lambda: Borrowed(np.ones(3, np.float32), offset_b=2), None),
    (lambda: Borrowed(np.ones(3, np.float32), null=True), ValueError),
    (lambda: Borrowed(np.ones(3, np.float32), device=(2, 0)), ValueError),
    (lambda: Borrowed(np.ones(3, np.float32)), None)],
    ids=["extent", "rank", "dtype", "step", "backwards", "misaligned", "offset", "null", "device",
         "good"])
def test_deleted_once(axpy, x, error):
    """Whatever becomes of the call, the producer gets its tensor back once."""
    import gc
    x, y = x(), np.zeros(3, np.float32)
    if error is None:
        axpy.function(x, y, 1.0)
        assert y.tolist() == [1, 1, 1]
    else:
        with pytest.raises(error, match="argument 'X'|argument 'Y': dimension 0"):
            axpy.function(x, y, 1.0)
        assert y.tolist() == [0, 0, 0]
    gc.collect()
    assert x.deleted == 1


# Older ones run the deleter, which is Python code here, while the exception is set.
@before(13, "ends arguments with an exception set")
def test_an_earlier_argument_is_given_back(axpy):
    """The second one cannot be converted at all. (The first is NumPy's, whose deleter is C: one in
    Python would be called while an exception is on its way.)"""
    import sys
    x = np.ones(3, np.float32)
    before = sys.getrefcount(x)
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            axpy.function(x, Raising(), 1.0)
    assert sys.getrefcount(x) == before


def test_no_array(axpy):
    for value in (object(), memoryview(bytearray(12)), np.zeros(3, np.float32).__dlpack__()):
        with pytest.raises(TypeError, match="type index 74"):
            axpy.function(value, np.zeros(3, np.float32), 1.0)
