"""Attention with a state: recurrences, computed step by step."""

import numpy as np

from .common import Array, Bounded, case, EPS, grid, normal, uniform

# linear_attention.py


def sizes(p, last):
    return (p["batch"], p["seq"], p["heads"], p[last])


def linear_inputs(p, rng):
    dtype = p.get("dtype", "float16")
    return {
        "Q": normal(rng, sizes(p, "dim"), dtype, 0.3),
        "K": normal(rng, sizes(p, "dim"), dtype, 0.3),
        "V": normal(rng, sizes(p, "dim_v"), dtype),
    }


def near(p, value, factor=16):
    """Scores and states are rounded to the type of the operands before the second product."""
    eps = max(factor * EPS["float32"], factor * EPS[p.get("dtype", "float16")])
    return Bounded(value, eps * (np.abs(value) + max(1.0, np.abs(value).mean() * 4)))


def recurrence(p, q, k, v, decay):
    """o[t] = q[t] state[t], with state[t] = decay[.., t] state[t - 1] + k[t] v[t]^T."""
    state = np.zeros((p["batch"], p["heads"], q.shape[-1], v.shape[-1]))
    out = []
    for t in range(p["seq"]):
        state = state * decay[:, t, :, None, None] + np.einsum("bhi,bhj->bhij", k[:, t], v[:, t])
        out.append(np.einsum("bhi,bhij->bhj", q[:, t], state))
    return np.stack(out, axis=1)


LINEAR = [
    dict(batch=1, seq=1, heads=1, dim=8, dim_v=8),
    dict(batch=2, seq=70, heads=2, dim=16, dim_v=24),
    dict(batch=1, seq=64, heads=1, dim=32, dim_v=16, dtype="float32"),
]
case(
    "linear_attention.py",
    "linear_attention",
    LINEAR,
    linear_inputs,
    lambda p: {"O": "float32"},
    lambda p, x: {
        "O": near(p, recurrence(p, x["Q"], x["K"], x["V"], np.ones((1, p["seq"], 1))))
    },
    dims="batch seq heads dim dim_v",
)
case(
    "linear_attention.py",
    "retention",
    LINEAR,
    lambda p, rng: dict(linear_inputs(p, rng), log_decay=uniform(rng, p["heads"], -0.2, -0.01)),
    lambda p: {"O": "float32"},
    lambda p, x: {
        "O": near(
            p,
            recurrence(
                p,
                x["Q"],
                x["K"],
                x["V"],
                np.broadcast_to(2 ** x["log_decay"], (1, p["seq"], p["heads"])),
            ),
        )
    },
    dims="batch seq heads dim dim_v",
)

# mamba_chunk_scan.py


def mamba_inputs(p, rng):
    dtype, chunk = p.get("dtype", "float16"), p.get("chunk", 32)
    shape = (p["batch"], p["heads"], p["seq"])
    dt = round32(rng.uniform(0.1, 1, shape))
    dA = (-rng.uniform(0.05, 0.5, (p["heads"], 1)) * dt).reshape(*shape[:2], -1, chunk)
    group = (p["batch"], p["seq"], p["groups"], p["n"])
    return {
        "x": normal(rng, sizes(p, "dim"), dtype),
        "B": normal(rng, group, dtype, 0.4),
        "C": normal(rng, group, dtype, 0.4),
        "dt": Array(dt, "float32"),
        "cumulative": Array(np.cumsum(dA, axis=-1).reshape(shape), "float32"),
        "D": normal(rng, p["heads"]),
    }


def round32(x):
    return x.astype(np.float32).astype(np.float64)


def mamba(p, x):
    chunk, heads = p.get("chunk", 32), p["heads"] // p["groups"]
    b, c = (np.repeat(x[name], heads, axis=2) for name in "BC")
    sums = x["cumulative"].reshape(p["batch"], p["heads"], -1, chunk)
    dA = np.diff(sums, axis=-1, prepend=0).reshape(p["batch"], p["heads"], -1)
    steps = x["dt"].swapaxes(1, 2)[..., None]
    y = recurrence(p, c, b * steps, x["x"], np.exp(dA).swapaxes(1, 2))
    return {"y": near(p, y + x["D"][:, None] * x["x"], 24)}


case(
    "mamba_chunk_scan.py",
    "mamba_chunk_scan",
    [
        dict(batch=1, seq=96, heads=2, dim=16, groups=1, n=16),
        dict(batch=2, seq=32, heads=4, dim=8, groups=2, n=8, chunk=16, dtype="float32"),
    ],
    mamba_inputs,
    lambda p: {"y": p.get("dtype", "float16")},
    mamba,
    dims="batch seq heads dim groups n",
)

# gated_delta_net.py


def delta_inputs(p, rng):
    dtype = p.get("dtype", "float32")
    key = rng.standard_normal(sizes(p, "dim"))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    gates = (p["batch"], p["seq"], p["heads"])
    return {
        "Q": normal(rng, sizes(p, "dim"), dtype, 0.3),
        "K": Array(key, dtype),
        "V": normal(rng, sizes(p, "dim_v"), dtype),
        "g": uniform(rng, gates, -0.3, -0.01),
        "beta": uniform(rng, gates, 0.1, 0.9),
    }


def delta(p, x):
    state = np.zeros((p["batch"], p["heads"], p["dim"], p["dim_v"]))
    out = []
    for t in range(p["seq"]):
        k, beta = x["K"][:, t], x["beta"][:, t, :, None]
        state = state * np.exp(x["g"][:, t])[..., None, None]
        value = (x["V"][:, t] - np.einsum("bhi,bhij->bhj", k, state)) * beta
        state = state + np.einsum("bhi,bhj->bhij", k, value)
        out.append(np.einsum("bhi,bhij->bhj", x["Q"][:, t], state))
    return {"O": near(p, np.stack(out, axis=1), 32)}


case(
    "gated_delta_net.py",
    "gated_delta_net",
    grid(
        [
            dict(batch=1, seq=48, heads=2, dim=16, dim_v=24),
            dict(batch=2, seq=16, heads=1, dim=8, dim_v=8),
        ],
        dtype=["float32", "float16"],
    ),
    delta_inputs,
    lambda p: {"O": "float32"},
    delta,
    dims="batch seq heads dim dim_v",
)
