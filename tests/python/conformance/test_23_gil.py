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


def test_interrupt(child):
    status, out, err = child("""
import signal, sys, threading, time
from tilec import _ffi
module = _ffi.module(sys.argv[1], "k.py", None, [], [], _ffi.config({"eval_steps": "4000000000"}))
began = []
def interrupt():
    began.append(time.process_time())
    signal.raise_signal(signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    module.compile("interp")
except KeyboardInterrupt:
    print("interrupted", time.process_time() - began[0] < 0.5)
""", LONG)
    assert status == 0, err
    assert out == "interrupted True\n"


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
