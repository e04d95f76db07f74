"""A long compile lets other threads run, and Ctrl-C ends it."""

import signal
import threading
import time

import numpy as np
import pytest

pytestmark = pytest.mark.real

LONG = """
import tilec, tilec.language as T
@tilec.jit
def long():
    total = 0
    for i in range(1000000000):
        total = total + i % 7
    @T.prim_func
    def main(A: T.Tensor((64,), "float32")):
        with T.Kernel(1, threads=64) as bx:
            A[0] = total
    return main
"""


def test_other_threads_run(world):
    ticks = []

    def work():
        with pytest.raises(world.BudgetError):
            world.module(LONG, "k.py", None).compile("interp")
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        ticks.append(time.monotonic())
        time.sleep(0.001)
    thread.join()
    gaps = [b - a for a, b in zip(ticks, ticks[1:])]
    assert len(ticks) > 20 and max(gaps) < 0.5


INTERRUPTED = """
import ctypes, signal, sys, threading, time
import tvm_ffi
began, asked, find = [], [0], tvm_ffi.get_global_func

def counted():
    asked[0] += bool(began)
    ctypes.pythonapi.PyErr_CheckSignals()

def with_count(name):
    return find(name) if name != "tilec.on_signals" else lambda check: find(name)(counted)

tvm_ffi.get_global_func = with_count
from tilec import _ffi

@tvm_ffi.register_global_func("test.raises")
def raises():
    raise ValueError

try:  # the binding reads symbols of all libraries when it meets the first exception
    find("test.raises")()
except ValueError:
    pass
module = _ffi.module(sys.argv[1], "k.py", None, [], [], _ffi.config({"eval_steps": "4000000000"}))

def interrupt():
    began.append(time.process_time())
    signal.raise_signal(signal.SIGINT)

threading.Timer(0.3, interrupt).start()
try:
    module.compile("interp")
except KeyboardInterrupt:
    print(asked[0], time.process_time() - began[0])
"""


def test_interrupt(child):
    """The first question after the signal ends it, within half a second of work. A machine that is
    loaded may be counted for more than it did: the best of three tries counts, but each must end."""
    worked = []
    for _ in range(3):
        status, out, err = child(INTERRUPTED, LONG)
        assert status == 0, err
        asked, seconds = out.split()
        assert int(asked) <= 2  # one may have begun before the signal came
        worked.append(float(seconds))
        if worked[-1] < 0.5:
            return
    raise AssertionError("seconds of work until it ended: %s" % worked)


def test_keep_the_gil(axpy):
    f = axpy.function
    released = f.release_gil
    try:
        f.release_gil = False
        y = np.ones(3, np.float32)
        f(np.ones(3, np.float32), y, 2.0)
        assert y.tolist() == [3, 3, 3]
    finally:
        f.release_gil = released
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
