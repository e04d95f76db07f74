#!/usr/bin/python3
"""Runs the kernels in examples/ on every target and compares with NumPy (examples/refs/).

A target `placed:ARCH` stands for what the passes for that GPU make of the kernel up to state
placed, run by the interpreter; a kernel that they refuse with a code counts as refused. So it does
on cuda:ARCH and the simulator's sim:cuda:ARCH.

Each run is one `tilec run` process that reads and writes .npy files, so the command line, the
argument checks and the file formats are tested along with the kernel."""

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zlib

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "examples"))
sys.path.insert(0, str(ROOT / "tests" / "run"))
from bugs import BUGS  # noqa: E402
from control import CONTROL  # noqa: E402
from formats import Array, decode, is_float  # noqa: E402
from fragments import FRAGMENTS  # noqa: E402
from idioms import IDIOMS  # noqa: E402
from names import NAMES  # noqa: E402
from nests import NESTS  # noqa: E402
from products import PRODUCTS  # noqa: E402
from random_numbers import RANDOM  # noqa: E402
from refused import ALL, QUICK  # noqa: E402
from refs import CASES, Bounded, Case, Columns  # noqa: E402
from rules import RULES  # noqa: E402
from schedules import SCHEDULES  # noqa: E402
from threads import THREADS  # noqa: E402
from vectors import VECTORS  # noqa: E402


# Names that stand for more than --target=NAME.
REFUSALS = r"error\[E0(?:39|83|84)\d\]"  # what targets and their passes cannot do
FP8_BITS = 2.0**-10  # of the greatest result: what src/api/bound.c allows products on tensor cores
TARGETS = {"checked": ["--target=cpu", "--checked"], "fixed": ["--target=interp"]}


@dataclass
class Run:
    case: Case
    params: dict
    target: str

    @property
    def name(self):
        params = " ".join(f"{k}={v}".replace(" ", "") for k, v in self.params.items())
        return f"{self.case.file}:{self.case.entry} [{params}] {self.target}"


def values_of(argument):
    """What the reference sees of an argument."""
    if isinstance(argument, list):
        return [a.values for a in argument]
    if isinstance(argument, Columns):
        return argument.array.values
    return argument.values if isinstance(argument, Array) else argument


def save(path, argument):
    """Writes an argument and returns its spelling on the command line."""
    if isinstance(argument, list):
        return ",".join(save(path.with_suffix(f".{i}.npy"), a) for i, a in enumerate(argument))
    if isinstance(argument, Columns):
        np.save(path, np.asfortranarray(argument.array.stored))
    elif isinstance(argument, Array):
        np.save(path, np.ascontiguousarray(argument.stored))
    else:
        return str(argument)
    return str(path)


class Refused(Exception):
    """The passes for a GPU cannot do this kernel, and say so."""


