#!/usr/bin/python3
"""Two real kernels on the CPU: right against NumPy in float64, and how fast.

`tilec run` gets its inputs as .npy files, times the kernel and writes the outputs, which are then
compared with a computation that shares nothing with the compiler. For the float32 matrix product
OpenBLAS is timed in the same run, on the same inputs, if this machine has it. "1 thread" means
that the process may use one CPU only. Ends with 0 only if every result is right."""

import argparse
import ctypes
import ctypes.util
from dataclasses import dataclass
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "run"))
from formats import Array, decode  # noqa: E402

# Largest error allowed, relative to the largest magnitude in the result.
TOLERANCE = {"float32": 2e-5, "bfloat16": 2.0**-7}


@dataclass
class Row:
    name: str
    dtype: str
    threads: int
    seconds: float
    flop: float
    max_abs: float = 0.0
    max_rel: float = 0.0
    problem: str = ""

    def __str__(self):
        columns = f"{self.name:<36} {self.dtype:<9} {self.threads:>7}"
        if self.problem:
            return f"{columns}  FAILED: {self.problem}"
        return (
            f"{columns} {self.max_abs:>10.2e} {self.max_rel:>10.2e} {self.seconds * 1e3:>10.3f} "
            f"{self.flop / self.seconds * 1e-9:>9.1f}"
        )


HEADER = (
    f"{'kernel':<36} {'dtype':<9} {'threads':>7} {'max abs':>10} {'max rel':>10} "
    f"{'time ms':>10} {'GFLOP/s':>9}"
)


@dataclass
class Job:
    """One kernel with its inputs; `want` is the result in float64."""

    name: str
    file: str
    defines: dict
    inputs: dict
    output: str
    want: np.ndarray
    flop: float

    @property
    def dtype(self):
        return self.defines["dtype"]


def gemm_job(size, dtype, rng):
    a, b = (Array(rng.standard_normal((size, size)), dtype) for _ in range(2))
    bias = Array(rng.standard_normal(size) * 10, dtype)
    return Job(
        f"gemm_bias_relu {size}x{size}x{size}",
        "gemm_bias_relu.py",
        dict(M=size, N=size, K=size, dtype=dtype),
        {"A": a, "B": b, "bias": bias},
        "C",
        np.maximum(a.values @ b.values + bias.values, 0),
        2.0 * size**3,
    )


