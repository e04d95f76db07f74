"""Products of matrices."""

import numpy as np

from .common import (
    Array,
    Bounded,
    case,
    EPS,
    GEMM_SHAPES,
    grid,
    integers,
    like,
    matmul,
    normal,
    round_to,
    SHAPES,
    sigmoid,
    TILE,
    uniform,
)
from .rows import rows

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
    unnamed="packed",
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
    unnamed="M",
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
    unnamed="M N K",
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
    unnamed="rows",
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

# streamk_gemm.py, batched_gemm.py


case(
    "streamk_gemm.py",
    "streamk_gemm",
    grid(GEMM_SHAPES, workers=[1, 3])
    + [
        dict(M=70, N=33, K=130, workers=5, dtype="bfloat16", **TILE),
        dict(M=64, N=64, K=64, workers=40, dtype="float32", **TILE),
    ],
    lambda p, rng: dict(gemm_inputs(p, rng), C=normal(rng, (p["M"], p["N"]))),
    lambda p: {"C": "float32"},
    lambda p, x: splitk(dict(p, split=p["workers"]), x),
)
case(
    "batched_gemm.py",
    "batched_gemm",
    [
        dict(batch=3, M=33, N=20, K=40, **TILE),
        dict(batch=1, M=1, N=1, K=1),
        dict(batch=2, M=64, N=64, K=64, dtype="float32"),
    ],
    lambda p, rng: {
        "A": normal(rng, (p["batch"], p["M"], p["K"]), p.get("dtype", "float16")),
        "B": normal(rng, (p["batch"], p["N"], p["K"]), p.get("dtype", "float16")),
    },
    lambda p: {"C": p.get("dtype", "float16")},
    lambda p, x: {"C": matmul(x["A"], x["B"].swapaxes(1, 2), p.get("dtype", "float16"))},
    dims="batch M N K",
)


def group_starts(counts):
    return np.cumsum([0, *counts])


def grouped_inputs(p, rng):
    counts, dtype = p["counts"], p.get("dtype", "float16")
    return {
        "A": normal(rng, (sum(counts), p["K"]), dtype),
        "B": normal(rng, (len(counts), p["K"], p["N"]), dtype),
        "starts": Array(group_starts(counts), "int32"),
    }


def grouped(p, x):
    starts = group_starts(p["counts"])
    parts = [
        matmul(x["A"][a:b], x["B"][g], p.get("dtype", "float16"))
        for g, (a, b) in enumerate(zip(starts, starts[1:]))
    ]
    return {
        "C": Bounded(*(np.concatenate([getattr(x, f) for x in parts]) for f in ("values", "bound")))
    }


case(
    "batched_gemm.py",
    "grouped_gemm",
    [
        dict(counts=[5, 0, 40, 1], N=33, K=50),
        dict(counts=[32], N=32, K=32, dtype="float32"),
        dict(counts=[3, 64, 7], N=5, K=8, dtype="bfloat16"),
    ],
    grouped_inputs,
    lambda p: {"C": p.get("dtype", "float16")},
    grouped,
    dims="counts N K",
    unnamed="counts",
)

# gemm_fp8.py, blocksparse_gemm.py, dequant_gemm_narrow.py


def scaled(product, scale, dtype, eps="float32"):
    """A product times a matrix of factors, rounded to `dtype`."""
    value = product.values * scale
    bound = product.bound * np.abs(scale) + (4 * EPS[eps] + 2 * EPS[dtype]) * np.abs(value)
    return Bounded(value, bound)


def fp8_inputs(p, rng, scale_A, scale_B):
    dtype = p.get("dtype", "float8_e4m3fn")
    return {
        "A": normal(rng, (p["M"], p["K"]), dtype),
        "B": normal(rng, (p["N"], p["K"]), dtype),
        "scale_A": uniform(rng, scale_A, 0.5, 2),
        "scale_B": uniform(rng, scale_B, 0.5, 2),
    }


FP8_SHAPES = [
    dict(M=1, N=1, K=1),
    dict(M=70, N=65, K=130),
    dict(M=33, N=64, K=64, dtype="float8_e5m2", out_dtype="float32"),
]
case(
    "gemm_fp8.py",
    "gemm_fp8",
    FP8_SHAPES,
    lambda p, rng: fp8_inputs(p, rng, p["M"], p["N"]),
    lambda p: {"C": p.get("out_dtype", "bfloat16")},
    lambda p, x: {
        "C": scaled(
            matmul(x["A"], x["B"].T, "float32"),
            np.outer(x["scale_A"], x["scale_B"]),
            p.get("out_dtype", "bfloat16"),
        )
    },
    dims="M N K",
)


