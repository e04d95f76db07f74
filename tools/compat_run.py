#!/usr/bin/python3
"""Runs kernel files of a TileLang checkout, as they are, through `tilec.compat` on the CPU.

usage: compat_run.py CHECKOUT [--python python3] [--library build/libtilec_ffi.so]
                     [--write docs/compatibility.md] [--tiers t] [-k TEXT] [-v] [-j N] [--keep DIR]
                     [--table docs/compat.def]

CHECKOUT is as for compat.py, and so is the table; its RUN rows say with which arguments, or by which call, a file is run in little time. The Python needs torch, and the packages
that the files compare with. Every file is a process of its own with limits on time and memory. What
becomes of it:

  right     the checks of the file itself against its reference were made, and held
  wrong     one of them did not
  refused   a diagnostic or typed error of tilec, or of compatibility mode
  upstream  they did not, or were not made, for a reason that lies in the file: its UPSTREAM row
  needs     the file imports a package that is not there
  ran       to its end, but it compares nothing
  limit     more time or memory than the limits
  crash     anything else

--write replaces the table of runs in the page, and leaves the rest of it."""

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import re
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(Path(__file__).parent))
import compat  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
CHILD = ROOT / "tools" / "compat_child.py"
MEMORY_B = 10 << 30
KINDS = ["right", "wrong", "refused", "upstream", "needs", "ran", "limit", "crash"]
BEGIN, END = "<!-- runs: begin -->", "<!-- runs: end -->"


def limited():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_B, MEMORY_B))
    os.setsid()


def start(file, root, options, folder):
    """Runs a file; (seconds, report or None, what it printed)."""
    call, arguments = "", []
    if file.run and file.run[0].endswith((")", "]")):
        call = file.run[0]
    elif file.run:
        arguments = file.run[0].split()
    path = root / file.path
    report = Path(folder) / (file.path.replace("/", "_") + ".json")
    report.unlink(missing_ok=True)
    command = [options.python, str(CHILD), str(report), path.name, call, *arguments]
    paths = [str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ, PYTHONPATH=":".join(p for p in paths if p),
                       PYTILEC_LIBRARY=str(Path(options.library).resolve()),
                       OMP_NUM_THREADS="1", PYTHONUNBUFFERED="1",
                       TILELANG_AUTO_TUNING_DISABLE_CACHE="1")  # tuning compares, too
    began = time.monotonic()
    with open(str(report) + ".out", "w+", encoding="utf-8", errors="replace") as out:
        child = subprocess.Popen(command, cwd=path.parent, env=environment, stdout=out,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 preexec_fn=limited)
        try:
            child.wait(options.limit)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(child.pid, 9)  # and what it started
        except ProcessLookupError:
            pass
        child.wait()
        out.seek(0)
        text = out.read()
    found = json.loads(report.read_text()) if report.exists() else None
    return time.monotonic() - began, found, text, child.returncode


def verdict(file, found, text, code, seconds, options):
    """(kind, why)."""
    if found is None:
        if seconds >= options.limit:
            return "limit", f"more than {options.limit} s"
        return "crash", f"exit status {code}: {' '.join(text.split())[-160:]}"
    evidence = file.run[1] if file.run and len(file.run) > 1 else ""
    if found["differ"]:
        return "wrong", found["differ"][0]
    held = found["held"] > 0 or (evidence == "assert" and not found["error"])
    if evidence and evidence != "assert":
        held = re.search(evidence, text) is not None
        if not held and not found["error"]:
            return "wrong", "its output lacks: " + evidence
    if found["code"]:
        return "refused", f"{found['code']}: {found['text']}"
    if found["error"] == "ModuleNotFoundError":
        name = re.search(r"named '([^'.]+)", found["text"])
        after = "; its checks before held" if held else ""
        return ("right" if held else "needs"), f"package {name[1] if name else '?'}{after}"
    if found["error"] in ("AssertionError",):
        return "wrong", f"{found['text'] or 'assertion failed'} ({Path(found['where']).name})"
    if found["error"] == "InterpreterError":
        return "needs", f"Triton, whose interpreter says {found['text']}"
    if found["error"] in ("MemoryError", "DefaultCPUAllocator"):
        return "limit", "memory"
    if Path(found["where"].rpartition(":")[0]).parent == ROOT / "python" / "tilec":
        return "refused", f"{found['error']}: {found['text']}"
    if found["error"]:
        return "crash", f"{found['error']}: {found['text']}"
    return ("right", "") if held else ("ran", "compares nothing")