def attention_job(seq, causal, dtype, rng, batch=1, heads=8, dim=64):
    q, k, v = (Array(rng.standard_normal((batch, heads, seq, dim)), dtype) for _ in range(3))
    scores = np.einsum("bhqd,bhkd->bhqk", q.values, k.values) / np.sqrt(dim)
    if causal:
        scores = np.where(np.tri(seq, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    # Scores that the mask removes are not counted.
    pairs = seq * (seq + 1) / 2 if causal else seq * seq
    return Job(
        f"flash_attention S={seq}{' causal' if causal else ''}",
        "flash_attention.py",
        dict(
            batch=batch,
            heads=heads,
            seq_q=seq,
            seq_kv=seq,
            dim=dim,
            is_causal=causal,
            dtype=dtype,
        ),
        {"Q": q, "K": k, "V": v},
        "O",
        np.einsum("bhqk,bhkd->bhqd", weights, v.values),
        4.0 * batch * heads * pairs * dim,
    )


def timing(text):
    """The record with the time, whether it stands alone or among other output."""
    for part in [text, *reversed(text.splitlines())]:
        try:
            record = json.loads(part)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and record.get("time_ns", 0) > 0:
            return record["time_ns"] * 1e-9
    raise ValueError("no time_ns in the output of tilec")


def measure(job, tilec, threads):
    """Runs the job in its own process, on the first `threads` CPUs that this one may use."""
    row = Row(f"tilec {job.name}", job.dtype, threads, 0.0, job.flop)
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    with tempfile.TemporaryDirectory(prefix="tilec-demo-") as folder:
        out = Path(folder) / "out.npy"
        command = [tilec, "run", str(ROOT / "examples" / job.file), "--target=cpu"]
        command += ["--bench", "--format=json"]
        for name, value in job.defines.items():
            command += ["-D", f"{name}={value}"]
        for name, array in job.inputs.items():
            path = Path(folder) / f"{name}.npy"
            np.save(path, array.stored)
            command += ["--in", f"{name}={path}"]
        command += ["--out", f"{job.output}={out}"]
        try:
            process = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=300,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )
            if process.returncode != 0:
                lines = process.stderr.strip().splitlines() or ["no message"]
                row.problem = f"exit {process.returncode}: {lines[0]}"
                return row
            row.seconds = timing(process.stdout)
            got = decode(np.load(out, allow_pickle=False), job.dtype)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            row.problem = str(error)
            return row

    if got.shape != job.want.shape:
        row.problem = f"shape {got.shape}, expected {job.want.shape}"
        return row
    row.max_abs = float(np.abs(got - job.want).max())
    row.max_rel = row.max_abs / float(np.abs(job.want).max())
    if not row.max_rel <= TOLERANCE[job.dtype]:  # a NaN is wrong, too
        row.problem = f"relative error {row.max_rel:.2e} exceeds {TOLERANCE[job.dtype]:.2e}"
    return row


def openblas():
    """(library, function that multiplies two float32 matrices) or None."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    loaded = [line.split()[-1] for line in maps if "openblas" in line.rsplit("/", 1)[-1]]
    if loaded:
        return ctypes.CDLL(loaded[0]), np.matmul

    name = ctypes.util.find_library("openblas")
    if not name:
        return None
    library = ctypes.CDLL(name)
    sgemm, matrix = library.cblas_sgemm, np.ctypeslib.ndpointer(np.float32, 2, flags="C")
    size, real = ctypes.c_int, ctypes.c_float
    sgemm.argtypes = [size] * 6 + [real, matrix, size, matrix, size, real, matrix, size]
    sgemm.restype = None
    row_major, no_transpose = 101, 111

    def multiply(a, b, out):
        (m, k), n = a.shape, b.shape[1]
        flags = (row_major, no_transpose, no_transpose)
        sgemm(*flags, m, n, k, 1.0, a, k, b, n, 0.0, out, n)

    return library, multiply


def set_blas_threads(library, threads):
    """Builds differ in the decoration of the name. False if none is there."""
    for name in ("", "64_"):
        for prefix in ("", "scipy_"):
            function = getattr(library, f"{prefix}openblas_set_num_threads{name}", None)
            if function:
                function(ctypes.c_int(threads))
                return True
    return False


def measure_openblas(job, library, multiply, threads):
    """The bare product, without bias and activation: less work than the kernel does."""
    a, b = job.inputs["A"].stored, job.inputs["B"].stored
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    row = Row(job.name.replace("gemm_bias_relu", "OpenBLAS sgemm"), "float32", threads, 0, job.flop)
    if not set_blas_threads(library, threads):
        row.name += " (threads not set)"
    multiply(a, b, out=out)
    times = []
    while len(times) < 10 or sum(times) < 0.5:
        start = time.perf_counter()
        multiply(a, b, out=out)
        times.append(time.perf_counter() - start)
    row.seconds = statistics.median(times)
    want = job.inputs["A"].values @ job.inputs["B"].values
    row.max_abs = float(np.abs(out - want).max())
    row.max_rel = row.max_abs / float(np.abs(want).max())
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to run")
    parser.add_argument("--size", type=int, default=1024, help="M, N and K of the matrix product")
    parser.add_argument("--seq", type=int, default=512, help="sequence length of the attention")
    options = parser.parse_args()
    tilec = str(Path(options.tilec).resolve())
    if not Path(tilec).is_file():
        print(f"demo: no program {tilec}; build it first", file=sys.stderr)
        return 2

    rng = np.random.default_rng(0)
    cpus = len(os.sched_getaffinity(0))
    blas = openblas()
    jobs = [gemm_job(options.size, dtype, rng) for dtype in TOLERANCE]
    jobs += [
        attention_job(options.seq, causal, dtype, rng)
        for dtype in TOLERANCE
        for causal in (False, True)
    ]
    print(f"{cpus} CPUs; times are medians; errors are against NumPy in float64\n\n{HEADER}")
    failed = 0
    for job in jobs:
        for threads in sorted({1, cpus}):
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
