"""Runs test files in compatibility mode, each in a fork of a process that has loaded what all of them
need; compat_tests.py starts it.

A line of the input is a file, where its report goes, and a limit in seconds, with tabs between them; the
line of the answer is how its process ended: an exit status, `signal N`, or `limit`."""

import os
import resource
import signal
import sys
import time

MEMORY_B = 10 << 30
OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "compat_plugin", "--tb=short"]


def load():
    from tilec.compat import install
    install("cpu")
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import tilelang.language  # noqa: F401
    import torch  # noqa: F401


def child(path, report):
    import pytest
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_B, MEMORY_B))
    out = os.open(report + ".out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["PYTILEC_COMPAT_REPORT"] = report
    os.chdir(os.path.dirname(path))
    sys.argv = ["pytest", *OPTIONS, os.path.basename(path)]
    sys.path[0] = os.getcwd()
    status = 3
    try:
        status = int(pytest.main(sys.argv[1:]))
    finally:
        sys.stdout.flush()
        os._exit(status)


def wait(pid, limit_s):
    """How the process ended; its group is gone then."""
    end = time.monotonic() + limit_s
    done, status = os.waitpid(pid, os.WNOHANG)
    while not done and time.monotonic() < end:
        time.sleep(0.05)
        done, status = os.waitpid(pid, os.WNOHANG)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if not done:
        os.waitpid(pid, 0)
        return "limit"
    return "signal %d" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else str(os.WEXITSTATUS(status))


def main():
    load()
    for line in sys.stdin:
        path, report, limit = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            child(path, report)
        print(wait(pid, float(limit)), flush=True)


main()
