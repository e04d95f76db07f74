#!/usr/bin/env python3
"""What the Python package costs: importing it, and calling a kernel that does nothing much.

usage: python.py [--runs N]        with PYTHONPATH=python, or the package installed

Nanoseconds of a call with three tensors, for arrays of each package that is installed: the median
of many short rounds, in which all the calls take turns, and the least of them, which is what a
machine with other work to do shows in its quiet moments. `nothing` is a function of tvm-ffi that
ignores its arguments, so what stands above it is ours, the run of the kernel (one block, one
element) included. The last line is calls that find a kernel which is there already. Imports are
milliseconds of the processor, in a process of their own."""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import timeit

import numpy as np

IMPORT = "import time; a = time.process_time(); import %s; b = time.process_time(); import tilec; " \
         "print(b - a, time.process_time() - b)"


def taking_turns(calls, names, rounds, n=500):
    """{name: (median, least)} of the nanoseconds of one call; calls are texts in which names mean
    what `names` says."""
    timers = {name: timeit.Timer(text, globals=names) for name, text in calls.items()}
    found = {name: [] for name in calls}
    for _ in range(rounds):
        for name, timer in timers.items():
            found[name].append(timer.timeit(n) / n * 1e9)
    return {name: (statistics.median(times), min(times)) for name, times in found.items()}


def show(what, times):
    print("%s: %s" % (what, ", ".join("%s %.0f (%.0f)" % (name, *pair)
                                      for name, pair in times.items())))


def imports(runs):
    """(tvm_ffi, tilec after it) in ms."""
    rows = [subprocess.run([sys.executable, "-c", IMPORT % "tvm_ffi"], capture_output=True,
                           text=True, check=True).stdout.split() for _ in range(max(runs // 10, 3))]
    return [min(float(row[i]) for row in rows) * 1e3 for i in range(2)]


def kernels():
    import tilec
    import tilec.language as T

    @tilec.jit(target="cpu")
    def lazy(N=8, block=1, dtype="float32"):
        @T.prim_func
        def main(X: T.Tensor((N,), dtype), Y: T.Tensor((N,), dtype), Z: T.Tensor((N,), dtype)):
            with T.Kernel(1, threads=block):
                Z[0] = X[0] + Y[0]
        return main

    @tilec.jit(target="cpu")
    def eager(X, Y, Z):
        N = T.const("N")
        X: T.Tensor((N,), "float32")
        Y: T.Tensor((N,), "float32")
        Z: T.Tensor((N,), "float32")
        with T.Kernel(1, threads=1):
            Z[0] = X[0] + Y[0]

    return lazy, eager


def arrays():
    """(package, three arrays of it)"""
    import tvm_ffi
    numpy = [np.zeros(8, np.float32) for _ in range(3)]
    yield "tvm_ffi", [tvm_ffi.from_dlpack(a) for a in numpy]
    yield "numpy", numpy
    if importlib.util.find_spec("torch"):
        import torch
        yield "torch", [torch.zeros(8) for _ in range(3)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    args = parser.parse_args()
    print("import: tvm_ffi %.1f ms, then tilec %.1f ms" % tuple(imports(args.runs)))
    import tvm_ffi
    nothing = tvm_ffi.get_global_func("testing.nop")
    lazy, eager = kernels()
    kernel = lazy()
    function = kernel.function
    print("ns of a call, the median (the least) of %d rounds" % args.runs)
    for package, (x, y, z) in arrays():
        eager(x, y, z)
        names = {"nothing": nothing, "function": function, "kernel": kernel, "eager": eager,
                 "x": x, "y": y, "z": z}
        show(package, taking_turns({
            "nothing": "nothing(x, y, z)", "kernel.function": "function(x, y, z)",
            "kernel": "kernel(x, y, z)", "eager function": "eager(x, y, z)"}, names, args.runs))
    lazy(8, 1)
    lazy(N=8, block=1)
    show("lazy function", taking_turns({text: "lazy" + text for text in (
        "()", "(8, 1)", "(N=8, block=1)")}, {"lazy": lazy}, args.runs))


if __name__ == "__main__":
    main()
