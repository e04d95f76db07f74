#!/usr/bin/python3
"""Two real kernels on the CPU: right against NumPy in float64, and how fast.

`tilec run` gets its inputs as .npy files, times the kernel and writes the outputs, which are then
compared with a computation that shares nothing with the compiler. For the float32 matrix product
OpenBLAS is timed in the same run, on the same inputs, if this machine has it. "1 thread" means
that the process may use one CPU only. Ends with 0 only if every result is right."""

import argparse
from pathlib import Path
import sys

import numpy as np

from common import (
    HEADER,
    ROOT,
    TOLERANCE,
    attention_job,
    cpus,
    gemm_job,
    measure,
    measure_openblas,
    openblas,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to run")
    parser.add_argument("--size", type=int, default=1024, help="M, N and K of the matrix product")
    parser.add_argument("--seq", type=int, default=512, help="sequence length of the attention")
    options = parser.parse_args()
    tilec = Path(options.tilec).resolve()
    if not tilec.is_file():
        print(f"demo: no program {tilec}; build it first", file=sys.stderr)
        return 2

    rng = np.random.default_rng(0)
    all_cpus = len(cpus())
    blas = openblas()
    jobs = [gemm_job(options.size, dtype, rng) for dtype in TOLERANCE]
    jobs += [
        attention_job(options.seq, causal, dtype, rng)
        for dtype in TOLERANCE
        for causal in (False, True)
    ]
    print(f"{all_cpus} CPUs; times are medians; errors are against NumPy in float64\n\n{HEADER}")
    failed = 0
    for job in jobs:
        for threads in sorted({1, all_cpus}):
            row = measure(job, tilec, threads)
            failed += bool(row.problem)
            print(row, flush=True)
            if blas and job.output == "C" and job.dtype == "float32":
                print(measure_openblas(job, *blas, threads), flush=True)
    if not blas:
        print("\nOpenBLAS was not found, so there is nothing beside the float32 product.")
    print(f"\ndemo: {'all results are right' if not failed else f'{failed} results are wrong'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
