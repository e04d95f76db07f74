"""Many calls, errors, callbacks and objects: nothing stays."""

import gc
import resource

import numpy as np
import pytest

GROWTH_KB = 1024


def growth(work, n):
    """Growth of resident memory in KB over n runs, after a tenth of them."""
    for _ in range(n // 10):
        work()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(n):
        work()
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def scale(world, n):
    return n if world.name == "real" else n // 10  # the double's binding is slow


def test_calls(world, axpy):
    x, y = np.zeros(4, np.float32), np.zeros(4, np.float32)
    assert growth(lambda: axpy.function(x, y, 1.0), scale(world, 100000)) < GROWTH_KB


def test_errors(world, axpy):
    x, before = np.zeros(4, np.float32), world.live()

    def work():
        try:
            axpy.function(x, x, 1.0)
        except ValueError:
            pass
    assert growth(work, scale(world, 20000)) < GROWTH_KB
    gc.collect()
    assert world.live() == before


def test_results(world, axpy):
    f, x = axpy.bind([1]), np.zeros(64, np.float32)
    assert growth(lambda: f(x, 1.0), scale(world, 50000)) < GROWTH_KB


def test_objects(world):
    before = world.live()
    assert growth(world.targets, scale(world, 5000)) < GROWTH_KB
    gc.collect()
    assert world.live() == before


@pytest.mark.real
def test_callbacks(world):
    def work():
        with pytest.raises(KeyboardInterrupt):
            world.module("", "k.py", "f", [], [], None, lambda *_: ("interrupted",)).compile("cpu")
    before = world.live()
    assert growth(work, 2000) < GROWTH_KB
    gc.collect()
    assert world.live() == before


def test_kernels(world):
    """Contexts, programs and kernels end with their objects."""
    from conftest import AXPY

    def work():
        world.module(AXPY, "k.py", None).compile("interp")
    before = world.live()
    assert growth(work, 300) < 4 * GROWTH_KB
    gc.collect()
    assert world.live() == before


def test_layouts(world):
    before = world.live()

    def work():
        layout = world.layout_make("make_swizzled_layout", [16, 64], 16)
        assert list(world.layout(layout.text).find([1, 8], 0)) == [0, 0, 64]
        for wrong in (lambda: world.layout("layout("), lambda: layout.find([16, 0], 0)):
            try:
                wrong()
            except (ValueError, IndexError):
                pass
    assert growth(work, scale(world, 5000)) < GROWTH_KB
    gc.collect()
    assert world.live() == before
