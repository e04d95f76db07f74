#!/usr/bin/env python3
"""Compiling and calling kernels from Python, beside TileLang's own wheel, in one run on a GPU.

usage: jit_beside.py [--packages tilec,tilelang]        with PYTHONPATH=python, or tilec installed

Each package gets a process of its own with an empty cache, and another one with the cache that the
first one left. `import` is what importing it takes when torch is there already, `first call` the
compilation and one call, `call` the host's time for one of many calls with tensors for all
parameters (bench/jit_kernels.py)."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CALLS = 2000


def measure(package):
    """Prints one line of JSON."""
    import torch
    torch.zeros(1, device="cuda")
    begin = time.perf_counter()
    __import__(package)
    __import__(package + ".language")
    row = {"import_ms": (time.perf_counter() - begin) * 1e3}
    sys.path.insert(0, str(HERE))
    import jit_kernels
    for name, compile_it, tensors, want in jit_kernels.cases(torch):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        kernel = compile_it()
        kernel(*tensors)
        torch.cuda.synchronize()
        first = time.perf_counter() - begin
        error = ((tensors[-1] - want).abs().max() / want.abs().max()).item()
        begin = time.perf_counter()
        for _ in range(CALLS):
            kernel(*tensors)
        call = (time.perf_counter() - begin) / CALLS
        torch.cuda.synchronize()
        row[name] = {"first_ms": first * 1e3, "call_us": call * 1e6, "error": error}
    print("ROW " + json.dumps(row))


def run(package, cache):
    names = ("TILEC_CACHE_DIR", "TILELANG_CACHE_DIR", "CUDA_CACHE_PATH")
    environment = dict(os.environ, JIT_PACKAGE=package, TILEC_TARGET="cuda",
                       **{name: str(cache) for name in names})
    if package == "tilelang":
        environment.pop("TILELANG_DEFAULT_TARGET", None)
    else:
        environment["TILELANG_DEFAULT_TARGET"] = "cuda"
    done = subprocess.run([sys.executable, __file__, "--measure", package], env=environment, text=True,
                          capture_output=True, check=False)
    rows = [line[4:] for line in done.stdout.splitlines() if line.startswith("ROW ")]
    if not rows:
        print(done.stdout[-2000:], done.stderr[-3000:])
        return None
    return json.loads(rows[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", default="tilec,tilelang")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(args.measure)
    print("| package | cache | import ms | kernel | first call ms | call us | error |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for package in args.packages.split(","):
        with tempfile.TemporaryDirectory() as cache:
            for state in ("empty", "filled"):
                row = run(package, cache)
                for name in ("gemm", "add", "softmax") if row else ():
                    x = row[name]
                    print("| %s | %s | %.0f | %s | %.0f | %.2f | %.1e |" % (
                        package, state, row["import_ms"], name, x["first_ms"], x["call_us"], x["error"]),
                        flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
