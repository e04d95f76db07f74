"""One part of the language each."""

import math

import numpy as np

from .common import (
    Array,
    Bounded,
    case,
    EPS,
    grid,
    integers,
    is_float,
    normal,
    round_to,
    SHAPES,
    sigmoid,
    uniform,
    wrap32,
)
from .rows import rows

# math_all.py


def math_unary(p, x):
    a, u, q = x["X"], x["U"], x["P"]
    erf = np.vectorize(math.erf)
    return {
        "Y": np.stack(
            [
                np.exp(a),
                np.exp2(a),
                10.0**a,
                np.log(q),
                np.log2(q),
                np.log10(q),
                np.log1p(q),
                np.sqrt(q),
                1 / np.sqrt(q),
                np.sin(a),
                np.cos(a),
                np.tan(u),
                np.arcsin(u),
                np.arccos(u),
                np.arctan(a),
                np.sinh(a),
                np.cosh(a),
                np.tanh(a),
                np.arcsinh(a),
                np.arccosh(round_to(q + 1, "float32")),
                np.arctanh(u),
                erf(a),
                sigmoid(a),
                np.abs(a),
                a**3,
                -a,
                np.ones_like(a),
            ]
        )
    }


# The largest bound of an op is 4 ulp.
case(
    "math_all.py",
    "math_unary",
    [dict(N=1), dict(N=1000)],
    lambda p, rng: {
        "X": uniform(rng, p["N"], -10, 10),
        "U": uniform(rng, p["N"], -1, 1),
        "P": Array(np.exp(rng.uniform(-8, 8, p["N"])), "float32"),
    },
    lambda p: {"Y": "float32"},
    math_unary,
    dims="N",
    rtol=8 * EPS["float32"],
    atol=1e-38,
)


def half_away(x):
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


ROUNDING = [0.0, 0.5, 1.5, 2.5, 0.49999997, 0.50000006, 8388607.5, 8388609.0, 3e9, 1e30, 1.0]
case(
    "math_all.py",
    "math_rounding",
    [dict(special=True), dict(N=500)],
    lambda p, rng: {
        "X": (
            Array(ROUNDING + [-v for v in ROUNDING], "float32")
            if p.get("special")
            else uniform(rng, p["N"], -100, 100)
        )
    },
    lambda p: {"Y": "float32"},
    lambda p, x: {
        "Y": np.stack(
            [
                np.floor(x["X"]),
                np.ceil(x["X"]),
                np.trunc(x["X"]),
                np.rint(x["X"]),
                half_away(x["X"]),
                np.rint(x["X"]),
                np.clip(x["X"], -2.5, 1.5),
            ]
        )
    },
    dims="N special",
    unnamed="special",
    rtol=0,
    atol=0,
)


def math_binary(p, x):
    a, b, q = x["A"], x["B"], x["P"]
    nextafter = np.nextafter(a.astype(np.float32), b.astype(np.float32)).astype(np.float64)
    rows = [a + b, a - b, a * b, a / b, np.maximum(a, b), np.minimum(a, b), q**b]
    rows += [np.fmod(a, b), np.arctan2(a, b), np.hypot(a, b), np.copysign(a, b), nextafter]
    values = np.stack(rows)
    ulps = np.array([1, 1, 1, 1, 0, 0, 4, 0, 4, 2, 0, 0])[:, None]
    return {"Y": Bounded(values, ulps * EPS["float32"] * np.abs(values))}


case(
    "math_all.py",
    "math_binary",
    [dict(N=1), dict(N=1000)],
    lambda p, rng: {
        "A": normal(rng, p["N"], scale=10.0),
        "B": Array(rng.uniform(0.1, 5, p["N"]) * rng.choice([-1, 1], p["N"]), "float32"),
        "P": uniform(rng, p["N"], 0.01, 20),
    },
    lambda p: {"Y": "float32"},
    math_binary,
    dims="N",
)


def math_integer(p, x):
    a, b = x["A"], x["B"]
    quotient = np.trunc(a / b).astype(np.int64)
    bits = (a & 0xFFFFFFFF).astype(np.uint64)
    popcount = np.array([bin(v).count("1") for v in bits])
    clz = np.array([32 - int(v).bit_length() for v in bits])
    rows = [a // b, a % b, a // b, a % b, quotient, a - quotient * b, (a + b - 1) // b]
    rows += [np.maximum(a, b), np.minimum(a, b), np.abs(a), a & b, a | b, a ^ b, ~a]
    rows += [a & b, a | b, a ^ b, ~a, popcount, clz, wrap32(a << (b & 15)), a >> (b & 15)]
    return {"Y": np.stack(rows)}


case(
    "math_all.py",
    "math_integer",
    [dict(N=1), dict(N=1000)],
    lambda p, rng: {
        "A": integers(rng, p["N"], -(2**30), 2**30),
        "B": Array(rng.integers(1, 5000, p["N"]) * rng.choice([-1, 1], p["N"]), "int32"),
    },
    lambda p: {"Y": "int32"},
    math_integer,
    dims="N",
)

SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-45, 3.4e38]


