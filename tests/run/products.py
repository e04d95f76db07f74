"""What the kernels of kernels/products.py must compute."""

import numpy as np

from formats import EPS, Array, is_float

from refs import Bounded, Case, integers, normal
from refs.common import like, matmul

PRODUCTS: list = []
FILE = "../tests/run/kernels/products.py"


def product(entry, inputs, outputs, reference, params, **more):
    PRODUCTS.append(Case(FILE, entry, params, inputs, outputs, reference, **more))


# ---- 2:4 sparse: half of each group is stored, its places are in E ----


def group_of(p):
    return 2 if p.get("dtype", "float16") == "float32" else 4


def places(p, rng):
    """[M, K / group, stored] places of the stored elements in their groups, ascending."""
    m, groups, n = p.get("M", 32), p.get("K", 64) // group_of(p), group_of(p)
    order = np.argsort(rng.random((m, groups, n)), axis=-1)
    return np.sort(order[..., : n // 2], axis=-1)


def sparse_inputs(p, rng):
    m, n, k, dtype = p.get("M", 32), p.get("N", 16), p.get("K", 64), p.get("dtype", "float16")
    meta, at = p.get("meta", "int16"), places(p, rng)
    nibbles = np.where(at[..., 0] == 0, 4, 14) if group_of(p) == 2 else at[..., 0] | at[..., 1] << 2
    per = {"int8": 2, "uint8": 2, "int16": 4, "int32": 8}[meta]
    words = (nibbles.reshape(m, -1, per).astype(np.int64) << 4 * np.arange(per)).sum(-1)
    bits = 4 * per
    if meta[0] == "i":
        words = (words + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
    a, b = like(rng, (m, k // 2), dtype), like(rng, (k, n), dtype)
    if not p.get("flip"):
        return {"A": a, "E": Array(words, meta), "B": b}
    return {"A": Array(a.values.T, dtype), "E": Array(words.T, meta), "B": Array(b.values.T, dtype)}


def dense_of(p, a, e):
    """The dense A from what is stored, by the rule of the words of E."""
    per = {"int8": 2, "uint8": 2, "int16": 4, "int32": 8}[p.get("meta", "int16")]
    nibbles = (e.astype(np.int64)[:, :, None] >> 4 * np.arange(per) & 15).reshape(len(e), -1)
    n = group_of(p)
    dense = np.zeros((len(a), nibbles.shape[1] * n))
    rows, groups = np.indices(nibbles.shape)
    if n == 2:
        dense[rows, groups * 2 + (nibbles == 14)] = a
        return dense
    dense[rows, groups * 4 + (nibbles & 3)] = a[:, ::2]
    dense[rows, groups * 4 + (nibbles >> 2)] = a[:, 1::2]
    return dense


def sparse(p, x):
    a, e, b = (v.T if p.get("flip") else v for v in (x["A"], x["E"], x["B"]))
    accum = p.get("accum", "float32")
    dense = dense_of(p, a, e)
    c = matmul(dense, b, accum)
    one = 0 if p.get("clear") else 1
    if not is_float(accum):
        return {"C": dense @ b + one}
    return {"C": Bounded(c.values + one, c.bound + EPS["float32"] * (1 + np.abs(c.values)))}


product("sparse", sparse_inputs, lambda p: {"C": p.get("accum", "float32")}, sparse,
        [dict(), dict(dtype="float16", meta="int32", K=128, flip=True, clear=True),
         dict(dtype="bfloat16", meta="uint8"), dict(dtype="float32", meta="int16", M=16),
         dict(dtype="float32", meta="int8", M=16, flip=True),
         dict(dtype="int8", meta="int32", accum="int32", K=96),
         dict(dtype="float8_e4m3fn", meta="int16", K=128)])


# ---- block-scaled: bytes of scales, four in a word ----


def ue4m3(codes):
    exponent, mantissa = codes >> 3, codes & 7
    return np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))


def scale_codes(rng, shape, gran):
    return rng.integers(0x28, 0x40, shape) if gran == 16 else rng.integers(120, 132, shape)


def scale_values(codes, gran):
    return ue4m3(codes) if gran == 16 else 2.0 ** (codes - 127.0)


def chunked(words, tile):
    """Tiles of 128 rows and `tile` words: of each the words column by column, a column by row % 32
    and then row / 32."""
    parts = [words[:, at : at + tile].reshape(4, 32, tile).transpose(2, 1, 0).reshape(128, tile)
             for at in range(0, words.shape[1], tile)]
    return np.concatenate(parts)


def scaled_inputs(p, rng):
    m, n, k, gran_a, gran_b = p.get("M", 128), p.get("N", 128), p["K"], p["gran_a"], p["gran_b"]
    dtype, flip = p["dtype"], p.get("flip", False)
    x = {"A": like(rng, (k, m) if flip else (m, k), dtype),
         "B": like(rng, (k, n) if flip else (n, k), dtype)}
    for name, rows, gran in (("SFA", m, gran_a), ("SFB", n, gran_b)):
        codes = scale_codes(rng, (rows, k // gran), gran)
        words = (codes.reshape(rows, -1, 4).astype(np.int64) << 8 * np.arange(4)).sum(-1)
        if p.get("layout"):
            words = chunked(words, p["block"] // gran // 4)
        x[name] = Array(words, "uint32")
    return x


def unpacked(p, words, gran, rows):
    if p.get("layout"):
        tile = p["block"] // gran // 4
        parts = words.reshape(-1, tile, 32, 4).transpose(0, 3, 2, 1).reshape(-1, rows, tile)
        words = np.concatenate(list(parts), axis=1)
    codes = (words.astype(np.int64)[:, :, None] >> 8 * np.arange(4) & 255).reshape(rows, -1)
    return scale_values(codes, gran).repeat(gran, axis=1)


def scaled(p, x):
    a, b = (x["A"].T, x["B"].T) if p.get("flip") else (x["A"], x["B"])
    a = a * unpacked(p, x["SFA"], p["gran_a"], len(a))
    b = b * unpacked(p, x["SFB"], p["gran_b"], len(b))
    return {"C": matmul(a, b.T, "float32")}


FP4 = "float4_e2m1fn"
product("scaled", scaled_inputs, lambda p: {"C": "float32"}, scaled,
        [dict(M=32, N=16, K=128, dtype=FP4, block=64, gran_a=16, gran_b=16),
         dict(K=256, dtype=FP4, block=128, gran_a=16, gran_b=16, layout="blockscaled_chunk_kmajor"),
         dict(M=16, N=24, K=256, dtype="float8_e4m3fn", block=64, gran_a=32, gran_b=64, flip=True)])


def scale_types(p, x):
    a = x["A"] * (2.0 ** (x["SFA"] - 127.0)).repeat(32, axis=1)
    return {"C": matmul(a, (x["B"] * x["SFB"].repeat(16, axis=1)).T, "float32")}


product("scale_types", lambda p, r: {"A": normal(r, (16, 64), "float8_e4m3fn"),
                                     "B": normal(r, (8, 64), "float8_e5m2"),
                                     "SFA": integers(r, (16, 2), 120, 134, "uint8"),
                                     "SFB": normal(r, (8, 4), "float8_e4m3fn")},
        lambda p: {"C": "float32"}, scale_types, [{}])
