#!/usr/bin/env python3
"""What only a GPU can show of launches: streams, recorded graphs, several of them at once.

    python3 tests/gpu/launches.py --lib build/libtilec.so

Needs PyTorch and an NVIDIA GPU; the runtime's own tests do the same with a driver that is made up.
The kernel's producers keep in step through counters in global memory, which launches that run at
the same time must not share."""

import argparse
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from gpu_gemm import BFLOAT16, Library, error_of  # noqa: E402

M, N, K = 4096, 4096, 4096
BOUND = 1e-2


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def that(self, name, good, found=""):
        self.passed += bool(good)
        self.failed += not good
        print("%s %s %s" % ("ok  " if good else "FAIL", name, found), flush=True)


def gemm(library, m=M, n=N, k=K):
    return library.kernel(ROOT / "examples/gemm.py", "gemm", "cuda:sm_90a", M=m, N=n, K=k, trans_B=True,
                          dtype="bfloat16", block_M=128, block_N=256, block_K=64, num_stages=4,
                          threads=256, panel_size=0)


class Problem:
    """Tensors of one product, and its arguments."""

    def __init__(self, torch, library, seed):
        torch.manual_seed(seed)
        self.a, self.b = (torch.randn(x, K, device="cuda", dtype=torch.bfloat16) for x in (M, N))
        self.c = torch.full((M, N), float("nan"), device="cuda", dtype=torch.bfloat16)
        self.args, self.keep = library.arguments([self.a, self.b, self.c], [BFLOAT16] * 3)

    def error(self, torch):
        return error_of(torch, self.c, self.a, self.b)


def first_launch_recorded(torch, library, checks):
    kernel, p = gemm(library), Problem(torch, library, 1)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        library.launch(kernel, p.args, torch.cuda.current_stream().cuda_stream)
    for turn in range(3):
        p.c.fill_(float("nan"))
        graph.replay()
        torch.cuda.synchronize()
        checks.that("first launch recorded, replay %d" % turn, p.error(torch) < BOUND, p.error(torch))


def graphs_at_once(torch, library, checks):
    kernel = gemm(library)
    problems = [Problem(torch, library, seed) for seed in (2, 3)]
    streams = [torch.cuda.Stream() for _ in problems]
    graphs = []
    for p, s in zip(problems, streams):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=s):
            for _ in range(4):
                library.launch(kernel, p.args, s.cuda_stream)
        graphs.append(graph)
    for turn in range(20):
        for p in problems:
            p.c.fill_(float("nan"))
        torch.cuda.synchronize()
        for graph, s in zip(graphs, streams):
            with torch.cuda.stream(s):
                graph.replay()
        torch.cuda.synchronize()
        worst = max(p.error(torch) for p in problems)
        if worst >= BOUND or turn == 19:
            checks.that("two graphs at once, %d replays" % (turn + 1), worst < BOUND, worst)
            return


def streams_at_once(torch, library, checks):
    kernel = gemm(library)
    problems = [Problem(torch, library, seed) for seed in (4, 5, 6)]
    streams = [torch.cuda.Stream() for _ in problems]
    torch.cuda.synchronize()
    for _ in range(20):
        for p, s in zip(problems, streams):
            library.launch(kernel, p.args, s.cuda_stream)
    torch.cuda.synchronize()
    worst = max(p.error(torch) for p in problems)
    checks.that("three streams at once", worst < BOUND, worst)


def many_tensors(torch, library, checks):
    """More pointers than tensor maps are kept for."""
    kernel = gemm(library)
    problems = [Problem(torch, library, seed) for seed in range(7, 19)]
    stream = torch.cuda.current_stream().cuda_stream
    for _ in range(3):
        for p in problems:
            library.launch(kernel, p.args, stream)
    torch.cuda.synchronize()
    worst = max(p.error(torch) for p in problems)
    checks.that("twelve sets of tensors in turn", worst < BOUND, worst)


def launch_cost(torch, library, checks):
    small = library.kernel(ROOT / "examples/gemm.py", "gemm", "cuda:sm_90a", M=128, N=128, K=64,
                           trans_B=True, dtype="bfloat16", block_M=128, block_N=128, block_K=64,
                           num_stages=2, threads=256, panel_size=0)
    a, b = (torch.randn(128, 64, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    c = torch.empty(128, 128, device="cuda", dtype=torch.bfloat16)
    args, _keep = library.arguments([a, b, c], [BFLOAT16] * 3)
    stream = torch.cuda.current_stream().cuda_stream
    for name, run in (("ours", lambda: library.launch(small, args, stream)),
                      ("torch.mm", lambda: torch.mm(a, b.t(), out=c))):
        for _ in range(200):
            run()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(10000):
            run()
        took = time.perf_counter() - begin
        torch.cuda.synchronize()
        print("     10000 launches, %s: %.2f us each (host)" % (name, took * 100))
    checks.that("small product", error_of(torch, c, a, b) < BOUND)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lib", default=str(ROOT / "build/libtilec.so"))
    options = parser.parse_args()
    import torch
    library, checks = Library(options.lib), Checks()
    for check in (first_launch_recorded, graphs_at_once, streams_at_once, many_tensors, launch_cost):
        try:
            check(torch, library, checks)
        except RuntimeError as error:
            checks.that(check.__name__, False, error)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
