"""What the kernel of kernels/schedules.py must compute: the same under every choice of the
schedule. A target refuses choices that it has not; the simulator of sm_90a has all of them."""

from refs import Case, normal
from refs.common import matmul

SCHEDULES: list = []
FILE = "../tests/run/kernels/schedules.py"
SHAPE = {"M": 776, "N": 176, "K": 40, "dtype": "bfloat16", "out": "bfloat16"}


def inputs(p, rng):
    m, n, k = p["M"], p["N"], p["K"]
    return {
        "A": normal(rng, (k, m) if p.get("trans_A") else (m, k), p["dtype"]),
        "B": normal(rng, (n, k) if p.get("trans_B", True) else (k, n), p["dtype"]),
    }


def outputs(p):
    return {"C": p["out"]}


def reference(p, x):
    a = x["A"].T if p.get("trans_A") else x["A"]
    b = x["B"].T if p.get("trans_B", True) else x["B"]
    return {"C": matmul(a, b, p["out"])}


def schedules(*choices, **more):
    """Two at a time, because a quick run takes two parameter sets of each case."""
    for i in range(0, len(choices), 2):
        params = [{**SHAPE, **more, "choices": c} for c in choices[i : i + 2]]
        SCHEDULES.append(Case(FILE, "product", params, inputs, outputs, reference))


# each choice by itself
schedules(
    "roles=pingpong", "roles=cooperative",
    "roles=none", "wgmma=off",
    "tma=off", "persistent=off",
    "lockstep=1", "lockstep=off",
    "k_serpentine=on", "k_serpentine=off",
    "raster=linear", "raster=blocked",
    "raster=panels,panel=5", "raster=serpentine,panel=7",
    "epilogue=plain", "epilogue=stage,tma=on,wgmma=on",
)
# together, with other forms of the operands and tails everywhere
schedules(
    "roles=pingpong,raster=blocked,k_serpentine=on,lockstep=2",
    "roles=cooperative,raster=linear,k_serpentine=on,lockstep=3,epilogue=plain",
    M=840, N=168, K=72, trans_A=True, trans_B=False, dtype="float16", out="float16",
)
schedules(
    "roles=cooperative,raster=blocked,panel=6,k_serpentine=on",
    "roles=pingpong,raster=panels,lockstep=off,epilogue=plain",
    M=1544, N=104, K=24, BM=128, BN=8, dtype="float16", out="float32",
)
# one wave, which goes from tile to tile when that is asked for
schedules(
    "persistent=on,roles=cooperative", "roles=pingpong,k_serpentine=on,lockstep=1",
    M=130, N=40, K=136, trans_B=False,
)
