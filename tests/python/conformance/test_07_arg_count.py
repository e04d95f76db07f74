"""Too few and too many arguments."""

import numpy as np
import pytest
from conftest import refused


@pytest.mark.parametrize("n", [0, 1, 2, 4, 9])
def test_count(axpy, n):
    x = np.zeros(4, np.float32)
    refused(TypeError, lambda: axpy.function(*[x] * n),
            "axpy(X: float32[N], Y: float32[N], alpha: float32) takes 3 arguments, got %d" % n)


def test_count_with_outputs(axpy):
    refused(TypeError, lambda: axpy.bind([1])(), "takes 2 arguments, or 3 with its outputs, got 0")
