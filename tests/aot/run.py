#!/usr/bin/python3
"""Kernels compiled ahead of time: `tilec build`, and programs that use what it makes.

  examples   every kernel of examples/, through NAME.json and NAME.so, against NumPy
  programs   the C and C++ programs of this folder: against the library, alone, sharing threads
  machines   other instruction sets, on this processor and under qemu
  outputs    the files: their symbols, what happens when they cannot be written"""

import argparse
from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
import zlib


HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
import numpy as np

sys.path.insert(0, str(ROOT / "examples"))
sys.path.insert(0, str(ROOT / "tests" / "run"))
from refs import CASES  # noqa: E402
import run as runs  # noqa: E402

KERNELS = ("gemm", "scale", "strided", "talk", "two_steps")
STRICT = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
LIBRARIES = ["-lm", "-pthread"]
OK, ERROR, USAGE, TARGET = 0, 1, 2, 4
SUFFIXES = (".c", ".h", ".json", ".o", ".so")


class Wrong(Exception):
    pass


class Skipped(Exception):
    pass


def demand(good, text):
    if not good:
        raise Wrong(text)


def sh(*command, cwd=None, env=None, wanted=0, **more):
    """Runs a command and returns what it said."""
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, errors="replace", timeout=120,
        cwd=cwd, env={**os.environ, **(env or {})}, **more,
    )
    text = done.stdout + done.stderr
    demand(
        done.returncode == wanted,
        f"{' '.join(map(str, command))}: exit {done.returncode}, expected {wanted}\n{text[:3000]}",
    )
    return text


