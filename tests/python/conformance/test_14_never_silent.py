"""Wherever memory is refused, an error is set, nothing leaks, and the next call works."""

import gc

import numpy as np
import pytest
from conftest import AXPY
from test_13_error_frames import WRONG

EXPR = 18  # TILEC_VALUE_EXPR


@pytest.fixture
def faults(world):
    if world.name != "double":
        pytest.skip("needs the double, which refuses memory on request")
    return world


def through_all(world, call, limit=400):
    """Runs `call` with the first request for memory refused, then the second ..., until none is."""
    failed = 0
    for n in range(1, limit):
        gc.collect()
        before = world.lib.double_live()
        world.lib.double_fail_at(n)
        try:
            result = call()
        except Exception:  # pylint: disable=broad-except  # -1 without an error is an AssertionError
            failed += 1
            result = None
        refused = not world.lib.double_armed()
        world.lib.double_fail_at(0)
        del result
        gc.collect()
        assert world.lib.double_live() == before, n
        if not refused:
            return failed
    raise AssertionError("more than %d requests" % limit)


def test_module(faults):
    assert through_all(faults, lambda: faults.module(AXPY, "a long name.py", "axpy")) > 3


def test_compile(faults):
    module = faults.module(AXPY, "kernel.py", None)
    assert through_all(faults, lambda: module.compile("cpu")) >= 8


def test_values(faults):
    def call():
        m = faults.value(EXPR, "binary", "a long operator", 1, [2, 3])
        return m.binary("+", m).getitem([m, 1])
    assert through_all(faults, call) >= 6


def test_compile_error(faults):
    module = faults.module(WRONG, "/somewhere/wrong.py", "main")

    def call():
        with pytest.raises(faults.CompileError):
            module.compile("cpu")
    through_all(faults, call)


def test_calls(faults, axpy):
    x = np.zeros(4, np.float32)
    through_all(faults, lambda: axpy.function(x, x.copy(), 1.0))
    assert through_all(faults, lambda: axpy.bind([1])) > 0
    f = axpy.bind([1])
    assert through_all(faults, lambda: f(x, 1.0)) > 0

    def wrong():
        with pytest.raises(ValueError):
            axpy.function(x, x, 1.0)
    through_all(faults, wrong)


def test_tables(faults):
    assert through_all(faults, faults.targets) > 3
    assert through_all(faults, lambda: faults.config({"jobs": "2"})) > 1
    assert through_all(faults, lambda: faults.explain("E0634")) > 0


def test_layouts(faults):
    text = "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])"
    assert through_all(faults, lambda: faults.layout(text)) >= 3
    assert through_all(faults, lambda: faults.layout_make("mma_c", [16, 32])) >= 3
    assert through_all(faults, lambda: faults.layout_fit([1, 2], 1, [0, 0, 1, 0, 0, 0])) >= 3
    layout = faults.layout(text)
    assert through_all(faults, lambda: (layout.find([1, 1], 0), layout.element(4, 1, 0))) >= 1


def test_copies(faults):
    copy, x = faults._global("tilec.copy"), np.arange(6.0).reshape(2, 3)
    assert through_all(faults, lambda: copy(x, 1, 0)) >= 2
    assert (copy(x, 1, 0).numpy() == x).all()
