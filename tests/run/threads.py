"""What the kernels of kernels/threads.py must compute: code for single threads."""

import numpy as np

from formats import Array

from refs import Bounded, Case, integers, normal

THREADS: list = []
FILE = "../tests/run/kernels/threads.py"
N = 128
F16, F32, I32, U64 = "float16", "float32", "int32", "uint64"


def kernel(entry, inputs, outputs, reference, params=({},), **more):
    THREADS.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


EXACT = dict(rtol=0, atol=0)


# Atomic updates

WHOLE = ("int32", "uint32", "int64", "uint64")
UPDATED = WHOLE + ("float32", "float64", "float16", "bfloat16")


def updates(p, x):
    a, start = x["A"], x["G"]
    g, s = start.copy(), start.copy()
    for out in (g, s):
        out[:3] = start[0] + a.sum(), min(start[1], a.min()), max(start[2], a.max())
        out[3] = np.bitwise_or.reduce(a) | start[3] if p["dtype"] in WHOLE else start[3]
    g[4:6] = a[5:7]
    for k in range(4):
        s[4 + k] = start[4 + k] + a[k::4].sum()
    return {"G": g, "S": s, "was": Bounded(0 * a, 1000 + 0 * a)}  # in any order


THREADS.append(Case(FILE, "updates", [dict(dtype=t) for t in UPDATED]
                    + [dict(dtype=I32, order="acq_rel")],
                    lambda p, r: {"A": integers(r, N, 0, 2, p["dtype"]),
                                  "G": integers(r, 8, 1, 9, p["dtype"])},
                    lambda p: {"G": p["dtype"], "S": p["dtype"], "was": p["dtype"]}, updates, **EXACT))

# Shared memory by thread index

kernel("reverse", lambda p, r: {"A": normal(r, (4, N))}, {"B": F32},
       lambda p, x: {"B": x["A"][:, ::-1]}, **EXACT)


def implied(p, x):
    s = x["A"]
    for _ in range(5):
        s = np.roll(s, -1) + np.roll(s, -7)
    return {"B": s[::-1]}


kernel("implied_barriers", lambda p, r: {"A": integers(r, N, -9, 9, F32)}, {"B": F32}, implied,
       **EXACT)


def between_turns(p, x):
    s = x["A"].copy()
    for k in range(4):
        s[k : k + N] = s[k : k + N] * 2 + k
    return {"B": s, "C": np.full(N, N + 1000)}


kernel("implied_between_turns", lambda p, r: {"A": integers(r, N + 4, -9, 9, F32)},
       {"B": F32, "C": I32}, between_turns, **EXACT)
