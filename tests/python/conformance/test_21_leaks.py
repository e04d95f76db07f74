"""Many calls, errors, callbacks and objects: nothing stays."""

import gc
import resource

import numpy as np
import pytest

GROWTH_KB = 1024


def growth(work, n):
    """Growth of resident memory in KB over n runs, after a tenth of them.

    The numbers of runs are those that the package shall stand: 200,000 calls, 50,000 errors and
    callbacks, 200,000 objects (most of them in test_layouts)."""
    for _ in range(n // 10):
        work()
    gc.collect()
    before = resident_kb()
    for _ in range(n):
        work()
    gc.collect()
    return resident_kb() - before


def resident_kb():
    """What is resident now; where that cannot be read, the most that ever was, which shows less."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def scale(world, n):
    return n if world.name == "real" else n // 10  # the double's binding is slow


def test_calls(world, axpy):
    x, y = np.zeros(4, np.float32), np.zeros(4, np.float32)
    assert growth(lambda: axpy.function(x, y, 1.0), scale(world, 200000)) < GROWTH_KB


def test_errors(world, axpy):
    x, before = np.zeros(4, np.float32), world.live()

    def work():
        try:
            axpy.function(x, x, 1.0)
        except ValueError:
            pass
    assert growth(work, scale(world, 50000)) < GROWTH_KB
    gc.collect()
    assert world.live() == before


def test_results(world, axpy):
    f, x = axpy.bind([1]), np.zeros(64, np.float32)
    assert growth(lambda: f(x, 1.0), scale(world, 50000)) < GROWTH_KB


def test_objects(world):
    before = world.live()
    assert growth(world.targets, scale(world, 1500)) < GROWTH_KB  # it looks for devices
    gc.collect()
    assert world.live() == before


@pytest.mark.real
def test_callbacks(world):
    def work():
        with pytest.raises(KeyboardInterrupt):
            world.module("", "k.py", "f", [], [], None, lambda *_: ("interrupted",)).compile("cpu")
    before = world.live()
    assert growth(work, 5000) < GROWTH_KB
    gc.collect()
    assert world.live() == before


@pytest.mark.real
def test_callbacks_of_one_kernel(world):
    """50,000 of them: what a kernel asks of Python, ten each time it is compiled."""
    import tilec
    import tilec.language as T

    class Table:
        def __getitem__(self, i):
            return i
    table = Table()

    def work():
        @T.prim_func
        def main(A: T.Tensor((16,), "float32")):
            with T.Kernel(1, threads=1):
                for i in range(10):
                    A[i] = table[i]
        main.emit("ir")
    work()  # options and words are read once
    assert tilec.__version__
    gc.collect()
    before = world.live()
    assert growth(work, 2500) < 2 * GROWTH_KB  # the first kernels fill tables of Python
    gc.collect()
    assert world.live() <= before  # less, when other tests left something


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
    assert growth(work, scale(world, 50000)) < GROWTH_KB
    gc.collect()
    assert world.live() == before
