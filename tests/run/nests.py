"""What the kernels of kernels/nests.py must compute."""

import numpy as np

from formats import Array

from refs import Bounded, Case, integers, normal, uniform

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
