#!/usr/bin/python3
"""Measures the figures that tilec is judged by, beside their peers, all in one run.

Each figure is printed with what it is compared with and with the command that gave it. With
`--write` the same is appended to docs/performance.md under today's date. A missed target is no
failure, since tests do not measure time: the exit status says whether every kernel ran and was
right."""

import argparse
import ctypes
from dataclasses import dataclass
import datetime
import itertools
import os
from pathlib import Path
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

import numpy as np

import gpu_gemm
from common import (
    EXAMPLES,
    ROOT,
    attention_job,
    blas_function,
    cpus,
    gemm_job,
    measure,
    measure_openblas,
    openblas,
    run,
)

sys.path.insert(0, str(EXAMPLES))
sys.path.insert(0, str(ROOT / "tools"))
from refs import CASES  # noqa: E402
from size import LIMIT_BYTES, stripped_size  # noqa: E402

ROUNDS = 7  # of one figure and its peer, in turn
RECORD = ROOT / "docs" / "performance.md"


@dataclass
class Figure:
    """One line of the report. `target` is a limit in the unit of the figure: at most, or with
    `more` at least."""

    name: str
    unit: str
    ours: float
    peer: float = None
    peer_name: str = ""
    target: float = None
    more: bool = False
    command: str = ""

    @property
    def ratio(self):
        return self.ours / self.peer if self.peer else None

    def cells(self):
        peer = f"{number(self.peer)} ({self.peer_name})" if self.peer else ""
        target = f"{'>=' if self.more else '<='} {number(self.target)}" if self.target else ""
        ratio = f"{self.ratio:.2f}" if self.ratio else ""
        return f"{self.name}, {self.unit}", number(self.ours), peer, ratio, target, self.verdict

    @property
    def verdict(self):
        if self.target is None:
            return ""
        reached = self.ours >= self.target if self.more else self.ours <= self.target
        return "reached" if reached else "missed"


HEAD = ("figure", "tilec", "peer", "ratio", "target", "")


def number(x):
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


FORMS = {"ir": "to IR", "tile": "to canonical IR", "c": "to C"}


class Library:
    """The few functions of the public interface that compiling to text takes."""

    class Options(ctypes.Structure):
        _fields_ = [
            ("size", ctypes.c_size_t),
            ("path", ctypes.c_char_p),
            ("text", ctypes.c_char_p),
            ("text_size", ctypes.c_size_t),
            ("entry", ctypes.c_char_p),
            ("defines", ctypes.c_void_p),
            ("n_defines", ctypes.c_size_t),
        ]

    class Define(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char_p), ("text", ctypes.c_char_p)]

    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        for name in ("context", "program", "text"):
            release = getattr(self.c, f"tilec_{name}_release")
            release.argtypes, release.restype = [ctypes.c_void_p], None
        self.c.tilec_program_new.argtypes = [ctypes.c_void_p] * 4
        self.c.tilec_program_emit.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self.context = ctypes.c_void_p()
        if self.c.tilec_context_new(None, ctypes.byref(self.context), None) != 0:
            raise MemoryError("tilec_context_new")

    def set_target(self, name):
        if self.c.tilec_context_set(self.context, b"target", name.encode(), None) != 0:
            raise RuntimeError(f"there is no target {name}")

    def emit_ms(self, case, defines, form):
        """Milliseconds from the name of a file to the text of a form."""
        pairs = [(name.encode(), str(value).encode()) for name, value in defines.items()]
        array = (self.Define * len(pairs))(*pairs)
        options = self.Options(
            size=ctypes.sizeof(self.Options),
            path=str(EXAMPLES / case.file).encode(),
            entry=case.entry.encode(),
            defines=ctypes.cast(array, ctypes.c_void_p),
            n_defines=len(pairs),
        )
        program, text = ctypes.c_void_p(), ctypes.c_void_p()
        start = time.perf_counter()
        status = self.c.tilec_program_new(
            self.context, ctypes.byref(options), ctypes.byref(program), None
        )
        if status == 0:
            status = self.c.tilec_program_emit(program, form.encode(), ctypes.byref(text), None)
        seconds = time.perf_counter() - start
        self.c.tilec_text_release(text)
        self.c.tilec_program_release(program)
        if status != 0:
            raise RuntimeError(f"{case.file}:{case.entry}: status {status}")
        return seconds * 1e3


