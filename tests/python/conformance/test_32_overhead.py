"""A call of a kernel costs little more than a call of anything."""

import time

import numpy as np
import pytest

pytestmark = pytest.mark.real


def best_ns(call, n=3000, rounds=7):
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(n):
            call()
        times.append((time.perf_counter_ns() - start) / n)
    return min(times)


def test_function_is_bare(axpy):
    """No Python stands between the caller and C."""
    import tvm_ffi
    assert type(axpy.function) is tvm_ffi.Function
    assert type(axpy.bind([1])) is tvm_ffi.Function


def test_refusal_by_count_is_quick(world, axpy):
    """Reading three tensors and refusing them is within a few times of the error alone; times are
    only compared with each other."""
    import tvm_ffi
    x, y = (tvm_ffi.from_dlpack(np.zeros(16, np.float32)) for _ in range(2))
    empty, whole = best_ns(lambda: world.live()), best_ns(lambda: axpy.function(x, y, 1.0))
    assert whole < 40 * empty, (whole, empty)
