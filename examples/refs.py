"""What every example kernel must compute, in NumPy and float64, and on which inputs it is tried.
`CASES` is read by tests/run/run.py; sizes are small, odd, and mostly no multiple of a tile."""

from dataclasses import dataclass
import math
from pathlib import Path
import sys
from typing import Any, Callable, Optional

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "run"))
from formats import EPS, Array, encode, is_float, round_to  # noqa: E402


@dataclass
class Bounded:
    """A result that comes with its own error bound, element by element."""

    values: np.ndarray
    bound: np.ndarray


@dataclass
class Columns:
    """An input that is stored by columns (Fortran order)."""

    array: Array


@dataclass
class Case:
    """One kernel and the parameter sets to run it with.

    `inputs(p, rng)` makes the arguments by name: an Array, a list of Arrays (a table of pointers),
    a Columns, or a number. `reference(p, x)` gets their values and gives the outputs by name.
    Parameters named in `dims` are only read here: the kernel takes them from the arrays."""

    file: str
    entry: str
    params: list
    inputs: Callable
    outputs: Callable
    reference: Callable
    dims: str = ""
    rtol: Optional[float] = None
    atol: Optional[float] = None
    canon: Optional[Callable] = None  # applied to both sides before they are compared

    def defines(self, p):
        return {k: v for k, v in p.items() if k not in self.dims.split()}

    def tolerance(self, dtype):
        """Relative and absolute error allowed without a Bounded; integers are exact."""
        if not is_float(dtype):
            return 0.0, 0.0
        rtol = self.rtol if self.rtol is not None else max(1e-5, 2.1 * EPS[dtype])
        return rtol, self.atol if self.atol is not None else 1e-6


CASES: list = []


def case(*args: Any, **kwargs: Any):
    CASES.append(Case(*args, **kwargs))


# Inputs


def normal(rng, shape, dtype="float32", scale=1.0):
    return Array(rng.standard_normal(shape) * scale, dtype)


def uniform(rng, shape, low, high, dtype="float32"):
    return Array(rng.uniform(low, high, shape), dtype)


def integers(rng, shape, low, high, dtype="int32"):
    """From low to high - 1."""
    return Array(rng.integers(low, high, shape), dtype)


def like(rng, shape, dtype):
    """Numbers of a sensible size for a product of matrices."""
    return integers(rng, shape, -100, 101, dtype) if dtype == "int8" else normal(rng, shape, dtype)


def grid(params, **axes):
    """Every set of `params` with every combination of values of `axes`."""
    sets = params
    for name, values in axes.items():
        sets = [dict(p, **{name: v}) for p in sets for v in values]
    return sets


# References shared by several cases


def matmul(a, b, dtype, steps=None):
    """a @ b, accumulated in float32 in any order and rounded to `dtype`; exact for integers.
    The bound is that of a sum of K rounded terms (Higham 2002, section 3.1)."""
    if not is_float(dtype):
        return round_to(a.astype(np.int64) @ b.astype(np.int64), dtype)
    value = a @ b
    size = np.abs(a) @ np.abs(b)
    terms = (steps or a.shape[-1]) + 2
    return Bounded(value, terms * EPS["float32"] * size + 2 * EPS[dtype] * np.abs(value) + 1e-7)


def attention(q, k, v, visible):
    """softmax(q k^T / sqrt(dim)) v for (..., sequence, dim); `visible` is a mask of scores."""
    scores = np.where(visible, q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]), -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True) @ v


def attention_error(p):
    """Probabilities are rounded to the type of V before the second product."""
    eps = EPS[p.get("dtype", "float16")]
    return max(2e-5, 4 * eps), max(2e-5, 4 * eps)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def wrap32(x):
    return round_to(x, "int32")


SHAPES = [dict(M=1, N=1), dict(M=3, N=7), dict(M=65, N=130), dict(M=64, N=128)]
TILE = dict(block_M=32, block_N=32, block_K=16)
GEMM_SHAPES = [
    dict(M=1, N=1, K=1, **TILE),
    dict(M=32, N=32, K=32, **TILE),
    dict(M=33, N=47, K=19, **TILE),
    dict(M=70, N=5, K=65, **TILE),
]

# elementwise_add.py


def add_inputs(p, rng):
    shape, dtype = (p["M"], p["N"]), p.get("dtype", "float32")
    return {"A": like(rng, shape, dtype), "B": like(rng, shape, dtype)}


def add_outputs(p):
    return {"C": p.get("dtype", "float32")}


def add(p, x):
    return {"C": round_to(x["A"] + x["B"], p.get("dtype", "float32"))}


