"""Rows, columns and elements: reductions, scans, casts, copies."""

import numpy as np

from .common import (
    Array,
    Bounded,
    case,
    Columns,
    encode,
    EPS,
    grid,
    integers,
    is_float,
    normal,
    round_to,
    SHAPES,
    softmax,
    uniform,
    wrap32,
)

# softmax.py, rmsnorm.py, layernorm.py


def rows(default="float32"):
    return lambda p, rng: {"X": normal(rng, (p["M"], p["N"]), p.get("dtype", default), 3.0)}


case(
    "softmax.py",
    "softmax",
    SHAPES + [dict(M=5, N=33, dtype="float16"), dict(M=9, N=257, block_M=1, dtype="bfloat16")],
    rows(),
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": softmax(x["X"])},
    dims="M N",
)
case(
    "softmax.py",
    "online_softmax",
    SHAPES + [dict(M=5, N=500, dtype="float32"), dict(M=13, N=64, block_N=32, dtype="bfloat16")],
    rows("float16"),
    lambda p: {"Y": p.get("dtype", "float16")},
    lambda p, x: {"Y": softmax(x["X"])},
    dims="M N",
)


def weighted_rows(default):
    def make(p, rng):
        dtype = p.get("dtype", default)
        return {
            "X": normal(rng, (p["M"], p["N"]), dtype, 2.0),
            "weight": uniform(rng, p["N"], 0.5, 1.5, dtype),
        }

    return make


def rms_norm(p, x):
    scale = 1 / np.sqrt(np.mean(x["X"] ** 2, axis=-1, keepdims=True) + p.get("eps", 1e-6))
    return {"Y": x["X"] * scale * x["weight"]}


for entry, dims, default in (("rms_norm", "M N", "float32"), ("rms_norm_split", "", "float16")):
    case(
        "rmsnorm.py",
        entry,
        SHAPES + [dict(M=6, N=300, dtype="bfloat16"), dict(M=6, N=300, eps=0.5, dtype="float32")],
        weighted_rows(default),
        lambda p, default=default: {"Y": p.get("dtype", default)},
        rms_norm,
        dims=dims,
    )


def layer_norm(p, x):
    mean = x["X"].mean(axis=-1)
    rstd = 1 / np.sqrt(x["X"].var(axis=-1) + p.get("eps", 1e-5))
    y = (x["X"] - mean[:, None]) * rstd[:, None] * x["weight"] + x["bias"]
    return {"Y": y, "mean": mean, "rstd": rstd}


case(
    "layernorm.py",
    "layer_norm",
    SHAPES + [dict(M=6, N=300, dtype="bfloat16"), dict(M=17, N=31, block_M=8, dtype="float16")],
    lambda p, rng: dict(
        weighted_rows("float32")(p, rng), bias=normal(rng, p["N"], p.get("dtype", "float32"))
    ),
    lambda p: {"Y": p.get("dtype", "float32"), "mean": "float32", "rstd": "float32"},
    layer_norm,
    atol=1e-5,
)

# cast_fp8.py


