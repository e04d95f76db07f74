"""Kernels in graphs of torch: captured once, replayed on new values. Needs a GPU."""

import pytest
from conftest import AXPY

pytestmark = pytest.mark.real

SCALED = """
import tilec, tilec.language as T
N = T.dynamic("N")
@T.prim_func
def scaled(X: T.Tensor((N,), "float32")):
    Y = T.empty((N,), "float32")
    with T.Kernel(T.ceildiv(N, 256), threads=128) as bx:
        for i in T.Parallel(256):
            Y[bx * 256 + i] = 2 * X[bx * 256 + i]
    return Y
"""


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch


def captured(torch, function, warm=True):
    """The graph of one call, which a stream of its own has run before."""
    if warm:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            function()
        stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function()
    return graph, result


def test_replay(world, torch):
    kernel = world.module(AXPY, "kernel.py", None).compile("cuda")
    x, y = torch.zeros(1000, device="cuda"), torch.zeros(1000, device="cuda")

    def call():
        before = torch.cuda.memory_allocated()
        kernel.function(x, y, 2.0)
        assert torch.cuda.memory_allocated() == before

    graph, _ = captured(torch, call)
    y.zero_()
    for value in (1.0, 5.0):
        x.fill_(value)
        graph.replay()
    torch.cuda.synchronize()
    assert (y == 12).all()


def test_first_call_is_captured(world, torch):
    """The code was not loaded before."""
    kernel = world.module(AXPY.replace("alpha * X", "(alpha + 1) * X"), "k.py", None).compile("cuda")
    x, y = torch.ones(64, device="cuda"), torch.zeros(64, device="cuda")
    torch.cuda.synchronize()
    graph, _ = captured(torch, lambda: kernel.function(x, y, 2.0), warm=False)
    graph.replay()
    torch.cuda.synchronize()
    assert (y == 3).all()


def test_results_are_the_graphs(world, torch):
    kernel = world.module(SCALED, "scaled.py", None).compile("cuda")
    x = torch.ones(100, device="cuda")
    graph, y = captured(torch, lambda: kernel.function(x))
    x.fill_(4)
    graph.replay()
    torch.cuda.synchronize()
    assert isinstance(y, torch.Tensor) and (y == 8).all()


def test_several_kernels(world, torch):
    first = world.module(AXPY, "kernel.py", None).compile("cuda")
    second = world.module(SCALED, "scaled.py", None).compile("cuda")
    x, y, z = (torch.zeros(500, device="cuda") for _ in range(3))

    def chain():
        first.function(x, y, 1.0)
        second.function(y, z)

    graph, _ = captured(torch, chain)
    y.zero_()
    x.fill_(1)
    graph.replay()
    graph.replay()
    torch.cuda.synchronize()
    assert (y == 2).all() and (z == 4).all()