def run(file, root, options, folder):
    seconds, found, text, code = start(file, root, options, folder)
    file.kind, file.why = verdict(file, found, text, code, seconds, options)
    if file.upstream and file.kind in ("wrong", "crash"):
        file.kind, file.why = "upstream", file.upstream
    file.seconds = seconds
    print(f"{file.kind:8} {seconds:6.1f} s  {file.path}  {file.why[:150]}", flush=True)
    if options.verbose and file.kind != "right":
        print("    " + "\n    ".join(text.strip().splitlines()[-12:]), flush=True)


# ---- the page ----


def rows(commit, files):
    yield "## Runs of the unmodified files"
    yield ""
    yield f"Commit `{commit}`, folder `examples/`, each file as it is through"
    yield "`python -m tilec.compat --device cpu`, printed by `tools/compat_run.py CHECKOUT --write"
    yield "docs/compatibility.md`; rows `RUN` of [compat.def](compat.def) make the sizes small."
    yield ""
    yield "*right*: the file's own checks against its reference, computed by torch on the CPU (or by kernels of"
    yield "Triton in Triton's interpreter), were made and held; *wrong*: one did not; *refused*: a diagnostic, which"
    yield "is shown; *upstream*: the reason is in the file itself; *needs*: the reference is a package that has no"
    yield "form for CPUs; *ran*: to its end, but the file compares nothing; *limit*: too long here."
    yield ""
    yield "| tier | files | " + " | ".join(KINDS) + " |"
    yield "| --- | ---: | " + " | ".join("---:" for _ in KINDS) + " |"
    for tier in compat.TIERS:
        of = Counter(f.kind for f in files if f.tier == tier)
        if of:
            cells = [str(of[kind]) for kind in KINDS]
            yield f"| {tier} | {sum(of.values())} | {' | '.join(cells)} |"
    portable = [f for f in files if f.tier == "t"]
    right = sum(f.kind == "right" for f in portable)
    yield ""
    yield f"Portable files (tier t) right: {compat.share(right, len(portable))}."
    yield ""
    yield "| file | result | why |"
    yield "| --- | --- | --- |"
    for file in files:
        why = file.why.replace("|", "\\|")
        if file.note and file.kind not in ("right",):
            why += ("; " if why else "") + f"*{file.note}*"
        yield f"| {file.path} | {file.kind} | {why} |"


def write(path, begin, end, lines):
    """Puts the lines between the marks of a page, or at its end."""
    text = path.read_text(encoding="utf-8").rstrip("\n")
    block = "\n".join([begin, *lines, end])
    if begin in text:
        before, _, rest = text.partition(begin)
        text = before + block + rest.partition(end)[2]
    else:
        text += "\n\n" + block
    path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--library", default="build/libtilec_ffi.so")
    parser.add_argument("--write", metavar="FILE", type=Path)
    parser.add_argument("--tiers", default="".join(compat.TIERS))
    parser.add_argument("-k", metavar="TEXT", default="", help="only files whose path holds TEXT")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show what they printed")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="seconds for a file")
    parser.add_argument("--keep", metavar="DIR", help="where reports and output stay")
    parser.add_argument("--table", type=Path, default=compat.TABLE)
    options = parser.parse_args()
    commit, _, files = compat.read_table(options.table)
    files = [f for f in files if f.tier in options.tiers and options.k in f.path]
    root = compat.examples_of(options.checkout)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        Path(folder).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(options.j) as pool:
            list(pool.map(lambda f: run(f, root, options, folder), files))
    if options.write:
        write(options.write, BEGIN, END, rows(commit, files))
    print(dict(Counter(f.kind for f in files)))
    return 1 if any(f.kind in ("wrong", "crash") for f in files) else 0


if __name__ == "__main__":
    sys.exit(main())
