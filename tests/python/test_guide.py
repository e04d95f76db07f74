"""What docs/python.md shows; it quotes these lines."""

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec import layout


@tilec.jit(out_idx=[-1])
def scale(N, block=256, dtype=T.float32):
    """Lazy: the function makes a kernel for its arguments."""
    @T.prim_func
    def main(X: T.Tensor((N,), dtype), factor: T.float32, Y: T.Tensor((N,), dtype)):
        with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
            for i in T.Parallel(block):
                Y[bx * block + i] = X[bx * block + i] * factor

    return main


@tilec.jit
def add(A, B, block: int = 128):
    """Eager: the function is the kernel, and its tensors say how large it is."""
    N = T.const("N")
    A: T.Tensor((N,), T.float32)
    B: T.Tensor((N,), T.float32)
    C = T.empty((N,), T.float32)
    with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
        for i in T.Parallel(block):
            C[bx * block + i] = A[bx * block + i] + B[bx * block + i]
    return C


@tilec.autotune(configs={"block": [128, 256, 512]}, warmup=1, rep=5)
@tilec.jit(out_idx=[-1])
def tuned(N, block=128):
    return scale.get_tir(N, block)


def test_calls():
    x = np.arange(1000, dtype=np.float32)
    kernel = scale(1000)            # compiled once for equal arguments
    y = np.from_dlpack(kernel(x, 3.0))
    out = np.empty_like(x)
    kernel(x, 3.0, out)             # the same, into memory of your own
    z = np.from_dlpack(add(x, y))   # compiles on the first call
    assert (y == 3 * x).all() and (out == y).all() and (z == 4 * x).all()


@pytest.mark.over_ffi
def test_layouts():
    x = layout.make("make_swizzled_layout", (16, 64), T.float16)
    assert x(1, 8) == (0, 0, 64) and x.inverse(offset=64) == (1, 8)  # thread, slot, offset
    rows = layout.fit((8, 6), lambda i, j: (i * 3 + j // 2, j % 2))
    assert rows == layout.parse("layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])")
    assert rows.n_threads == 24 and rows(1, 3) == (4, 1, 0)


def test_tuning(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path))
    with tilec.set_autotune_inputs(np.ones(1 << 16, np.float32), 3.0):
        kernel = tuned(1 << 16)
    assert kernel.config["block"] in (128, 256, 512) and kernel.latency > 0


def test_errors():
    x = np.ones(10, np.float32)
    with pytest.raises(ValueError) as wrong:
        scale(1000)(x, 3.0)
    assert "1000" in str(wrong.value)
    with pytest.raises(tilec.CompileError) as raised:
        @T.prim_func
        def main(X: T.Tensor((8,), "float32")):
            with T.Kernel(1):
                X[0] = T.sqroot(X[1])
    assert "did you mean" in str(raised.value)
