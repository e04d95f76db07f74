"""Attention."""

import numpy as np

from .common import (
    attention,
    attention_error,
    Bounded,
    case,
    grid,
    normal,
)

# flash_attention.py, gqa_attention.py


def mha_inputs(p, rng):
    dtype = p.get("dtype", "float16")
    q = (p["batch"], p["heads"], p["seq_q"], p["dim"])
    kv = (p["batch"], p["heads"], p["seq_kv"], p["dim"])
    return {"Q": normal(rng, q, dtype), "K": normal(rng, kv, dtype), "V": normal(rng, kv, dtype)}


def mha(p, x):
    seq_q, seq_kv = p["seq_q"], p["seq_kv"]
    query, key = np.ogrid[:seq_q, :seq_kv]
    visible = key <= query + (seq_kv - seq_q) if p.get("is_causal") else key >= 0
    o = attention(x["Q"], x["K"], x["V"], visible)
    rtol, atol = attention_error(p)
    return {"O": Bounded(o, rtol * np.abs(o) + atol)}


SMALL = dict(block_M=32, block_N=32)
ATTENTION = [
    dict(batch=1, heads=1, seq_q=1, seq_kv=1, dim=8, **SMALL),
    dict(batch=2, heads=3, seq_q=64, seq_kv=64, dim=32, **SMALL),
    dict(batch=1, heads=2, seq_q=50, seq_kv=77, dim=16, **SMALL),
    dict(batch=1, heads=2, seq_q=3, seq_kv=130, dim=24, **SMALL),
]
case(
    "flash_attention.py",
    "flash_attention",
    grid(ATTENTION, is_causal=[False, True], dtype=["float32"])
    + grid(ATTENTION[2:3], is_causal=[False, True], dtype=["float16", "bfloat16"])
    + [dict(batch=1, heads=1, seq_q=100, seq_kv=100, dim=64, dtype="float32", is_causal=True)],
    mha_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    mha,
)


def gqa_inputs(p, rng):
    dtype = p.get("dtype", "float16")
    q = (p["batch"], p["seq"], p["heads"], p["dim"])
    kv = (p["batch"], p["seq"], p["heads_kv"], p["dim"])
    return {"Q": normal(rng, q, dtype), "K": normal(rng, kv, dtype), "V": normal(rng, kv, dtype)}


def gqa(p, x):
    query, key = np.ogrid[: p["seq"], : p["seq"]]
    window = p.get("window") or p["seq"]
    visible = (key <= query) & (key > query - window)
    group = p["heads"] // p["heads_kv"]
    q = np.moveaxis(x["Q"], 2, 1)
    k, v = (np.repeat(np.moveaxis(x[name], 2, 1), group, axis=1) for name in "KV")
    o = np.moveaxis(attention(q, k, v, visible), 1, 2)
    rtol, atol = attention_error(p)
    return {"O": Bounded(o, rtol * np.abs(o) + atol)}


GQA = [
    dict(batch=1, seq=1, heads=1, heads_kv=1, dim=8, **SMALL),
    dict(batch=2, seq=70, heads=4, heads_kv=2, dim=16, **SMALL),
    dict(batch=1, seq=129, heads=3, heads_kv=1, dim=32, **SMALL),
]
case(
    "gqa_attention.py",
    "gqa_attention",
    grid(GQA, dtype=["float32"], window=[None, 1, 40])
    + grid(GQA[1:2], dtype=["float16", "bfloat16"]),
    gqa_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    gqa,
    dims="batch seq heads heads_kv dim",
)