class Bench:
    def __init__(self, tilec, quick):
        self.tilec = tilec
        self.library = tilec.parent / "libtilec.so"
        self.quick = quick
        self.figures = []
        self.kernels = []  # (name, ms of each stage) of every example
        self.problems = []
        self.commands = []

    def add(self, figure):
        self.figures.append(figure)
        print("  ".join(cell for cell in figure.cells() if cell), flush=True)

    def said(self, command):
        """Notes a command line as a person would type it."""
        text = shlex.join(str(part) for part in command).replace(f"{ROOT}/", "")
        self.commands.append(text)
        return text

    def failed(self, what, problem):
        self.problems.append(f"{what}: {problem}")
        print(f"FAILED {what}: {problem}", flush=True)

    # ---- compiling ----

    def compile_times(self):
        """Our own work on every example, up to each form, without the C compiler. It is timed
        inside one process, as a program that embeds the library has it."""
        library, repeats = Library(self.library), 3 if self.quick else 15
        totals, peak = [], 0
        for case in CASES:
            name = f"{case.file}:{case.entry}"
            # What the kernel takes from its arrays may have to be given when there are none.
            for defines in (case.defines(case.params[0]), case.fixed(case.params[0])):
                command = [self.tilec, "emit", f"{EXAMPLES / name}", "--emit=c"]
                for key, value in defines.items():
                    command += ["-D", f"{key}={value}"]
                ended = run(command)
                if not ended.problem:
                    break
            if ended.problem:
                self.failed(name, ended.problem)
                continue
            peak = max(peak, ended.peak_bytes)
            times = {
                form: min(library.emit_ms(case, defines, form) for _ in range(repeats))
                for form in FORMS
            }
            self.kernels.append((name, times))
            totals.append(times["c"])
        if not totals:
            return
        said = self.said(command)
        what = "front end, passes and emission of C, "
        worst = max(self.kernels, key=lambda kernel: kernel[1]["c"])
        by_name = {name: times["c"] for name, times in self.kernels}
        for name, value, target in (
            (f"median of {len(totals)} kernels", statistics.median(totals), None),
            ("gemm.py:gemm", by_name.get("gemm.py:gemm"), 5.0),
            ("flash_attention.py", by_name.get("flash_attention.py:flash_attention"), 10.0),
            (f"the slowest, {worst[0]}", worst[1]["c"], None),
        ):
            if value is not None:
                self.add(Figure(what + name, "ms", value, target=target))
        self.add(Figure("peak memory of tilec emit, largest", "MB", peak / 1e6, command=said))
        self.gpu_compile_times(library, repeats)

    def gpu_compile_times(self, library, repeats):
        """The same for the products of bench/gpu_gemm.py, up to the text that NVRTC gets."""
        product = SimpleNamespace(file="gemm.py", entry="gemm")
        for arch, tile_at in (("sm_90a", 4), ("sm_80", 5)):
            library.set_target(f"cuda:{arch}")
            times = []
            for row in gpu_gemm.SHAPES:
                names = ("block_M", "block_N", "block_K", "num_stages", "threads")
                defines = dict(zip(("M", "N", "K"), row[1:4]), **dict(zip(names, row[tile_at])))
                defines.update(trans_B=True, dtype="bfloat16", panel_size=0)
                times.append(
                    min(library.emit_ms(product, defines, "cuda") for _ in range(repeats))
                )
            what = f"front end, passes and emission of CUDA, {arch}, slowest of five products"
            self.add(Figure(what, "ms", max(times), target=5.0))
        library.set_target("cpu")

    def wall_times(self):
        """What a person waits for: the whole process, with an empty and with a filled cache."""
        rng = np.random.default_rng(0)
        job = gemm_job(256, "float32", rng)
        with tempfile.TemporaryDirectory(prefix="tilec-bench-") as folder:
            job.write_inputs(folder)
            command = job.command(self.tilec, folder)
            cold, warm = [], []
            for i in range(3):
                cache = Path(folder) / f"cache{i}"
                for into, times in ((cold, 1), (warm, 5)):
                    for _ in range(times):
                        ended = run(command, TILEC_CACHE_DIR=str(cache))
                        if ended.problem:
                            self.failed("tilec run", ended.problem)
                            return
                        into.append(ended.seconds)
        said = self.said(job.command(self.tilec, ""))
        median = statistics.median
        self.add(
            Figure("tilec run, empty cache, wall", "s", median(cold), target=1.0, command=said)
        )
        self.add(Figure("tilec run, filled cache, wall", "ms", median(warm) * 1e3, command=said))

    def library_size(self):
        with tempfile.TemporaryDirectory(prefix="tilec-bench-") as folder:
            size = stripped_size(self.library, Path(folder) / "stripped.so")
        self.add(
            Figure(
                "libtilec.so, stripped",
                "MB",
                size / 1e6,
                target=LIMIT_BYTES / 1e6,
                command=self.said(["strip", "-o", "stripped.so", self.library]),
            )
        )

    # ---- running ----

    def products(self):
        """The float32 product on one core, with the example's tiles and with tiles for a CPU's
        caches, in turn with OpenBLAS, so that all see the same weather."""
        size = 512 if self.quick else 2048
        large = dict(block_M=256, block_N=256, block_K=128)
        jobs = {
            f"float32 GEMM {size}^3, {tiles}one core": gemm_job(
                size, "float32", np.random.default_rng(0), epilogue=False, **blocks
            )
            for tiles, blocks in (("", {}), ("tiles of 256, ", large))
        }
        blas = openblas()
        ours, peer = {name: [] for name in jobs}, []
        for _ in range(ROUNDS):
            for name, job in jobs.items():
                row = measure(job, self.tilec, 1)
                if row.problem:
                    self.failed(job.name, row.problem)
                    return
                ours[name].append(row.gflops)
            if blas:
                peer.append(measure_openblas(job, *blas, 1).gflops)
        best = statistics.median(peer) if peer else None
        for name, job in jobs.items():
            self.add(
                Figure(
                    name,
                    "GFLOP/s",
                    statistics.median(ours[name]),
                    best,
                    "OpenBLAS",
                    best and best / 2,
                    more=True,
                    command=self.said(job.command(self.tilec, "", "--bench")),
                )
            )

    def attention(self, peak):
        seq = 512 if self.quick else 2048
        for causal in (False, True):
            job = attention_job(seq, causal, "float32", np.random.default_rng(0))
            rows = [measure(job, self.tilec, 1) for _ in range(ROUNDS)]
            bad = next((row.problem for row in rows if row.problem), "")
            if bad:
                self.failed(job.name, bad)
                continue
            self.add(
                Figure(
                    f"{job.name}, 8 heads of 64, float32, one core",
                    "GFLOP/s",
                    statistics.median(row.gflops for row in rows),
                    peak,
                    "peak of multiply-adds",
                    peak and 0.3 * peak,
                    more=True,
                    command=self.said(job.command(self.tilec, "", "--bench")),
                )
            )

    def attention_beside_torch(self, python):
        """The same with tiles for a CPU's caches, in turn with PyTorch's attention."""
        seq = 512 if self.quick else 2048
        script = ROOT / "bench" / "torch_attention.py"
        with subprocess.Popen(
            [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus(1)),
        ) as torch:
            version = torch.stdout.readline().strip()
            if not version:
                print(f"bench: {python} has no torch", file=sys.stderr)
                return
            for dim, causal in itertools.product((64, 128), (False, True)):
                heads = 512 // dim
                job = attention_job(
                    seq, causal, "float32", np.random.default_rng(0), heads=heads, dim=dim,
                    # Tiles above the diagonal are wasted work: smaller ones waste less.
                    block_M=64 if causal else 2 * dim, block_N=64 if causal else 2 * dim,
                )
                ours, peer = [], []
                for _ in range(ROUNDS):
                    row = measure(job, self.tilec, 1)
                    if row.problem:
                        self.failed(job.name, row.problem)
                        break
                    ours.append(row.gflops)
                    print(heads, seq, dim, int(causal), file=torch.stdin, flush=True)
                    peer.append(float(torch.stdout.readline()))
                else:
                    self.add(
                        Figure(
                            f"{job.name}, {heads} heads of {dim}, float32, one core",
                            "GFLOP/s",
                            statistics.median(ours),
                            statistics.median(peer),
                            f"PyTorch {version}",
                            statistics.median(peer),
                            more=True,
                            command=self.said(job.command(self.tilec, "", "--bench")),
                        )
                    )
            torch.stdin.close()

    def ahead_of_time(self):
        """What a call costs of a function made by `tilec build`, beyond its kernel."""
        cc = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if not cc:
            return
        with tempfile.TemporaryDirectory(prefix="tilec-bench-") as folder:
            program = Path(folder) / "overhead"
            build = [self.tilec, "build", ROOT / "bench" / "aot_overhead.py", "-o", folder]
            source = ROOT / "bench" / "aot_overhead.c"
            link = [cc, "-O2", "-I", folder, source, Path(folder) / "tiny.o", "-lm", "-pthread"]
            for command in (build, [*link, "-o", program]):
                ended = run(command)
                if ended.problem:
                    self.failed("tilec build", ended.problem)
                    return
            ended = run([program], cpus(1))
            if ended.problem:
                self.failed("aot_overhead", ended.problem)
                return
            said = self.said(build).replace(folder, "out")
            self.commands[-1] = said
            tensors, raw = map(float, ended.stdout.split())
        what = "call of an object made ahead of time, three tensors, one block"
        self.add(Figure(what, "ns", tensors, target=60.0, command=said))
        self.add(Figure(f"{what}, pointers and dimensions", "ns", raw, command=said))

    def fma_peak(self):
        """The float32 multiply-add rate of one core, or None without a C compiler."""
        cc = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if not cc:
            return None
        with tempfile.TemporaryDirectory(prefix="tilec-bench-") as folder:
            program = Path(folder) / "fma_peak"
            flags = ["-std=gnu11", "-O2", "-march=native", "-ffp-contract=fast"]
            build = [cc, *flags, "-o", program, ROOT / "bench" / "fma_peak.c"]
            if run(build).status != 0:
                return None
            self.said(build)
            ended = run([program], cpus(1))
            return None if ended.problem else float(ended.stdout)


