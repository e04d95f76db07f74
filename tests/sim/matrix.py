#!/usr/bin/python3
"""The product of examples/gemm.py in the simulator of GPUs: kinds of shapes, transposes, types,
tiles, stages and threads, compared bit by bit with NumPy.

The numbers are small integers, so that every sum is exact and only the rounding to the type of the
result is left. Of all combinations a run takes so few that nearly every pair of two choices is
among them (`pairs`); with --all, besides, random ones, and many seeds of each.

Each combination is run with deliveries as late as allowed, and with those of a seed at random and
the search for races on. A kernel that the compiler refuses with a code must be one of REFUSED; when
more than `ceiling` are refused, that is a failure as well, and so is an entry of REFUSED that
nothing needs any more."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import itertools
from pathlib import Path
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "run"))
from formats import Array, decode  # noqa: E402

# ---- what is combined ----

# (architecture, type of the operands, type of the result)
TYPES = [
    ("sm_80", "bfloat16", "bfloat16"),
    ("sm_80", "float16", "float32"),
    ("sm_80", "int8", "int32"),
    ("sm_90a", "bfloat16", "bfloat16"),
    ("sm_90a", "float16", "float16"),
    ("sm_90a", "float8_e4m3fn", "float32"),
    ("sm_90a", "float8_e4m3fn", "float8_e4m3fn"),
]
TRANSPOSES = list(itertools.product([False, True], repeat=2))
# Multiples of the tile, tails of 16, 8, 4, 2 and 1 elements, smaller than a tile, one element, no
# sum; the sizes in `dynamic` are known only at run time.
SHAPES = [
    dict(M=256, N=256, K=192),
    dict(M=200, N=272, K=144),
    dict(M=136, N=264, K=72),
    dict(M=132, N=196, K=100),
    dict(M=130, N=146, K=78),
    dict(M=129, N=131, K=77),
    dict(M=16, N=8, K=16),
    dict(M=1, N=1, K=1),
    dict(M=70, N=90, K=0),
    dict(M=1, N=300, K=40),
    dict(M=200, N=264, K=136, dynamic="M"),
    dict(M=200, N=264, K=136, dynamic="MNK"),
    dict(M=131, N=129, K=77, dynamic="MNK"),
    dict(M=1, N=1, K=1, dynamic="MNK"),
    dict(M=130, N=80, K=0, dynamic="K"),
    # No result: what these give does not depend on anything else, so they are tried once each.
    dict(M=0, N=64, K=64),
    dict(M=0, N=64, K=64, dynamic="M"),
    dict(M=64, N=0, K=64, dynamic="MNK"),
]
N_EMPTY = 3
TILES = [
    (64, 8, 64),
    (64, 24, 32),
    (64, 64, 64),
    (64, 96, 32),
    (64, 192, 64),
    (64, 256, 64),
    (128, 40, 64),
    (128, 128, 32),
    (128, 128, 128),
    (128, 136, 64),
    (128, 192, 32),
    (128, 248, 32),
    (128, 256, 64),
    (192, 72, 32),
    (192, 128, 64),
    (256, 64, 64),
    (256, 200, 64),
    (256, 256, 32),
]
STAGES = [0, 1, 2, 3, 4]
THREADS = [128, 256]


@dataclass(frozen=True)
class Run:
    types: tuple
    transposed: tuple
    shape: tuple  # index into SHAPES
    tile: tuple
    stages: int
    threads: int
    seeds: int = field(default=1, compare=False)

    @property
    def name(self):
        s = SHAPES[self.shape]
        size = "x".join(f"{k}={s[k]}" if k in s.get("dynamic", "") else str(s[k]) for k in "MNK")
        ways = "".join("NT"[t] for t in self.transposed)
        tile = "x".join(map(str, self.tile))
        arch, dtype, out = self.types
        return (
            f"{arch} {dtype} to {out} {ways} {size} tile {tile} stages {self.stages} "
            f"threads {self.threads}"
        )


MAX_PAIRS = 150  # of two factors; shapes and tiles, the two longest, have more and meet at random
FACTORS = [TYPES, TRANSPOSES, range(len(SHAPES) - N_EMPTY), TILES, STAGES, THREADS]


def pairs_of(combination):
    return set(itertools.combinations(enumerate(combination), 2))


def pairs():
    """Few combinations that have every pair of choices: greedily, the best of some random ones."""
    rng = random.Random(1)
    left = set()
    for (i, a), (j, b) in itertools.combinations(enumerate(FACTORS), 2):
        if len(a) * len(b) <= MAX_PAIRS:
            left |= {((i, x), (j, y)) for x in a for y in b}
    chosen = []
    while left:
        best, gain = None, 0
        (i, x), (j, y) = min(left, key=repr)  # at least this one
        for _ in range(60):
            combination = [rng.choice(list(f)) for f in FACTORS]
            combination[i], combination[j] = x, y
            n = len(pairs_of(combination) & left)
            if n > gain:
                best, gain = combination, n
        left -= pairs_of(best)
        chosen.append(Run(*best))
    return chosen


def empty():
    shapes = range(len(SHAPES) - N_EMPTY, len(SHAPES))
    return [Run(t, (False, False), i, (64, 64, 64), 2, 128) for t in TYPES[2:4] for i in shapes]


def at_random(n):
    rng = random.Random(2)
    return [Run(*(rng.choice(list(f)) for f in FACTORS)) for _ in range(n)]


# ---- what is refused ----


@dataclass
class Refused:
    text: str  # regular expression for the first line of the diagnostic
    ceiling: int  # how many of the pairs
    where: object  # of a Run: may it be refused for this?
    seen: int = 0


REFUSED = [
    # There are no blocks to run.
    Refused("E0323.*grid extent . is 0", 6, lambda r: r.shape >= len(SHAPES) - N_EMPTY),
    # Accumulators fill the registers of the threads that the kernel asks for.
    Refused(
        "E0835.*fragments need|E0392.*have registers for",
        4,
        lambda r: r.tile[0] * r.tile[1] // r.threads >= 200,
    ),
]


def is_expected(run, told):
    for row in REFUSED:
        if re.search(row.text, told) and row.where(run):
            row.seen += 1
            return True
    return False


def check_ceilings(all_of_them):
    """The number of failures: too many of a kind, or none any more."""
    failed = 0
    for row in REFUSED:
        if row.seen == 0:
            print(f"FAIL nothing is refused with {row.text!r} any more: take it out of REFUSED")
        elif row.seen > row.ceiling and not all_of_them:
            print(f"FAIL {row.seen} are refused with {row.text!r}, more than {row.ceiling}")
        else:
            continue
        failed += 1
    return failed


# ---- one run ----


def operands(run):
    s = SHAPES[run.shape]
    rng = np.random.default_rng(zlib.crc32(run.name.encode()))
    a = Array(rng.integers(-2, 3, (s["M"], s["K"])), run.types[1])
    b = Array(rng.integers(-2, 3, (s["K"], s["N"])), run.types[1])
    return a, b


def command_of(run, tilec, folder):
    s, (arch, dtype, out) = SHAPES[run.shape], run.types
    dynamic = s.get("dynamic", "")
    file = "tests/sim/kernels/gemm.py" if dynamic else "examples/gemm.py"
    defines = dict(
        trans_A=run.transposed[0],
        trans_B=run.transposed[1],
        dtype=dtype,
        out_dtype=out,
        block_M=run.tile[0],
        block_N=run.tile[1],
        block_K=run.tile[2],
        num_stages=run.stages,
        threads=run.threads,
    )
    if dynamic:
        defines["dynamic"] = f"'{dynamic}'"
    defines |= {k: s[k] for k in "MNK" if k not in dynamic}
    command = [tilec, "run", f"{ROOT / file}:gemm", f"--target=sim:cuda:{arch}"]
    for name, value in defines.items():
        command += ["-D", f"{name}={value}"]
    for name in "AB":
        command += ["--in", f"{name}={folder / name}.npy"]
    return command + ["--out", f"C={folder / 'C.npy'}"]


def ways(seeds):
    yield []
    for seed in range(1, seeds + 1):
        yield ["--sim-delivery=random", f"--seed={seed}", "--races"]
    if seeds > 1:
        yield ["--sim-delivery=early", "--races"]


def execute(run, options):
    """None, or one line about a failure, or ('refused', the diagnostic)."""
    folder = Path(tempfile.mkdtemp(prefix="tilec-matrix-"))
    a, b = operands(run)
    want = Array(a.values @ b.values, run.types[2]).values
    np.save(folder / "A.npy", np.ascontiguousarray(a.stored.T if run.transposed[0] else a.stored))
    np.save(folder / "B.npy", np.ascontiguousarray(b.stored.T if run.transposed[1] else b.stored))
    command = command_of(run, options.tilec, folder)
    problem = None
    for way in ways(run.seeds):
        try:
            done = subprocess.run(
                command + way, capture_output=True, text=True, timeout=options.timeout
            )
        except subprocess.TimeoutExpired:
            problem = f"{' '.join(way)}: no end after {options.timeout} s"
            break
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            told = next((line for line in lines if "error" in line), "(nothing said)")
            if re.search(r"error\[E(0323|039\d|083\d)\]", told):
                problem = ("refused", told)
            else:
                problem = f"{' '.join(way)}: exit {done.returncode}: {' '.join(lines)[:400]}"
            break
        got = decode(np.load(folder / "C.npy"), run.types[2])
        if got.shape != want.shape or not np.array_equal(got, want):
            wrong = int(np.count_nonzero(got != want)) if got.shape == want.shape else "all"
            problem = f"{' '.join(way)}: {wrong} of {want.size} numbers are wrong"
            break
        (folder / "C.npy").unlink()
    if options.keep and isinstance(problem, str):
        return f"{problem} (kept: {' '.join(command)})"
    shutil.rmtree(folder)
    return problem


def guarded(run, options):
    try:
        return execute(run, options)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__} in the test itself: {error}"


# ---- all of them ----


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="runs at the same time")
    parser.add_argument("-k", default="", metavar="TEXT", help="only runs whose name has TEXT")
    parser.add_argument("--all", action="store_true", help="random ones, and 50 seeds of each pair")
    parser.add_argument("--refused", action="store_true", help="say what is refused")
    parser.add_argument("--keep", action="store_true", help="keep the files of failures")
    parser.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds for a run")
    options = parser.parse_args()
    options.tilec = str(Path(options.tilec).resolve())
    return options


def main():
    options = parse_arguments()
    runs = pairs() + empty()
    if options.all:
        runs = [Run(**{**vars(r), "seeds": 50}) for r in runs] + at_random(600)
    runs = [run for run in runs if options.k in run.name]
    passed = failed = refused = 0
    with ThreadPoolExecutor(options.j) as pool:
        for run, problem in zip(runs, pool.map(lambda run: guarded(run, options), runs)):
            if isinstance(problem, tuple):
                refused += 1
                if not is_expected(run, problem[1]):
                    failed += 1
                    print(f"FAIL {run.name}: refused: {problem[1]}", flush=True)
                elif options.refused:
                    print(f"refused {run.name}: {problem[1]}", flush=True)
            elif problem:
                failed += 1
                print(f"FAIL {run.name}: {problem}", flush=True)
            else:
                passed += 1
    if not options.k:
        failed += check_ceilings(options.all)
    print(f"{refused} refused by the compiler")
    print(f"matrix: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
