"""What the kernels of kernels/rules.py must compute: one case per rule of the language."""

import numpy as np

from formats import Array, round_to

from refs import Case, Columns, integers, normal, uniform

RULES: list = []
FILE = "../tests/run/kernels/rules.py"


def rule(entry, inputs, outputs, reference, params=({},), **more):
    RULES.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


def exact(**more):
    return dict(rtol=0, atol=0, **more)


N = 64
F32, I32 = "float32", "int32"

rule("promotion", lambda p, r: {"A": normal(r, N, "float16", 100)}, {"narrow": F32, "wide": F32},
     lambda p, x: {"narrow": round_to(x["A"] * 3, "float16"), "wide": x["A"] * 3}, **exact())


def floors(p, x):
    a, b = x["A"].astype(np.int64), x["B"].astype(np.int64)
    trunc = np.trunc(a / b).astype(np.int64)
    return {"out": np.stack([a // b, a % b, (a + b - 1) // b, trunc, a - trunc * b, a % 7])}


rule("floor_forms", lambda p, r: {"A": integers(r, N, -1000, 1000),
                                  "B": Array(r.choice([-9, -4, -1, 1, 3, 8], N), I32)},
     {"out": I32}, floors)


def guards(p, x):
    b = x["B"].copy()
    for i in range(2 * N):
        if 0 <= i - 10 < N:
            b[i - 10] = (x["A"][i + 5] if i + 5 < N else 0) + 1
    return {"B": b}


rule("guards", lambda p, r: {"A": integers(r, N, -9, 9, F32), "B": normal(r, N)}, {"B": F32}, guards)
rule("safe_value", lambda p, r: {"A": integers(r, N, -9, 9, F32)}, {"B": F32},
     lambda p, x: {"B": np.concatenate([2 * x["A"], np.full(N, -14.0)])}, **exact())
rule("negative_index", lambda p, r: {"A": normal(r, N)}, {"B": F32},
     lambda p, x: {"B": np.array([x["A"][-1], x["A"][-1], x["A"][-2], 9.0])}, **exact())


def picked(p, x):
    i = x["I"].astype(int)
    inside = (i >= 0) & (i < N)
    return {"B": np.where(inside, x["A"][np.where(inside, i, 0)], -1.0)}


rule("lazy_ternary", lambda p, r: {"I": integers(r, N, -40, 100), "A": normal(r, N)}, {"B": F32},
     picked, **exact())


def doubled(p, x):
    i = x["I"].astype(int)
    return {"B": np.where((i >= 0) & (i < N), i * 2.0 + 1.0, -1.0)}


rule("lazy_if_then_else", lambda p, r: {"I": integers(r, N, -40, 100)}, {"B": F32}, doubled,
     **exact())


def circuit(p, x):
    i = x["I"].astype(int)
    inside = (i >= 0) & (i < N)
    return {"B": np.where(inside & (i > 10), 1, np.where(~inside | (i == 3), 2, 3))}


rule("short_circuit", lambda p, r: {"I": integers(r, N, -10, 80)}, {"B": I32}, circuit)
rule("let_is_a_snapshot", lambda p, r: {"A": normal(r, N)}, {"A": F32, "B": F32},
     lambda p, x: {"A": np.full(N, 5.0), "B": x["A"]}, **exact())


def swapped(p, x):
    c = x["C"].copy()
    c[:5] = [2, 1, 11, 11, 2]
    return {"A": x["B"], "B": x["A"], "C": c}


rule("swap_and_chain", lambda p, r: {k: integers(r, N, -99, 99) for k in "ABC"},
     {"A": I32, "B": I32, "C": I32}, swapped)


def forms(p, x):
    a, out = x["A"], np.zeros((5, 16, 16))
    out[0] = a[8:24, 8:24]
    out[1, :4, :8] = a[60:, 56:]
    out[2] = x["row"][:16]
    out[3, 3] = a[0, :16]
    out[4] = 2.5
    out[4, 4:8, 2:4] = -1.0
    return {"out": out}


rule("copy_forms", lambda p, r: {"A": normal(r, (N, N)), "row": normal(r, N)}, {"out": F32}, forms,
     **exact())


def converts(p, x):
    a = x["A"]
    return {"B": round_to(a, "float8_e4m3fn"), "C": np.clip(np.trunc(a), -128, 127),
            "D": round_to(a, "bfloat16")}


rule("copy_converts", lambda p, r: {"A": normal(r, N, scale=300)},
     {"B": "float8_e4m3fn", "C": "int8", "D": "bfloat16"}, converts, **exact())


def views(p, x):
    s = x["A"].astype(np.float32)
    s[0, 3] = 1.0
    bits = s.reshape(-1).view(np.int32).copy()
    s[0, 0] = 0.0
    return {"B": bits, "C": s}


rule("view_aliases", lambda p, r: {"A": normal(r, (8, 8))}, {"B": I32, "C": F32}, views, **exact())


rule("dynamic_view", lambda p, r: {"A": normal(r, (5, 7))}, {"B": F32},
     lambda p, x: {"B": x["A"].T}, **exact())


rule("vector_tensors", lambda p, r: {"A": normal(r, (5, 3, 2)), "B": normal(r, (5, 4), "float16"),
                                     "I": integers(r, (5, 2), -4, 4, "int4")},
     {"C": F32, "B": "float16", "I": "int4"},
     lambda p, x: {"C": (x["A"] * [2, -1]).transpose(1, 0, 2), "B": 2 * x["B"], "I": 2 * x["I"]},
     **exact())


def reduced(p, x):
    h = x["H"]
    return {"wraps": round_to(x["A"].sum(axis=1), "int8"), "kept": np.full(4, 100.0),
            "no_nan": np.nanmax(h, axis=1), "with_nan": h.max(axis=1)}


def reduce_inputs(p, r):
    h = r.standard_normal((4, N))
    h[1, 5] = np.nan
    return {"A": integers(r, (4, N), -90, 100, "int8"), "H": Array(h, "float16")}


rule("reduce_rules", reduce_inputs,
     {"wraps": "int8", "kept": F32, "no_nan": "float16", "with_nan": "float16"}, reduced, **exact())
rule("pipelined", lambda p, r: {"A": integers(r, (N, N), -9, 9, F32), "n": p["count"]}, {"B": F32},
     lambda p, x: {"B": x["A"][: p["count"]].sum(axis=0)},
     params=[dict(count=0), dict(count=1), dict(count=2), dict(count=50)], dims="count", unnamed="count",
     **exact())
rule("persistent", lambda p, r: {"B": Array(np.zeros((5, 7)), I32)}, {"B": I32},
     lambda p, x: {"B": np.arange(5)[:, None] * 10 + np.arange(7)})


def atomic(p, x):
    total = np.array([N, max(0, x["A"].max()), min(0, x["A"].min())])
    tile = x["tile"] + 0.5
    tile[0] += 2.0
    return {"total": total, "order": np.arange(N), "tile": tile}


rule("atomics", lambda p, r: {"A": integers(r, N, -99, 99), "total": Array(np.zeros(3), I32),
                              "tile": integers(r, N, 0, 9, F32)},
     {"total": I32, "order": I32, "tile": F32}, atomic,
     canon=lambda v: np.sort(v) if v.shape == (N,) and v.dtype.kind != "f" else v, rtol=0, atol=0)


def looped(p, x):
    b = x["B"].copy()
    b[0, [6, 3, 0]] = [6, 3, 0]
    b[1, 1::2] = [1, 3, 5, 7]
    b[2] = np.arange(8) ** 2
    b[3, :2] = [7, sum(i * j + 1 for i in range(2) for j in range(3))]
    b[4, :2] = [49, 63]
    return {"B": b}


rule("loops", lambda p, r: {"B": integers(r, (8, 8), -9, 9)}, {"B": I32}, looped)


def wrapped(p, x):
    a = x["A"].astype(np.int64)
    return {"B": round_to(a * a + 1, I32), "C": round_to(a - 300, "uint8")}


rule("wraps", lambda p, r: {"A": integers(r, N, -(2**31), 2**31)}, {"B": I32, "C": "uint8"}, wrapped)


def rounded(p, x):
    a = x["A"]
    away = np.sign(a) * np.floor(np.abs(a) + 0.5)
    return {"out": np.stack([np.rint(a), away, np.clip(a, -1.5, 2)]), "ints": np.trunc(a)}


rule("rounding", lambda p, r: {"A": Array(r.integers(-20, 20, N) / 2, F32)},
     {"out": F32, "ints": I32}, rounded, **exact())
rule("broadcast_index", lambda p, r: {"A": normal(r, (16, 2)), "B": Array(np.ones((16, 64)), F32)},
     {"B": F32}, lambda p, x: {"B": 1 + np.repeat(x["A"], 32, axis=1)})
rule("gemm_without_k", lambda p, r: {"A": integers(r, (32, 32), -4, 5, F32), "n": p["count"]},
     {"C": F32}, lambda p, x: {"C": p["count"] * (x["A"] @ x["A"].T)},
     params=[dict(count=0), dict(count=2)], dims="count", unnamed="count", **exact())
rule("hints", lambda p, r: {"A": normal(r, (N, N))}, {"B": F32}, lambda p, x: {"B": x["A"]},
     **exact())
rule("wide_index", lambda p, r: {"A": uniform(r, p["n"], -1, 1)}, {"B": F32},
     lambda p, x: {"B": x["A"][::-1]}, params=[dict(n=1), dict(n=63), dict(n=200)], dims="n",
     **exact())
rule("reducer_once", lambda p, r: {"A": Array(np.arange(1, 9), F32), "B": integers(r, 16, -9, 9, F32)},
     {"out": F32}, lambda p, x: {"out": np.array([36 + x["B"].sum(), 100 + 26])}, **exact())


def reducer_kinds(p, x):
    a = x["A"].astype(np.int64)
    folds = [np.add, np.minimum, np.maximum, np.bitwise_and, np.bitwise_or, np.bitwise_xor]
    return {"out": np.stack([round_to(f.reduce(a, axis=1), I32) for f in folds]),
            "ends": np.stack([x["H"].min(axis=1), x["H"].max(axis=1)])}


rule("reducer_kinds", lambda p, r: {"A": integers(r, (16, 100), -(2**31), 2**31),
                                    "H": normal(r, (16, 100), "float16")},
     {"out": I32, "ends": "float16"}, reducer_kinds, **exact())


# Sums beyond 2048 would lose their halves if each step rounded to float16.
rule("reducer_half", lambda p, r: {"A": Array(r.integers(0, 40, (4, 300)) + 0.5, "float16")},
     {"out": "float16"}, lambda p, x: {"out": round_to(0.5 + x["A"].sum(axis=1), "float16")}, **exact())


def reducer_rows(p, x):
    a = x["A"].reshape(N, 4, N).sum(axis=1)
    i = np.add.outer(np.arange(N), np.arange(N)) % 4
    return {"rows": a.sum(axis=1), "columns": a.sum(axis=0),
            "picked": np.array([a[i == k].sum() for k in range(4)])}


rule("reducer_rows", lambda p, r: {"A": integers(r, (N, 4 * N), -9, 9, F32)},
     {"rows": F32, "columns": F32, "picked": F32}, reducer_rows, **exact())


def reducer_epochs(p, x):
    sums = np.where(x["S"] < 0, -1, x["A"][:N].sum())
    return {"B": np.full(2, np.log(np.exp(x["A"]).sum())), "C": sums}


rule("reducer_epochs", lambda p, r: {"A": integers(r, 4 * N, -4, 4, F32),
                                     "S": Array(np.array([-1, 1]), I32)},
     {"B": F32, "C": F32}, reducer_epochs, rtol=1e-5, atol=1e-5)


def reducer_legacy(p, x):
    product = round_to(x["A"] * x["x"], "float16")
    return {"B": 2 * product.sum(axis=1), "C": x["A"].max(axis=1), "D": -x["A"].sum(axis=1)}


rule("reducer_legacy", lambda p, r: {"A": normal(r, (N, N), "float16"), "x": normal(r, N, "float16")},
     {"B": F32, "C": F32, "D": F32}, reducer_legacy, rtol=1e-5, atol=1e-3)


def any_and_all(p, x):
    a, m = x["A"] != 0, x["M"] != 0
    rows = [a.any(axis=1), a[:, :4].all(axis=1), m.any(axis=1) & ~m.all(axis=1), a[:, -2:].any(axis=1)]
    return {"rows": np.stack(rows), "whole": np.array([a.any(), a.all()])}


rule("any_and_all", lambda p, r: {"A": Array(r.integers(0, 4, (8, N)) // 3 * r.integers(0, 2, (8, 1)), I32),
                                  "M": Array(r.integers(0, 2, (8, 3)), "bool"),
                                  "whole": Array(np.zeros(2), "bool")},
     {"rows": "bool", "whole": "bool"}, any_and_all, **exact())


def dp4a_dots(p, x):
    products = x["A"].astype(np.int64) * x["B"].astype(np.int64)
    return {"C": 1000 + products.sum(axis=1), "D": 5 + products[:1, :4].sum(axis=1)}


rule("dp4a_dots", lambda p, r: {k: integers(r, (N, N), -128, 128, "int8") for k in "AB"},
     {"C": I32, "D": I32}, dp4a_dots)


# The kernels of kernels/meaning.py

FILE = "../tests/run/kernels/meaning.py"
F16, BF16, F8 = "float16", "bfloat16", "float8_e4m3fn"


def float_pairs(p, x):
    h, b, e, f, i = (x[k].astype(np.float64) for k in "HBEFI")
    out = [h * f, round_to(b * h, F16), round_to(e * h, F16), b * f, round_to(b * i, BF16),
           round_to(round_to(h * h, F16) + h, F16)]
    return {"out": round_to(np.stack(out), F32)}


rule("float_pairs", lambda p, r: {"H": normal(r, N, F16), "B": normal(r, N, BF16),
                                  "E": normal(r, N, F8), "F": normal(r, N),
                                  "I": integers(r, N, -9, 9)}, {"out": F32}, float_pairs, **exact())


def int_pairs(p, x):
    a, u, i, w = (x[k].astype(np.int64) for k in "AUIW")
    return {"out": np.stack([(a + u) % 256, a * i, (i - w) % 2**32, (a < 0) + i])}


rule("int_pairs", lambda p, r: {"A": integers(r, N, -128, 128, "int8"),
                                "U": integers(r, N, 0, 256, "uint8"),
                                "I": integers(r, N, -2**20, 2**20),
                                "W": integers(r, N, 0, 2**32, "uint32")}, {"out": "int64"}, int_pairs)


def deferred_compare(p, x):
    a, b = x["A"], x["B"]
    return {"out": np.stack([a == b, a != b, (a == 3) & (b > 0) & (b < 4)])}


rule("deferred_compare", lambda p, r: {k: integers(r, N, 0, 6) for k in "AB"}, {"out": "bool"},
     deferred_compare)


def compile_time(p, x):
    a = x["A"]
    out = [a, a + 1, a + 4, np.full(N, 12), a**3, np.full(N, 1024), np.where(a > 0, 1, -1), a, a + 1,
           np.arange(N)]
    return {"out": np.stack(out)}


rule("compile_time", lambda p, r: {"A": Array(r.integers(-9, 9, N) + 0.5, F32)}, {"out": F32},
     compile_time, **exact())


def symbolic_prologue(p, x):
    blocks = -(-p["n"] // 16)
    block = np.arange(p["n"]) // 16
    return {"B": x["A"] + np.where(block < blocks // 2, blocks // 2, 0)}


rule("symbolic_prologue", lambda p, r: {"A": integers(r, p["n"], -9, 9, F32)}, {"B": F32},
     symbolic_prologue, params=[dict(n=1), dict(n=100)], dims="n", **exact())
rule("macro_arguments", lambda p, r: {"out": Array(np.full(3, 50), I32)}, {"out": I32},
     lambda p, x: {"out": np.array([5, 40, 53])})
rule("private_variables", lambda p, r: {"A": integers(r, N, -99, 99)}, {"out": I32},
     lambda p, x: {"out": np.stack([np.full(N, 3), 2 * x["A"]])})


def vector_wraps(p, x):
    a, b = x["A"].copy(), x["B"].copy()
    for t in range(4):
        b[t] = a[np.arange(t - 2, t + 2)]
    a[[-2, -1, 30, 31]] = 7.0
    return {"A": a, "B": b}


rule("vector_wraps", lambda p, r: {"A": normal(r, N), "B": normal(r, (8, 4))}, {"A": F32, "B": F32},
     vector_wraps, **exact())
rule("packed_neighbours", lambda p, r: {"A": integers(r, N, -8, 8, "int4")}, {"B": "int4"},
     lambda p, x: {"B": x["A"]}, **exact())
rule("assumed", lambda p, r: {"A": normal(r, p["n"])}, {"B": F32}, lambda p, x: {"B": 2 * x["A"]},
     params=[dict(n=16), dict(n=64)], dims="n", **exact())


def copy_extents(p, x):
    s = np.concatenate([x["A"][48:], np.zeros(16), np.full(32, 9.0)])
    return {"out": np.stack([s[8:40], s[:32]])}


rule("copy_extents", lambda p, r: {"A": normal(r, N)}, {"out": F32}, copy_extents, **exact())


def transposed(p, x):
    out = np.zeros((32, 32))
    out[:24, :24] = x["A"][16:].T
    return {"out": out}


rule("transposed", lambda p, r: {"A": normal(r, (40, 24))}, {"out": F32}, transposed, **exact())
def transposed_batches(p, x):
    part = np.zeros((3, 16, 8))
    part[:, :, :4] = x["A"][1, :, 16:, :16].swapaxes(-2, -1)
    return {"out": x["A"].swapaxes(-2, -1), "rows": x["B"].swapaxes(-2, -1), "part": part}


rule("transposed_batches",
     lambda p, r: {"A": normal(r, (2, 3, 20, 24)), "B": integers(r, (5, 1, 7), -9, 9, "int32")},
     {"out": F32, "rows": "int32", "part": F32}, transposed_batches, **exact())
rule("accumulator_rows", lambda p, r: {"A": integers(r, (32, 32), -4, 5, F32)}, {"out": F32},
     lambda p, x: {"out": (x["A"] @ x["A"]).sum(axis=1)}, **exact())


# A product in TF32 would lose the low bits of A; one in float16 would round each step.
rule("gemm_forms", lambda p, r: {"A": integers(r, (32, 32), -(2**15), 2**15, F32),
                                 "B": integers(r, (32, 32), -4, 5, F32),
                                 "H": integers(r, (32, 32), -40, 40, F16)},
     {"C": F32, "D": F16},
     lambda p, x: {"C": x["A"] @ x["B"], "D": round_to(x["H"] @ x["H"], F16)}, **exact())
rule("pipeline_lists", lambda p, r: {"A": integers(r, (8, N), -9, 9, F32)}, {"B": F32},
     lambda p, x: {"B": x["A"].sum(axis=0)}, **exact())


def odd_reductions(p, x):
    a = x["A"]
    return {"out": 1000 + a.sum(axis=1, keepdims=True),
            "back": np.stack([a[0, ::-1].cumsum()[::-1], np.maximum.accumulate(a[0])])}


rule("odd_reductions", lambda p, r: {"A": integers(r, (7, 100), -9, 9, F32)},
     {"out": F32, "back": F32}, odd_reductions, **exact())
rule("fast_forms", lambda p, r: {"A": uniform(r, N, -5, 5)}, {"out": F32},
     lambda p, x: {"out": np.exp(np.stack([x["A"], x["A"], np.arange(N) % 4]))}, rtol=2.0**-22, atol=0)


def both_sides(p, x):
    a = x["A"]
    return {"B": np.where(a > 2, np.append(a[1:], 0.0), np.where(a > 0, a, -1.0))}


rule("both_sides", lambda p, r: {"A": integers(r, N, -5, 9, F32)}, {"B": F32}, both_sides, **exact())
rule("two_launches", lambda p, r: {"A": integers(r, N, -9, 9, F32)}, {"B": F32},
     lambda p, x: {"B": x["A"][::-1] + 1}, **exact())
rule("unused_argument", lambda p, r: {"A": normal(r, N), "spare": normal(r, N)}, {"B": F32},
     lambda p, x: {"B": x["A"]}, **exact())
rule("strided", lambda p, r: {"A": Columns(normal(r, (8, 4)))}, {"B": F32},
     lambda p, x: {"B": round_to(x["A"] + 1, F32)}, **exact())
