"""What every example kernel must compute, in NumPy and float64, and on which inputs it is tried.
`CASES` is read by tests/run/run.py; sizes are small, odd, and mostly no multiple of a tile."""

from dataclasses import dataclass
import math
from pathlib import Path
import sys
from typing import Any, Callable, Optional

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "run"))
from formats import EPS, Array, encode, is_float, round_to  # noqa: E402


@dataclass
class Bounded:
    """A result that comes with its own error bound, element by element."""

    values: np.ndarray
    bound: np.ndarray


@dataclass
class Columns:
    """An input that is stored by columns (Fortran order)."""

    array: Array


@dataclass
class Case:
    """One kernel and the parameter sets to run it with.

    `inputs(p, rng)` makes the arguments by name: an Array, a list of Arrays (a table of pointers),
    a Columns, or a number. `reference(p, x)` gets their values and gives the outputs by name.
    Parameters named in `dims` are only read here: the kernel takes them from the arrays. Those in
    `unnamed` too are no sizes of it by that name."""

    file: str
    entry: str
    params: list
    inputs: Callable
    outputs: Callable
    reference: Callable
    dims: str = ""
    unnamed: str = ""
    rtol: Optional[float] = None
    atol: Optional[float] = None
    canon: Optional[Callable] = None  # applied to both sides before they are compared

    def defines(self, p):
        return {k: v for k, v in p.items() if k not in self.dims.split()}

    def fixed(self, p):
        """What a kernel is compiled with for arrays of these sizes alone."""
        return {k: v for k, v in p.items() if k not in self.unnamed.split()}

    def tolerance(self, dtype):
        """Relative and absolute error allowed without a Bounded; integers are exact."""
        if not is_float(dtype):
            return 0.0, 0.0
        rtol = self.rtol if self.rtol is not None else max(1e-5, 2.1 * EPS[dtype])
        return rtol, self.atol if self.atol is not None else 1e-6


CASES: list = []


def case(*args: Any, **kwargs: Any):
    CASES.append(Case(*args, **kwargs))


# Inputs


def normal(rng, shape, dtype="float32", scale=1.0):
    return Array(rng.standard_normal(shape) * scale, dtype)


def uniform(rng, shape, low, high, dtype="float32"):
    return Array(rng.uniform(low, high, shape), dtype)


def integers(rng, shape, low, high, dtype="int32"):
    """From low to high - 1."""
    return Array(rng.integers(low, high, shape), dtype)


def like(rng, shape, dtype):
    """Numbers of a sensible size for a product of matrices."""
    return integers(rng, shape, -100, 101, dtype) if dtype == "int8" else normal(rng, shape, dtype)


def grid(params, **axes):
    """Every set of `params` with every combination of values of `axes`."""
    sets = params
    for name, values in axes.items():
        sets = [dict(p, **{name: v}) for p in sets for v in values]
    return sets


# References shared by several cases


def matmul(a, b, dtype, steps=None):
    """a @ b, accumulated in float32 in any order and rounded to `dtype`; exact for integers.
    The bound is that of a sum of K rounded terms (Higham 2002, section 3.1)."""
    if not is_float(dtype):
        return round_to(a.astype(np.int64) @ b.astype(np.int64), dtype)
    value = a @ b
    size = np.abs(a) @ np.abs(b)
    terms = (steps or a.shape[-1]) + 2
    return Bounded(value, terms * EPS["float32"] * size + 2 * EPS[dtype] * np.abs(value) + 1e-7)


def attention(q, k, v, visible):
    """softmax(q k^T / sqrt(dim)) v for (..., sequence, dim); `visible` is a mask of scores."""
    scores = np.where(visible, q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]), -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True) @ v


def attention_error(p):
    """Probabilities are rounded to the type of V before the second product."""
    eps = EPS[p.get("dtype", "float16")]
    return max(2e-5, 4 * eps), max(2e-5, 4 * eps)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def wrap32(x):
    return round_to(x, "int32")


SHAPES = [dict(M=1, N=1), dict(M=3, N=7), dict(M=65, N=130), dict(M=64, N=128)]
TILE = dict(block_M=32, block_N=32, block_K=16)
GEMM_SHAPES = [
    dict(M=1, N=1, K=1, **TILE),
    dict(M=32, N=32, K=32, **TILE),
    dict(M=33, N=47, K=19, **TILE),
    dict(M=70, N=5, K=65, **TILE),
]
