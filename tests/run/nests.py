"""What the kernels of kernels/nests.py must compute."""

import numpy as np

from formats import Array

from refs import Bounded, Case, integers, normal, uniform
from refs.common import like, matmul

NESTS: list = []
FILE = "../tests/run/kernels/nests.py"
F32, I32 = "float32", "int32"
TINY = 2.0**-149


def nest(entry, inputs, outputs, reference, params=({},), **more):
    NESTS.append(Case(FILE, entry, list(params), inputs, outputs, reference, **more))


# Where the result is 0, subnormal, greatest, infinite or NaN, and the values around.
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -150.0, -149.5, -149.0, -126.0, -125.99, -126.5, -103.97,
         -87.34, 88.72, 88.73, 127.99, 128.0, 128.5, 129.0, 129.5, 1e9, -1e9, 3e38, -3e38, -151.9,
         -152.5, 1e-45, np.inf, -np.inf, np.nan]


def power_inputs(p, rng):
    x = np.concatenate([EDGES, rng.uniform(-160, 140, max(p["N"], 40))])[-p["N"]:]
    x[: len(EDGES)] = EDGES[: p["N"]]
    return {"X": Array(x, F32)}


def powers(p, x):
    with np.errstate(over="ignore"):
        y = (np.exp2 if p.get("name", "exp2") == "exp2" else np.exp)(x["X"])
        y = np.where(y > 3.4028235677973366e38, np.inf, y)
    bound = np.where(np.isfinite(y), 2 * np.maximum(2.0**-23 * np.abs(y), TINY), 0)
    y = Bounded(y, bound)
    return {"Y": y, "Z": y, "same": np.ones(p["N"])}


nest("powers", power_inputs, lambda p: {"Y": F32, "Z": F32, "same": I32}, powers,
     [dict(N=n, name=f) for f in ("exp2", "exp") for n in (7, 16, 64, 100, 1000)])


def softmax_like(p, x):
    return {"S": np.exp2(x["S"] * 0.5 - x["high"][:, None])}


nest("softmax_like",
     lambda p, r: {"S": normal(r, (p["rows"], p["N"]), F32), "high": normal(r, p["rows"], F32)},
     lambda p: {"S": F32}, softmax_like,
     [dict(M=8, N=64, rows=16), dict(M=8, N=130, rows=13), dict(M=16, N=17, rows=5)], dims="rows",
     rtol=1e-6)


def calls(p, x):
    a, i = x["A"], x["I"]
    first = np.exp(a[0]) + np.exp2(a[1] - 1) * np.exp2(np.exp(a[0]))
    second = np.exp(a[1] + 1) - np.exp(a[2])
    third = np.where(a[0] > 0, np.exp2(a[0][i]), np.exp(a[1, 0]) + np.exp2(-a[2]))
    return {"B": np.stack([first, second, third])}


nest("calls", lambda p, r: {"A": uniform(r, (3, 200), -2, 2), "I": integers(r, 200, 0, 200)},
     lambda p: {"B": F32}, calls, rtol=3e-6, atol=3e-6)


def product_inputs(p, rng):
    dtype = p.get("dtype", F32)
    b = (p["N"], p["K"]) if p.get("trans_B") else (p["K"], p["N"])
    return {"A": like(rng, (p["M"], p["K"]), dtype), "B": like(rng, b, dtype),
            "C": like(rng, (p["M"], p["N"]), dtype)}


def product(p, x):
    dtype, a, c = p.get("dtype", F32), x["A"], x["C"]
    b = x["B"].T if p.get("trans_B") else x["B"]
    if not p.get("clear"):
        a, b = np.hstack([a, c]), np.vstack([b, np.eye(p["N"])])
    return {"C": matmul(a, b, dtype)}


# Strips of one to three vectors, depths that are split, and rows that fall into few sets.
nest("strips", product_inputs, lambda p: {"C": p.get("dtype", F32)}, product, [
    dict(M=64, N=128, K=256), dict(M=70, N=512, K=400, clear=True), dict(M=65, N=256, K=385),
    dict(M=64, N=1040, K=64), dict(M=128, N=128, K=128, dtype=I32),
    dict(M=64, N=128, K=256, dtype="float64"), dict(M=64, N=128, K=256, dtype="int64"),
    dict(M=13, N=16, K=520, trans_B=True), dict(M=64, N=48, K=64, trans_B=True, clear=True),
    dict(M=27, N=80, K=700, trans_B=True), dict(M=3, N=256, K=33, trans_B=True),
    dict(M=30, N=32, K=40, trans_B=True, dtype=I32), dict(M=30, N=20, K=40, trans_B=True),
    dict(M=30, N=32, K=40, trans_B=True, dtype="float64"),
])