# ---- the report ----


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except OSError:
        return ""
    return (done.stdout.strip().splitlines() or [""])[0]


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def blas_version():
    found = openblas()
    config = found and blas_function(found[0], "openblas_get_config")
    if not config:
        return "no OpenBLAS"
    config.restype = ctypes.c_char_p
    return config().decode()


def priority():
    """Says whether other processes have to wait for this one and for what it starts."""
    real_time = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
    return ", measured at real-time priority" if real_time else ""


def machine(tilec):
    commit = first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = first_line("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return [
        f"{first_line(tilec, 'version')} at {commit}{' with changes' if changed else ''}",
        f"{cpu_model()}, {len(cpus())} CPUs, Linux {platform.release()}",
        first_line("cc", "--version"),
        blas_version(),
        f"load average at the start: {os.getloadavg()[0]:.1f}{priority()}",
    ]


def table(head, rows):
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def section(bench, facts, command):
    kernels = [
        (f"`{name}`", *(f"{ms[form]:.2f}" for form in FORMS)) for name, ms in bench.kernels
    ]
    parts = [
        f"## {datetime.date.today()}",
        "\n".join(f"- {fact}" for fact in facts if fact),
        table(HEAD, [figure.cells() for figure in bench.figures]),
    ]
    if kernels:
        parts.append(table(("kernel, ms", *FORMS.values()), kernels))
    if bench.problems:
        parts.append("\n".join(f"- failed: {problem}" for problem in bench.problems))
    parts.append("\n".join(["```", command, *dict.fromkeys(bench.commands), "```"]))
    return "\n\n".join(parts) + "\n"