def fp8_blockwise(p, x):
    group, n = p.get("group", 128), p["N"]
    value = bound = 0
    for k in range(0, p["K"], group):
        part = matmul(x["A"][:, k : k + group], x["B"][:, k : k + group].T, "float32")
        rows = np.repeat(x["scale_B"][:, k // group], group)[:n]
        one = scaled(part, np.outer(x["scale_A"][:, k // group], rows), "float32")
        value, bound = value + one.values, bound + one.bound
    bound = bound + 2 * EPS[p.get("out_dtype", "bfloat16")] * np.abs(value)
    return {"C": Bounded(value, bound)}


def ceildiv(a, b):
    return -(-a // b)


case(
    "gemm_fp8.py",
    "gemm_fp8_blockwise",
    grid(FP8_SHAPES, group=[32]) + [dict(M=20, N=150, K=300)],
    lambda p, rng: fp8_inputs(
        p,
        rng,
        (p["M"], ceildiv(p["K"], p.get("group", 128))),
        (ceildiv(p["N"], p.get("group", 128)), ceildiv(p["K"], p.get("group", 128))),
    ),
    lambda p: {"C": p.get("out_dtype", "bfloat16")},
    fp8_blockwise,
    dims="M N K",
)


def sparse_inputs(p, rng):
    mask = rng.random((ceildiv(p["M"], 32), ceildiv(p["K"], 32))) < p["density"]
    return dict(gemm_inputs(p, rng), mask=Array(mask, "bool"))


def sparse(p, x):
    full = np.repeat(np.repeat(x["mask"], 32, axis=0), 32, axis=1)[: p["M"], : p["K"]]
    return {"C": matmul(np.where(full, x["A"], 0), x["B"], gemm_out_dtype(p))}


case(
    "blocksparse_gemm.py",
    "blocksparse_gemm",
    grid([dict(M=70, N=33, K=130), dict(M=32, N=32, K=96, dtype="float32")], density=[0, 0.4, 1]),
    sparse_inputs,
    lambda p: {"C": gemm_out_dtype(p)},
    sparse,
    dims="M N K density",
    unnamed="density",
)
case(
    "dequant_gemm_narrow.py",
    "dequant_gemm_int8",
    [dict(M=1, N=1, K=1), dict(M=65, N=33, K=100), dict(M=64, N=64, K=128, out_dtype="float32")],
    lambda p, rng: {
        "A": integers(rng, (p["M"], p["K"]), -128, 128, "int8"),
        "W": integers(rng, (p["N"], p["K"]), -128, 128, "int8"),
        "scale_A": uniform(rng, p["M"], 1e-4, 1e-3),
        "scale_W": uniform(rng, p["N"], 0.01, 0.1),
    },
    lambda p: {"C": p.get("out_dtype", "float16")},
    lambda p, x: {
        "C": scaled(
            Bounded(x["A"] @ x["W"].T, np.zeros((p["M"], p["N"]))),
            np.outer(x["scale_A"], x["scale_W"]),
            p.get("out_dtype", "float16"),
        )
    },
    dims="M N K",
)


def int2(p, x):
    codes = np.stack([x["W"] >> s & 3 for s in (0, 2, 4, 6)], axis=-1).reshape(p["N"], -1) - 2.0
    dtype = p.get("dtype", "float16")
    return {"C": matmul(x["A"], dequant(codes, x["scales"], p.get("group", 64), dtype).T, dtype)}


case(
    "dequant_gemm_narrow.py",
    "dequant_gemm_int2",
    [
        dict(M=1, N=1, K=4),
        dict(M=33, N=40, K=200),
        dict(M=5, N=64, K=64, group=16, dtype="bfloat16"),
    ],
    lambda p, rng: {
        "A": normal(rng, (p["M"], p["K"]), p.get("dtype", "float16")),
        "W": integers(rng, (p["N"], p["K"] // 4), 0, 256, "uint8"),
        "scales": uniform(
            rng, (p["N"], ceildiv(p["K"], p.get("group", 64))), 0.05, 0.5, p.get("dtype", "float16")
        ),
    },
    lambda p: {"C": p.get("dtype", "float16")},
    int2,
    dims="M N K",
)
