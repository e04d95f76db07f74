"""Experts, and what serves them: choosing, sorting, transforms."""

import numpy as np

from .common import Array, Bounded, case, EPS, grid, integers, normal, sigmoid, softmax

# topk.py


def topk(x, k):
    order = np.argsort(-x, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(x, order, axis=1), order


case(
    "topk.py",
    "topk",
    [
        dict(M=1, N=1, k=1),
        dict(M=20, N=33),
        dict(M=17, N=64, k=7, dtype="bfloat16"),
        dict(M=5, N=9, k=9),
    ],
    # Few different numbers, so that many are equal.
    lambda p, rng: {
        "X": Array(rng.integers(-9, 9, (p["M"], p["N"])) / 4, p.get("dtype", "float32"))
    },
    lambda p: {"values": p.get("dtype", "float32"), "indices": "int32"},
    lambda p, x: dict(zip(("values", "indices"), topk(x["X"], p.get("k", 4)))),
    dims="M N",
)


def gate(p, x):
    values, chosen = topk(x["logits"], p["k"])
    return {"weights": softmax(values), "chosen": chosen}


case(
    "topk.py",
    "moe_gate",
    [dict(tokens=1, experts=2, k=1), dict(tokens=33, experts=60, k=6)],
    lambda p, rng: {"logits": normal(rng, (p["tokens"], p["experts"]), scale=2)},
    lambda p: {"weights": "float32", "chosen": "int32"},
    gate,
    dims="tokens experts",
)

# fused_moe.py


def moe_inputs(p, rng):
    dtype = p.get("dtype", "float16")
    tokens, experts, k = p["tokens"], p["experts"], p["choices"]
    chosen = np.stack([rng.permutation(experts)[:k] for _ in range(tokens)])
    order = np.argsort(chosen.reshape(-1), kind="stable")
    counts = np.bincount(chosen.reshape(-1), minlength=experts)
    inner, hidden = p["inner"], p["hidden"]
    return {
        "X": normal(rng, (tokens, hidden), dtype),
        "W_gate": normal(rng, (experts, inner, hidden), dtype, hidden**-0.5),
        "W_up": normal(rng, (experts, inner, hidden), dtype, hidden**-0.5),
        "W_down": normal(rng, (experts, hidden, inner), dtype, inner**-0.5),
        "order": Array(order, "int32"),
        "starts": Array(np.cumsum([0, *counts]), "int32"),
        "weights": Array(softmax(rng.standard_normal((tokens, k))), "float32"),
    }


def moe(p, x):
    y = np.zeros((p["tokens"], p["choices"], p["hidden"]))
    starts = x["starts"].astype(int)
    for e in range(p["experts"]):
        for slot in x["order"].astype(int)[starts[e] : starts[e + 1]]:
            token, choice = divmod(slot, p["choices"])
            up, down = x["X"][token] @ x["W_up"][e].T, x["W_down"][e].T
            gate = x["X"][token] @ x["W_gate"][e].T
            y[token, choice] = gate * sigmoid(gate) * up @ down * x["weights"][token, choice]
    eps = max(1e-5, 8 * EPS[p.get("dtype", "float16")])
    return {"Y": Bounded(y, eps * (1 + np.abs(y)))}


case(
    "fused_moe.py",
    "fused_moe",
    [
        dict(tokens=20, hidden=40, experts=5, inner=33, choices=2),
        dict(tokens=1, hidden=8, experts=2, inner=8, choices=1, dtype="bfloat16"),
        dict(tokens=33, hidden=32, experts=3, inner=64, choices=3, dtype="float32"),
    ],
    moe_inputs,
    lambda p: {"Y": "float32"},
    moe,
    dims="tokens hidden experts inner choices",
)

# transforms.py


def hadamard_matrix(n):
    h = np.ones((1, 1))
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h


case(
    "transforms.py",
    "hadamard",
    [dict(M=1, N=1), dict(M=9, N=64), dict(M=3, N=256, dtype="bfloat16")],
    lambda p, rng: {"X": normal(rng, (p["M"], p["N"]), p.get("dtype", "float32"))},
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": x["X"] @ hadamard_matrix(p["N"]) / p["N"] ** 0.5},
    dims="M N",
    atol=2e-5,
)


def rope_inputs(p, rng):
    angle = np.outer(np.arange(p["longest"]), 10000.0 ** -np.linspace(0, 1, p["dim"] // 2))
    return {
        "X": normal(rng, (p["tokens"], p["heads"], p["dim"]), p.get("dtype", "float16")),
        "cos": Array(np.cos(angle), "float32"),
        "sin": Array(np.sin(angle), "float32"),
        "positions": integers(rng, p["tokens"], 0, p["longest"]),
    }


def rope(p, x):
    at = x["positions"].astype(int)
    cos, sin = (x[name][at][:, None, :] for name in ("cos", "sin"))
    y = np.empty_like(x["X"])
    half = p["dim"] // 2
    even, odd = (np.s_[..., ::2], np.s_[..., 1::2])
    if not p.get("interleaved", True):
        even, odd = np.s_[..., :half], np.s_[..., half:]
    y[even] = x["X"][even] * cos - x["X"][odd] * sin
    y[odd] = x["X"][odd] * cos + x["X"][even] * sin
    return {"Y": y}


case(
    "transforms.py",
    "rope",
    grid(
        [
            dict(tokens=9, heads=3, dim=16, longest=40),
            dict(tokens=1, heads=1, dim=2, longest=1, dtype="float32"),
        ],
        interleaved=[True, False],
    ),
    rope_inputs,
    lambda p: {"Y": p.get("dtype", "float16")},
    rope,
    dims="tokens heads dim longest",
)

# histogram.py

case(
    "histogram.py",
    "histogram",
    [dict(N=1), dict(N=1000), dict(N=256, bins=3)],
    lambda p, rng: {"keys": integers(rng, p["N"], -2, p.get("bins", 16) + 2)},
    lambda p: {"counts": "int32"},
    lambda p, x: {
        "counts": np.array([(x["keys"] == b).sum() for b in range(p.get("bins", 16))])
    },
    dims="N",
)
case(
    "histogram.py",
    "counting_sort",
    [dict(N=1), dict(N=100), dict(N=64, bins=2, dtype="int8")],
    lambda p, rng: {
        "keys": integers(rng, p["N"], 0, p.get("bins", 16)),
        "values": integers(rng, p["N"], -99, 99, p.get("dtype", "float32")),
    },
    lambda p: {"out": p.get("dtype", "float32")},
    lambda p, x: {"out": x["values"][np.argsort(x["keys"], kind="stable")]},
    dims="N",
)