PREFACE = """# Performance

What `./dev bench --write` measured, newest last. A ratio is ours over the peer's. Peers are timed
in the same run, in turn with us; "one core" means that the process may use one CPU only. Times of
kernels are medians inside one process, without compiling; wall times are of the whole process.
"""


def measure_rates(bench, facts, torch):
    before = bench.fma_peak()
    bench.products()
    peak = max(before or 0, bench.fma_peak() or 0) or None
    if peak:
        print(f"peak of float32 multiply-adds, one core: {peak:.1f} GFLOP/s", flush=True)
        facts.append(f"peak of float32 multiply-adds on one core: {peak:.1f} GFLOP/s")
    bench.attention(peak)
    if torch:
        bench.attention_beside_torch(torch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to measure")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--write", action="store_true", help="append to docs/performance.md")
    parser.add_argument("--calls", action="store_true", help="only the cost of a call")
    parser.add_argument("--rates", action="store_true", help="only what is measured in GFLOP/s")
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch, to compare")
    options = parser.parse_args()
    tilec = Path(options.tilec).resolve()
    if not tilec.is_file():
        print(f"bench: no program {tilec}; build it first", file=sys.stderr)
        return 2

    facts = machine(tilec)
    print("\n".join(facts) + "\n")
    bench = Bench(tilec, options.quick)
    if not options.rates:
        bench.ahead_of_time()
    if not (options.rates or options.calls):
        bench.library_size()
        bench.compile_times()
        bench.wall_times()
    if not options.calls:
        measure_rates(bench, facts, options.torch)

    if options.write:
        command = "./dev bench " + " ".join(sys.argv[1:])
        old = RECORD.read_text() if RECORD.is_file() else PREFACE
        RECORD.write_text(old + "\n" + section(bench, facts, command))
        print(f"\nwrote {RECORD.relative_to(ROOT)}")
    return 1 if bench.problems else 0


if __name__ == "__main__":
    sys.exit(main())
