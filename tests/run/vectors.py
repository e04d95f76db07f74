"""What the kernels of kernels/vectors.py must compute."""

from fractions import Fraction
import math

import numpy as np

from formats import Array, round_to

from refs import Case, normal

VECTORS: list = []
FILE = "../tests/run/kernels/vectors.py"
N = 64
F32 = "float32"


def vector(entry, inputs, outputs, reference, params=({},), **more):
    VECTORS.append(Case(FILE, entry, list(params), inputs, outputs, reference, **more))


def pairs(p, x):
    a, b, dtype = x["A"], x["B"], p["dtype"]
    odd = np.stack([a[1::2], b[::2]], 1).reshape(-1)
    out = [a + b, a - b, a * b, a * b + a, np.maximum(a, b), np.minimum(a, b), np.abs(a), odd]
    return {"out": round_to(np.stack(out), dtype)}


vector("pairs", lambda p, r: {"A": normal(r, N, p["dtype"]), "B": normal(r, N, p["dtype"])},
       lambda p: {"out": p["dtype"]}, pairs,
       params=[dict(dtype=d) for d in (F32, "float16", "bfloat16")], rtol=0, atol=0)


def bits(p, x):
    a = x["A"].astype(np.float16)
    out = np.zeros((10, 24), np.float16)
    flat, src = out.reshape(-1), a.reshape(-1)
    words = np.zeros((8, 8), np.uint32)
    for i in range(8):
        flat[24 * i : 24 * i + 2] = a[i, 2:4]
        out[i, 2:6] = a[i, 4:8]
        if i != 4:
            out[i, 6:14] = a[i, 8:16] if i % 2 == 0 else 0
        flat[24 * i + 20 : 24 * i + 36] = src[24 * i + 20 : 24 * i + 36]
        words[i] = a[i, :16].view(np.uint32)
    out[9, 4:6] = a[1, :2]
    out[9, 6:10] = a[0, 4:8]
    out[9, 10:18] = a[3, 8:16]
    out[9, 18] = a[1, 2]
    out[9, 19] = words[0, 0] % 8
    return {"out": out.astype(np.float64), "words": words.reshape(-1).astype(np.float64)}


vector("bits", lambda p, r: {"A": normal(r, (9, 24), "float16")},
       lambda p: {"out": "float16", "words": "uint32"}, bits, rtol=0, atol=0)


def direct(nearest, below, mode):
    """`nearest` or its neighbour; `below`: of nearest - exact, -1, 0 or 1."""
    q = np.float32(nearest)
    if mode == "ru" or (mode == "rz" and q < 0):
        return np.nextafter(q, np.float32(np.inf)) if below < 0 else q
    if mode == "rd" or (mode == "rz" and q > 0):
        return np.nextafter(q, np.float32(-np.inf)) if below > 0 else q
    return q


def of_fraction(exact, mode):
    q = np.float32(float(exact))  # of numbers with few bits: one rounding, checked below
    candidates = [np.nextafter(q, np.float32(-np.inf)), q, np.nextafter(q, np.float32(np.inf))]
    q = min(candidates, key=lambda c: (abs(Fraction(float(c)) - exact), c.view(np.uint32) & 1))
    have = Fraction(float(q))
    return direct(q, (have > exact) - (have < exact), mode)


def of_root(x, mode):
    q = np.sqrt(np.float32(x))
    have = Fraction(float(q)) ** 2
    return direct(q, (have > Fraction(x)) - (have < Fraction(x)), mode)


def rounded(p, x):
    a, b, c = ([Fraction(float(v)) for v in x[k]] for k in "ABC")
    out = np.zeros((7, 4, N))
    for k, mode in enumerate(["rn", "rz", "ru", "rd"]):
        for i in range(N):
            exact = [a[i] + b[i], a[i] - b[i], a[i] * b[i], a[i] * b[i] + c[i], 1 / a[i]]
            out[:5, k, i] = [of_fraction(e, mode) for e in exact]
            out[5, k, i] = of_root(abs(float(a[i])), mode)
            out[6, k, i] = of_fraction(a[i] / b[i], mode)
    fa, fb = x["A"], x["B"]
    rest = [1 / np.sqrt(np.abs(fb)), 1 / fb, fa * fb,
            [math.ldexp(v, i * 8 - 256) if abs(v) < 2.0 ** (384 - i * 8 - 1) else v * np.inf
             for i, v in enumerate(fa)], np.where(np.arange(N) < 32, fa, fb)]
    i = np.arange(N)
    total = 31 + i % 5
    product = (i.astype(object) * 100003 - 3000000) * 1717986918
    fixed = [(int(v) + (1 << int(t) - 1)) >> int(t) for v, t in zip(product, total)]
    with np.errstate(over="ignore"):
        rest = np.stack([np.asarray(r, np.float64) for r in rest]).astype(np.float32)
    return {"out": out, "rest": rest.astype(np.float64), "fixed": np.array(fixed, np.float64)}


def awkward(r):
    """Numbers of all sizes, whose sums and products are seldom exact."""
    return Array((r.normal(size=N) * 2.0 ** r.integers(-30, 30, N)).astype(np.float32), F32)


vector("rounded", lambda p, r: {"A": awkward(r), "B": awkward(r), "C": awkward(r)},
       lambda p: {"out": F32, "rest": F32, "fixed": "int32"}, rounded, rtol=0, atol=0)


def values(p, x):
    a = x["A"].reshape(-1, 4)
    y = a * 2 + np.arange(1, 5)
    b = np.maximum(np.where(np.arange(N // 4)[:, None] % 2 == 0, y, a), 0)
    c = y.copy()
    c[:4] = a[3::-1] + 1
    c[:4, 1] = a[:4, 2]
    return {"B": b.reshape(-1), "C": c.reshape(-1)}


vector("values", lambda p, r: {"A": Array(r.integers(-99, 99, N) / 4, F32)},
       lambda p: {"B": F32, "C": "float16"}, values, rtol=0, atol=0)
