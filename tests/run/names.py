"""What the kernels of kernels/names.py must compute: names of the language no example uses."""

import numpy as np

from formats import EPS, FLOATS, NATIVE, Array, is_float, round_to

from refs import Bounded, Case, Columns, integers, normal, uniform

NAMES: list = []
FILE = "../tests/run/kernels/names.py"


def name(entry, inputs, outputs, reference, params=({},), **more):
    NAMES.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


EXACT = dict(rtol=0, atol=0)
N = 64
F16, F32, I32 = "float16", "float32", "int32"


# Annotations, pointers, allocations


def annotated(p, x):
    c = x["A"].reshape(8, 8).T.reshape(-1).copy()
    c[:8] = 0.0
    return {"C": c, "D": x["S"]}


name("buffer_annotation", lambda p, r: {"A": normal(r, N), "S": Columns(normal(r, (8, 4)))},
     {"C": F32, "D": F32}, annotated, **EXACT)
name("macro_annotations", lambda p, r: {"A": integers(r, 16, -9, 9, F32)}, {"B": F32},
     lambda p, x: {"B": x["A"][::-1] * 3 - 1}, **EXACT)


def every_second(p, x):
    c = x["c"].copy()
    c[::2] = x["a"][:, 0]
    return {"b": x["a"].T, "c": c}


name("handles", lambda p, r: {"a": integers(r, (p["n"], 4), -99, 99, "int16"),
                              "b": normal(r, (4, p["n"])), "c": normal(r, 2 * p["n"] - 1),
                              "n": p["n"]},
     {"b": F32, "c": F32}, every_second, params=[dict(n=1), dict(n=37)], dims="n", unnamed="n",
     **EXACT)
name("addresses", lambda p, r: {"tables": [normal(r, (p["n"], 2)) for _ in range(3)], "n": p["n"]},
     {"tables": F32}, lambda p, x: {"tables": [t[:, ::-1] * [2.0, 1.0] for t in x["tables"]]},
     params=[dict(n=1), dict(n=21)], dims="n", unnamed="n", **EXACT)


def loops(p, x):
    a, i = x["A"], np.arange(N)
    b = np.stack([a + 1, a + 2, x["B"][2], x["B"][3]])
    b[2, 3::4] = i[3::4]
    b[2] += a
    b[3, 8:] = (a * i)[8:]
    b[3, 2:5] = -i[2:5]
    return {"B": b}


name("loop_names", lambda p, r: {"A": integers(r, N, -99, 99), "B": integers(r, (4, N), -99, 99)},
     {"B": I32}, loops)
name("buffers", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32, "C": "int16"},
     lambda p, x: {"B": x["A"][::-1] + 0.5, "C": x["A"][::-1]}, **EXACT)


# Tiles and atomics


