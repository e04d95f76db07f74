#!/usr/bin/python3
"""Runs the golden files: what the command prints must be what the file beside the source holds.

usage: golden.py [--tilec build/tilec] [--bless] [-k TEXT] [-v]

  tests/lang/**/x.py              x.ast   tilec emit --emit=ast x.py
                                  x.tir   tilec emit --emit=ir x.py
                                  x.err   the error output of tilec check x.py, which must fail
  tests/pass/text/x.tir           itself  tilec opt x.tir
  tests/pass/PASS/x.tir           x.out.tir  tilec opt --run PASS x.tir
                                  x.err   its error output, when it must fail
                                  x.structure  how often patterns occur in its output
  tests/emit/TARGET/x.py, x.tir   x.c     tilec emit --emit=c --target TARGET x
                                  x.structure  how often patterns occur in that text
  tests/emit/cuda/x.py, x.tir     the same with x.cu and --emit=cuda; the source's first line names
                the target

The command runs in the folder of the source, so that messages hold bare names. The first line of
a source may hold more options, `# tilec: -D M=4` (`// tilec: ...` in .tir); the one
word `helper` there marks a file that others import. A line of x.structure is a number, a blank
and a regular expression; lines that begin with # are comments. A source without any golden file
fails, as does a golden file without a source. --bless writes the files from what is printed now;
a source without one gets x.err when the command fails, else the main one of its folder."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import difflib
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys

TIMEOUT_S = 60
UTF_8 = {"encoding": "utf-8", "errors": "surrogateescape"}  # some tests are about other bytes
OPTIONS = re.compile(r"\s*(?:#|//)\s*tilec:(.*)")
FAILED = (1, 3, 5)  # exit statuses of a user's error: 3: what the check found, 5: a budget


@dataclass
class Case:
    source: Path
    golden: Path
    command: list
    stderr: bool = False  # the golden file is the error output of a failure
    counts: bool = False  # the golden file is a table of patterns


# ---- finding cases ----


def options_of(source):
    with open(source, **UTF_8) as file:
        match = OPTIONS.match(file.readline())
    return shlex.split(match[1]) if match else []


def kinds_of(source):
    """[(golden path, verb and options, error output?, counts?)] that a source may have."""
    folder = source.parts[1]
    beside = source.with_suffix
    if folder == "lang":
        return [
            (beside(".tir"), ["emit", "--emit=ir"], False, False),
            (beside(".ast"), ["emit", "--emit=ast"], False, False),
            (beside(".err"), ["check"], True, False),
        ]
    if folder == "pass" and source.parts[2] == "text":
        return [(source, ["opt"], False, False)]
    if folder == "pass":
        run = ["opt", "--run", source.parts[2]]
        return [
            (beside(".out.tir"), run, False, False),
            (beside(".err"), run, True, False),
            (beside(".structure"), run, False, True),
        ]
    cuda = source.parts[2] == "cuda"
    emit = ["emit", "--emit=cuda"] if cuda else ["emit", "--emit=c", "--target", source.parts[2]]
    return [
        (beside(".cu" if cuda else ".c"), emit, False, False),
        (beside(".structure"), emit, False, True),
    ]


def is_source(path):
    folder = path.parts[1]
    if folder == "lang":
        return path.suffix == ".py"
    if folder == "pass":
        return path.suffix == ".tir" and not path.name.endswith(".out.tir")
    return path.suffix in (".py", ".tir")


def is_golden(path):
    suffixes = {"lang": (".ast", ".tir", ".err"), "pass": (".out.tir", ".err", ".structure"),
                "emit": (".c", ".cu", ".structure")}
    return path.name.endswith(suffixes[path.parts[1]]) and not is_source(path)


def find_cases(tilec, bless, match):
    """Returns (cases, problems)."""
    files = []
    for folder in ("lang", "pass", "emit"):
        root = Path("tests", folder)
        depth = 3 if folder == "lang" else 4
        files += [f for f in sorted(root.rglob("*")) if f.is_file() and len(f.parts) >= depth]
    cases, problems, known = [], [], set()
    for source in filter(is_source, files):
        options = options_of(source)
        if options == ["helper"]:
            continue
        kinds = kinds_of(source)
        known.update(golden for golden, *_ in kinds)
        if match not in str(source):
            continue
        present = [kind for kind in kinds if kind[0].exists()]
        if not present and bless:
            present = [choose(tilec, source, options, kinds)]
        if not present:
            wanted = ", ".join(golden.name for golden, *_ in kinds)
            problems.append(f"FAIL {source}: has no golden file ({wanted})")
        for golden, verb, stderr, counts in present:
            command = [tilec, *verb, *options, source.name]
            cases.append(Case(source, golden, command, stderr, counts))
    for path in filter(is_golden, files):
        if path not in known and match in str(path):
            problems.append(f"FAIL {path}: has no source")
    return cases, problems


def choose(tilec, source, options, kinds):
    """The golden file that a new source gets."""
    for kind in kinds:
        failing = run([tilec, *kind[1], *options, source.name], source.parent).returncode in FAILED
        if kind[2] and failing:
            return kind
    return kinds[0]


# ---- running ----


def run(command, folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TILEC_")}
    environment["TILEC_CACHE"] = "off"
    environment["LC_ALL"] = "C.UTF-8"
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S,
            env=environment, cwd=folder,
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 124, late.stdout or b"", b"too slow\n")


def without_comments(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("//"))


def count_patterns(table, text):
    """The table with the counts that hold for `text`."""
    lines = []
    for line in table.splitlines():
        if not line.strip() or line.startswith("#"):
            lines.append(line)
            continue
        pattern = line.split(None, 1)[1] if " " in line else ""
        if pattern:
            line = f"{len(re.findall(pattern, text, re.M))} {pattern}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def actual(case, done):
    """(text that the golden file should hold, None) or (None, what is wrong)."""
    output = done.stdout.decode(**UTF_8)
    errors = done.stderr.decode(**UTF_8)
    if case.stderr:
        # Warnings alone leave the program well.
        warned = done.returncode == 0 and ": warning[" in errors and ": error[" not in errors
        if done.returncode not in FAILED and not warned:
            return None, f"exit status {done.returncode}, expected an error"
        return errors, None
    if done.returncode != 0:
        first = errors.strip().splitlines()[:1] or ["(nothing said)"]
        return None, f"exit status {done.returncode}: {first[0]}"
    if case.counts:
        table = case.golden.read_text(**UTF_8) if case.golden.exists() else ""
        return count_patterns(table, output), None
    return output, None


def expected(case):
    text = case.golden.read_text(**UTF_8)
    return without_comments(text) if case.golden == case.source else text


def bless(case, text):
    """True when the file changed."""
    if case.golden.exists() and expected(case) == text:
        return False
    if case.golden == case.source:
        old = case.golden.read_text(**UTF_8)
        text = "".join(l for l in old.splitlines(True) if l.startswith("//")) + text
    case.golden.write_text(text, **UTF_8)
    return True


def first_difference(saw, wanted):
    a, b = saw.splitlines(), wanted.splitlines()
    for i, (x, y) in enumerate(zip(a, b), 1):
        if x != y:
            return f"line {i}: saw {x.strip()!r}, expected {y.strip()!r}"
    if len(a) > len(b):
        return f"line {len(b) + 1}: saw {a[len(b)].strip()!r}, expected the end"
    if len(b) > len(a):
        return f"line {len(a) + 1}: saw the end, expected {b[len(a)].strip()!r}"
    return "the line ends differ"


def check(case, args):
    """Returns (passed, line to print or None, diff or None)."""
    text, wrong = actual(case, run(case.command, case.source.parent))
    if wrong:
        return False, f"FAIL {case.golden}: {wrong}", None
    if args.bless:
        return True, f"wrote {case.golden}" if bless(case, text) else None, None
    wanted = expected(case)
    if text == wanted:
        return True, None, None
    diff = difflib.unified_diff(
        wanted.splitlines(), text.splitlines(), "expected", "saw", lineterm="", n=2
    )
    return False, f"FAIL {case.golden}: {first_difference(text, wanted)}", "\n".join(diff)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tilec", default="build/tilec")
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("-k", default="", metavar="TEXT", help="only sources whose path holds this")
    parser.add_argument("-v", action="store_true", help="show differences in full")
    args = parser.parse_args()
    tilec = str(Path(args.tilec).resolve())
    os.chdir(Path(__file__).resolve().parent.parent)
    if not os.access(tilec, os.X_OK):
        print(f"FAIL {args.tilec} is no program\ngolden: 0 passed, 1 failed")
        return 1
    cases, problems = find_cases(tilec, args.bless, args.k)
    print("".join(f"{problem}\n" for problem in problems), end="")
    passed, failed = 0, len(problems)
    with ThreadPoolExecutor(2) as pool:
        for ok, line, diff in pool.map(lambda case: check(case, args), cases):
            passed, failed = passed + ok, failed + (not ok)
            if line:
                print(line.encode(**UTF_8).decode("utf-8", "backslashreplace"))
            if diff and args.v:
                print(diff.encode(**UTF_8).decode("utf-8", "backslashreplace"))
    print(f"golden: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