def math_predicates(p, x):
    a, b = x["A"], x["B"]
    rows = [np.isnan(a), np.isinf(a), np.isfinite(a), a == b, a != b, a < b, a <= b, a > b, a >= b]
    rows += [(a > 0) & (b > 0), (a > 0) | (b > 0), ~(a > 0)]
    return {"Y": np.stack(rows).astype(np.int64)}


case(
    "math_all.py",
    "math_predicates",
    [dict()],
    lambda p, rng: {
        "A": Array(np.repeat(SPECIAL, len(SPECIAL)), "float32"),
        "B": Array(np.tile(SPECIAL, len(SPECIAL)), "float32"),
    },
    lambda p: {"Y": "uint8"},
    math_predicates,
)


def convert_inputs(p, rng):
    if not is_float(p["src"]):
        return {"X": integers(rng, p["N"], -100, 101, p["src"])}
    if not is_float(p["dst"]):
        return {"X": uniform(rng, p["N"], -100, 100, p["src"])}
    magnitude = 2.0 ** rng.integers(-30, 12, p["N"])
    return {"X": Array(rng.standard_normal(p["N"]) * magnitude, p["src"])}


case(
    "math_all.py",
    "convert",
    [
        dict(src=src, dst=dst, N=600)
        for src, dst in [
            ("float32", "float16"),
            ("float32", "bfloat16"),
            ("float32", "float8_e4m3fn"),
            ("float32", "float8_e5m2"),
            ("float32", "float4_e2m1fn"),
            ("float32", "int8"),
            ("float32", "float64"),
            ("float64", "float32"),
            ("float16", "float32"),
            ("bfloat16", "float32"),
            ("float8_e4m3fn", "float32"),
            ("float8_e5m2", "float16"),
            ("int4", "float32"),
            ("int32", "bfloat16"),
            ("int32", "uint8"),
            ("int8", "int32"),
        ]
    ],
    convert_inputs,
    lambda p: {"Y": p["dst"]},
    lambda p, x: {"Y": round_to(x["X"] if is_float(p["dst"]) else np.trunc(x["X"]), p["dst"])},
    dims="N",
    rtol=0,
    atol=0,
)

# macro_helpers.py


def taylor(p, x):
    degree, function = p.get("degree", 6), p.get("function", "exp")
    signs = {"exp": [1, 1, 1, 1], "sin": [0, 1, 0, -1], "cos": [1, 0, -1, 0]}[function]
    terms = [signs[k % 4] * x["X"] ** k / math.factorial(k) for k in range(degree + 1)]
    size = sum(np.abs(t) for t in terms)
    return {"Y": Bounded(sum(terms), 4 * degree * EPS["float32"] * size)}


case(
    "macro_helpers.py",
    "taylor",
    [dict(N=1), dict(N=300, function="sin", degree=9), dict(N=300, function="cos", degree=1)],
    lambda p, rng: {"X": uniform(rng, p["N"], -2, 2)},
    lambda p: {"Y": "float32"},
    taylor,
    dims="N",
)


def clip_matrix(p, x):
    low, high = p.get("low", -1.0), p.get("high", 1.0)
    first = x["X"][:: p.get("block_M", 8)]
    counts = ((first < low) | (first > high)).sum(axis=1)
    return {"Y": np.clip(x["X"], low, high), "counts": counts}


case(
    "macro_helpers.py",
    "clip_matrix",
    SHAPES + [dict(M=30, N=20, low=-0.5, high=0.25, block_M=4)],
    rows(),
    lambda p: {"Y": "float32", "counts": "int32"},
    clip_matrix,
    dims="M N",
    rtol=0,
    atol=0,
)

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "square": lambda x: x * x,
}


def chain(p, x):
    c = ACTIVATIONS[p.get("activation", "relu")](x["A"] @ x["B"])
    d = c @ x["B2"] * p.get("scale", 1.0)
    size = (np.abs(x["A"]) @ np.abs(x["B"]) + 1) ** 2 @ np.abs(x["B2"])
    return {"D": Bounded(d, 4 * (p["K"] + p["N"]) * EPS["float32"] * size)}


case(
    "macro_helpers.py",
    "chain",
    grid([dict(M=20, N=40, K=33, scale=0.5)], activation=list(ACTIVATIONS))
    + [dict(M=1, N=1, K=1, block=16)],
    lambda p, rng: {
        "A": normal(rng, (p["M"], p["K"])),
        "B": normal(rng, (p["K"], p["N"]), scale=0.2),
        "B2": normal(rng, (p["N"], p["K"]), scale=0.2),
    },
    lambda p: {"D": "float32"},
    chain,
)

# control_flow.py


