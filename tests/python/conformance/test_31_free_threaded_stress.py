"""Threads that import, compile, call and drop objects at once. It shows most without the GIL, and
must hold with it."""

import pytest

pytestmark = pytest.mark.real

SCRIPT = '''
import gc, sys, threading, tempfile, os
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
sys.setswitchinterval(1e-5)
import numpy as np
N = 8
TEXT = """
import tilec, tilec.language as T
@T.prim_func
def axpy(X: T.Tensor((64,), "float32"), Y: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=64) as bx:
        for i in T.Parallel(64):
            Y[i] = %d * X[i]
"""
barrier, raised, kernels = threading.Barrier(N), [], [None] * N

def together(work):
    def run(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            raised.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(N)]
    for t in threads: t.start()
    for t in threads: t.join()
    if raised: raise raised[0]

def first_import(i):
    from tilec import _ffi
    _ffi.version()

def first_call(i):
    from tilec import _ffi
    kernels[i] = _ffi.module(TEXT % (i % 3 + 1), "k.py", None).compile("interp")
    y = np.zeros(64, np.float32)
    kernels[i].function(np.ones(64, np.float32), y)
    assert (y == i % 3 + 1).all()

def shared_call(i):
    y = np.zeros(64, np.float32)
    for k in range(50):
        kernels[k % N].function(np.ones(64, np.float32), y)
        assert (y == k % N % 3 + 1).all()

def objects(i):
    from tilec import _ffi
    for k in range(200):
        config = _ffi.config({"seed": i * 1000 + k % 5})
        target = list(_ffi.targets(config))[0]
        assert target == list(_ffi.targets(None))[0] and hash(target) is not None
        params = list(kernels[k % N].params)
        assert params[0].name == "X"

together(first_import)
together(first_call)
together(shared_call)
together(objects)
kernels[:] = []
import tilec._ffi
tilec._ffi._configs.clear()
gc.collect()
print("left", tilec._ffi.live())
'''


def test_stress(child):
    code, out, err = child(SCRIPT)
    assert code == 0, err
    assert out.strip() == "left 0", out
