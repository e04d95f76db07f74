"""Producers that misbehave."""

import numpy as np
import pytest
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


def test_deleted_once(axpy):
    x = Borrowed(np.ones(3, np.float32))
    with pytest.raises(ValueError):
        axpy.function(x, np.zeros(4, np.float32), 1.0)
    assert x.deleted == 1


def test_no_array(axpy):
    with pytest.raises(TypeError, match="type index 74"):
        axpy.function(object(), np.zeros(3, np.float32), 1.0)
