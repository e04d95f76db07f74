"""What the kernels of kernels/fragments.py must compute."""

import numpy as np

from formats import EPS, Array, is_float

from refs import Bounded, Case, integers, normal
from refs.common import like, matmul

FRAGMENTS: list = []
FILE = "../tests/run/kernels/fragments.py"


def kernel(entry, inputs, outputs, reference, params, **more):
    FRAGMENTS.append(Case(FILE, entry, params, inputs, outputs, reference, **more))


def rounded(x, dtype):
    """How far off a value may be that was rounded to the type."""
    return np.abs(x) * EPS[dtype] if is_float(dtype) else 0


def numbers(rng, shape, dtype):
    most = {"uint8": 200, "int32": 1000}.get(dtype)
    return integers(rng, shape, 0, most, dtype) if most else like(rng, shape, dtype)


# ---- operands ----


def operand_inputs(p, rng):
    m, n, k, dtype = p["M"], p["N"], p["K"], p.get("dtype", "float16")
    return {"A": numbers(rng, (k, m) if p.get("flip_a") else (m, k), dtype),
            "B": numbers(rng, (n, k) if p.get("flip_b") else (k, n), dtype)}


def operands(p, x):
    a = x["A"].T if p.get("flip_a") else x["A"]
    b = x["B"].T if p.get("flip_b") else x["B"]
    if not is_float(p.get("accum", "float32")):
        return {"C": 2 * (a @ b)}
    c = matmul(a, b, "float32")
    off = 2.0**-10 * (np.abs(a) @ np.abs(b)) if p.get("tf32") else 0
    return {"C": Bounded(2 * c.values, 4 * c.bound + 3 * off)}


kernel("operands", operand_inputs, lambda p: {"C": p.get("accum", "float32")}, operands,
       [dict(M=32, N=32, K=48, held=held) for held in ("a", "b", "ab")]
       + [dict(M=64, N=32, K=32, held="ab", dtype="bfloat16", flip_a=True, flip_b=True,
               policy="rows"),
          dict(M=32, N=96, K=16, held="ab", flip_b=True, policy="columns", threads=96),
          dict(M=64, N=64, K=64, held="a", policy="rows"),
          dict(M=128, N=64, K=32, held="a", dtype="bfloat16"),
          dict(M=64, N=64, K=32, held="b", flip_a=True, threads=256),
          dict(M=32, N=32, K=64, held="ab", dtype="int8", accum="int32", flip_b=True),
          dict(M=32, N=32, K=64, held="a", dtype="uint8", accum="int32"),
          dict(M=64, N=16, K=24, held="ab", dtype="float32", tf32=True, flip_a=True),
          dict(M=32, N=64, K=64, held="ab", dtype="float8_e4m3fn", flip_b=True),
          dict(M=20, N=12, K=8, held="a", dtype="float32"),
          dict(M=16, N=24, K=32, held="ab", dtype="float32", flip_a=True),
          dict(M=16, N=24, K=32, held="b", dtype="float32", flip_b=True, threads=64)])


# ---- chains ----


def chain_inputs(p, rng):
    m, n, k, q, dtype = p["M"], p["N"], p["K"], p["P"], p.get("dtype", "float16")
    return {"A": like(rng, (m, k), dtype), "B": like(rng, (n, k), dtype),
            "E": like(rng, (n, q), dtype)}


def chain(p, x):
    c = matmul(x["A"], x["B"].T, "float32")
    half = c.values / 2
    off = c.bound / 2 + rounded(half, p.get("dtype", "float16"))
    d = matmul(half, x["E"], "float32")
    return {"D": Bounded(d.values, 2 * d.bound + off @ np.abs(x["E"]))}


kernel("chain", chain_inputs, lambda p: {"D": p.get("accum", "float32")}, chain,
       [dict(M=64, N=64, K=32, P=32), dict(M=64, N=32, K=32, P=64, dtype="bfloat16", loop=False),
        dict(M=64, N=64, K=32, P=64, first="square", second="columns", loop=False),
        dict(M=64, N=64, K=64, P=32, first="columns", second="square"),
        dict(M=32, N=32, K=64, P=32, dtype="float8_e4m3fn", loop=False),
        dict(M=128, N=64, K=32, P=64), dict(M=128, N=32, K=64, P=128, loop=False, threads=256)])


# ---- one fragment in several places ----


