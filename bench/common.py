"""What demo.py and bench.py share: running tilec, kernels with references, OpenBLAS."""

import ctypes
import ctypes.util
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(ROOT / "tests" / "run"))
from formats import Array, decode  # noqa: E402

# Largest error allowed, relative to the largest magnitude in the result.
TOLERANCE = {"float32": 2e-5, "bfloat16": 2.0**-7}


def cpus(count=None):
    """The first `count` CPUs that this process may use, or all of them."""
    return sorted(os.sched_getaffinity(0))[:count]


# ---- processes ----


@dataclass
class Ended:
    """A process that has ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    peak_bytes: int

    @property
    def problem(self):
        """One line on why it failed, or an empty text."""
        if self.status == 0:
            return ""
        lines = self.stderr.strip().splitlines() or ["no message"]
        return f"exit {self.status}: {next((x for x in lines if 'error' in x), lines[0])}"

    @property
    def json(self):
        """The JSON object it printed, alone or as one line among others."""
        for part in [self.stdout, *reversed(self.stdout.splitlines())]:
            try:
                record = json.loads(part)
            except json.JSONDecodeError:
                continue
            if isinstance(record, dict):
                return record
        raise ValueError("no JSON object in the output of tilec")


def run(command, allowed=None, timeout=300, **environment):
    """Runs a command on the CPUs `allowed`; TimeoutError when it does not end in time."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=os.environ | environment,
            preexec_fn=(lambda: os.sched_setaffinity(0, allowed)) if allowed else None,
        )
        expired = threading.Event()

        def stop():
            expired.set()
            os.kill(process.pid, signal.SIGKILL)

        timer = threading.Timer(timeout, stop)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if expired.is_set():
            raise TimeoutError(f"no end after {timeout} s")
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return Ended(process.returncode, *texts, seconds, usage.ru_maxrss * 1024)


# ---- kernels ----


@dataclass
class Job:
    """One kernel with its inputs; `want` is the result in float64."""

    name: str
    entry: str  # FILE or FILE:FUNCTION in examples/
    defines: dict
    inputs: dict
    output: str
    want: np.ndarray
    flop: float

    @property
    def dtype(self):
        return self.defines["dtype"]

    def command(self, tilec, folder, *more):
        """The command that runs it on the files of `folder`."""
        command = [tilec, "run", EXAMPLES / self.entry, "--target=cpu", *more]
        for name, value in self.defines.items():
            command += ["-D", f"{name}={value}"]
        for name in self.inputs:
            command += ["--in", f"{name}={Path(folder) / name}.npy"]
        return [*command, "--out", f"{self.output}={Path(folder) / self.output}.npy"]

    def write_inputs(self, folder):
        for name, array in self.inputs.items():
            np.save(Path(folder) / f"{name}.npy", array.stored)


def gemm_job(size, dtype, rng, epilogue=True, **tiles):
    """A square product; with `epilogue` also a bias and a relu."""
    a, b = (Array(rng.standard_normal((size, size)), dtype) for _ in range(2))
    inputs, want = {"A": a, "B": b}, a.values @ b.values
    if epilogue:
        inputs["bias"] = Array(rng.standard_normal(size) * 10, dtype)
        want = np.maximum(want + inputs["bias"].values, 0)
    name = "gemm_bias_relu" if epilogue else "gemm"
    return Job(
        f"{name} {size}x{size}x{size}",
        "gemm_bias_relu.py" if epilogue else "gemm.py:gemm",
        dict(M=size, N=size, K=size, dtype=dtype, **tiles),
        inputs,
        "C",
        want,
        2.0 * size**3,
    )


def attention_job(seq, causal, dtype, rng, batch=1, heads=8, dim=64, **tiles):
    q, k, v = (Array(rng.standard_normal((batch, heads, seq, dim)), dtype) for _ in range(3))
    scores = q.values @ k.values.swapaxes(-1, -2) / np.sqrt(dim)
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
            **tiles,
        ),
        {"Q": q, "K": k, "V": v},
        "O",
        weights @ v.values,
        4.0 * batch * heads * pairs * dim,
    )


@dataclass
class Row:
    """One kernel or library call, timed and compared with the reference."""

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
            f"{self.gflops:>9.1f}"
        )

    @property
    def gflops(self):
        return self.flop / self.seconds * 1e-9

    def compare(self, got, want):
        self.max_abs = float(np.abs(got - want).max())
        self.max_rel = self.max_abs / float(np.abs(want).max())


HEADER = (
    f"{'kernel':<36} {'dtype':<9} {'threads':>7} {'max abs':>10} {'max rel':>10} "
    f"{'time ms':>10} {'GFLOP/s':>9}"
)


def measure(job, tilec, threads):
    """Runs the job in its own process, on the first `threads` CPUs that this one may use."""
    row = Row(f"tilec {job.name}", job.dtype, threads, 0.0, job.flop)
    with tempfile.TemporaryDirectory(prefix="tilec-bench-") as folder:
        job.write_inputs(folder)
        try:
            ended = run(job.command(tilec, folder, "--bench", "--format=json"), cpus(threads))
            row.problem = ended.problem
            if row.problem:
                return row
            row.seconds = ended.json["time_ns"] * 1e-9
            out = np.load(Path(folder) / f"{job.output}.npy", allow_pickle=False)
            got = decode(out, job.dtype)
        except (OSError, ValueError) as error:
            row.problem = str(error)
            return row
        except KeyError as error:
            row.problem = f"no {error} in the output of tilec"
            return row

    if got.shape != job.want.shape:
        row.problem = f"shape {got.shape}, expected {job.want.shape}"
        return row
    row.compare(got, job.want)
    if not row.max_rel <= TOLERANCE[job.dtype]:  # a NaN is wrong, too
        row.problem = f"relative error {row.max_rel:.2e} exceeds {TOLERANCE[job.dtype]:.2e}"
    return row


# ---- OpenBLAS ----


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


def blas_function(library, name):
    """Builds differ in the decoration of their names. None if it is not there."""
    for suffix in ("", "64_"):
        for prefix in ("", "scipy_"):
            function = getattr(library, f"{prefix}{name}{suffix}", None)
            if function:
                return function
    return None


def set_blas_threads(library, threads):
    function = blas_function(library, "openblas_set_num_threads")
    if function:
        function(ctypes.c_int(threads))
    return bool(function)


def measure_openblas(job, library, multiply, threads):
    """The bare product, without bias and activation: no more work than the kernel does."""
    a, b = job.inputs["A"].stored, job.inputs["B"].stored
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    size = "x".join(map(str, (a.shape[0], b.shape[1], a.shape[1])))
    row = Row(f"OpenBLAS sgemm {size}", "float32", threads, 0, job.flop)
    if not set_blas_threads(library, threads):
        row.name += " (threads not set)"
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus(threads))
    try:
        multiply(a, b, out=out)
        times = []
        while len(times) < 10 or sum(times) < 0.5:
            start = time.perf_counter()
            multiply(a, b, out=out)
            times.append(time.perf_counter() - start)
    finally:
        os.sched_setaffinity(0, allowed)
    row.seconds = statistics.median(times)
    row.compare(out, job.inputs["A"].values @ job.inputs["B"].values)
    return row
