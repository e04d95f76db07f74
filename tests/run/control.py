"""What the kernels of kernels/control.py must compute."""

import numpy as np

from formats import Array

from refs import Case, integers

CONTROL: list = []
FILE = "../tests/run/kernels/control.py"
N = 64
I32 = "int32"


def control(entry, inputs, outputs, reference, params=({},), **more):
    CONTROL.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


def frames(p, x):
    a, out = x["A"], np.zeros((6, N))
    out[0] = np.where(a > 0, a, np.where(a < -50, -a, 0))
    high = next(i for i in range(N) if a[i] >= 90 or i == N - 1)
    out[1, :high] = a[:high] + 1
    over = next((i for i in range(N) if a[i] > 95), N)
    out[2, :over] = a[:over]
    out[3, :20] = a[:20] * 2
    out[4] = np.where(a % 3 == 0, 0, a)
    out[5, 0] = a[0]
    return {"out": out}


def marked(r):
    a = r.integers(-99, 90, N)
    a[40], a[50] = 93, 97
    return Array(a.astype(np.int32), I32)


control("frames", lambda p, r: {"A": marked(r)}, {"out": I32}, frames)


def coord(tile, fast, slow, swizzle):
    """Panels of `swizzle` slow tiles, the last one narrower; in a panel the slow axis is inner."""
    places = []
    for first in range(0, slow, swizzle):
        width = min(swizzle, slow - first)
        places += [(f, first + s) for f in range(fast) for s in range(width)]
    return places[tile]


def tiles(p, x):
    m, k, cluster = p["M"], p["K"], p.get("cluster", 1)
    rows = -(-m // cluster)
    fast, slow = (rows, k) if p.get("columns", True) else (k, rows)
    order = np.zeros((2, m, k))
    for tile in range(rows * k):
        a, b = coord(tile, fast, slow, p.get("swizzle", 1))
        i, j = (a, b) if p.get("columns", True) else (b, a)
        for row in range(i * cluster, min((i + 1) * cluster, m)):
            order[:, row, j] = tile // p["workers"], tile
    return {"seen": np.ones((m, k)), "order": order}


control("tiles", lambda p, r: {"seen": Array(np.zeros((p["M"], p["K"]), np.int32), I32)},
        {"seen": I32, "order": I32}, tiles,
        params=[dict(M=5, K=7, workers=3, swizzle=2), dict(M=5, K=7, workers=40),
                dict(M=6, K=4, workers=2, swizzle=3, columns=False),
                dict(M=7, K=5, workers=2, swizzle=4, cluster=2), dict(M=1, K=1, workers=1)])
control("decode", lambda p, r: {}, {"out": I32},
        lambda p, x: {"out": np.array([coord(t, 4, 3, 2) for t in range(12)])})


def diagonal(p, x):
    out = x["out"].copy()
    for i in range(8):
        out[i, 7 - i] = i // 2 + 1
    return {"out": out}


control("diagonal", lambda p, r: {"out": integers(r, (8, 8), -9, 9)}, {"out": I32}, diagonal)


def clusters(p, x):
    i, j = np.indices((p["M"], p["K"]))
    nx, ny = p["M"] // 4, p["K"] // 2
    out = [i % 4 + 4 * (j % 2), i // 4, j // 2, 0 * i + ny, i // 4 * 100 + j // 2 * 10,
           0 * i + nx * 100 + ny * 10 + 1] + [0 * i + 1] * 4
    return {"out": np.stack(out, -1)}


control("clusters", lambda p, r: {}, {"out": I32}, clusters, [dict(M=8, K=4), dict(M=4, K=2)])


def ranks(p, x):
    out = x["out"].copy()
    out[: p["n"]] = np.arange(p["n"]) % 2
    return {"out": out}


control("cluster_dims", lambda p, r: {"out": integers(r, 64, 5, 9), "n": p["n"]}, {"out": I32},
        ranks, [dict(n=64), dict(n=2)], dims="n", unnamed="n")
