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
    return {"B": (-(x["A"] - 2.25 * x["A"])).astype(np.float32).view(np.int32)}


# A C compiler may turn -(a * b + c) into -a * b - c, where a zero has the other sign.
bug("negated_fma", lambda p, r: {"A": Array(np.where(np.arange(N) % 2, 0.0, 2.0), "float32")},
    {"B": "int32"}, negated)
bug("product_with_minus_one",
    lambda p, r: {"A": Array(np.where(np.arange(N) % 2, 0.0, 2.0), "float32")}, {"B": "int32"},
    negated)
bug("folded_is_no_literal", lambda p, r: {"A": Array(np.arange(N), "int16")}, {"B": "uint16"},
    lambda p, x: {"B": np.full(N, 65536 - 14)})
bug("literal_saturates", lambda p, r: {"A": Array(np.arange(N), "int32")}, {"B": "uint8"},
    lambda p, x: {"B": np.full((2, N), 0x7B)})  # 57344, as for computed numbers
