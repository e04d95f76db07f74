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


def squares(p, r):
    return {name: Array(r.integers(-3, 4, (N, N)), "float16") for name in "AB"}


# Threads cleared other elements of the sum than they added to, with nothing between.
bug("cleared_in_shared", squares, {"C": "float32"}, lambda p, x: {"C": x["A"] @ x["B"]})


def three(p, r):
    shapes = {"A": (N, 128), "B": (128, N)}
    operands = {name: Array(r.integers(-3, 4, shape), "float16") for name, shape in shapes.items()}
    return operands | {"steps": Array(np.array([3, 0, 1, 4]), "int32")}


# The sum is cleared for a loop without steps, whose number was not known yet where that was done.
bug("steps_from_memory", three, {"C": "float32"},
    lambda p, x: {"C": np.stack([x["A"][:, :32 * n] @ x["B"][:32 * n] for n in x["steps"]])})


def overwritten(p, x):
    b, c, d = np.ones((N, N)), x["C"].copy(), np.full(N, 2.0)
    i, j = np.nonzero(x["A"] > 0)
    b[j, N - 1 - i] = x["A"][i, j]
    for k in range(8):
        c[k * 7:k * 7 + N] = x["A"][k]
    d[-1] = x["A"][0, 0]
    return {"B": b, "C": c, "D": d}


# Threads wrote elements that others had written before, with nothing between.
bug("written_twice",
    lambda p, r: {"A": Array(r.integers(-3, 4, (N, N)), "float32"),
                  "C": Array(np.zeros(2 * N), "float32")},
    {"B": "float32", "C": "float32", "D": "float32"}, overwritten)


def stored(p, x):
    c = x["A"] @ x["B"]
    return {"C": c, "D": c.T, "E": np.where(np.eye(128)[::-1] > 0, 0, c)}


# What the copy engine stored was read, and written again, while it was on its way.
bug("stored_and_used",
    lambda p, r: {"A": Array(r.integers(-3, 4, (128, N)), "float16"),
                  "B": Array(r.integers(-3, 4, (N, 128)), "float16")},
    {"C": "float16", "D": "float16", "E": "float16"}, stored, ({}, {"threads": 256}))