case(
    "elementwise_add.py",
    "add",
    grid(SHAPES, dtype=["float32"]) + grid(SHAPES[1:3], dtype=["bfloat16", "float16", "int8"]),
    add_inputs,
    add_outputs,
    add,
    dims="M N",
    rtol=0,
    atol=0,
)
case(
    "elementwise_add.py",
    "add_staged",
    SHAPES + grid(SHAPES[2:3], dtype=["int8", "bfloat16", "float64"]),
    add_inputs,
    add_outputs,
    add,
    rtol=0,
    atol=0,
)
case(
    "elementwise_add.py",
    "axpy",
    [dict(N=1), dict(N=256), dict(N=1003), dict(N=77, dtype="float16", block_N=32)],
    lambda p, rng: {
        "X": normal(rng, p["N"], p.get("dtype", "float32")),
        "Y": normal(rng, p["N"], p.get("dtype", "float32")),
        "alpha": -1.25,
    },
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": x["Y"] + x["alpha"] * x["X"]},
    dims="N",
)

# gemm.py, gemm_bias_relu.py, splitk_gemm.py


def gemm_inputs(p, rng):
    a, b = (p["M"], p["K"]), (p["K"], p["N"])
    dtype = p.get("dtype", "float16")
    return {
        "A": like(rng, a[::-1] if p.get("trans_A") else a, dtype),
        "B": like(rng, b[::-1] if p.get("trans_B") else b, dtype),
    }


def gemm_out_dtype(p):
    dtype = p.get("dtype", "float16")
    return p.get("out_dtype") or ("int32" if dtype == "int8" else dtype)


def gemm(p, x):
    a = x["A"].T if p.get("trans_A") else x["A"]
    b = x["B"].T if p.get("trans_B") else x["B"]
    return {"C": matmul(a, b, gemm_out_dtype(p))}


case(
    "gemm.py",
    "gemm",
    grid(GEMM_SHAPES, dtype=["float32"])
    + grid(GEMM_SHAPES[2:3], dtype=["float16", "bfloat16", "int8"])
    + grid(
        grid([dict(M=33, N=47, K=19, **TILE)], dtype=["float32", "bfloat16", "int8"]),
        trans_A=[False],
        trans_B=[True],
    )
    + grid([dict(M=33, N=47, K=19, **TILE)], dtype=["float16", "int8"], trans_A=[True])
    + [
        dict(M=40, N=24, K=50, trans_A=True, trans_B=True, dtype="float32", **TILE),
        dict(M=64, N=64, K=64, dtype="float16", out_dtype="float32"),
        dict(M=48, N=100, K=200, dtype="bfloat16", num_stages=0, **TILE),
        dict(M=48, N=100, K=20, dtype="float32", num_stages=4, **TILE),
    ],
    gemm_inputs,
    lambda p: {"C": gemm_out_dtype(p)},
    gemm,
)
case(
    "gemm.py",
    "matmul",
    GEMM_SHAPES[:3] + [dict(M=65, N=65, K=33, dtype="bfloat16")],
    gemm_inputs,
    lambda p: {"C": "float32"},
    lambda p, x: {"C": matmul(x["A"], x["B"], "float32")},
    dims="M N K",
)
case(
    "gemm.py",
    "gemm_persistent",
    grid(GEMM_SHAPES[:1] + [dict(M=100, N=170, K=40, **TILE)], workers=[1, 5, 64]),
    gemm_inputs,
    lambda p: {"C": gemm_out_dtype(p)},
    gemm,
)


def bias_relu(p, x):
    dtype = p.get("dtype", "float16")
    c = matmul(x["A"], x["B"], dtype)
    value = c.values + x["bias"]
    bound = c.bound + 2 * EPS[dtype] * np.abs(value) + EPS["float32"] * np.abs(x["bias"])
    return {"C": Bounded(np.maximum(value, 0), bound)}


case(
    "gemm_bias_relu.py",
    "gemm_bias_relu",
    grid(GEMM_SHAPES, dtype=["float32", "bfloat16"])
    + [dict(M=129, N=130, K=70, dtype="float32"), dict(M=20, N=200, K=33)],
    lambda p, rng: dict(gemm_inputs(p, rng), bias=like(rng, p["N"], p.get("dtype", "float16"))),
    lambda p: {"C": p.get("dtype", "float16")},
    bias_relu,
)


def splitk(p, x):
    product = matmul(x["A"], x["B"], "float32")
    value = x["C"] + product.values
    splits = p.get("split", 4) * EPS["float32"] * (np.abs(x["C"]) + product.bound + np.abs(value))
    return {"C": Bounded(value, product.bound + splits)}