class Tests:
    def __init__(self, tilec, folder):
        self.tilec, self.folder = tilec, folder
        self.build_dir = Path(tilec).resolve().parent

    # ---- building ----

    def build(self, entry, folder, *options, wanted=0, source=HERE / "kernels.py", **more):
        return sh(
            self.tilec, "build", f"{source}:{entry}", "-o", folder, *options, wanted=wanted, **more
        )

    def kernels(self, *options, name="native"):
        """All kernels of this folder built with these options, once."""
        folder = self.folder / name
        if not folder.exists():
            for kernel in KERNELS:
                self.build(kernel, folder, *options)
        return folder

    def objects(self, folder):
        return [folder / f"{kernel}.o" for kernel in KERNELS]

    def program(self, source, folder, *rest, cc="cc", options=()):
        """Compiles a program of this folder, strictly, and returns its path."""
        source = HERE / source
        out = Path(tempfile.mkdtemp(dir=self.folder)) / source.stem
        standard = "-std=c++17" if source.suffix == ".cpp" else "-std=c11"
        own = [] if source.suffix == ".cpp" else ["-Wstrict-prototypes"]
        sh(cc, standard, *STRICT, *own, *options, f"-I{folder}", source, *rest, *LIBRARIES, "-o", out)
        return out

    # ---- programs ----

    def test_same_words_as_the_library(self):
        folder = self.kernels()
        library = [self.build_dir / "libtilec.a", "-ldl"]
        include = [f"-I{ROOT / 'include'}"]
        sh(self.program("same.c", folder, folder / "gemm.o", *library, options=include), cwd=ROOT)

    def test_alone(self):
        folder = self.kernels()
        demand(
            sh(self.program("alone.c", folder, *self.objects(folder))).startswith("33"),
            "T.print goes to standard output",
        )

    def test_example_of_the_documentation(self):
        folder = self.kernels()
        sh(self.program("ship.c", folder, folder / "gemm.o"))

    def test_static(self):
        folder = self.kernels()
        sh(self.program("alone.c", folder, *self.objects(folder), options=["-static"]))

    def test_cpp(self):
        folder = self.kernels()
        sh(self.program("both.cpp", folder, folder / "gemm.o", folder / "scale.o", cc="g++"))

    def test_shared_pool(self):
        folder = self.kernels()
        program = self.program("share.c", folder, folder / "gemm.o", folder / "two_steps.o")
        sh(program, 3, env={"TILEC_JOBS": "3"})
        sh(program, 1, env={"TILEC_JOBS": "1"})

    def test_shared_pool_of_libraries(self):
        folder = self.kernels()
        program = self.program("load.c", folder, "-ldl")
        sh(program, folder / "gemm.so", folder / "two_steps.so", 3, env={"TILEC_JOBS": "3"})

    def test_other_version(self):
        """E0667: an object that shares threads by other rules."""
        folder = self.kernels()
        text = (folder / "two_steps.c").read_text()
        other, n = re.subn(r"TC_RT_SHARE_VERSION = 1\b", "TC_RT_SHARE_VERSION = 2", text)
        demand(n == 1, "the version of the rules is no longer 1: adapt this test")
        other = re.sub(r'\.made_by = "[^"]*"', '.made_by = "9.8.7"', other)
        (self.folder / "other.c").write_text(other)
        sh("gcc", "-c", "other.c", "-o", "other.o", cwd=self.folder)
        program = self.program("versions.c", folder, folder / "gemm.o", self.folder / "other.o")
        said = sh(program)
        demand("0 667 gemm was built by tilec " in said, said)
        demand("tilec 9.8.7, which uses version 2" in said and said.endswith("\n0 667\n"), said)

    # ---- machines ----

    def test_x86_levels(self):
        """Each level runs here if the processor has it, else says what it lacks (E0666)."""
        if os.uname().machine != "x86_64":
            raise Skipped("not an x86-64 machine")
        flags = (Path("/proc/cpuinfo").read_text().split("flags", 1)[1]).split("\n", 1)[0].split()
        for level, flag in (("v2", "sse4_2"), ("v3", "avx2"), ("v4", "avx512vl")):
            folder = self.kernels(f"--target=cpu:x86-64-{level}", name=level)
            program = self.program("alone.c", folder, *self.objects(folder))
            if flag in flags:
                sh(program)
            else:
                demand("this processor lacks" in sh(program, wanted=1), "E0666 was expected")

    def test_processor_without(self):
        """E0666 on a processor from 2008."""
        if not shutil.which("qemu-x86_64"):
            raise Skipped("no qemu-x86_64")
        qemu = ("qemu-x86_64", "-cpu", "Nehalem")
        folder = self.kernels("--target=cpu:x86-64-v2", name="v2")
        sh(*qemu, self.program("alone.c", folder, *self.objects(folder)))
        folder = self.kernels("--target=cpu:x86-64-v4", name="v4")
        said = sh(*qemu, self.program("alone.c", folder, *self.objects(folder)), wanted=1)
        demand("gemm was built for cpu:x86-64-v4, and this processor lacks avx512f" in said, said)
        demand("666" in said, said)

    def test_aarch64(self):
        cc = "aarch64-linux-gnu-gcc"
        native = os.uname().machine == "aarch64"
        if not native and not (shutil.which(cc) and shutil.which("qemu-aarch64")):
            raise Skipped(f"no {cc} or no qemu-aarch64")
        folder = self.kernels("--target=cpu:armv8-a", name="arm")
        program = self.program("alone.c", folder, *self.objects(folder), cc="cc" if native else cc)
        sh(*(() if native else ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")), program)

    def test_cross_without_compiler(self):
        other = "armv8-a" if os.uname().machine == "x86_64" else "x86-64-v3"
        path = {"PATH": "/nowhere"}
        said = self.build("gemm", self.folder / "x", f"--target=cpu:{other}", wanted=ERROR, env=path)
        demand("E0701" in said and "-linux-gnu-gcc" in said, said)

    # ---- the source ----

    def test_source_is_the_object(self):
        """The command in the first lines makes the same bytes."""
        folder = self.kernels()
        text = (folder / "gemm.c").read_text()
        command = re.search(r"\*\s+(cc -c -DTILEC_BUILD .*gemm\.c)\n", text)[1]
        copy = self.folder / "again"
        copy.mkdir()
        shutil.copy(folder / "gemm.c", copy)
        sh(*command.split(), cwd=copy)
        demand((copy / "gemm.o").read_bytes() == (folder / "gemm.o").read_bytes(), "other bytes")

    def test_source_without_flags(self):
        """gcc alone: slower code, the same results, no warnings."""
        folder, out = self.kernels(), self.folder / "plain"
        out.mkdir()
        for kernel in KERNELS:
            sh("gcc", "-Wall", "-Wextra", "-Werror", "-c", folder / f"{kernel}.c", cwd=out)
        sh(self.program("alone.c", folder, *self.objects(out)))
        library = [self.build_dir / "libtilec.a", "-ldl"]
        include = [f"-I{ROOT / 'include'}"]
        sh(self.program("same.c", folder, out / "gemm.o", *library, options=include), cwd=ROOT)

    def test_checked_libc(self):
        """Distributions' compilers define _FORTIFY_SOURCE, which puts functions of the C library
        inline; with optimisation alone it does nothing."""
        folder, copy = self.kernels(), self.folder / "fortified"
        copy.mkdir()
        for kernel in KERNELS:
            text = (folder / f"{kernel}.c").read_text()
            command = re.search(r"\*\s+(cc -c -DTILEC_BUILD .*\.c)\n", text)[1].split()
            shutil.copy(folder / f"{kernel}.c", copy)
            sh(*command[:-1], "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", command[-1], cwd=copy)
        sh(self.program("alone.c", folder, *self.objects(copy)))

    def test_clang(self):
        if not shutil.which("clang"):
            raise Skipped("no clang")
        folder = self.kernels("--cc=clang", name="clang")
        sh(self.program("alone.c", folder, *self.objects(folder)))
        said = sh("clang", "-fsyntax-only", folder / "gemm.c", wanted=1)
        demand("compile gemm.c with the flags its first lines name" in said, said)

    def test_other_machine_refuses_source(self):
        folder = self.kernels("--target=cpu:x86-64-v3", name="v3")
        said = sh("gcc", "-U__x86_64__", "-fsyntax-only", folder / "gemm.c", wanted=1)
        demand("gemm.c is for cpu:x86-64-v3" in said, said)

    # ---- the files ----

    def test_symbols(self):
        folder = self.kernels()
        wanted = {"gemm_call", "gemm_raw_call", "gemm_error", "gemm_register",
                  "__tvm_ffi_gemm", "tilec_aot_hub"}
        for options, file in ((["-g"], "gemm.o"), (["-D"], "gemm.so")):
            lines = sh("nm", *options, "--defined-only", folder / file).splitlines()
            found = {line.split()[-1] for line in lines}
            demand(found == wanted, f"{file} exports {sorted(found)}")

    def test_description(self):
        folder = self.kernels()
        d = json.loads((folder / "strided.json").read_text())
        x, y = d["parameters"]
        demand(d["schema_version"] == 1 and d["name"] == d["entry"] == "strided", d)
        demand(d["target"].startswith("cpu:") and len(d["source_sha256"]) == 64, d)
        demand(x["shape"] == ["N", "N"] and x["strides"] == ["S", 1] and x["read"], x)
        demand(y["shape"] == ["N * 2", "N"] and y["strides"] is None and y["written"], y)
        demand([n["name"] for n in d["dims"]] == ["N", "S"], d)
        d = json.loads((folder / "gemm.json").read_text())
        grid = d["kernels"][0]["grid"]
        dims = {"M": 100, "N": 33, "K": 5}
        demand([eval(g, {}, dims) for g in grid] == [2, 4], grid)
        demand(d["kernels"][0]["scratch_bytes"] > 0, d)
        d = json.loads((folder / "scale.json").read_text())
        kinds = [(p["kind"], p["dtype"]) for p in d["parameters"]]
        demand(kinds[2:] == [("scalar", t) for t in ("float16", "float32", "int32", "uint8")], kinds)
        demand("shift is too large" in d["asserts"][0], d["asserts"])
        d = json.loads((folder / "two_steps.json").read_text())
        demand(len(d["kernels"]) == 2 and d["workspaces"][0]["shape"] == ["N"], d)

    def test_name_and_output(self):
        out = self.folder / "a" / "b"
        said = self.build("gemm", out, "--name=product", "-D", "block=16", "--format=json")
        listed = json.loads(said)["files"]
        demand(sorted(listed) == sorted(f"{out}/product{s}" for s in SUFFIXES), said)
        demand(sorted(p.name for p in out.iterdir()) == sorted(f"product{s}" for s in SUFFIXES), said)
        demand(json.loads((out / "product.json").read_text())["defines"] == {"block": "16"}, said)
        self.build("gemm", out, "--name=product")  # over the files of the first
        demand(json.loads((out / "product.json").read_text())["defines"] == {}, "not replaced")

    def test_bad_names(self):
        """E0754"""
        for name in ("", "9lives", "a-b", "main", "class", "_x", "tilec_x", "x" * 101):
            said = self.build("gemm", self.folder / "names", f"--name={name}", wanted=USAGE)
            demand("E0754" in said, said)
        demand(not (self.folder / "names").exists(), "a directory was left behind")

    def unchanged(self, folder, build):
        """Nothing in the folder differs after a build that fails; returns what was said."""
        def state():
            return {p.name: p.read_bytes() if p.is_file() else None for p in folder.iterdir()}

        before = state()
        said = build()
        demand(state() == before, f"{folder} changed: {sorted(state())}")
        return said

    def test_foreign_files(self):
        """E0755: what no build has made is never replaced."""
        out = self.folder / "foreign"
        out.mkdir()
        (out / "gemm.c").write_text('/* mine */\n#include "tilec/tilec.h"\n')
        said = self.unchanged(out, lambda: self.build("gemm", out, wanted=ERROR))
        demand("E0755" in said and "gemm.c is in the way" in said, said)
        (out / "gemm.c").unlink()
        self.build("gemm", out)
        (out / "gemm.so").unlink()
        (out / "gemm.so").mkdir()
        said = self.unchanged(out, lambda: self.build("gemm", out, "-D", "block=16", wanted=ERROR))
        demand("E0755" in said and "gemm.so" in said, said)
        (out / "gemm.so").rmdir()
        (out / "gemm.so").symlink_to(out / "gemm.o")
        said = self.unchanged(out, lambda: self.build("gemm", out, "-D", "block=16", wanted=ERROR))
        demand("E0755" in said, said)

    def test_unwritable(self):
        """E0655"""
        file = self.folder / "file"
        file.write_text("")
        for out in (file, file / "below", "/proc/self/nothing", "/" + "x" * 300):
            said = self.build("gemm", out, wanted=ERROR)
            demand("E0655" in said and "cannot write" in said, said)

    def test_full_disk(self):
        out = self.folder / "small"
        out.mkdir()
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", out], capture_output=True
        )
        if mount.returncode:
            raise Skipped("a small file system cannot be mounted")
        try:
            said = self.unchanged(out, lambda: self.build("gemm", out, wanted=ERROR))
            demand("E0655" in said and "No space left" in said, said)
        finally:
            sh("umount", out)

    def test_refusals(self):
        out = self.folder / "none"
        for target in ("interp", "sim:cuda:sm_90a", "cuda:sm_1", "cpu:z80"):
            said = self.build("gemm", out, f"--target={target}", wanted=TARGET)
            demand(target.split(":")[-1] in said, said)
        demand("E0647" in self.build("refused", out, wanted=ERROR), "E0647 was expected")
        demand("E0701" in self.build("gemm", out, "--cc=/nowhere/cc", wanted=ERROR), "E0701")
        demand("E0702" in self.build("gemm", out, "--cc=cc -include /nowhere", wanted=ERROR), "E0702")
        said = self.build("nothing", out, wanted=ERROR)
        demand("nothing" in said and not out.exists(), said)

    # ---- examples ----

    def example(self, case, params):
        """Like a run of tests/run/run.py, in two steps."""
        seed = zlib.crc32(f"{case.file}:{case.entry} {params}".encode())
        inputs = case.inputs(params, np.random.default_rng(seed))
        if any(isinstance(a, (list, runs.Columns)) for a in inputs.values()):
            raise Skipped("tables of pointers and transposed arrays are for `tilec run`")
        values = {k: runs.values_of(v) for k, v in inputs.items()}
        wanted = case.reference(params, values)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        spelled = runs.Run(case, params, "cpu")
        command, outputs = runs.command_line(spelled, self.tilec, inputs, folder)
        given = [w for a in zip(command, command[1:]) if a[0] in ("--in", "-D") for w in a]
        source = ROOT / "examples" / case.file
        self.build(case.entry, folder, "--name=example", *given, source=source)
        ends = [w for a in zip(command, command[1:]) if a[0] in ("--in", "--out") for w in a]
        sh(sys.executable, HERE / "call.py", folder / "example.json", *ends)
        for name, dtype in case.outputs(params).items():
            problem = runs.mismatch(case, name, dtype, outputs[name][0], wanted[name], 0.0)
            demand(not problem, problem)


def guarded(test):
    name, function, arguments = test
    try:
        function(*arguments)
    except Skipped as reason:
        return name, "skip", str(reason)
    except Wrong as wrong:
        return name, "fail", str(wrong)
    except Exception as error:  # noqa: BLE001
        return name, "fail", f"{type(error).__name__} in the test itself: {error}"
    return name, "pass", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    parser.add_argument("-k", default="", metavar="TEXT", help="only tests whose name has TEXT")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="tests at the same time")
    parser.add_argument("--all", action="store_true", help="examples with all their parameters")
    parser.add_argument("-v", action="store_true", help="name what is skipped, and why")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tilec-aot-"))
    tests = Tests(str(Path(options.tilec).resolve()), folder)
    named = [(n[5:], getattr(tests, n), ()) for n in dir(tests) if n.startswith("test_")]
    for case in CASES:
        for params in case.params if options.all else case.params[-1:]:
            name = f"{case.file}:{case.entry} {params}"
            named.append((name, tests.example, (case, params)))
    named = [test for test in named if options.k in test[0]]
    if any(test[1] != tests.example for test in named):
        tests.kernels()  # before several tests ask for them at once
        tests.kernels("--target=cpu:x86-64-v2", name="v2")
        tests.kernels("--target=cpu:x86-64-v3", name="v3")
        tests.kernels("--target=cpu:x86-64-v4", name="v4")
    counts = {"pass": 0, "fail": 0, "skip": 0}
    with ThreadPoolExecutor(options.j) as pool:
        for name, end, text in pool.map(guarded, named):
            counts[end] += 1
            if end == "fail" or (end == "skip" and options.v):
                print(f"{end.upper()} {name}: {text}", flush=True)
    shutil.rmtree(folder)
    print("aot: {pass} passed, {fail} failed, {skip} skipped".format(**counts))
    return 1 if counts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