def patched(p, x):
    image = np.pad(x["image"], ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = [image[n, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3].reshape(-1)
            for n in range(2) for h in range(3) for w in range(3)]
    out = np.zeros((32, 28))
    out[:18, :27] = rows
    return {"out": out.reshape(4, 8, 28)}


name("patches", lambda p, r: {"image": normal(r, (2, 6, 5, 3))}, {"out": F32}, patched, **EXACT)


def reduced(p, x):
    a = x["A"].astype(np.int64)
    rows = [a.max(1), a.max(1) + a.sum(1), abs(a).sum(1), np.bitwise_and.reduce(a, 1),
            np.bitwise_xor.reduce(a, 1), abs(a).max(1)]
    return {"out": np.stack(rows), "columns": a.min(0), "with_nan": x["H"].min(1)}


def reduce_inputs(p, r):
    h = r.standard_normal((4, N))
    h[2, 7] = np.nan
    a = r.integers(-1000, 1000, (4, N))
    a[1] |= 0x4008  # bits that survive the and
    return {"A": Array(a, I32), "H": Array(h, F16)}


name("reduce_by_name", reduce_inputs, {"out": I32, "columns": I32, "with_nan": F16}, reduced,
     **EXACT)


def atomics(p, x):
    bits = x["bits"].astype(np.int64)
    bits[0] |= np.bitwise_or.reduce(x["A"].astype(np.int64)) | 15
    bits[1] |= 15
    bx = np.arange(4)
    pairs = x["pairs"] + 4 * x["V"][2:] + np.stack([1 + 2 * bx, 3 * bx], 1)
    before = pairs[3].copy()
    pairs[3] += x["V"][:2]
    quad = x["quad"] + np.concatenate([4 * x["V"], np.full(4, 2.0)])
    return {"bits": bits, "pairs": pairs, "quad": quad, "before": before,
            "copies": round_to(x["A"][::-1] + 1, "uint32")}


name("atomic_names", lambda p, r: {
    "A": Array(r.integers(0, 2**32, N) & 0xF0F0A0A0, "uint32"),
    "bits": Array([2**31, 2**20], "uint32"), "pairs": integers(r, (4, 2), -9, 9, F32),
    "quad": integers(r, 8, -9, 9, F16), "V": integers(r, 4, -9, 9, F32)},
     {"bits": "uint32", "pairs": F32, "quad": F16, "before": F32, "copies": "uint32"}, atomics,
     **EXACT)


def shifted(p, x):
    b = x["B"].copy()
    b[:8] = x["A"][2:] + 5
    return {"B": np.concatenate([b[:8], [5, 5]])}


name("atomic_guards", lambda p, r: {"A": integers(r, 10, -9, 9), "B": integers(r, 10, -9, 9)},
     {"B": I32}, shifted)


# Scalars


def divided(p, x):
    a, b = x["A"].astype(np.int64), x["B"].astype(np.int64)
    up = (a + b - 1) // b
    return {"out": np.stack([up, a // b, a % b, up * b, np.full(N, 13065)])}


name("divisions", lambda p, r: {"A": integers(r, N, -1000, 1000),
                                "B": Array(r.choice([-9, -4, -1, 1, 3, 8], N), I32)},
     {"out": I32}, divided)


def math(p, x):
    a, b, i = x["A"], x["P"], np.arange(N)
    fast = [np.exp(a), 10.0**a, np.log(b), np.log2(b), np.log10(b), np.sin(a), np.cos(a), np.tan(a)]
    out = [np.where(a > 0, a, b), abs(a), np.expm1(round_to(a * round_to(0.001, F32), F32)),
           a * b - 1, *fast, np.where(i % 2 == 0, i, a), 2 * i + b]
    # A fused product is rounded once; tan grows the error of its argument where it is steep.
    bound = 4 * EPS[F32] * np.abs(out) + 1e-6 * (np.arange(14) == 11)[:, None] * (1 + np.tan(a)**2)
    bound[4:12] += 2e-7
    bound[[0, 1, 12]] = 0
    h = round_to(a, F16)
    narrow = round_to(np.stack([np.exp(h), h * 3 + 0.25]), F16)
    return {"out": Bounded(np.stack(out), bound),
            "whole": np.stack([abs(i - 9), np.where(a > b, 7, np.where(i > 40, i, -i))]),
            "narrow": Bounded(narrow, np.stack([4 * EPS[F16] * np.abs(narrow[0]), np.zeros(N)]))}


name("scalar_math", lambda p, r: {"A": uniform(r, N, -3, 3), "P": uniform(r, N, 0.01, 9)},
     {"out": F32, "whole": I32, "narrow": F16}, math)


def residue(p, x):
    product = x["A"] * x["B"]  # exact in float64
    return {"out": round_to(product - round_to(product, F32), F32)}


name("fused_once", lambda p, r: {"A": normal(r, N), "B": normal(r, N)}, {"out": F32}, residue,
     **EXACT)

LIMITS = {"i8": "int8", "u8": "uint8", "i16": "int16", "u16": "uint16", "i32": I32,
          "u32": "uint32", "i64": "int64", "u64": "uint64", "f16": F16, "bf16": "bfloat16",
          "f32": F32, "f64": "float64", "e4": "float8_e4m3fn", "e5": "float8_e5m2"}


def limits(p, x):
    want = {"room": np.array([2**31 - 6])}
    for key, dtype in LIMITS.items():
        if dtype in FLOATS:
            want[key] = np.array([FLOATS[dtype].max, -FLOATS[dtype].max])
        else:
            info = (np.finfo if is_float(dtype) else np.iinfo)(NATIVE[dtype])
            stored = np.array([info.max, info.min], NATIVE[dtype])
            want[key] = stored.astype(np.float64 if is_float(dtype) else np.int64)
    return want


name("limits", lambda p, r: {}, {**LIMITS, "room": I32}, limits, **EXACT)


def called(p, x):
    a, i = x["A"], x["I"].astype(np.int64)
    half = round_to(a, F16)
    tenth = round_to(0.1, F16)
    out = [np.trunc(a), round_to(100 + round_to(i, "int8"), "int8"), i & 255, np.full(N, 34),
           np.full(N, 4), np.trunc(round_to(half * 1000, F32))]
    return {"i8": round_to(i, "int8"), "u16": (i - 1) & 65535, "h": round_to(half * tenth, F16),
            "out": np.stack(out), "wide": i * 2**32, "yes": i % 3 != 0}


name("dtype_calls", lambda p, r: {"A": normal(r, N, scale=50), "I": integers(r, N, -999, 999)},
     {"i8": "int8", "u16": "uint16", "h": F16, "out": I32, "wide": "int64", "yes": "bool"}, called,
     **EXACT)


# Vectors, hints


def vectors(p, x):
    a = x["A"]
    d = np.arange(N // 4) * 12 - np.arange(4)[:, None]
    y = x["X"] * np.stack([np.full(N // 2, -1.0), a[: N // 2]], 1).reshape(-1)
    y = y.reshape(-1, 2)[:, ::-1].reshape(-1).copy()
    y[[0, -1, 1, 5]] = a[[63, 62, 59, 54]]
    return {"B": 2 * a + np.tile(np.arange(4), N // 4),
            "C": round_to(a.reshape(-1, 4)[::-1].reshape(-1), F16), "D": d.reshape(-1),
            "Y": y}


name("vectors", lambda p, r: {"A": integers(r, N, -99, 99, F32),
                              "X": integers(r, N, -99, 99, F32)},
     {"B": F32, "C": F16, "D": I32, "Y": F32}, vectors, **EXACT)
name("coordinates", lambda p, r: {"A": integers(r, (3, 5, 7), -99, 99)},
     {"B": I32, "at": I32, "known": I32},
     lambda p, x: {"B": x["A"].reshape(-1), "at": np.argwhere(np.ones((3, 5, 7))),
                   "known": np.array([1, 2, 4])})
name("evaluated", lambda p, r: {"A": integers(r, N, -99, 99), "B": integers(r, N, -99, 99)},
     {"B": I32}, lambda p, x: {"B": x["A"] + x["B"]})


def blocks_swapped(p, x):
    a = x["A"].reshape(2, 32, 2, 32)
    return {"B": a.transpose(2, 1, 0, 3).reshape(N, N)}


name("all_hints", lambda p, r: {"A": normal(r, (N, N))}, {"B": F32}, blocks_swapped, **EXACT)
name("layouts", lambda p, r: {"A": normal(r, (7, 32, 32), F16)}, {"B": F16},
     lambda p, x: {"B": np.concatenate([x["A"][:6].transpose(0, 2, 1), x["A"][6:]])}, **EXACT)
