"""Outputs that the call makes."""

import gc

import numpy as np
import pytest
from conftest import refused

TWO = """
import tilec, tilec.language as T
@tilec.jit
def two(A):
    M, N = T.const("M, N")
    A: T.Tensor((M, N), "float32")
    B = T.empty((N, M), "float32")
    C = T.empty((M,), "int32")
    with T.Kernel(1, threads=32) as bx:
        for i, j in T.Parallel(M, N):
            B[j, i] = A[i, j]
        for i in T.Parallel(M):
            C[i] = i
    return B, C
"""


@pytest.fixture(scope="module")
def two(world):
    return world.module(TWO, "k.py", None, [], ["A", (3, 5)]).compile("cpu")


def test_results(world, two):
    a = np.arange(15, dtype=np.float32).reshape(3, 5)
    b, c = two.function(a)
    assert (world.numpy(b) == a.T).all() and world.numpy(c).tolist() == [0, 1, 2]
    assert two.signature == "two(A: float32[3, 5], out B: float32[5, 3], out C: int32[3])"


def test_passed_in(two):
    a = np.ones((3, 5), np.float32)
    b, c = np.zeros((5, 3), np.float32), np.zeros(3, np.int32)
    assert two.function(a, b, c) is None
    assert b.min() == 1 and c.tolist() == [0, 1, 2]


def test_bound(world, axpy):
    x = np.ones(1000, np.float32)
    for index in (1, -2):
        assert world.numpy(axpy.bind([index])(x, 1.0)).shape == (1000,)
    refused(IndexError, lambda: axpy.bind([3]), "has 3 parameters")
    refused(IndexError, lambda: axpy.bind([-4]))
    refused(ValueError, lambda: axpy.bind([2]), "'alpha' cannot be an output")
    refused(TypeError, lambda: axpy.bind(["Y"]), "an output is a str")
    refused(TypeError, lambda: axpy.bind(1), "expected a list")


def test_failures(world, axpy):
    gc.collect()
    f, before = axpy.bind([1]), world.live()
    refused(TypeError, lambda: f(3, 1.0), "argument 0 ('X')")
    refused(ValueError, lambda: f(np.zeros((2, 2), np.float32), 1.0), "rank 2")
    both = axpy.bind([0, 1])
    refused(ValueError, lambda: both(1.0), "nothing says what 'N' is")
    gc.collect()
    assert world.live() == before


STOPS = """
import tilec, tilec.language as T
N = T.dynamic("N")
@T.prim_func
def stops(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1, threads=32) as bx:
        T.device_assert(A[0] < 2.0, "too large")
        B[0] = A[0]
"""


def test_a_launch_that_fails_leaves_nothing(world, compiled):
    """Its outputs were made already."""
    f = compiled(STOPS).bind([1])
    assert world.numpy(f(np.ones(4, np.float32)))[0] == 1
    gc.collect()
    before = world.live(), tensors(world)
    for _ in range(100):
        refused(world.LaunchError, lambda: f(np.full(4, 3, np.float32)), "too large")
    gc.collect()
    assert (world.live(), tensors(world)) == before


def tensors(world):
    """How many objects the stand-in has given out; nobody counts those of the real package."""
    return world.lib.double_live() if world.name == "double" else 0


@pytest.mark.real
def test_torch(world, axpy):
    torch = pytest.importorskip("torch")
    x = torch.ones(10)
    made = axpy.bind([1])(x, 0.0)
    assert isinstance(made, torch.Tensor) and made.shape == (10,)


def test_own_memory(world, axpy):
    """Where the caller has no allocator, memory is ours, zeroed and aligned."""
    if world.name == "double":
        world.lib.double_set_tensor_allocator(0)
    try:
        made = world.numpy(axpy.bind([1])(np.full(9, 2, np.float32), 3.0))
    finally:
        if world.name == "double":
            world.lib.double_set_tensor_allocator(1)
    assert made.tolist() == [6.0] * 9


def test_a_failure_ends_nothing_but_its_own(world, axpy):
    """A call fails before it has made anything, where an earlier one left its results."""
    import ctypes
    if world.name != "double":
        pytest.skip("looks at the counts of objects, by the double's handles")
    one, both = axpy.bind([1]), axpy.bind([0, 1])
    made = one(np.ones(8, np.float32), 1.0)
    count = ctypes.c_uint64.from_address(made.handle)
    before = count.value
    refused(ValueError, lambda: both(1.0), "nothing says what 'N' is")
    assert count.value == before
