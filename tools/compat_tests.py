#!/usr/bin/python3
"""Counts what becomes of a TileLang checkout's own tests through `tilec.compat` on the CPU.

usage: compat_tests.py CHECKOUT [--python python3] [--library build/libtilec_ffi.so] [-k TEXT]
                       [-j N] [--limit S] [--write docs/compatibility.md]

Each file below CHECKOUT/testing/python is run by pytest in a process of its own. A test that ends in
a diagnostic of tilec, or of compatibility mode, is *refused*; one that compares numbers and finds
others *differs*, one that finds another text or exception *failed*; one that is for another machine
is *skipped*; a file that passes its limit of time is one *limit*."""

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, str(Path(__file__).parent))
import compat_run  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
KINDS = ["passed", "differs", "refused", "failed", "skipped", "limit"]
DIFFERS = re.compile(r"Mismatched elements|elements differ|not close|allclose|torch\.equal|array_equal")
BEGIN, END = "<!-- tests: begin -->", "<!-- tests: end -->"


def run(path, options, folder):
    report = Path(folder) / (str(path).replace("/", "_") + ".xml")
    report.unlink(missing_ok=True)
    command = [options.python, "-m", "tilec.compat", "--device", "cpu", "-m", "pytest", "-q",
               "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}", path.name]
    paths = [str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ, PYTHONPATH=":".join(p for p in paths if p), OMP_NUM_THREADS="1",
                       PYTILEC_LIBRARY=str(Path(options.library).resolve()))
    child = subprocess.Popen(command, cwd=path.parent, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=compat_run.limited)
    try:
        child.wait(options.limit)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(child.pid, 9)
    except ProcessLookupError:
        pass
    child.wait()
    return outcomes(report)


def outcomes(report):
    """[(kind, test, text)] of a file."""
    if not report.exists():
        return [("limit", "", "")]
    found = []
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        bad = [e for e in case if e.tag in ("failure", "error")]
        skipped = any(e.tag == "skipped" for e in case)
        text = bad[0].get("message", "") + (bad[0].text or "") if bad else ""
        kind = "skipped" if skipped else "passed"
        if bad:
            kind = "refused" if re.search(r"error\[E\d+\]", text) else "failed"
            kind = "differs" if DIFFERS.search(text) and kind == "failed" else kind
        found.append((kind, case.get("name"), " ".join(text.split())[:300]))
    return found


def rows(table):
    total = Counter(kind for found in table.values() for kind, _, _ in found)
    yield "## TileLang's own tests"
    yield ""
    yield f"{len(table)} files below `testing/python` of the same commit, by pytest through"
    yield "`python -m tilec.compat --device cpu`; printed by `tools/compat_tests.py CHECKOUT --write`. Most of them"
    yield "are about parts of TileLang that are not kernels (its passes, caches, other back ends), or look at the"
    yield "text that it emits. *differs*: a test compared numbers and found others; *refused*: it ended in a"
    yield "diagnostic; *failed*: it found another text, name or exception; *limit*: a file took too long."
    yield ""
    yield "| folder | " + " | ".join(KINDS) + " |"
    yield "| --- | " + " | ".join("---:" for _ in KINDS) + " |"
    for folder in sorted({path.parts[0] for path in table}):
        of = Counter(k for p, found in table.items() if p.parts[0] == folder for k, _, _ in found)
        yield f"| {folder} | " + " | ".join(str(of[kind]) for kind in KINDS) + " |"
    yield "| all | " + " | ".join(str(total[kind]) for kind in KINDS) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--library", default="build/libtilec_ffi.so")
    parser.add_argument("--write", metavar="FILE", type=Path)
    parser.add_argument("-k", metavar="TEXT", default="", help="only files whose path holds TEXT")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show what does not pass")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="seconds for a file")
    options = parser.parse_args()
    root = options.checkout / "testing" / "python"
    files = sorted(p for p in root.rglob("test_*.py") if options.k in str(p.relative_to(root)))
    table = {}

    def one(path):
        found = table[path.relative_to(root)] = run(path, options, folder)
        print(path.relative_to(root), dict(Counter(kind for kind, _, _ in found)), flush=True)
        for kind, name, text in found if options.verbose else ():
            if kind in ("failed", "refused", "differs"):
                print(f"    {kind} {name}: {text[-200:]}", flush=True)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.j) as pool:
        list(pool.map(one, files))
    if options.write:
        compat_run.write(options.write, BEGIN, END, rows(table))
    print(dict(Counter(kind for found in table.values() for kind, _, _ in found)))


if __name__ == "__main__":
    sys.exit(main())
