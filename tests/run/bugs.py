"""What the kernels of kernels/bugs.py must compute: one case for each bug that was found."""

import numpy as np

from formats import Array

from refs import Case

BUGS: list = []
FILE = "../tests/run/kernels/bugs.py"
N = 64


def bug(entry, inputs, outputs, reference, params=({},), **more):
    BUGS.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


def negated(p, x):
    zero = x["A"] == 0
    return {"B": np.where(zero, -np.inf, 1 / np.where(zero, 1, 1.25 * x["A"]))}


# A C compiler may turn -(a * b + c) into -a * b - c, where a zero has the other sign.
bug("negated_fma", lambda p, r: {"A": Array(np.where(np.arange(N) % 2, 0.0, 2.0), "float32")},
    {"B": "float32"}, negated, rtol=1e-6, atol=0)