def placed(run, tilec, folder):
    """The file with the kernel in state placed."""
    case, arch = run.case, run.target.split(":")[1]
    command = [tilec, "emit", f"{ROOT / 'examples' / case.file}:{case.entry}", "--emit=placed"]
    command += [f"--target=cuda:{arch}", "-o", str(folder / "placed.tir")]
    for name, value in case.fixed(run.params).items():
        command += ["-D", f"{name}={value}"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = re.search(REFUSALS + ": .*", process.stderr)
    if process.returncode != 0 and told:
        raise Refused(told[0])
    if process.returncode != 0:
        raise RuntimeError(f"exit {process.returncode} of emit: {process.stderr.strip()[:300]}")
    return folder / "placed.tir"


def command_line(run, tilec, inputs, folder):
    """The arguments of the process, and where each output will be."""
    case = run.case
    if run.target.startswith("placed:"):
        command = [tilec, "run", str(placed(run, tilec, folder)), "--target=interp"]
        defines = {}
    else:
        command = [tilec, "run", f"{ROOT / 'examples' / case.file}:{case.entry}"]
        command += TARGETS.get(run.target, [f"--target={run.target}"])
        command += ["--races"] if run.target.startswith("sim:") else []
        defines = (case.fixed if run.target == "fixed" else case.defines)(run.params)
    for name, value in defines.items():
        command += ["-D", f"{name}={value}"]
    for name, argument in inputs.items():
        command += ["--in", f"{name}={save(folder / f'{name}.npy', argument)}"]
    outputs = {}
    for name in case.outputs(run.params):
        path = folder / f"{name}.out.npy"
        if isinstance(inputs.get(name), list):
            outputs[name] = [path.with_suffix(f".{i}.npy") for i in range(len(inputs[name]))]
        else:
            outputs[name] = [path]
        command += ["--out", f"{name}={','.join(map(str, outputs[name]))}"]
    return command, outputs


def more_allowed(run, inputs):
    """Share of the greatest result by which a GPU may differ in addition: of 8-bit floats tensor
    cores keep fewer bits of a sum."""
    arrays = [a.array if isinstance(a, Columns) else a for a in inputs.values()]
    narrow = any(isinstance(a, Array) and a.dtype.startswith("float8") for a in arrays)
    return FP8_BITS if run.target.startswith("cuda") and narrow else 0.0


def mismatch(case, name, dtype, path, want, more):
    """None if the array in `path` is right, else what is wrong with it."""
    if not path.exists():
        return f"{name}: the run ended well but wrote no {path.name}"
    try:
        got = decode(np.load(path, allow_pickle=False), dtype)
    except ValueError as error:
        return f"{name}: {error}"
    bound = None
    if isinstance(want, Bounded):
        want, bound = want.values, want.bound
    want = np.asarray(want)
    if got.shape != want.shape:
        return f"{name}: shape {got.shape}, expected {want.shape}"
    if case.canon:
        got, want = case.canon(got), case.canon(want)
    if bound is None:
        rtol, atol = case.tolerance(dtype)
        with np.errstate(invalid="ignore"):
            bound = atol + rtol * np.abs(want) if rtol or atol else np.zeros(want.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        if more and is_float(dtype):
            bound = bound + more * np.max(np.abs(want[np.isfinite(want)]), initial=0)
        error = np.abs(got - want)
        right = (error <= bound) | (got == want) | (np.isnan(got) & np.isnan(want))
    if right.all():
        return None
    first = np.unravel_index(np.argmin(right), right.shape)
    at = ", ".join(str(int(i)) for i in first)
    worst = np.max(np.where(np.isnan(error), np.inf, error)[~right])
    allowed = np.broadcast_to(bound, want.shape)[first]
    return (
        f"{name}: {np.count_nonzero(~right)} of {right.size} wrong, max error {worst:.3g}, "
        f"first at ({at}): {got[first]!r}, expected {want[first]!r} within {allowed:.3g}"
    )


def execute(run, options):
    """None if the run is right, else one line about the failure."""
    seed = zlib.crc32(f"{run.case.file}:{run.case.entry} {run.params}".encode())
    inputs = run.case.inputs(run.params, np.random.default_rng(seed))
    wanted = run.case.reference(run.params, {k: values_of(v) for k, v in inputs.items()})
    folder = Path(tempfile.mkdtemp(prefix="tilec-run-"))
    command, outputs = command_line(run, options.tilec, inputs, folder)
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=options.timeout
        )
        problem = None
        if process.returncode != 0:
            lines = process.stderr.strip().splitlines()
            told = next((line for line in lines if "error" in line), lines[0] if lines else "")
            if run.target.startswith(("sim:", "cuda:")) and re.search(REFUSALS, told):
                raise Refused(told)
            problem = f"exit {process.returncode}: {told}"
    except subprocess.TimeoutExpired:
        problem = f"no end after {options.timeout} s"

    more = more_allowed(run, inputs)
    for name, dtype in run.case.outputs(run.params).items():
        want = wanted[name] if isinstance(wanted[name], list) else [wanted[name]]
        for path, w in zip(outputs[name], want):
            problem = problem or mismatch(run.case, name, dtype, path, w, more)

    if options.keep:
        (folder / "command").write_text(shlex.join(command) + "\n")
        for name, w in wanted.items():
            for i, a in enumerate(w if isinstance(w, list) else [w]):
                np.save(folder / f"{name}.{i}.want.npy", a.values if isinstance(a, Bounded) else a)
        return problem and f"{problem} (kept in {folder})"
    shutil.rmtree(folder)
    return problem


def guarded(run, options):
    """A bug in a reference is a failure of that run, not the end of all."""
    try:
        return execute(run, options)
    except Refused as refused:
        return refused
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__} in the test itself: {error}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    parser.add_argument("--target", default="interp,cpu", help="targets, separated by commas")
    parser.add_argument("-k", default="", metavar="TEXT", help="only runs whose name has TEXT")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="runs at the same time")
    parser.add_argument("--quick", action="store_true", help="two parameter sets for each kernel")
    parser.add_argument("--keep", action="store_true", help="keep files and commands")
    parser.add_argument("--refused", action="store_true", help="say what is refused")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help="seconds for a run")
    options = parser.parse_args()
    options.tilec = str(Path(options.tilec).resolve())
    return options


def check_ceilings(refused, options):
    """The number of failures: more of a code are refused on a target than may be."""
    failed, ceilings = 0, QUICK if options.quick else ALL
    for (target, code), n in sorted(refused.items()):
        ceiling = ceilings.get(target, {}).get(code, 0)
        if options.k or target not in ceilings:
            continue
        if n > ceiling:
            print(f"FAIL {target}: {n} are refused with {code}, more than {ceiling}")
            failed += 1
        elif n < ceiling:
            print(f"{target}: {n} are refused with {code}, no longer {ceiling}: lower the number")
    return failed


def main():
    options = parse_arguments()
    runs = [
        Run(case, params, target)
        for target in options.target.split(",")
        for case in CASES + RULES + NAMES + NESTS + CONTROL + IDIOMS + PRODUCTS + RANDOM + VECTORS
        + THREADS + BUGS + SCHEDULES + FRAGMENTS
        for params in (case.params[-2:] if options.quick else case.params)
    ]
    if "cpu" in options.target.split(","):  # what is right passes the checks too
        runs += [Run(case, case.params[-1], "checked") for case in RULES]
    if "interp" in options.target.split(","):  # each example can be compiled for its sizes alone
        runs += [Run(case, case.params[-1], "fixed") for case in CASES]
    runs = [run for run in runs if options.k in run.name]
    if options.list:
        print(*(run.name for run in runs), sep="\n")
        return 0
    if not Path(options.tilec).is_file():
        print(f"run: no program {options.tilec}", file=sys.stderr)
        return 2
    if not runs:
        print(f"run: no run has {options.k!r} in its name", file=sys.stderr)
        return 2

    failed, refused = 0, Counter()
    with ThreadPoolExecutor(options.j) as pool:
        for run, problem in zip(runs, pool.map(lambda run: guarded(run, options), runs)):
            if isinstance(problem, Refused):
                refused[run.target, re.search(r"E\d+", str(problem))[0]] += 1
                if options.refused:
                    print(f"refused {run.name}: {problem}", flush=True)
            elif problem:
                failed += 1
                print(f"FAIL {run.name}: {problem}", flush=True)
    n_refused = sum(refused.values())
    passed = len(runs) - failed - n_refused
    failed += check_ceilings(refused, options)
    if n_refused:
        print(f"{n_refused} refused by the compiler")
    print(f"run: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
