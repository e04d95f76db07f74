"""Attention."""

import math

import numpy as np

from .common import (
    Array,
    attention,
    attention_error,
    Bounded,
    case,
    EPS,
    grid,
    integers,
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

# flash_decoding.py, mla_decode.py


def close(p, value):
    rtol, atol = attention_error(p)
    return Bounded(value, rtol * np.abs(value) + atol)


def decode(q, k, v, lengths):
    """One query for each head; heads share those of k and v in groups."""
    group = q.shape[1] // k.shape[2]
    k, v = (np.repeat(x, group, axis=2).swapaxes(1, 2) for x in (k, v))
    visible = np.arange(k.shape[2]) < np.asarray(lengths)[:, None, None, None]
    return attention(q[:, :, None, :], k, v, visible)[:, :, 0, :]


def decode_inputs(p, rng):
    dtype, kv = p.get("dtype", "float16"), (p["batch"], p["keys"], p["heads_kv"], p["dim"])
    return {
        "Q": normal(rng, (p["batch"], p["heads"], p["dim"]), dtype),
        "K": normal(rng, kv, dtype),
        "V": normal(rng, kv, dtype),
        "lengths": integers(rng, p["batch"], 1, p["keys"] + 1),
    }


DECODE = [
    dict(batch=2, keys=100, heads=4, heads_kv=2, dim=16),
    dict(batch=1, keys=1, heads=1, heads_kv=1, dim=8),
    dict(batch=3, keys=65, heads=8, heads_kv=1, dim=32, dtype="float32"),
]
case(
    "flash_decoding.py",
    "flash_decoding",
    grid(DECODE, splits=[1, 4]),
    decode_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    lambda p, x: {"O": close(p, decode(x["Q"], x["K"], x["V"], x["lengths"]))},
    dims="batch keys heads heads_kv dim",
)


def paged_inputs(p, rng):
    dtype, page = p.get("dtype", "float16"), p["page"]
    most = -(-p["keys"] // page)
    pages = p["batch"] * most + 3
    cache = (pages, page, p["heads_kv"], p["dim"])
    table = rng.permutation(pages)[: p["batch"] * most].reshape(p["batch"], most)
    return {
        "Q": normal(rng, (p["batch"], p["heads"], p["dim"]), dtype),
        "K_pages": normal(rng, cache, dtype),
        "V_pages": normal(rng, cache, dtype),
        "table": Array(table, "int32"),
        "lengths": integers(rng, p["batch"], 1, p["keys"] + 1),
    }


def paged(p, x):
    shape = (p["batch"], -1, p["heads_kv"], p["dim"])
    k, v = (x[name][x["table"].astype(int)].reshape(shape) for name in ("K_pages", "V_pages"))
    return {"O": close(p, decode(x["Q"], k, v, x["lengths"]))}


case(
    "flash_decoding.py",
    "paged_decoding",
    grid(DECODE, page=[16]) + [dict(DECODE[0], page=5, splits=3)],
    paged_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    paged,
    dims="batch keys heads heads_kv dim page",
    unnamed="keys",
)


def mla_inputs(p, rng):
    dtype, b = p.get("dtype", "float16"), p["batch"]
    return {
        "Q": normal(rng, (b, p["heads"], p["dim"]), dtype),
        "Q_rope": normal(rng, (b, p["heads"], p["dim_rope"]), dtype),
        "latent": normal(rng, (b, p["keys"], p["dim"]), dtype),
        "rope": normal(rng, (b, p["keys"], p["dim_rope"]), dtype),
    }


def mla(p, x):
    q = np.concatenate([x["Q"], x["Q_rope"]], axis=-1)
    k = np.concatenate([x["latent"], x["rope"]], axis=-1)
    return {"O": close(p, attention(q, k, x["latent"], True))}


case(
    "mla_decode.py",
    "mla_decode",
    [
        dict(batch=2, heads=20, dim=64, dim_rope=16, keys=70),
        dict(batch=1, heads=1, dim=16, dim_rope=8, keys=1),
        dict(batch=1, heads=16, dim=32, dim_rope=16, keys=64, dtype="float32"),
    ],
    mla_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    mla,
    dims="batch heads dim dim_rope keys",
)

# varlen_attention.py


def starts(counts):
    return Array(np.cumsum([0, *counts]), "int32")


def varlen_inputs(p, rng):
    dtype, tail = p.get("dtype", "float16"), (p["heads"], p["dim"])
    return {
        "Q": normal(rng, (sum(p["queries"]), *tail), dtype),
        "K": normal(rng, (sum(p["keys"]), *tail), dtype),
        "V": normal(rng, (sum(p["keys"]), *tail), dtype),
        "starts_q": starts(p["queries"]),
        "starts_k": starts(p["keys"]),
    }


def varlen(p, x):
    parts, q0, k0 = [], 0, 0
    for queries, keys in zip(p["queries"], p["keys"]):
        q, k, v = (
            x[name][first : first + n].swapaxes(0, 1)
            for name, first, n in (("Q", q0, queries), ("K", k0, keys), ("V", k0, keys))
        )
        seen = np.arange(keys) <= np.arange(queries)[:, None] + keys - queries
        parts.append(attention(q, k, v, seen if p.get("is_causal") else True).swapaxes(0, 1))
        q0, k0 = q0 + queries, k0 + keys
    return {"O": close(p, np.concatenate(parts))}


case(
    "varlen_attention.py",
    "varlen_attention",
    grid(
        [
            dict(queries=[5, 40, 1], keys=[5, 50, 33], heads=2, dim=16),
            dict(queries=[32], keys=[32], heads=1, dim=8, dtype="float32"),
        ],
        is_causal=[False, True],
    ),
    varlen_inputs,
    lambda p: {"O": p.get("dtype", "float16")},
    varlen,
    dims="queries keys heads dim",
    unnamed="queries keys",
)

# attention_backward.py


def forward(p, q, k, v):
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(p["dim"])
    if p.get("is_causal"):
        scores = np.where(np.tri(p["seq"], dtype=bool), scores, -np.inf)
    most = scores.max(axis=-1)
    log_sum = most + np.log(np.exp(scores - most[..., None]).sum(axis=-1))
    prob = np.exp(scores - log_sum[..., None])
    return prob, prob @ v, log_sum


def backward_inputs(p, rng):
    shape, dtype = (p["batch"], p["heads"], p["seq"], p["dim"]), p.get("dtype", "float16")
    x = {name: normal(rng, shape, dtype) for name in ("Q", "K", "V", "dO")}
    _, o, log_sum = forward(p, *(x[name].values for name in ("Q", "K", "V")))
    return dict(x, O=Array(o, dtype), log_sum=Array(log_sum, "float32"))


def backward(p, x):
    prob, o, _ = forward(p, x["Q"], x["K"], x["V"])
    d_prob = x["dO"] @ x["V"].swapaxes(-1, -2)
    delta = (o * x["dO"]).sum(axis=-1, keepdims=True)
    d_score = prob * (d_prob - delta) / math.sqrt(p["dim"])
    gradients = {
        "dQ": d_score @ x["K"],
        "dK": d_score.swapaxes(-1, -2) @ x["Q"],
        "dV": prob.swapaxes(-1, -2) @ x["dO"],
    }
    # Probabilities and their gradients are rounded before the second products.
    eps = max(1e-4, 16 * EPS[p.get("dtype", "float16")])
    return {name: Bounded(g, eps * (1 + np.abs(g))) for name, g in gradients.items()}


case(
    "attention_backward.py",
    "attention_backward",
    grid(
        [
            dict(batch=1, heads=2, seq=70, dim=16),
            dict(batch=2, heads=1, seq=32, dim=32, dtype="float32"),
            dict(batch=1, heads=1, seq=1, dim=8, dtype="bfloat16"),
        ],
        is_causal=[False, True],
    ),
    backward_inputs,
    lambda p: {"dQ": "float32", "dK": "float32", "dV": "float32"},
    backward,
    dims="batch heads seq dim",
)
