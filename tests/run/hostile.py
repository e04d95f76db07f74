#!/usr/bin/python3
"""Runs the command on bad input: sources, arguments, files, compilers and caches that are wrong.

Every run must end by itself with the expected exit code, say the expected diagnostic code, leave
neither an output nor a temporary file behind, and never crash."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
import os
from pathlib import Path
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

OK, ERROR, USAGE, CHECK, TARGET, BUDGET = 0, 1, 2, 3, 4, 5
TIME_LIMIT_S = 20
MEMORY_B = 8 << 30  # address space of a run: a wrong size must not take the machine down
STRANGER = 1234  # a user that is not the one who runs the tests

HEAD = "import tilec\nimport tilec.language as T\n"

ADD = (
    HEAD
    + """
@tilec.jit(out_idx=[-1])
def add(N, dtype=T.float32):
    @T.prim_func
    def main(A: T.Tensor((N,), dtype), B: T.Tensor((N,), dtype), C: T.Tensor((N,), dtype)):
        with T.Kernel(T.ceildiv(N, 32), threads=32) as bx:
            for i in T.Parallel(32):
                C[bx * 32 + i] = A[bx * 32 + i] + B[bx * 32 + i]

    return main
"""
)


def kernel(body, parameters="C: T.Tensor((N,), T.int32)", before="", block="1"):
    """A source with one kernel on a run-time N, whose body (and what stands before it) is given."""
    lines = "".join(f"            {line}\n" for line in body.splitlines())
    start = "".join(f"        {line}\n" for line in before.splitlines())
    return (
        HEAD
        + f"\n@tilec.jit\ndef k():\n    N = T.dynamic('N')\n\n    @T.prim_func\n"
        + f"    def main({parameters}):\n{start}"
        + f"        with T.Kernel({block}, threads=32) as bx:\n{lines}\n    return main\n"
    )


def npy(array, **more):
    """What numpy.save writes."""
    data = BytesIO()
    np.save(data, array, **more)
    return data.getvalue()


def npy_raw(header, data=b"", version=1):
    """A .npy file with any header text."""
    text = header.encode().ljust(118)[:65000] + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def npy_of_shape(shape, data=b""):
    return npy_raw(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}", data)


ONES = npy(np.ones(64, np.float32))
INTS = npy(np.zeros(64, np.int32))


def script(text):
    """A stand-in for the C compiler."""
    return ("#!/bin/sh\n" + text).encode()


# Answers --version as a compiler does, and then does what is asked for.
FAKE_VERSION = 'if [ "$1" = --version ]; then echo fake 1.0; exit 0; fi\n'


@dataclass
class Case:
    name: str
    exit: int
    code: str  # in standard error; "" for none
    args: list
    files: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    out: tuple = ()  # files that must be there afterwards, and no others
    says: str = ""  # a pattern that must match the output
    prepare: object = None  # called with the folder first
    after: object = None  # called with the folder last; returns what is wrong or None
    times: int = 1  # how often `says` must match, 0: any number of times
    full_stdout: bool = False  # standard output is a full disk
    ordinary: bool = False  # run as a user whom modes of files bind
    disk_b: int = 0  # no file may become larger, as on a full disk
    drive: object = None  # runs it in another way; returns what is wrong or None


CASES = []


def case(*args, **more):
    CASES.append(Case(*args, **more))


def right_sum(at):
    path = at / "c.npy"
    return "wrong result" if path.exists() and not (np.load(path) == 2).all() else None


def run_add(name, exit, code, *args, files=None, target="interp", inputs=("A", "B"), **more):
    """The sum of two arrays of 64 elements, right but for what the case changes."""
    words = ["run", "k.py:add", f"--target={target}", *args]
    if not any(word.startswith("N=") for word in args) and "no N" not in name:
        words += ["-D", "N=64"]
    for argument in inputs:
        words += ["--in", f"{argument}={argument}.npy"]
    if not any(word.startswith("C=") for word in args):
        words += ["--out", "C=c.npy"]
    more.setdefault("out", ("c.npy",) if exit == OK else ())
    if exit == OK:
        more.setdefault("after", right_sum)
    case(
        name,
        exit,
        code,
        words,
        {"k.py": ADD, "A.npy": ONES, "B.npy": ONES, **(files or {})},
        **more,
    )


def source(name, exit, code, text, *args, entry="", **more):
    case(name, exit, code, ["check", f"k.py{entry}", *args], {"k.py": text}, **more)


def sources():
    source("a line of 10 MB in a comment", OK, "", ADD + "#" + "x" * 10_000_000, "-D", "N=64")
    source("a sum of 10 MB", ERROR, "E0113", HEAD + "x = 1" + " + 1" * 2_500_000 + "\n")
    source("a text of 10 MB", ERROR, "E0233", HEAD + "x = '" + "y" * 10_000_000 + "'\n")
    source("a name of 10 MB", ERROR, "E0233", HEAD + "x" * 10_000_000 + " = 1\n")
    source(
        "a number of 1 MB",
        ERROR,
        "E0209",
        ADD.replace("threads=32", "threads=" + "9" * 1_000_000),
        "-D",
        "N=64",
    )
    source(
        "nested brackets", ERROR, "E0113", HEAD + "x = " + "(" * 10_000 + "1" + ")" * 10_000 + "\n"
    )
    source("open brackets", ERROR, "E0113", "[" * 10_000)
    source("nested not", ERROR, "E0113", HEAD + "x = " + "not " * 10_000 + "True\n")
    source("nested blocks", ERROR, "E0113", "".join(" " * i + "if 1:\n" for i in range(3000)))
    source(
        "recursion without end",
        ERROR,
        "E0215",
        HEAD
        + "def f(n):\n    return f(n + 1)\n\nx = f(0)\n"
        + ADD.replace("N, dtype", "N, x=x, dtype"),
        "-D",
        "N=64",
    )
    factory = ADD.replace(
        "    @T.prim_func", "    def f(n):\n        return f(n + 1)\n\n    f(0)\n\n    @T.prim_func"
    )
    source("recursion in the factory", ERROR, "E0215", factory, "-D", "N=64")
    endless = ADD.replace("    @T.prim_func", "    while True:\n        pass\n\n    @T.prim_func")
    source("a loop without end", BUDGET, "E0216", endless, "-D", "N=64")
    growing = ADD.replace(
        "    @T.prim_func", "    s = [1]\n    while True:\n        s = s + s\n\n    @T.prim_func"
    )
    source("a list that doubles", ERROR, "E0217", growing, "-D", "N=64")
    text = ADD.replace(
        "    @T.prim_func", "    s = 'x'\n    while True:\n        s = s + s\n\n    @T.prim_func"
    )
    source("a text that doubles", ERROR, "E0217", text, "-D", "N=64")
    number = ADD.replace(
        "    @T.prim_func", "    s = 3\n    while True:\n        s = s * s\n\n    @T.prim_func"
    )
    source("a number that grows", ERROR, "E0209", number, "-D", "N=64")
    source(
        "10^24 elements in a tile",
        ERROR,
        "E0438",
        kernel("t = T.alloc_shared((10**12, 10**12), T.int32)\nT.clear(t)"),
    )
    source(
        "10^12 iterations unrolled", OK, "", kernel("for i in T.unroll(10**12):\n    C[i % N] = 0")
    )
    source("binary", ERROR, "E0102", bytes(range(256)) * 64)
    source("a NUL", ERROR, "E0102", ADD.encode() + b"\0\0")
    source("empty", ERROR, "E0233", "")
    source("only comments", ERROR, "E0233", "# nothing\n# here\n")
    source("no such entry", ERROR, "E0233", ADD, entry=":sub")
    source("random bytes", ERROR, "E0101", np.random.default_rng(1).bytes(100_000))
    source(
        "imports itself",
        ERROR,
        "E0207",
        "import k\nx = k.x\n" + ADD.replace("(N, dtype", "(N, other=k.x, dtype"),
        "-D",
        "N=64",
    )
    case("no such file", ERROR, "E0656", ["check", "none.py"])
    case("a folder", ERROR, "E0656", ["check", "."])
    case("IR text that is none", ERROR, "E0801", ["check", "k.tir"], {"k.tir": "hello\n"})


def usage():
    case("no verb", USAGE, "", [])
    case("unknown verb", USAGE, "", ["compile", "k.py"], says="no verb 'compile'")
    case(
        "unknown option",
        USAGE,
        "",
        ["check", "k.py", "--fast"],
        {"k.py": ADD},
        says="no option --fast",
    )
    case("two files", USAGE, "", ["check", "k.py", "k.py"], {"k.py": ADD})
    case("no value", USAGE, "", ["run", "k.py", "--in"], {"k.py": ADD})
    case("a value that is none", USAGE, "", ["run", "k.py", "--dim", "N=-1"], {"k.py": ADD})
    case("an option's value", USAGE, "", ["check", "k.py", "--memory=lots"], {"k.py": ADD})
    case("a small memory limit", ERROR, "E0901", ["check", "k.py", "-D", "N=64", "--memory=128K"], {"k.py": ADD})
    case("1000 words", USAGE, "", ["check", *["k.py"] * 1000])
    case("unknown form", USAGE, "", ["emit", "k.py", "-D", "N=64", "--emit=ptx"], {"k.py": ADD})
    case(
        "unknown pass",
        USAGE,
        "E0812",
        ["emit", "k.py", "-D", "N=64", "--emit=tile", "-fno-such"],
        {"k.py": ADD},
    )
    case("unknown code", USAGE, "", ["explain", "E9999"])
    case("unknown cache verb", USAGE, "", ["cache", "eat"])
    run_add("twice the same -D", USAGE, "", "-D", "N=64", "-D", "N=64")
    run_add("unknown target", TARGET, "", target="tpu", says="target 'tpu' is not built in")
    run_add("unknown instruction set", TARGET, "", target="cpu:z80")
    run_add(
        "unknown variable",
        OK,
        "",
        env={"TILEC_TARGT": "cpu"},
        says="did you mean TILEC_TARGET",
        times=1,
    )
    run_add("a variable's value", USAGE, "", env={"TILEC_CACHE": "maybe"})


def arguments():
    run_add("no N is given", ERROR, "E0235")
    run_add("an unknown -D", ERROR, "E0236", "-D", "M=3", "-D", "N=64")
    run_add("-D of a wrong type", ERROR, "E0426", "-D", "N=sixty")
    run_add("-D that is code", ERROR, "E0426", "-D", "N=__import__('os').system('true')")
    run_add("-D that is negative", ERROR, "E0436", "-D", "N=-64")
    run_add("-D that is huge", ERROR, "E0209", "-D", "N=99999999999999999999999999")
    run_add(
        "--in of an unknown name", ERROR, "E0657", inputs=("A", "B", "D"), files={"D.npy": ONES}
    )
    run_add("--out of an unknown name", ERROR, "E0657", "--out", "D=d.npy")
    run_add("--in left out", ERROR, "E0657", inputs=("A",))
    run_add(
        "--check on a right kernel",
        OK,
        "",
        "--check",
        target="cpu",
        says="agrees with the interpreter",
    )
    run_add(
        "--check with a bound that cannot hold",
        OK,
        "",
        "--check",
        "--rtol",
        "0",
        "--atol",
        "0",
        target="cpu",
    )
    run_add("unknown --dim", ERROR, "E0657", "--dim", "K=3")

    verbs = {"build": ["-o", "out"], "emit": ["--emit=c"], "check": []}
    for verb, more in verbs.items():
        for name, files, code in (
            ("missing", {}, "E0656"),
            ("no array", {"A.npy": b"text"}, "E0650"),
            ("a pipe", None, "E0656"),
        ):
            case(
                f"{verb} with an --in that is {name}",
                ERROR,
                code,
                [verb, "k.py:add", "-D", "N=64", "--in", "B=2", "--in", "A=A.npy", *more],
                {"k.py": ADD, **(files or {})},
                prepare=None if files is not None else lambda at: os.mkfifo(at / "A.npy"),
            )
    run_add("no N is given, nor a file that has it", ERROR, "E0656", files={"A.npy": None})

    def bad_file(name, code, data):
        run_add(name, ERROR, code, files={"B.npy": data})

    bad_file("an array that is cut off", "E0653", ONES[:-4])
    bad_file("an array without its elements", "E0653", ONES[:128])
    bad_file("a header that is cut off", "E0650", ONES[:64])
    bad_file("a magic number alone", "E0650", ONES[:6])
    bad_file("an empty array file", "E0650", b"")
    bad_file("text instead of an array", "E0650", b"1, 2, 3\n" * 100)
    bad_file("an unknown version of .npy", "E0650", npy_raw("{}", version=9))
    bad_file("a header that is no dictionary", "E0650", npy_raw("[1, 2]"))
    bad_file("17 dimensions", "E0650", npy_of_shape("(" + "1, " * 17 + ")", b"1234"))
    bad_file("a negative extent", "E0650", npy_of_shape("(-1,)"))
    bad_file("a header of 4 GB", "E0650", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
    bad_file("an extent of 10^30", "E0650", npy_of_shape("(1000000000000000000000000000000,)"))
    bad_file("2^122 elements", "E0654", npy_of_shape("(2305843009213693951, 2305843009213693951)"))
    bad_file("2^60 elements", "E0653", npy_of_shape("(1152921504606846976,)"))
    bad_file("objects", "E0651", npy(np.array([None, {}]), allow_pickle=True))
    bad_file("records", "E0651", npy(np.zeros(64, [("x", np.float32)])))
    bad_file("complex numbers", "E0651", npy(np.zeros(64, np.complex64)))
    bad_file("big-endian numbers", "E0651", npy(np.ones(64, ">f4")))
    bad_file("a wrong dtype", "E0632", npy(np.ones(64, np.float64)))
    bad_file("a wrong shape", "E0634", npy(np.ones(63, np.float32)))
    bad_file("a wrong rank", "E0633", npy(np.ones((64, 1), np.float32)))
    bad_file("no dimension", "E0633", npy(np.float32(1)))
    for target in "interp", "cpu":
        run_add(
            f"a wrong dtype on {target}",
            ERROR,
            "E0632",
            files={"B.npy": npy(np.ones(64, np.int32))},
            target=target,
        )
    run_add("no such array file", ERROR, "E0656", files={"B.npy": Path("nothing")})
    run_add("a folder as an array", ERROR, "E0656", files={"B.npy": None})
    run_add("a device as an array", ERROR, "E0656", files={"B.npy": Path("/dev/zero")})
    run_add(
        "a pipe as an array",
        ERROR,
        "E0656",
        prepare=lambda at: (os.unlink(at / "B.npy"), os.mkfifo(at / "B.npy")),
    )
    square = ADD.replace("(N,)", "(N, N)").replace("[bx * 32 + i]", "[0, bx * 32 + i]")
    run_add(
        "Fortran order",
        ERROR,
        "E0652",
        files={
            "k.py": square,
            "A.npy": npy(np.ones((64, 64), np.float32)),
            "B.npy": npy(np.asfortranarray(np.ones((64, 64), np.float32))),
        },
    )


def outputs():
    run_add("--out into a folder that is not there", ERROR, "E0655", "--out", "C=none/c.npy")
    run_add(
        "--out into a folder that may not be written",
        ERROR,
        "E0655",
        "--out",
        "C=shut/c.npy",
        prepare=lambda at: (at / "shut").mkdir(mode=0o500),
        ordinary=True,
    )
    run_add("--out onto a folder", ERROR, "E0655", "--out", "C=folder", files={"folder": None})
    run_add(
        "--out onto a pipe",
        ERROR,
        "E0655",
        "--out",
        "C=pipe",
        prepare=make_pipe,
        after=still_a_pipe,
    )
    run_add("--out with an empty name", ERROR, "E0655", "--out", "C=")
    run_add("--out with a long name", ERROR, "E0655", "--out", "C=" + "c" * 300)
    run_add("--out onto itself", OK, "", "--out", "C=A.npy", out=("A.npy",))
    emit = ["emit", "k.py:add", "-D", "N=64", "--emit=c"]
    case(
        "emit onto a pipe",
        ERROR,
        "E0655",
        [*emit, "-o", "pipe"],
        {"k.py": ADD},
        prepare=make_pipe,
        after=still_a_pipe,
    )
    case("emit to a full disk", ERROR, "E0655", emit, {"k.py": ADD}, full_stdout=True)
    case("emit onto a folder", ERROR, "E0655", [*emit, "-o", "."], {"k.py": ADD})
    run_add(
        "--out to a full disk",
        ERROR,
        "E0655",
        "-D",
        "N=1048576",
        disk_b=1 << 20,
        files={
            "A.npy": npy(np.ones(1 << 20, np.float32)),
            "B.npy": npy(np.ones(1 << 20, np.float32)),
        },
    )


def make_pipe(at):
    os.mkfifo(at / "pipe")


def still_a_pipe(at):
    return None if (at / "pipe").is_fifo() else "the pipe was replaced by a file"


def compilers():
    def cc(name, exit, code, text, cache="rw", check=False, **more):
        files = {"cc": script(text)} if text is not None else {}
        env = {"TILEC_CC": "{here}/cc", "TILEC_CC_TIMEOUT": "2", "TILEC_CACHE": cache}
        args = ["--check"] if check else []
        run_add(name, exit, code, *args, target="cpu", files=files, env=env, **more)

    cc("a compiler that is not there", ERROR, "E0701", None)
    cc("a compiler without --version", ERROR, "E0701", "exit 1\n")
    cc("a compiler that fails", ERROR, "E0702", FAKE_VERSION + "echo no >&2; exit 3\n", says="no")
    cc(
        "a compiler that says much",
        ERROR,
        "E0702",
        FAKE_VERSION + "yes | head -c 10000000; exit 1\n",
    )
    cc(
        "a compiler that says bytes",
        ERROR,
        "E0702",
        FAKE_VERSION + "head -c 100000 /dev/urandom >&2; exit 1\n",
    )
    cc("a compiler that hangs", ERROR, "E0703", FAKE_VERSION + "sleep 1000 & sleep 1000\n")
    cc("a compiler that crashes", ERROR, "E0704", FAKE_VERSION + "kill -SEGV $$\n")
    cc("a compiler that makes nothing", ERROR, "E0705", FAKE_VERSION + "exit 0\n")
    make = 'while [ "$1" != -o ]; do shift; done\n'
    cc(
        "a compiler that makes garbage",
        ERROR,
        "E0649",
        FAKE_VERSION + make + 'echo garbage >"$2"\n',
    )
    cc("a compiler that makes an empty file", ERROR, "E0705", FAKE_VERSION + make + ': >"$2"\n')
    cc("a compiler that makes a folder", ERROR, "E0705", FAKE_VERSION + make + 'mkdir "$2"\n')
    cc(
        "a compiler that makes too little",
        ERROR,
        "E0649",
        FAKE_VERSION + make + 'echo "int x;" | cc -shared -x c -o "$2" -\n',
    )
    # A compiler that adds wrongly, which --check finds.
    wrong = (
        FAKE_VERSION
        + 'for in; do case "$in" in *kernel.c) sed -E -i "s/= (v[0-9]+) \\+ (v[0-9]+);/= \\1 - \\2;/" "$in";; esac; done\n'
    )
    cc("a compiler that computes wrongly", CHECK, "E0658", wrong + 'exec cc "$@"\n', check=True)
    run_add(
        "no compiler on PATH",
        OK,
        "",
        target="cpu",
        env={"PATH": "/nowhere"},
        says="no C compiler was found",
        times=1,
    )
    run_add("no temporary folder", ERROR, "E0705", target="cpu", env={"TMPDIR": "/nowhere"})
    gone = FAKE_VERSION + make + 'echo garbage >"$2"\nmv "${TMPDIR%/*}" "${TMPDIR%/*}.gone"\n'
    cc("a temporary folder that vanishes", ERROR, "E0753", gone, cache="off")


def caches():
    def cache(name, exit, code, prepare, *args, **more):
        env = {"TILEC_CACHE_DIR": "{here}/kept"}
        run_add(name, exit, code, *args, target="cpu", env=env, prepare=prepare, **more)

    def open_to_all(at):
        (at / "kept").mkdir()
        (at / "kept").chmod(0o777)

    def a_file(at):
        (at / "kept").write_text("no folder")

    def foreign(at):
        (at / "kept").mkdir()
        os.chown(at / "kept", STRANGER, STRANGER)

    def closed(at):
        (at / "kept").mkdir(mode=0o500)

    cache("a cache that may not be written", OK, "E0751", closed, ordinary=True)
    cache("a cache open to all", OK, "E0750", open_to_all, out=("c.npy",))
    cache("a cache that is a file", OK, "E0751", a_file)
    if os.geteuid() == 0:
        cache("a cache of someone else", OK, "E0750", foreign)
    run_add(
        "a cache where none can be",
        OK,
        "E0751",
        target="cpu",
        env={"TILEC_CACHE_DIR": "/proc/none"},
    )
    case(
        "a damaged cache",
        CHECK,
        "E0752",
        ["cache", "verify"],
        {"k.py": ADD},
        env={"TILEC_CACHE_DIR": "{here}/kept"},
        prepare=damaged,
    )


def damaged(at):
    entry = at / "kept/v1/ab" / ("ab" + "0" * 62)
    entry.mkdir(parents=True)
    for folder in (at / "kept", at / "kept/v1", at / "kept/v1/ab", entry):
        folder.chmod(0o700)
    for name in ("key", "meta", "kernel.so"):
        (entry / name).write_text("not what it was")


def launches():
    give = ["--in", "C=C.npy", "--out", "C=c.npy"]

    def launch(name, exit, codes, text, *args, files=None, **more):
        """`codes`: one for each target."""
        for target, code in codes.items():
            words = ["run", "k.py:k", f"--target={target}", *give, *args]
            given = {"k.py": text, "C.npy": INTS, **(files or {})}
            case(f"{name} on {target}", exit, code, words, given, **more)

    w = "w[bx, 0] = 1\nC[bx] = w[bx, 0]"
    workspace = kernel(
        w,
        "C: T.Tensor((64,), T.int32), D: T.Tensor((N,), T.int8)",
        before="w = T.alloc_global((N, N), T.int32)",
    )
    wide = {"D.npy": npy(np.zeros(5931642, np.int8))}  # 2^45 elements in w
    launch(
        "a workspace of 2^45 elements",
        ERROR,
        {"cpu": "E0645"},
        workspace,
        "--in",
        "D=D.npy",
        files=wide,
    )
    launch(
        "a workspace of 2^45 elements",
        BUDGET,
        {"interp": "E0611"},
        workspace,
        "--in",
        "D=D.npy",
        files=wide,
    )
    tile = "t = T.alloc_shared((10**6, 10**6), T.int32)\nT.clear(t)\nC[bx] = t[0, 0]"
    launch("10^12 elements in a tile", ERROR, {"interp": "E0612", "cpu": "E0645"}, kernel(tile))

    grid = {"interp": "E0604", "cpu": "E0642"}
    launch("no blocks", ERROR, grid, kernel("C[bx] = 1", block="N - 64"))
    launch("minus one block", ERROR, grid, kernel("C[bx] = 1", block="N - 65"))
    device = kernel("T.device_assert(C[bx] == 1, 'not one')\nC[bx] = 2")
    launch(
        "a device_assert that fails",
        ERROR,
        {"interp": "E0609", "cpu": "E0644"},
        device,
        says="not one",
    )
    host = kernel("C[bx] = 1", before="assert N < 64, 'too many'")
    launch(
        "a host assert that fails",
        ERROR,
        {"interp": "E0609", "cpu": "E0641"},
        host,
        says="too many",
    )
    assume = kernel("C[bx] = 1", before="T.assume(N < 64)")
    launch("an assumption that fails", ERROR, {"interp": "E0610", "cpu": "E0641"}, assume)

    # Native code neither looks for a division by zero nor may it crash.
    zero = kernel("C[bx] = 1 // C[bx]")
    launch("a division by zero", CHECK, {"interp": "E0608"}, zero)
    launch("a division by zero", OK, {"cpu": ""}, zero, out=("c.npy",))
    endless = "x = T.alloc_var(T.int32)\nx = 1\nwhile x > 0:\n    x = 1\nC[bx] = x"
    launch(
        "a loop without end",
        BUDGET,
        {"interp": "E0611"},
        kernel(endless),
        env={"TILEC_STEPS": "100000"},
    )


# ---- several processes ----


def killed_while_compiling(case, here, env, tilec):
    """The run after one that was killed is right; it waits neither for a lock nor for files."""
    slow = {**env, "TILEC_CC": str(here / "cc")}
    for wait_s in 0.05, 0.2, 0.5:
        process = subprocess.Popen(
            [tilec, *case.args],
            cwd=here,
            env=slow,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(wait_s)
        process.kill()
        process.wait()
    start = time.monotonic()
    problem = whole_run(case, here, env, tilec)
    took_s = time.monotonic() - start
    return problem or (f"waited {took_s:.1f} s" if took_s > 10 else None)


def many_at_once(case, here, env, tilec):
    """All are right, and the cache is sound and holds one entry."""
    args = [[f"C=c{i}.npy" if a == "C=c.npy" else a for a in case.args] for i in range(16)]
    running = [
        subprocess.Popen([tilec, *a], cwd=here, env=env, stderr=subprocess.PIPE) for a in args
    ]
    for i, process in enumerate(running):
        _, err = process.communicate(timeout=TIME_LIMIT_S)
        if process.returncode or err:
            return f"process {i}: exit {process.returncode}: {err.decode()[:200]}"
        if not (np.load(here / f"c{i}.npy") == 2).all():
            return f"process {i}: wrong result"
    listed = subprocess.run(
        [tilec, "cache", "ls"], cwd=here, env=env, capture_output=True, text=True
    )
    verified = subprocess.run([tilec, "cache", "verify"], cwd=here, env=env, capture_output=True)
    if verified.returncode:
        return f"the cache is damaged: {verified.stderr.decode()}"
    if listed.stdout.count("cpu:") != 1:
        return f"expected one entry in the cache: {listed.stdout}"
    return None


def whole_run(case, here, env, tilec):
    process = subprocess.run(
        [tilec, *case.args], cwd=here, env=env, stderr=subprocess.PIPE, timeout=TIME_LIMIT_S
    )
    if process.returncode:
        return f"exit {process.returncode}: {process.stderr.decode()[:200]}"
    return None if (np.load(here / "c.npy") == 2).all() else "wrong result"


def processes():
    cc = script(FAKE_VERSION + 'sleep 0.3\nexec cc "$@"\n')
    run_add(
        "killed while compiling",
        OK,
        "",
        target="cpu",
        files={"cc": cc},
        drive=killed_while_compiling,
    )
    run_add("16 processes at once", OK, "", target="cpu", drive=many_at_once)


# ---- running ----


def prepare(case, base):
    here = base / "work"
    for folder in (here, base / "tmp", base / "cache"):
        folder.mkdir(mode=0o700)
    for name, data in case.files.items():
        path = here / name
        if data is None:
            path.mkdir()
        elif isinstance(data, Path):
            path.symlink_to(data)
        else:
            path.write_bytes(data.encode() if isinstance(data, str) else data)
            path.chmod(0o755 if data[:2] == b"#!" else 0o644)
    if case.prepare:
        case.prepare(here)
    if case.ordinary and os.geteuid() == 0:
        for path in (base, *base.rglob("*")):
            os.chown(path, STRANGER, STRANGER)
    env = {k: v for k, v in os.environ.items() if not k.startswith("TILEC_")}
    env.update(
        TMPDIR=str(base / "tmp"), XDG_CACHE_HOME=str(base / "cache"), LC_ALL="C", NO_COLOR="1"
    )
    env.update({k: v.replace("{here}", str(here)) for k, v in case.env.items()})
    return here, env


def who(case):
    as_stranger = case.ordinary and os.geteuid() == 0
    return {"user": STRANGER, "group": STRANGER, "extra_groups": []} if as_stranger else {}


def may_run(case, tilec):
    """False when the other user cannot reach the program at all, as in a home directory."""
    try:
        return (
            subprocess.run([tilec, "version"], cwd="/", capture_output=True, **who(case)).returncode
            == 0
        )
    except PermissionError:
        return False


def limits(case):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
    if case.disk_b:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.disk_b, case.disk_b))


def left_over(case, here, before):
    """What the run left behind and should not have."""
    base = here.parent
    now = {p.name for p in here.iterdir()}
    for name in sorted(now - before - set(case.out)):
        return f"left {name}"
    for name in case.out:
        if name not in now:
            return f"wrote no {name}"
    for folder in (base / "tmp", base / "cache/tilec/v1/tmp", here / "kept/v1/tmp"):
        if folder.is_dir() and any(folder.iterdir()):
            return f"left {next(folder.iterdir()).name} in {folder.relative_to(base)}"
    return None


def judge(case, process, said):
    first = next((line for line in said.splitlines() if "error" in line), said[:200])[:200]
    if process.returncode < 0:
        return f"crashed with signal {-process.returncode}"
    if process.returncode != case.exit:
        return f"exit {process.returncode}, expected {case.exit}: {first}"
    codes = re.findall(r"\[(E\d{4})\]", said)
    if not any(code.startswith(case.code) for code in codes) if case.code else codes:
        return f"said {codes or 'no code'}, expected {case.code or 'none'}: {first}"
    n = len(re.findall(case.says, said))
    if case.says and (n == 0 or (case.exit == OK and n != case.times)):
        return f"says '{case.says}' {n} times: {first}"
    return None


def execute(case, tilec):
    base = Path(tempfile.mkdtemp(prefix="tilec-hostile-"))
    try:
        here, env = prepare(case, base)
        before = {p.name for p in here.iterdir()} | {"kept"}
        if case.drive:
            return case.drive(case, here, env, tilec)
        full = os.open("/dev/full", os.O_WRONLY) if case.full_stdout else None
        process = subprocess.Popen(
            [tilec, *case.args],
            cwd=here,
            env=env,
            stdout=subprocess.PIPE if full is None else full,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: limits(case),
            **who(case),
        )
        if full is not None:
            os.close(full)
        try:
            out, err = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"no end after {TIME_LIMIT_S} s"
        said = (err + (out or b"")).decode("utf-8", "replace")
        return (
            judge(case, process, said)
            or left_over(case, here, before)
            or (case.after and case.after(here))
        )
    finally:
        shutil.rmtree(base, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tilec", default="build/tilec")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--match", default="", help="only cases whose name matches")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    tilec = str(Path(options.tilec).resolve())
    for group in (sources, usage, arguments, outputs, compilers, caches, launches, processes):
        group()
    cases = [case for case in CASES if re.search(options.match, case.name)]
    cases = [case for case in cases if not case.ordinary or may_run(case, tilec)]

    def timed(case):
        start = time.monotonic()
        return execute(case, tilec), time.monotonic() - start

    n_failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for case, (problem, took_s) in zip(cases, pool.map(timed, cases)):
            if problem:
                n_failed += 1
                print(f"FAIL {case.name}: {problem}", flush=True)
            if took_s > 3:
                print(f"slow {case.name}: {took_s:.1f} s")
    print(f"hostile: {len(cases) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