for entry, dims in (("splitk_gemm", ""), ("splitk_gemm_tile", "M N K")):
    case(
        "splitk_gemm.py",
        entry,
        GEMM_SHAPES[:3]
        + [
            dict(M=40, N=33, K=300, split=3, **TILE),
            dict(M=64, N=64, K=128, dtype="bfloat16"),
        ],
        lambda p, rng: dict(gemm_inputs(p, rng), C=normal(rng, (p["M"], p["N"]))),
        lambda p: {"C": "float32"},
        splitk,
        dims=dims,
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

# dequant_gemm_int4.py


def dequant(weight, scales, group, dtype):
    """Weights times scales in float32, rounded to the type of A."""
    wide = np.repeat(scales, group, axis=1)[:, : weight.shape[1]]
    return round_to(round_to(weight * wide, "float32"), dtype)


def dequant_inputs(p, rng):
    m, n, k, group = p["M"], p["N"], p["K"], p.get("group", 32)
    dtype, weight = p.get("dtype", "float16"), p.get("weight_dtype", "int4")
    if p.get("packed"):
        w = integers(rng, (n, k // 2), 0, 256, "uint8")
    elif weight == "int4":
        w = integers(rng, (n, k), -8, 8, "int4")
    else:
        w = normal(rng, (n, k), weight, 2.0)
    scales = uniform(rng, (n, -(-k // group)), 0.05, 0.5, dtype)
    return {"A": normal(rng, (m, k), dtype), "W": w, "scales": scales}


def dequant_gemm(p, x):
    dtype, w = p.get("dtype", "float16"), x["W"]
    if p.get("packed"):
        w = np.stack([w % 16, w // 16], axis=-1).reshape(w.shape[0], -1) - 8
    return {"C": matmul(x["A"], dequant(w, x["scales"], p.get("group", 32), dtype).T, dtype)}


DEQUANT = [
    dict(M=1, N=1, K=32, **TILE),
    dict(M=33, N=20, K=96, **TILE),
    dict(M=7, N=65, K=64, group=16, dtype="bfloat16"),
    dict(M=40, N=40, K=40, group=8, dtype="float32", **TILE),
]
case(
    "dequant_gemm_int4.py",
    "dequant_gemm_int4",
    grid(DEQUANT, packed=[True]),
    dequant_inputs,
    lambda p: {"C": p.get("dtype", "float16")},
    dequant_gemm,
    dims="packed",
)
case(
    "dequant_gemm_int4.py",
    "dequant_gemm",
    grid(DEQUANT, weight_dtype=["int4", "float4_e2m1fn"])
    + [dict(M=5, N=6, K=34, group=10, dtype="float32", **TILE)],
    dequant_inputs,
    lambda p: {"C": p.get("dtype", "float16")},
    dequant_gemm,
    dims="M N K",
)

# conv_im2col.py


def conv_sizes(p):
    reach = p.get("dilation", 1) * (p["K"] - 1) + 1
    return tuple((p[d] + 2 * p.get("pad", 0) - reach) // p.get("stride", 1) + 1 for d in "HW")


def conv_inputs(p, rng):
    dtype = p.get("dtype", "float16")
    return {
        "image": normal(rng, (p["N"], p["H"], p["W"], p["C"]), dtype),
        "weight": normal(rng, (p["K"], p["K"], p["C"], p["F"]), dtype),
    }


def conv(p, x):
    s, d, pad = p.get("stride", 1), p.get("dilation", 1), p.get("pad", 0)
    oh, ow = conv_sizes(p)
    image = np.pad(x["image"], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    patches = [
        image[:, kh * d : kh * d + (oh - 1) * s + 1 : s, kw * d : kw * d + (ow - 1) * s + 1 : s]
        for kh in range(p["K"])
        for kw in range(p["K"])
    ]
    matrix = np.concatenate(patches, axis=-1).reshape(p["N"] * oh * ow, -1)
    out = matmul(matrix, x["weight"].reshape(-1, p["F"]), p.get("dtype", "float16"))
    shape = (p["N"], oh, ow, p["F"])
    return {"out": Bounded(out.values.reshape(shape), out.bound.reshape(shape))}


CONV = [
    dict(N=1, H=1, W=1, C=1, F=1, K=1, **TILE),
    dict(N=1, H=5, W=6, C=3, F=4, K=3, pad=1, **TILE),
    dict(N=2, H=9, W=7, C=5, F=33, K=3, stride=2, pad=1, dtype="float32", **TILE),
    dict(N=1, H=12, W=11, C=4, F=8, K=3, dilation=2, pad=2, dtype="bfloat16", **TILE),
    dict(N=1, H=10, W=10, C=2, F=3, K=5, stride=3, dtype="float32", **TILE),
]
for entry, dims in (("conv2d", ""), ("conv2d_explicit", "N H W C F K")):
    case(
        "conv_im2col.py",
        entry,
        CONV,
        conv_inputs,
        lambda p: {"out": p.get("dtype", "float16")},
        conv,
        dims=dims,
    )

# dynamic_gemm.py

case(
    "dynamic_gemm.py",
    "dynamic_gemm",
    grid(GEMM_SHAPES, dtype=["float32"]) + [dict(M=65, N=70, K=100, dtype="bfloat16")],
    gemm_inputs,
    lambda p: {"C": "float32"},
    lambda p, x: {"C": matmul(x["A"], x["B"], "float32")},
    dims="M N K",
)
case(
    "dynamic_gemm.py",
    "linear",
    GEMM_SHAPES + [dict(M=65, N=70, K=100, dtype="float32")],
    lambda p, rng: {
        "X": normal(rng, (p["M"], p["K"]), p.get("dtype", "float16")),
        "W": normal(rng, (p["N"], p["K"]), p.get("dtype", "float16")),
    },
    lambda p: {"Y": p.get("dtype", "float16")},
    lambda p, x: {"Y": matmul(x["X"], x["W"].T, p.get("dtype", "float16"))},
    dims="M N K",
)
case(
    "dynamic_gemm.py",
    "outer_sum",
    [dict(n=1, m=1), dict(n=3, m=200, block=64), dict(n=20, m=1)],
    lambda p, rng: {
        "X": integers(rng, p["n"], -1000, 1000),
        "Y": integers(rng, p["n"] + p["m"], -1000, 1000),
    },
    lambda p: {"Z": "int32"},
    lambda p, x: {"Z": x["X"][:, None] + x["Y"][None, :]},
    dims="n m",
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

# grouped_ptr.py

case(
    "grouped_ptr.py",
    "pointer_gemm",
    [dict(M=1, N=1, K=1), dict(M=33, N=40, K=65), dict(M=32, N=32, K=32, dtype="bfloat16")],
    lambda p, rng: {
        "A_ptr": normal(rng, (p["M"], p["K"]), p.get("dtype", "float32")),
        "B_ptr": normal(rng, (p["K"], p["N"]), p.get("dtype", "float32")),
        "C_ptr": normal(rng, (p["M"], p["N"]), p.get("dtype", "float32")),
        "M": p["M"],
        "N": p["N"],
        "K": p["K"],
    },
    lambda p: {"C_ptr": p.get("dtype", "float32")},
    lambda p, x: {"C_ptr": matmul(x["A_ptr"], x["B_ptr"], p.get("dtype", "float32"))},
    dims="M N K",
)
case(
    "grouped_ptr.py",
    "grouped_gemm",
    [
        dict(groups=1, max_M=5, N=6, K=7, rows=[5]),
        dict(groups=3, max_M=70, N=40, K=33, rows=[70, 1, 33]),
    ],
    lambda p, rng: {
        "A_ptrs": [normal(rng, (m, p["K"])) for m in p["rows"]],
        "B_ptrs": [normal(rng, (p["K"], p["N"])) for _ in p["rows"]],
        "C_ptrs": [normal(rng, (m, p["N"])) for m in p["rows"]],
        "rows": Array(p["rows"], "int32"),
    },
    lambda p: {"C_ptrs": "float32"},
    lambda p, x: {
        "C_ptrs": [matmul(a, b, "float32") for a, b in zip(x["A_ptrs"], x["B_ptrs"])]
    },
    dims="rows",
)

# two_kernels.py


def mlp(p, x):
    dtype = p.get("dtype", "float16")
    h = x["X"] @ x["W1"]
    h = h * sigmoid(h)
    y = round_to(h, dtype) @ x["W2"]
    # Every element of the hidden layer may be off by a rounding or two.
    size = (np.abs(h) + 0.1) @ np.abs(x["W2"])
    return {"Y": Bounded(y, (8 * EPS[dtype] + 1e-5) * size + 2 * EPS[dtype] * np.abs(y))}


case(
    "two_kernels.py",
    "mlp",
    [
        dict(M=1, inner=1, hidden=1, outer=1, **TILE),
        dict(M=33, inner=20, hidden=70, outer=10, dtype="float32", **TILE),
        dict(M=50, inner=64, hidden=96, outer=65, **TILE),
        dict(M=40, inner=33, hidden=65, outer=31, dtype="bfloat16", **TILE),
    ],
    lambda p, rng: {
        "X": normal(rng, (p["M"], p["inner"]), p.get("dtype", "float16")),
        "W1": normal(rng, (p["inner"], p["hidden"]), p.get("dtype", "float16"), 0.3),
        "W2": normal(rng, (p["hidden"], p["outer"]), p.get("dtype", "float16"), 0.3),
    },
    lambda p: {"Y": p.get("dtype", "float16")},
    mlp,
)
case(
    "two_kernels.py",
    "normalize_columns",
    SHAPES + [dict(M=100, N=10, block_M=8, block_N=16, dtype="bfloat16")],
    rows(),
    lambda p: {"Y": p.get("dtype", "float32")},
    lambda p, x: {"Y": x["X"] / np.abs(x["X"]).sum(axis=0)},
    dims="M N",
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