def collatz(p, x):
    limit = p.get("limit", 1000)

    def steps(n):
        count = 0
        while n > 1 and count < limit:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        return count

    return {"steps": np.array([steps(n) if n >= 1 else -1 for n in x["start"].tolist()])}


case(
    "control_flow.py",
    "collatz",
    [dict(N=1), dict(N=200), dict(N=100, limit=20)],
    lambda p, rng: {"start": integers(rng, p["N"], -5, 10000)},
    lambda p: {"steps": "int32"},
    collatz,
    dims="N",
)


def search_sorted(p, x):
    at = np.searchsorted(x["table"], x["keys"])
    at = np.minimum(at, len(x["table"]) - 1)
    return {"positions": np.where(x["table"][at] == x["keys"], at, -1)}


case(
    "control_flow.py",
    "search_sorted",
    [dict(N=1, M=1), dict(N=200, M=100), dict(N=65, M=333)],
    lambda p, rng: {
        "table": Array(np.sort(rng.choice(2 * p["M"], p["M"], replace=False)), "int32"),
        "keys": integers(rng, p["N"], -2, 2 * p["M"] + 2),
    },
    lambda p: {"positions": "int32"},
    search_sorted,
    dims="N M",
)


def classify(p, x):
    low, high, a = p.get("low", -1.0), p.get("high", 1.0), x["X"]
    inside = np.where((a >= low) & (a <= high), 2, np.where(a < low, 1, 3))
    return {"kind": np.where(np.isnan(a), 0, np.where(np.isinf(a), 4, inside))}


case(
    "control_flow.py",
    "classify",
    [dict(N=0), dict(N=500), dict(N=100, low=0.0, high=0.5)],
    lambda p, rng: {"X": Array(np.concatenate([SPECIAL, rng.normal(size=p["N"])]), "float32")},
    lambda p: {"kind": "int32"},
    classify,
    dims="N",
    unnamed="N",  # some values are added
)


def lookup(p, x):
    valid = (x["index"] >= 0) & (x["index"] < p["M"])
    value = x["table"][np.where(valid, x["index"], 0)]
    return {"Y": np.where(valid & (value > 0), value, -1)}


case(
    "control_flow.py",
    "lookup",
    [dict(M=1, N=1), dict(M=37, N=300)],
    lambda p, rng: {
        "table": normal(rng, p["M"]),
        "index": integers(rng, p["N"], -(10**6), 10**6)
        if p["N"] == 1
        else integers(rng, p["N"], -20, p["M"] + 20),
    },
    lambda p: {"Y": "float32"},
    lookup,
    dims="N",
    rtol=0,
    atol=0,
)
case(
    "control_flow.py",
    "scale_rows",
    grid(SHAPES[:3], workers=[1, 4]),
    lambda p, rng: dict(rows()(p, rng), mask=integers(rng, p["M"], 0, 2)),
    lambda p: {"Y": "float32"},
    lambda p, x: {"Y": np.where(x["mask"][:, None] != 0, 2 * x["X"], 0)},
    dims="M N",
    rtol=0,
    atol=0,
)


def fibonacci(p, x):
    a, b, result = 0, 1, []
    for _ in range(p["N"]):
        result.append(a)
        a, b = b, (a + b) % 2**32
    return {"Y": np.array(result)}


case(
    "control_flow.py",
    "fibonacci",
    [dict(N=1), dict(N=100)],
    lambda p, rng: {},
    lambda p: {"Y": "uint32"},
    fibonacci,
)
case(
    "control_flow.py",
    "reverse_rows",
    SHAPES + [dict(M=5, N=6, dtype="bfloat16")],
    rows(),
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": x["X"][:, ::-1]},
    rtol=0,
    atol=0,
)


def loops(p, x):
    a = x["X"].tolist()
    n = len(a)

    def fold(base, indices):
        total = 0
        for i in indices:
            total = total * base + a[i]
        return total

    grid_sum = sum(a[i] * (j + 1) for i in range(n) for j in range(2) if j == 0 or i % 2)
    stop = next((i for i in range(n) if a[i] < 0), n)
    sums = [sum(a), a[-1] - a[0], fold(3, range(0, n, 3)), fold(3, range(n - 1, -1, -2))]
    sums += [fold(2, range(min(4, n))), grid_sum, sum(a[:stop])]
    return {"Y": wrap32(np.array([v % 2**32 for v in sums]))}


case(
    "control_flow.py",
    "loops",
    [dict(N=1), dict(N=2), dict(N=20)],
    lambda p, rng: {"X": integers(rng, p["N"], -3, 50)},
    lambda p: {"Y": "int32"},
    loops,
)
case(
    "control_flow.py",
    "checked_gather",
    [dict(N=32, M=1), dict(N=96, M=50)],
    lambda p, rng: {"table": normal(rng, p["M"]), "index": integers(rng, p["N"], 0, p["M"])},
    lambda p: {"Y": "float32"},
    lambda p, x: {"Y": x["table"][x["index"]]},
    dims="N M",
    rtol=0,
    atol=0,
)