def to_fp8(p, x):
    # Step by step in float32: every operation is correctly rounded, so the codes must agree.
    group, (m, n) = p.get("group", 128), x["X"].shape
    groups = -(-n // group)
    padded = np.zeros((m, groups * group), np.float32)
    padded[:, :n] = x["X"]
    padded = padded.reshape(m, groups, group)
    largest = np.maximum(np.abs(padded).max(axis=-1), np.float32(1e-4))
    scale = largest / np.float32(448)
    code = round_to(np.clip(padded / scale[..., None], -448, 448), "float8_e4m3fn")
    return {"X_fp8": code.reshape(m, -1)[:, :n], "X_scale": scale.astype(np.float64)}


case(
    "cast_fp8.py",
    "cast_to_fp8",
    SHAPES + [dict(M=9, N=200, dtype="bfloat16"), dict(M=4, N=96, group=32, dtype="float16")],
    rows(),
    lambda p: {"X_fp8": "float8_e4m3fn", "X_scale": "float32"},
    to_fp8,
    dims="M N",
    rtol=0,
    atol=0,
)
case(
    "cast_fp8.py",
    "cast_from_fp8",
    SHAPES + [dict(M=9, N=200, group=32, dtype="bfloat16")],
    lambda p, rng: {
        "X_fp8": normal(rng, (p["M"], p["N"]), "float8_e4m3fn", 100.0),
        "X_scale": uniform(rng, (p["M"], -(-p["N"] // p.get("group", 128))), 0.01, 2.0),
    },
    lambda p: {"X": p.get("dtype", "float32")},
    lambda p, x: {
        "X": x["X_fp8"] * np.repeat(x["X_scale"], p.get("group", 128), axis=1)[:, : p["N"]]
    },
)

# transpose.py

for entry, dims, default in (
    ("transpose", "M N", "float32"),
    ("transpose_swizzled", "", "float16"),
):
    case(
        "transpose.py",
        entry,
        SHAPES + grid([dict(M=50, N=20, block=16)], dtype=["int8", "bfloat16", "int64"]),
        lambda p, rng, default=default: {
            "A": normal(rng, (p["M"], p["N"]), p.get("dtype", default), 10.0)
        },
        lambda p, default=default: {"B": p.get("dtype", default)},
        lambda p, x: {"B": x["A"].T},
        dims=dims,
        rtol=0,
        atol=0,
    )

# strided_copy.py

case(
    "strided_copy.py",
    "strided_copy",
    SHAPES + [dict(M=40, N=9, dtype="bfloat16", block_M=16)],
    lambda p, rng: {
        "A": normal(rng, (p["M"], p["N"]), p.get("dtype", "float32")),
        "B": normal(rng, (p["M"], p["N"]), p.get("dtype", "float32")),
    },
    lambda p: {"B": p.get("dtype", "float32")},
    lambda p, x: {"B": x["A"]},
    dims="M N",
    rtol=0,
    atol=0,
)
case(
    "strided_copy.py",
    "from_column_major",
    SHAPES,
    lambda p, rng: {"A": Columns(normal(rng, (p["M"], p["N"])))},
    lambda p: {"B": "float32"},
    lambda p, x: {"B": x["A"]},
    dims="M N",
    rtol=0,
    atol=0,
)
case(
    "strided_copy.py",
    "every_nth",
    [
        dict(M=1, N=1, row_step=5, col_step=2),
        dict(M=17, N=20, row_step=50, col_step=2),
        dict(M=20, N=33, row_step=1, col_step=21),
        dict(M=6, N=10, row_step=0, col_step=3, dtype="int8"),
    ],
    lambda p, rng: {
        "A": normal(
            rng,
            (p["M"] - 1) * p["row_step"] + (p["N"] - 1) * p["col_step"] + 1,
            p.get("dtype", "float32"),
            10.0,
        )
    },
    lambda p: {"B": p.get("dtype", "float32")},
    lambda p, x: {
        "B": x["A"][
            np.arange(p["M"])[:, None] * p["row_step"] + np.arange(p["N"]) * p["col_step"]
        ]
    },
    rtol=0,
    atol=0,
)

# scan.py


def scan(x, p, axis):
    step = -1 if p.get("reverse") else 1
    turned = np.flip(x, axis) if step < 0 else x
    if p.get("op") == "cummax":
        result = np.maximum.accumulate(turned, axis=axis)
    else:
        result = np.cumsum(turned, axis=axis)
    result = np.flip(result, axis) if step < 0 else result
    if p.get("dtype", "float32") != "float32":
        return round_to(result, p["dtype"])
    bound = 0 if p.get("op") == "cummax" else x.shape[axis] * EPS["float32"]
    return Bounded(result, bound * np.abs(x).sum(axis=axis, keepdims=True) + 0 * result)


def scan_inputs(p, rng):
    dtype = p.get("dtype", "float32")
    shape = (p["M"], p["N"])
    return {"X": normal(rng, shape) if is_float(dtype) else integers(rng, shape, -99, 100, dtype)}


case(
    "scan.py",
    "scan_rows",
    grid(SHAPES[:3], op=["cumsum", "cummax"], reverse=[False, True])
    + grid([dict(M=10, N=50, dtype="int32")], op=["cumsum", "cummax"]),
    scan_inputs,
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": scan(x["X"], p, 1)},
    dims="M N",
)
case(
    "scan.py",
    "scan_columns",
    grid(SHAPES[:3], reverse=[False, True]) + [dict(M=30, N=40, dtype="int32", reverse=True)],
    scan_inputs,
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": scan(x["X"], p, 0)},
)
case(
    "scan.py",
    "scan_vector",
    [dict(N=1), dict(N=128), dict(N=1000), dict(N=333, block=32)],
    lambda p, rng: {"X": integers(rng, p["N"], -(2**30), 2**30)},
    lambda p: {"Y": "int32"},
    lambda p, x: {"Y": wrap32(np.cumsum(x["X"]))},
    dims="N",
)

# reductions.py

REDUCERS = {
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "absmax": lambda x, axis: np.max(np.abs(x), axis=axis),
    "abssum": lambda x, axis: np.sum(np.abs(x), axis=axis),
    "bitand": np.bitwise_and.reduce,
    "bitor": np.bitwise_or.reduce,
    "bitxor": np.bitwise_xor.reduce,
}


def reduce(p, x, axis):
    dtype = p.get("dtype", "float32")
    value = REDUCERS[p["op"]](x, axis=axis)
    if not is_float(dtype):
        return round_to(value, dtype)
    sums = p["op"] in ("sum", "abssum")
    bound = x.shape[axis] * EPS["float32"] * np.abs(x).sum(axis=axis) if sums else 0
    return Bounded(value, bound + 0 * value)


FLOAT_OPS = ["sum", "max", "min", "absmax", "abssum"]
REDUCTIONS = (
    grid([dict(M=9, N=37)], op=FLOAT_OPS)
    + grid([dict(M=9, N=37)], op=["bitand", "bitor", "bitxor", "min"], dtype=["int32"])
    + [
        dict(M=1, N=1, op="sum"),
        dict(M=3, N=200, op="sum", dtype="int8"),
        dict(M=64, N=64, op="max"),
        dict(M=5, N=20, op="bitor", dtype="uint8"),
    ]
)
REDUCE_RANGE = {"int32": (-(2**31), 2**31), "int8": (-128, 128), "uint8": (0, 256)}


def reduce_inputs(p, rng):
    dtype, shape = p.get("dtype", "float32"), (p["M"], p["N"])
    if is_float(dtype):
        return {"X": normal(rng, shape, dtype)}
    return {"X": integers(rng, shape, *REDUCE_RANGE[dtype], dtype)}


for entry, axis in (("reduce_rows", 1), ("reduce_columns", 0)):
    case(
        "reductions.py",
        entry,
        REDUCTIONS,
        reduce_inputs,
        lambda p: {"Y": p.get("dtype", "float32")},
        lambda p, x, axis=axis: {
            "Y": reduce(p, x["X"], 1) if axis else keep_rows(reduce(p, x["X"], 0))
        },
    )


def keep_rows(y):
    if isinstance(y, Bounded):
        return Bounded(y.values[None, :], y.bound[None, :])
    return y[None, :]


case(
    "reductions.py",
    "row_range",
    SHAPES,
    rows(),
    lambda p: {"low": "float32", "high": "float32"},
    lambda p, x: {"low": x["X"].min(axis=1), "high": x["X"].max(axis=1)},
    dims="M N",
    rtol=0,
    atol=0,
)
case(
    "reductions.py",
    "total",
    [dict(N=1), dict(N=256), dict(N=3001), dict(N=100, block=32)],
    lambda p, rng: {"X": normal(rng, p["N"])},
    lambda p: {"Y": "float32"},
    lambda p, x: {
        "Y": Bounded(x["X"].sum()[None], p["N"] * EPS["float32"] * np.abs(x["X"]).sum()[None])
    },
    dims="N",
)

# atomics.py

case(
    "atomics.py",
    "column_sums",
    SHAPES + [dict(M=100, N=30, block_M=8, dtype="bfloat16")],
    lambda p, rng: {
        "X": normal(rng, (p["M"], p["N"]), p.get("dtype", "float32")),
        "sums": normal(rng, p["N"]),
    },
    lambda p: {"sums": "float32"},
    lambda p, x: {
        "sums": Bounded(
            x["sums"] + x["X"].sum(axis=0),
            (p["M"] + 1) * EPS["float32"] * (np.abs(x["sums"]) + np.abs(x["X"]).sum(axis=0)),
        )
    },
)
case(
    "atomics.py",
    "extrema",
    [dict(N=1), dict(N=500), dict(N=129, dtype="float32"), dict(N=1000, block=32)],
    lambda p, rng: {
        "X": uniform(rng, p["N"], 5, 100000, p.get("dtype", "int32")),
        "low": Array([2000], p.get("dtype", "int32")),
        "high": Array([1000], p.get("dtype", "int32")),
    },
    lambda p: {"low": p.get("dtype", "int32"), "high": p.get("dtype", "int32")},
    lambda p, x: {
        "low": np.minimum(x["low"], x["X"].min()),
        "high": np.maximum(x["high"], x["X"].max()),
    },
    dims="N",
    rtol=0,
    atol=0,
)
case(
    "atomics.py",
    "compact",
    [dict(N=1), dict(N=300), dict(N=1000, block=64)],
    lambda p, rng: {
        "X": normal(rng, p["N"]),
        "Y": Array(np.full(p["N"], -1), "float32"),
        "count": Array([0], "int32"),
    },
    lambda p: {"Y": "float32", "count": "int32"},
    lambda p, x: {
        "Y": np.where(x["X"] > 0, x["X"], -1),
        "count": np.array([(x["X"] > 0).sum()]),
    },
    dims="N",
    rtol=0,
    atol=0,
    canon=lambda a: np.sort(a) if len(a) == 1 else np.concatenate([np.sort(a[a > 0]), a[a <= 0]]),
)


def scatter_add(p, x):
    y, size = x["Y"].copy(), np.abs(x["Y"])
    np.add.at(y, x["index"], x["X"])
    np.add.at(size, x["index"], np.abs(x["X"]))
    return {"Y": Bounded(y, (p["M"] + 1) * EPS["float32"] * size)}


case(
    "atomics.py",
    "scatter_add",
    [dict(rows=1, M=1, N=4), dict(rows=5, M=50, N=8), dict(rows=40, M=33, N=36)],
    lambda p, rng: {
        "X": normal(rng, (p["M"], p["N"])),
        "index": integers(rng, p["M"], 0, p["rows"]),
        "Y": normal(rng, (p["rows"], p["N"])),
    },
    lambda p: {"Y": "float32"},
    scatter_add,
)

# view_reshape.py

case(
    "view_reshape.py",
    "absolute",
    SHAPES,
    rows(),
    lambda p: {"Y": "float32"},
    lambda p, x: {"Y": np.abs(x["X"])},
    dims="M N",
    rtol=0,
    atol=0,
)


def group_sums(p, x):
    group = p.get("group", 8)
    padded = np.zeros(-(-p["N"] // group) * group)
    padded[: p["N"]] = x["X"]
    groups = padded.reshape(-1, group)
    return {"Y": Bounded(groups.sum(axis=1), group * EPS["float32"] * np.abs(groups).sum(axis=1))}


case(
    "view_reshape.py",
    "group_sums",
    [dict(N=1), dict(N=256), dict(N=1001), dict(N=60, group=16, block=32)],
    lambda p, rng: {"X": normal(rng, p["N"])},
    lambda p: {"Y": "float32"},
    group_sums,
)
case(
    "view_reshape.py",
    "split_bytes",
    [dict(N=1), dict(N=64), dict(N=150)],
    lambda p, rng: {"X": integers(rng, p["N"], 0, 2**32, "uint32")},
    lambda p: {"Y": "uint8"},
    lambda p, x: {"Y": x["X"][:, None] >> np.array([0, 8, 16, 24]) & 255},
)
case(
    "view_reshape.py",
    "sort_key",
    [dict(N=1), dict(N=500)],
    lambda p, rng: {"X": normal(rng, p["N"], scale=100.0)},
    lambda p: {"Y": "int32"},
    lambda p, x: {
        "Y": (lambda b: np.where(b < 0, b ^ 0x7FFFFFFF, b))(
            encode(x["X"], "float32").view(np.int32).astype(np.int64)
        )
    },
    dims="N",
)
