#!/usr/bin/python3
"""Random kernels of single threads, against an interpreter of threads in Python.

usage: spmd.py [--tilec build/tilec] [--target interp,cpu] [--seeds N] [--first SEED] [-j N]

A kernel of 64 threads mixes variables that differ between threads with ones that do not, conditions
and loops of both kinds, ranges of threads, hand-overs through shared memory with and without a
written barrier, exchanges in a warp, and atomics. Here every thread is a coroutine that runs the
program as it stands; what the compiler makes of it (uniform code, regions, groups, implied
barriers) must give the same arrays. A kernel that fails is printed with its seed."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
import random
import subprocess
import sys
import tempfile

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
THREADS, WARP, BINS = 64, 32, 16

HEAD = """import tilec.language as T


@T.prim_func
def main(G: T.Tensor((64,), "int32"), H: T.Tensor((16,), "int32"), O: T.Tensor((64, 12), "int32")):
    with T.Kernel(1, threads={threads}) as bx:
        s0 = T.alloc_shared((64,), "int32")
        s1 = T.alloc_shared((64,), "int32")
        tx = {tx}
        p0 = T.alloc_var("int32")
        p1 = T.alloc_var("int32", init=1)
        u0 = T.alloc_var("int32")
        u1 = T.alloc_var("int32", init=2)
        a0 = T.alloc_local((4,), "int32")
        a1 = T.alloc_local((4,), "int32")
        for z in T.serial(4):
            a0[z] = 0
            a1[z] = 1
        s0[tx] = 0
        s1[tx] = 0
"""
TAIL = """        O[tx, 0], O[tx, 1] = p0, p1
        for z in T.serial(4):
            O[tx, 2 + z] = a0[z]
            O[tx, 6 + z] = a1[z]
        O[tx, 10], O[tx, 11] = u0, u1