kernel("tree_sum", lambda p, r: {"A": integers(r, (3, 256), -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": x["A"].sum(1)}, **EXACT)


def atomics_of_threads(p, x):
    b = x["B"] + 3
    b[4:] += 96 * x["A"][:4]
    b[:2] += 96 * x["A"][4:6]
    return {"B": b, "count": np.array([x["count"][0] + 32, 64, x["count"][2] + 1])}


kernel("atomics_of_threads",
       lambda p, r: {"A": integers(r, 8, -9, 9, F32), "B": integers(r, 8, -9, 9, F32),
                     "count": integers(r, 3, 0, 9)},
       {"B": F32, "count": I32}, atomics_of_threads, **EXACT)
kernel("transpose", lambda p, r: {"A": normal(r, (40, 50), F16)}, {"B": F16},
       lambda p, x: {"B": x["A"].T}, **EXACT)
kernel("block_scan", lambda p, r: {"A": integers(r, (2, N), -99, 99)}, {"B": I32},
       lambda p, x: {"B": np.cumsum(x["A"], 1)})
kernel("histogram", lambda p, r: {"A": integers(r, 1000, 0, 16), "order": integers(r, N, 7, 8)},
       {"B": I32, "order": I32},
       lambda p, x: {"B": np.bincount(x["A"].astype(int), minlength=16), "order": np.ones(N)})


def first_above(row):
    best = -100.0
    for v in row:
        if v < 0:
            continue
        best = max(best, v)
        if best > 1.5:
            break
    return best


kernel("local_arrays", lambda p, r: {"A": normal(r, (N, 8))}, {"B": F32},
       lambda p, x: {"B": np.stack([x["A"].sum(1), [first_above(a) for a in x["A"]]], 1)})


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


kernel("own_loops", lambda p, r: {"A": integers(r, N, 1, 100)}, {"B": I32},
       lambda p, x: {"B": np.array([collatz(int(a)) for a in x["A"]])})

# Exchanges


def shuffled(p, x):
    a = x["A"].reshape(4, 32)
    lane = np.arange(32)
    up = a[:, np.where(lane >= 2, lane - 2, lane)]
    down = a[:, np.where(lane % 8 + 5 < 8, lane + 5, lane)]
    turned = a[:, lane // 4 * 4 + (lane + 1) % 4]
    there = a[:, np.where(lane >= 1, lane - 1, lane)]
    back = there[:, np.where(lane < 31, lane + 1, lane)]
    rows = [a[:, [3] * 32], up, down, a[:, lane ^ 1], turned, back]
    return {"out": np.stack([r.reshape(-1) for r in rows])}


kernel("shuffles", lambda p, r: {"A": normal(r, N)}, {"out": F32}, shuffled, **EXACT)
kernel("butterfly", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": x["A"].reshape(4, 32).sum(1)}, **EXACT)


def voted(p, x):
    a = x["A"].astype(np.int64)
    warps = a.reshape(4, 32)

    def each(values):
        return np.repeat(np.array(values), 32)

    def bits(mask):
        return int(sum(1 << i for i in range(32) if mask[i]))

    same = [bits(w == v) for w in warps for v in w]
    small = [each((warps > 3).any(1)), each((warps > 0).all(1)), [(a > 2).sum()] * N,
             [int((a >= 0).all())] * N, [int((a > 100).any())] * N,
             [(int(v) & -int(v)).bit_length() for v in a],
             each([len(set(w // 8)) == 1 for w in warps])]
    wide = [each([bits(w > 2) for w in warps]), each([bits(w == 1) for w in warps]),
            [2**32 - 1] * N, same, [2**32 - 1] * N]
    return {"small": np.array(small, dtype=np.int64), "wide": np.array(wide, dtype=np.uint64)}


def vote_inputs(p, r):
    a = r.integers(0, 6, N)
    a[32:64] = 1 + a[32:64] % 3
    a[64:96] = 5
    return {"A": Array(a, I32)}


kernel("votes", vote_inputs, {"small": I32, "wide": U64}, voted)


def reduced(p, x):
    w = x["A"].astype(np.int64).reshape(4, 32)
    rows = [w.sum(1), w.max(1), w.min(1), np.bitwise_and.reduce(w, 1), np.bitwise_or.reduce(w, 1)]
    return {"B": np.stack([np.repeat(r, 32) for r in rows])}


kernel("warp_reductions", lambda p, r: {"A": integers(r, N, -1000, 1000)}, {"B": I32}, reduced)
kernel("some_warps", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": np.array([x["A"].sum(), 63.0])}, **EXACT)


def numbered(p, x):
    t = np.arange(64)
    one = np.ones(64)
    return {"out": np.stack([t // 32, t % 32, t // 32, t // 16, t // 16, one * 21, one * 408,
                             t % 16 == 0, one * 10])}


kernel("ids", lambda p, r: {}, {"out": I32}, numbered)

# Barriers


def named(p, x):
    a, b = x["A"][:64], x["A"][64:]
    return {"B": np.concatenate([(a * b), a])}


kernel("named_barriers", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32}, named,
       **EXACT)
kernel("warp_barriers", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": np.roll(2 * x["A"][np.arange(N) ^ 5], 64)}, **EXACT)


def whole_grid(p, x):
    a = x["A"]
    b = a + np.roll(a[:, 0] + a[:, 63], -1)[:, None]
    return {"B": b, "sums": b[::-1, 5]}


kernel("grid_barrier", lambda p, r: {"A": integers(r, (4, 64), -99, 99, F32)},
       {"B": F32, "sums": F32}, whole_grid, **EXACT)


def ranges(p, x):
    a = x["A"]
    return {"B": np.concatenate([a[:32] - 1, a[32:64][::-1], a[64:96] + 1, a[96:] - 1])}


kernel("part_of_a_range", lambda p, r: {"A": integers(r, N, -99, 99, F32)}, {"B": F32}, ranges,
       **EXACT)

# Roles

kernel("producer_consumer", lambda p, r: {"A": integers(r, (8, 64), -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": (x["A"] * np.arange(1, 9)[:, None]).sum(0)[::-1]}, **EXACT)


def halves(p, x):
    acc = np.zeros((32, 16))
    for tile in x["A"]:
        acc = acc * 0.5 + tile
    return {"B": acc}


kernel("elected_copies", lambda p, r: {"A": integers(r, (6, 32, 16), -9, 9, F16)}, {"B": F32},
       halves, **EXACT)
kernel("expected_bytes", lambda p, r: {"A": integers(r, (2, 64), -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": 2 * x["A"][:, ::-1]}, **EXACT)
kernel("warp_specialised_gemm",
       lambda p, r: {"A": integers(r, (64, 96), -9, 9, F16), "B": integers(r, (96, 64), -9, 9, F16)},
       {"C": F32}, lambda p, x: {"C": x["A"] @ x["B"]}, **EXACT)

# Asynchronous copies

kernel("cp_async", lambda p, r: {"A": integers(r, (6, 512), -99, 99, F16)}, {"B": F32},
       lambda p, x: {"B": x["A"].sum(0)[::-1]}, **EXACT)
kernel("async_tiles", lambda p, r: {"A": integers(r, (4, 64), -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": x["A"][0] - x["A"][1] + x["A"][2] * x["A"][3]}, **EXACT)
kernel("async_scope", lambda p, r: {"A": integers(r, (4, 64), -99, 99, F32)}, {"B": F32},
       lambda p, x: {"B": x["A"][:, ::-1]}, **EXACT)


def attention(p, x):
    s = np.einsum("bhd,bnd->bhn", x["Q"], x["KV"]) + np.einsum("bhd,bnd->bhn", x["Qt"], x["Kt"])
    w = np.exp(0.25 * (s - s.max(2, keepdims=True)))
    return {"O": np.einsum("bhn,bnd->bhd", w, x["KV"]) / w.sum(2, keepdims=True)}


kernel("latent_attention",
       lambda p, r: {"Q": normal(r, (2, 16, 64), F16), "Qt": normal(r, (2, 16, 16), F16),
                     "KV": normal(r, (2, 96, 64), F16), "Kt": normal(r, (2, 96, 16), F16)},
       {"O": F32}, attention, rtol=4e-3, atol=4e-3)

# Reductions over thread indices, loops that are threads

kernel("matrix_vector",
       lambda p, r: {"A": integers(r, (70, 200), -9, 9, F16), "x": integers(r, 200, -9, 9, F16)},
       {"y": F32}, lambda p, x: {"y": x["A"] @ x["x"]}, **EXACT)
kernel("bound_loops", lambda p, r: {"A": integers(r, (4, 64), -99, 99)}, {"B": I32, "most": I32},
       lambda p, x: {"B": 2 * x["A"], "most": x["A"][:, ::2].max(1)})
kernel("other_spellings", lambda p, r: {"A": integers(r, (32, 32), -9, 9, F16)}, {"B": F32},
       lambda p, x: {"B": 2 * x["A"] @ x["A"]}, **EXACT)
