"""Tables that are filled on demand, by threads, by what asks for itself, and across fork."""

import os
import threading
import time

import pytest

import tilec
from tilec._once import Once

LIMIT_S = 20


def in_time(function):
    """The result of a function in a thread of its own, or what it raised; a hang is a failure."""
    found = []

    def run():
        try:
            found.append(function())
        except BaseException as error:  # pylint: disable=broad-except
            found.append(error)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert found, "it did not end in %d s" % LIMIT_S
    return found[0]


def test_one_fills_and_the_others_wait():
    once, made = Once(), []

    def make():
        made.append(1)
        time.sleep(0.05)
        return object()
    threads = [threading.Thread(target=lambda: results.append(once.get("k", make)))
               for _ in range(8)]
    results = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert len(made) == 1 and len(results) == 8 and len(set(map(id, results))) == 1


def test_each_gets_an_error_of_its_own():
    once = Once()

    def fail():
        raise ValueError("no")
    for _ in range(2):
        with pytest.raises(ValueError):
            once.get("k", fail)
    assert once.get("k", lambda: 7) == 7


def test_what_asks_for_itself_is_an_error():
    once = Once()
    error = in_time(lambda: once.get("k", lambda: once.get("k", int)))
    assert isinstance(error, RecursionError)
    assert once.get("k", lambda: once.get("other", lambda: 5)) == 5


def test_a_factory_that_calls_itself_is_an_error():
    @tilec.jit
    def endless(N):
        return endless(N)
    assert isinstance(in_time(lambda: endless(3)), RecursionError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_another_thread_was_making_is_made_in_a_child():
    once, go = Once(), threading.Event()
    started = threading.Event()

    def slow():
        started.set()
        go.wait(LIMIT_S)
        return "theirs"
    thread = threading.Thread(target=lambda: once.get("k", slow))
    thread.start()
    started.wait(LIMIT_S)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if in_time(lambda: once.get("k", lambda: "ours")) == "ours" else 1)
    end = time.monotonic() + 2 * LIMIT_S
    done, status = 0, 1
    while not done and time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.01)
    go.set()
    thread.join(LIMIT_S)
    assert done and status == 0
    assert once.get("k", int) == "theirs"