def twice(p, x):
    first, second = matmul(x["A"], x["A"].T, "float32"), matmul(x["A"], x["B"], "float32")
    return {"C": Bounded(first.values + second.values, 2 * (first.bound + second.bound))}


kernel("twice", lambda p, r: {"A": like(r, (p["M"], p["K"]), p.get("dtype", "float16")),
                              "B": like(r, (p["K"], p["M"]), p.get("dtype", "float16"))},
       lambda p: {"C": "float32"}, twice,
       [dict(M=32, K=32), dict(M=64, K=48, dtype="bfloat16"), dict(M=64, K=32, threads=256)])


def rescaled(p, x):
    c, d = matmul(x["A"], x["B"], "float32"), matmul(x["A"], x["E"], "float32")
    most = c.values.max(axis=1, keepdims=True)
    off = c.bound.max(axis=1, keepdims=True) + 4 * np.abs(most) * EPS["float32"]
    scale, off = most * most / 2, 2 * np.abs(most) * off
    return {"D": Bounded(d.values * scale, d.bound * np.abs(scale) * 2 + np.abs(d.values) * off)}


kernel("rescaled", lambda p, r: {"A": like(r, (p["M"], p["K"]), "float16"),
                                 "B": like(r, (p["K"], p["N"]), "float16"),
                                 "E": like(r, (p["K"], p["P"]), "float16")},
       lambda p: {"D": "float32"}, rescaled,
       [dict(M=64, N=32, P=64, K=32), dict(M=128, N=64, P=64, K=16)])


# ---- parts ----


def pieces(p, x):
    n, half, a, at = p["N"], p["N"] // 2, x["A"], int(x["at"])
    g = a[::-1].copy()
    b = [a * a[0], g.copy()]
    g[:half] = a[half : 2 * half]
    g[at : at + half] = a[half : 2 * half]
    b.append(g.copy())
    g[at + 1] = a[at] + 1
    b += [g.copy(), a * 2 + a]
    b.append(np.concatenate([a[at : at + half], g[0 : 2 * half : 2] + a[half : 2 * half]]))
    return {"B": Bounded(np.stack(b), 4 * EPS["float32"] * (1 + np.abs(np.stack(b))))}


kernel("pieces", lambda p, r: {"A": normal(r, (p["N"],), "float32"), "at": p["N"] // 3},
       lambda p: {"B": "float32"}, pieces, [dict(N=64), dict(N=30), dict(N=96, threads=96)])


def sums(p, x):
    a = x["A"]
    off = (a.shape[0] + a.shape[1]) * EPS["float32"]
    most = np.maximum(a[:, 1:].max(axis=1), 2)
    size = np.abs(a)
    if not is_float(p.get("dtype", "float32")):
        return {"R": a.sum(axis=1), "C": a.sum(axis=0, keepdims=True) + 1, "P": most}
    return {"R": Bounded(a.sum(axis=1), off * size.sum(axis=1)),
            "C": Bounded(a.sum(axis=0, keepdims=True) + 1, off * (1 + size.sum(axis=0, keepdims=True))),
            "P": Bounded(most, 0 * most)}


kernel("sums", lambda p, r: {"A": numbers(r, (p["M"], p["N"]), p.get("dtype", "float32"))},
       lambda p: {k: p.get("dtype", "float32") for k in "RCP"}, sums,
       [dict(M=2, N=40), dict(M=16, N=9, threads=96), dict(M=64, N=48, threads=256),
        dict(M=5, N=33, dtype="int32"), dict(M=1, N=3), dict(M=3, N=2, threads=384),
        dict(M=7, N=24, where="shared"), dict(M=32, N=64, where="shared", dtype="int32")])


kernel("in_place", lambda p, r: {"A": integers(r, 8, -9, 9, "float32"),
                                 "B": integers(r, 8, -9, 9, "float32")},
       lambda p: {"B": "float32", "C": "float32"},
       lambda p, x: {"B": x["B"] * (x["A"] + 1) + 1, "C": x["A"] + 1}, [{}])


def flags(p, x):
    a = x["A"] > 0
    return {"B": np.stack([a.any(axis=1), a.all(axis=1), a.any(axis=1)]).astype(np.int64)}


kernel("flags", lambda p, r: {"A": Array(np.arange(6)[:, None] * 9 > np.arange(40), "int32")},
       lambda p: {"B": "int32"}, flags, [{}])
