"""Too few and too many arguments."""

import numpy as np
import pytest
from conftest import refused


@pytest.mark.parametrize("n", [0, 1, 2, 4, 9])
def test_count(axpy, n):
    x = np.zeros(4, np.float32)
    refused(TypeError, lambda: axpy.function(*[x] * n),
            "axpy(X: float32[N], Y: float32[N], alpha: float32) takes 3 arguments, got %d" % n)


MANY = """
import tilec.language as T
@T.prim_func
def many(%s):
    with T.Kernel(1, threads=16) as bx:
        for i in T.Parallel(16):
            P0[i] = P1[i]
""" % ", ".join("P%d: T.Tensor((16,), 'float32')" % i for i in range(90))


def test_what_was_found_is_said_of_many_parameters(compiled):
    """The signature alone has more than a thousand characters, and stands first."""
    function, x = compiled(MANY).function, np.zeros(16, np.float32)
    refused(TypeError, lambda: function(x), "many(P0: ", "takes 90 arguments, got 1")
    refused(TypeError, lambda: function(*[x] * 89, "x"), "argument 89 ('P89') is a str")
    refused(TypeError, lambda: function(*[x] * 89, x.astype(np.float64)), "'P89' holds float64")


def test_count_with_outputs(axpy):
    refused(TypeError, lambda: axpy.bind([1])(), "takes 2 arguments, or 3 with its outputs, got 0")
