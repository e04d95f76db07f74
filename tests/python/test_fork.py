"""A process that has compiled and called kernels forks; the child does both, too, and ends."""

import os
import signal
import sys
import time
import traceback

import numpy as np
import pytest

import tilec
import tilec.language as T

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

LIMIT_S = 20


def scale(N, factor, target):
    """Several blocks, so that worker threads have a part in it."""
    @T.prim_func
    def main(X: T.Tensor((N,), "float32"), Y: T.Tensor((N,), "float32")):
        with T.Kernel(T.ceildiv(N, 64), threads=64) as bx:
            for i in T.Parallel(64):
                Y[bx * 64 + i] = X[bx * 64 + i] * factor
    return tilec.compile(main, target=target)


def check(kernel, N, factor):
    x, y = np.arange(N, dtype=np.float32), np.zeros(N, np.float32)
    kernel(x, y)
    assert (y == x * np.float32(factor)).all()


def in_a_child(work):
    """Runs work() in a fork of this process; its exit status, None when it did not end in time."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # pylint: disable=broad-except  # nothing of pytest may run here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # threads are what this is about
@pytest.mark.parametrize("target", ["cpu", "interp"])
def test_compile_and_call_on_both_sides(target):
    kernel = scale(640, 3, target)
    check(kernel, 640, 3)

    def work():
        check(kernel, 640, 3)
        check(scale(1280, 5, target), 1280, 5)
        check(kernel, 640, 3)
    assert in_a_child(work) == 0
    check(kernel, 640, 3)
    check(scale(320, 7, target), 320, 7)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_childs_child():
    kernel = scale(640, 3, "cpu")
    check(kernel, 640, 3)

    def work():
        check(kernel, 640, 3)
        assert in_a_child(lambda: check(scale(960, 2, "cpu"), 960, 2)) == 0
    assert in_a_child(work) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_errors_in_a_child():
    """What is wrong is said there as it is here."""
    kernel = scale(640, 3, "cpu")

    def work():
        with pytest.raises(ValueError, match="expected 640"):
            kernel(np.zeros(64, np.float32), np.zeros(640, np.float32))
    check(kernel, 640, 3)
    assert in_a_child(work) == 0
