"""A call of a kernel costs little more than a call of anything. Times are only compared with each
other, those of one comparison taken in turn."""

import timeit

import numpy as np
import pytest

pytestmark = pytest.mark.real

TINY = """
import tilec, tilec.language as T
@T.prim_func
def tiny(X: T.Tensor((8,), "float32"), Y: T.Tensor((8,), "float32"), Z: T.Tensor((8,), "float32")):
    with T.Kernel(1, threads=1):
        Z[0] = X[0] + Y[0]
"""


def best_ns(names, *calls, n=500, rounds=60):
    """Nanoseconds of each call, a text: the least of many short rounds, which a busy machine
    spares."""
    timers = [timeit.Timer(call, globals=names) for call in calls]
    rows = [[timer.timeit(n) / n * 1e9 for timer in timers] for _ in range(rounds)]
    return [min(column) for column in zip(*rows)]


def holds(attempts, check):
    """Whether a comparison of times comes out so once."""
    seen = []
    for _ in range(attempts):
        good, times = check()
        if good:
            return
        seen.append(times)
    pytest.fail("in no attempt: %s" % seen)


def test_function_is_bare(axpy):
    """No Python stands between the caller and C."""
    import tvm_ffi
    assert type(axpy.function) is tvm_ffi.Function
    assert type(axpy.bind([1])) is tvm_ffi.Function


def test_a_kernel_that_does_nothing_costs_what_a_function_costs(compiled):
    """Three arrays are read and checked, and one block is run: 1.3 times a function of C that is
    given the same and looks at nothing."""
    import tvm_ffi
    names = {name: np.zeros(8, np.float32) for name in "xyz"}
    names.update(nothing=tvm_ffi.get_global_func("testing.nop"), kernel=compiled(TINY).function)

    def check():
        bare, ours = best_ns(names, "nothing(x, y, z)", "kernel(x, y, z)")
        return ours <= 1.3 * bare, (ours, bare)

    holds(5, check)


def test_reading_and_checking_is_a_part_of_a_call(axpy):
    """With arguments that tvm-ffi need not convert, too."""
    import tvm_ffi
    names = {name: tvm_ffi.from_dlpack(np.zeros(16, np.float32)) for name in "xy"}
    names.update(nothing=tvm_ffi.get_global_func("testing.nop"), kernel=axpy.function)

    def check():
        bare, ours = best_ns(names, "nothing(x, y, 1.0)", "kernel(x, y, 1.0)")
        return ours <= 3 * bare, (ours, bare)

    holds(5, check)


def test_functions_of_python_that_are_missing(world):
    import tvm_ffi
    assert world.calling and world.trying
    python_methods = tvm_ffi.get_global_func("tilec.python_methods")
    for wrong, error in (((), TypeError), (range(1, 6), TypeError), (range(1, 8), TypeError),
                         (range(6), ValueError), ((1, 2, 3, 4, 5, 0), ValueError),
                         ((1, 2, "a", 4, 5, 6), TypeError)):
        with pytest.raises(error, match="python_methods"):
            python_methods(*wrong)