"""


def wrap(x):
    return (x + 2**31) % 2**32 - 2**31


@dataclass
class Expr:
    text: str
    of: object  # state -> int


@dataclass(frozen=True)
class Scope:
    """What may be used at a place, and what holds there."""

    names: tuple = ()  # values that threads have
    loops: tuple = ()
    depth: int = 0
    apart: bool = False  # threads take different paths
    first: int = 0  # the range of threads that comes here
    count: int = THREADS
    may_leave: bool = False  # the innermost loop: its turns differ between threads


class Jump(Exception):
    pass


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.n = 0

    def fresh(self, letter):
        self.n += 1
        return f"{letter}{self.n}"

    # Expressions

    def leaf(self, scope, uniform):
        r = self.random
        k = r.randint(-5, 9)
        found = [Expr(str(k), lambda s: k)]
        names = ["u0", "u1", *scope.loops]
        if not uniform:
            names += ["tx", "tx", "p0", "p1", *scope.names]
            i, a = r.randint(0, 3), r.choice(["a0", "a1"])
            found.append(Expr(f"{a}[{i}]", lambda s: s[a][i]))
            found += [Expr(f"{a}[{n} % 4]", lambda s, n=n: s[a][s[n] % 4]) for n in scope.loops]
        found += [Expr(n, lambda s, n=n: s[n]) for n in names]
        return r.choice(found)

    def expr(self, scope, uniform=False, depth=2):
        r = self.random
        if depth == 0 or r.random() < 0.3:
            return self.leaf(scope, uniform)
        a, b = self.expr(scope, uniform, depth - 1), self.expr(scope, uniform, depth - 1)
        c, k = self.cond(scope, uniform, 0), r.randint(2, 7)
        return r.choice([
            Expr(f"({a.text} + {b.text})", lambda s: wrap(a.of(s) + b.of(s))),
            Expr(f"({a.text} - {b.text})", lambda s: wrap(a.of(s) - b.of(s))),
            Expr(f"({a.text} * {b.text})", lambda s: wrap(a.of(s) * b.of(s))),
            Expr(f"({a.text} ^ {b.text})", lambda s: a.of(s) ^ b.of(s)),
            Expr(f"T.min({a.text}, {b.text})", lambda s: min(a.of(s), b.of(s))),
            Expr(f"(({a.text}) % {k})", lambda s: a.of(s) % k),
            Expr(f"({a.text} if {c.text} else {b.text})", lambda s: (a if c.of(s) else b).of(s)),
        ])

    def cond(self, scope, uniform=False, depth=1):
        a, b = self.expr(scope, uniform, depth), self.expr(scope, uniform, depth)
        return self.random.choice([
            Expr(f"({a.text} < {b.text})", lambda s: a.of(s) < b.of(s)),
            Expr(f"({a.text} == {b.text})", lambda s: a.of(s) == b.of(s)),
        ])

    # Statements: lines, a generator function of the state, and the names they make

    def assign(self, scope):
        e = self.expr(scope)
        name = self.random.choice(["p0", "p1"])

        def run(s):
            s[name] = e.of(s)
            yield from ()

        return [f"{name} = {e.text}"], run, ()

    def assign_element(self, scope):
        e, i, a = self.expr(scope), self.random.randint(0, 3), self.random.choice(["a0", "a1"])

        def run(s):
            s[a][i] = e.of(s)
            yield from ()

        return [f"{a}[{i}] = {e.text}"], run, ()

    def assign_uniform(self, scope):
        if scope.apart or scope.count != THREADS:
            return None
        e, name = self.expr(scope, True), self.random.choice(["u0", "u1"])

        def run(s):
            s[name] = e.of(s)
            yield from ()

        return [f"{name} = {e.text}"], run, ()

    def load(self, scope):
        e, name = self.expr(scope), self.fresh("b")

        def run(s):
            s[name] = s["G"][e.of(s) % 64]
            yield from ()

        return [f"{name} = G[{e.text} % 64]"], run, (name,)

    def atomic(self, scope):
        at, e = self.expr(scope), self.expr(scope)

        def run(s):
            i = at.of(s) % BINS
            s["H"][i] = wrap(s["H"][i] + e.of(s))
            yield from ()

        return [f"T.atomic_add(H[{at.text} % {BINS}], {e.text})"], run, ()

    def hand_over(self, scope):
        """One element for each thread, then any element of the range."""
        if scope.apart:
            return None
        r = self.random
        s_, mix, written = r.choice(["s0", "s1"]), r.choice([0, 1, 5]), r.random() < 0.5
        e, at, name = self.expr(scope), self.expr(scope), self.fresh("b")
        first, count = scope.first, scope.count

        def run(s):
            s[s_][s["tx"] ^ mix] = e.of(s)
            yield "meet", first, count
            s[name] = s[s_][first + at.of(s) % count]
            yield "meet", first, count

        sync = ["T.sync_threads()"] * written
        lines = [f"{s_}[tx ^ {mix}] = {e.text}", *sync,
                 f"{name} = {s_}[{first} + {at.text} % {count}]", *sync]
        return lines, run, (name,)

    def exchange(self, scope):
        if scope.apart:
            return None
        e, name = self.expr(scope), self.fresh("b")
        kind, text = self.random.choice([("xor", f"T.shfl_xor({e.text}, 3)"),
                                         ("sum", f"T.warp_reduce_sum({e.text})"),
                                         ("any", f"T.any_sync({e.text} % 5 == 0)")])

        def run(s):
            s[name] = yield kind, e.of(s)

        return [f"{name} = {text}"], run, (name,)

    def branch(self, scope):
        if scope.depth == 3:
            return None
        uniform = not scope.apart and self.random.random() < 0.4
        c = self.cond(scope, uniform)
        inner = replace(scope, depth=scope.depth + 1, apart=not uniform)
        return self.sides(c, inner, inner)

    def thread_range(self, scope):
        if scope.apart or scope.count != THREADS or scope.depth == 3:
            return None
        inner = replace(scope, depth=scope.depth + 1, count=WARP)
        c = Expr(f"tx < {WARP}", lambda s: s["tx"] < WARP)
        return self.sides(c, inner, replace(inner, first=WARP))

    def sides(self, c, yes, no):
        a, b = self.block(yes), self.block(no)

        def run(s):
            yield from (a if c.of(s) else b)[1](s)

        return [f"if {c.text}:", *indented(a[0]), "else:", *indented(b[0])], run, ()

    def loop(self, scope):
        if scope.depth == 3:
            return None
        name = self.fresh("i")
        uniform = not scope.apart and self.random.random() < 0.6
        turns = self.expr(scope, uniform, 1)
        inner = replace(scope, depth=scope.depth + 1, apart=not uniform, may_leave=not uniform,
                        loops=(*scope.loops, name))
        lines, body, _ = self.block(inner)

        def run(s):
            for i in range(turns.of(s) % 4):
                s[name] = i
                try:
                    yield from body(s)
                except Jump as jump:
                    if jump.args[0] == "break":
                        break

        return [f"for {name} in T.serial({turns.text} % 4):", *indented(lines)], run, ()

    def jump(self, scope):
        if not scope.may_leave:
            return None
        c, word = self.cond(scope), self.random.choice(["break", "continue"])

        def run(s):
            if c.of(s):
                raise Jump(word)
            yield from ()

        return [f"if {c.text}:", f"    {word}"], run, ()

    def block(self, scope):
        kinds = [self.assign, self.assign_element, self.assign_uniform, self.load, self.atomic,
                 self.hand_over, self.exchange, self.branch, self.branch, self.thread_range,
                 self.loop, self.loop, self.jump]
        lines, parts = ["p0 += 1"], []
        for _ in range(self.random.randint(1, 4)):
            made = self.random.choice(kinds)(scope)
            if made:
                lines += made[0]
                parts.append(made[1])
                scope = replace(scope, names=(*scope.names, *made[2]))

        def run(s):
            s["p0"] = wrap(s["p0"] + 1)
            for part in parts:
                yield from part(s)

        return lines, run, ()


def indented(lines):
    return ["    " + line for line in lines]


# Threads


def exchanged(kind, values):
    if kind == "xor":
        return [values[lane ^ 3] for lane in range(WARP)]
    one = wrap(sum(values)) if kind == "sum" else int(any(v % 5 == 0 for v in values))
    return [one] * WARP


def simulate(run, table):
    """All threads until the end; each time those go on that have met."""
    common = {"G": table, "H": [0] * BINS, "s0": [0] * THREADS, "s1": [0] * THREADS}
    states = [dict(common, tx=t, p0=0, p1=1, u0=0, u1=2, a0=[0] * 4, a1=[1] * 4)
              for t in range(THREADS)]
    threads = [run(s) for s in states]
    waits, answers, ready = [None] * THREADS, [None] * THREADS, range(THREADS)
    while ready:
        for t in ready:
            waits[t] = next_wait(threads[t], answers[t])
            answers[t] = None
        ready = []
        for t in range(THREADS):
            wait = waits[t]
            if wait and wait[0] == "meet" and set(waits[wait[1]:wait[1] + wait[2]]) == {wait}:
                ready.append(t)
        for first in range(0, THREADS, WARP):
            lanes = waits[first:first + WARP]
            if all(w and w[0] != "meet" for w in lanes):
                answers[first:first + WARP] = exchanged(lanes[0][0], [w[1] for w in lanes])
                ready += range(first, first + WARP)
    assert waits == [None] * THREADS, "the kernel of this test hangs"
    rows = [[s["p0"], s["p1"], *s["a0"], *s["a1"], s["u0"], s["u1"]] for s in states]
    return {"O": np.array(rows), "H": np.array(common["H"])}


def next_wait(thread, answer):
    try:
        return thread.send(answer)
    except StopIteration:
        return None


# Runs


def problem_of(seed, target, tilec, folder):
    writer = Writer(seed)
    lines, run, _ = writer.block(Scope())
    for _ in range(3):
        more, then, _ = writer.block(Scope())
        lines, run = lines + more, both(run, then)
    flat = seed % 3
    tx = "T.get_thread_binding()"
    if not flat:
        tx = "T.get_thread_binding(0) + 16 * T.get_thread_binding(1)"
    text = HEAD.format(threads=64 if flat else (16, 4), tx=tx)
    text += "".join(f"        {line}\n" for line in lines) + TAIL
    table = np.random.default_rng(seed).integers(-9, 9, 64).astype(np.int32)
    kernel = folder / "kernel.py"
    kernel.write_text(text)
    np.save(folder / "G.npy", table)
    np.save(folder / "H.npy", np.zeros(BINS, np.int32))
    command = [tilec, "run", str(kernel), f"--target={target}"]
    command += ["--in", f"G={folder}/G.npy", "--in", f"H={folder}/H.npy"]
    command += ["--out", f"H={folder}/H.out.npy", "--out", f"O={folder}/O.npy"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if process.returncode:
        return f"exit {process.returncode}: {process.stderr.strip()}\n{text}"
    want = simulate(run, table.tolist())
    for name, file in (("O", "O.npy"), ("H", "H.out.npy")):
        got = np.load(folder / file)
        if not np.array_equal(got, want[name]):
            at = tuple(int(i) for i in np.argwhere(got != want[name])[0])
            return f"{name}{list(at)} is {got[at]}, expected {want[name][at]}\n{text}"
    return None


def both(first, second):
    def run(s):
        yield from first(s)
        yield from second(s)

    return run


def attempt(job):
    seed, target, tilec = job
    with tempfile.TemporaryDirectory(prefix="tilec-spmd-") as folder:
        return problem_of(seed, target, tilec, Path(folder))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    parser.add_argument("--target", default="interp,cpu", help="targets, separated by commas")
    parser.add_argument("--seeds", type=int, default=40, help="kernels for each target")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="runs at the same time")
    options = parser.parse_args()
    tilec = str(Path(options.tilec).resolve())
    jobs = [(seed, target, tilec) for target in options.target.split(",")
            for seed in range(options.first, options.first + options.seeds)]
    failed = 0
    with ThreadPoolExecutor(options.j) as pool:
        for job, problem in zip(jobs, pool.map(attempt, jobs)):
            if problem:
                failed += 1
                print(f"FAIL seed {job[0]} {job[1]}: {problem}", flush=True)
    print(f"spmd: {len(jobs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
