"""On which stream a kernel runs, by the package that its arrays come from. Needs a GPU.

A side stream is kept busy, then its array is filled there, then the kernel is called. Only on that
stream does the kernel see what was filled in."""

import numpy as np
import pytest
from conftest import AXPY

pytestmark = pytest.mark.real
N = 1 << 20
SLEEP_CYCLES = 200_000_000


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch


@pytest.fixture(scope="module")
def kernel(world, torch):
    return world.module(AXPY, "kernel.py", None).compile("cuda")


def test_torch_side_stream(torch, kernel):
    x, y = (torch.zeros(N, device="cuda") for _ in range(2))
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(SLEEP_CYCLES)
        x.fill_(3)
        kernel.function(x, y, 2.0)
    assert not stream.query()
    stream.synchronize()
    assert (y == 6).all()


def test_torch_default_stream(torch, kernel):
    x, y = torch.ones(N, device="cuda"), torch.zeros(N, device="cuda")
    kernel.function(x, y, 2.0)
    assert (y == 2).all()


def test_raw_stream(torch, kernel):
    import tvm_ffi
    x, y = (torch.zeros(N, device="cuda") for _ in range(2))
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(SLEEP_CYCLES)
        x.fill_(3)
    bare = [tvm_ffi.from_dlpack(t) for t in (x, y)]
    with tvm_ffi.use_raw_stream(tvm_ffi.device("cuda:0"), stream.cuda_stream):
        kernel.function(*bare, 2.0)
    assert not stream.query()
    stream.synchronize()
    assert (y == 6).all()


def test_cupy(torch, kernel):
    cupy = pytest.importorskip("cupy")
    x, y = cupy.zeros(N, cupy.float32), cupy.zeros(N, cupy.float32)
    x.fill(3)
    kernel.function(x, y, 2.0)
    assert (cupy.asnumpy(y) == 6).all()


def test_jax(torch, kernel):
    jax = pytest.importorskip("jax")
    x = jax.numpy.full((N,), 3.0, dtype="float32").block_until_ready()
    if x.device.platform != "gpu":
        pytest.skip("this jax has no GPU")
    y = torch.zeros(N, device="cuda")
    kernel.function(x, y, 2.0)
    assert (y == 6).all()


def test_pointers_only(world, torch):
    """Without a tensor nothing tells of a stream: it is the default one, or the one set by hand."""
    import ctypes
    text = """
import tilec, tilec.language as T
@T.prim_func
def fill(p: T.ptr, value: T.float32):
    with T.Kernel(1, threads=32) as bx:
        A = T.make_tensor(p, (32,), "float32")
        for i in T.Parallel(32):
            A[i] = value
"""
    kernel = world.module(text, "fill.py", None).compile("cuda")
    y = torch.zeros(32, device="cuda")
    torch.cuda.synchronize()
    kernel.function(ctypes.c_void_p(y.data_ptr()), 4.0)
    torch.cuda.synchronize()
    assert (y == 4).all()


def test_results_of_the_callers_allocator(torch, kernel):
    x = torch.ones(N, device="cuda")
    made = kernel.bind([1])(x, 0.0)
    assert isinstance(made, torch.Tensor) and made.device == x.device
    assert np.isfinite(made.cpu().numpy()).all()
