#!/usr/bin/env python3
"""What the Python package costs: importing it, and calling a kernel that does nothing much.

usage: python.py [--runs N]        with PYTHONPATH=python, or the package installed

Nanoseconds of a call with three tensors, the best of many short runs, for arrays of each package
that is installed: `nothing` is a function of tvm-ffi that ignores them, so what stands above it is
ours, the run of the kernel (one block, one element) included. Imports are milliseconds of the
processor, in a
process of their own."""

import argparse
import importlib.util
import subprocess
import sys
import time

import numpy as np

IMPORT = "import time; a = time.process_time(); import %s; b = time.process_time(); import tilec; " \
         "print(b - a, time.process_time() - b)"


def best(function, runs, n=1000):
    """Nanoseconds of one call."""
    found = float("inf")
    for _ in range(runs):
        start = time.perf_counter_ns()
        for _ in range(n):
            function()
        found = min(found, (time.perf_counter_ns() - start) / n)
    return found


def imports(runs):
    """(tvm_ffi, tilec after it) in ms."""
    rows = [subprocess.run([sys.executable, "-c", IMPORT % "tvm_ffi"], capture_output=True,
                           text=True, check=True).stdout.split() for _ in range(max(runs // 10, 3))]
    return [min(float(row[i]) for row in rows) * 1e3 for i in range(2)]


def kernels():
    import tilec
    import tilec.language as T

    def main(X: T.Tensor((8,), "float32"), Y: T.Tensor((8,), "float32"),
             Z: T.Tensor((8,), "float32")):
        with T.Kernel(1, threads=1):
            Z[0] = X[0] + Y[0]

    @tilec.jit(target="cpu")
    def eager(X, Y, Z):
        N = T.const("N")
        X: T.Tensor((N,), "float32")
        Y: T.Tensor((N,), "float32")
        Z: T.Tensor((N,), "float32")
        with T.Kernel(1, threads=1):
            Z[0] = X[0] + Y[0]

    return tilec.compile(T.prim_func(main), target="cpu"), eager


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
    kernel, eager = kernels()
    for package, (x, y, z) in arrays():
        eager(x, y, z)
        print("%s: nothing %.0f ns, kernel.function %.0f ns, kernel %.0f ns, eager function %.0f ns"
              % (package, *(best(call, args.runs) for call in (
                  lambda: nothing(x, y, z), lambda: kernel.function(x, y, z),
                  lambda: kernel(x, y, z), lambda: eager(x, y, z)))))


if __name__ == "__main__":
    main()
