"""What the kernels of kernels/idioms.py must compute."""

import numpy as np

from formats import Array

from refs import Case, integers, normal

IDIOMS: list = []
FILE = "../tests/run/kernels/idioms.py"
N = 256
F32, I32 = "float32", "int32"


def idiom(entry, inputs, outputs, reference, params=({},)):
    IDIOMS.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, rtol=0,
                       atol=0))


idiom("histogram", lambda p, r: {"A": integers(r, (4, N), 0, 1000), "bins": integers(r, 16, 0, 9)},
      {"bins": I32},
      lambda p, x: {"bins": x["bins"] + np.bincount(x["A"].reshape(-1) % 16, minlength=16)})


def sort(p, x):
    order = np.argsort(x["A"], axis=1, kind="stable")
    return {"A": np.take_along_axis(x["A"], order, 1), "places": order}


idiom("bitonic", lambda p, r: {"A": integers(r, (p["rows"], p["n"]), -20, 20, F32)},
      {"A": F32, "places": I32}, sort, [dict(rows=3, n=64), dict(rows=1, n=2), dict(rows=2, n=16)])


def select(p, x):
    order = np.argsort(-x["A"], axis=1, kind="stable")[:, :4]
    return {"values": np.take_along_axis(x["A"], order, 1), "indices": order}


idiom("select", lambda p, r: {"A": integers(r, (8, N), -500, 500, F32)},
      {"values": F32, "indices": I32}, select)


def unpack(p, x):
    a = x["A"].astype(np.int64)
    both = np.stack([a & 15, a >> 4], 1).reshape(-1)
    return {"B": (both + 8) % 16 - 8}


idiom("unpack", lambda p, r: {"A": integers(r, N // 2, 0, 256, "uint8")}, {"B": "int8"}, unpack)
idiom("objects", lambda p, r: {"A": normal(r, (8, 8), "float16")},
      {"B": "float16", "C": "float16"}, lambda p, x: {"B": x["A"].T, "C": x["A"].T.reshape(-1)})
idiom("more_layouts", lambda p, r: {"A": normal(r, (32, 32), "float16")},
      {"B": "float16", "out": I32}, lambda p, x: {"B": x["A"], "out": Array([10], I32).values})
