"""Threads that call, fail and compile at once never see each other's errors."""

import threading

import numpy as np
import pytest
from conftest import AXPY

N_THREADS = 8


def together(work):
    """Runs work(i) in threads that start at once; raises what one of them raised."""
    barrier, raised = threading.Barrier(N_THREADS), []

    def run(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def test_calls_and_errors(axpy):
    def work(i):
        x, y = np.full(64 + i, i, np.float32), np.zeros(64 + i, np.float32)
        for k in range(1, 200):
            axpy.function(x, y, 1.0)
            assert (y == i * k).all()
            with pytest.raises(ValueError) as caught:
                axpy.function(x, np.zeros(i + 1, np.float32), 1.0)
            assert "shape [%d] is %d, expected %d" % (i + 1, i + 1, 64 + i) in str(caught.value)
            with pytest.raises(TypeError) as caught:
                axpy.function(*[x] * (4 + i))
            assert "got %d" % (4 + i) in str(caught.value)
    together(work)


def test_compiles(world):
    def work(i):
        good = AXPY.replace("alpha * X", "%d.0 * alpha * X" % (i + 1))
        bad = AXPY.replace("for i in T.Parallel(256)", "\n" * i + " " * 8 + "for i in T.Paralel(256)")
        x, y = np.ones(300, np.float32), np.zeros(300, np.float32)
        world.module(good, "good%d.py" % i, None).compile("interp").function(x, y, 1.0)
        assert (y == i + 1).all()
        with pytest.raises(world.CompileError) as caught:
            world.module(bad, "bad%d.py" % i, None).compile("interp")
        assert "bad%d.py:%d:" % (i, 7 + i) in str(caught.value)
    together(work)


def test_first_use_of_a_config(world):
    """All threads make the context of one Config at once."""
    import pickle
    if world.name != "real":
        pytest.skip("needs a Config without a context, which only reading gives")
    config = pickle.loads(pickle.dumps(world.config({"jobs": 2})))

    def work(_):
        assert config.get("jobs") == "2"
    together(work)
