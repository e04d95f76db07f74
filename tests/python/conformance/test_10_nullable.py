"""What a kernel touches may not be left out."""

import numpy as np
from conftest import refused


def test_touched(axpy):
    a = np.zeros(4, np.float32)
    refused(TypeError, lambda: axpy.function(a, None, 1.0), "argument 'Y' is nothing", "E0631")
    refused(TypeError, lambda: axpy.function(None, a, 1.0), "argument 'X' is nothing", "E0631")
    assert not any(p.flags & 8 for p in axpy.params)
