#!/usr/bin/python3
"""Says which rows of the tables no test shows: diagnostics, ops, passes, and names of the language.

usage: coverage.py [-v]

  diags.def      the code or D_name stands in an .err golden file or in the source of a test
  ops.def        a statement, or an expression's operator or name, stands in a .tir file; or
                 TC_OP_name stands in the source of a test
  passes.def     tests/pass/NAME/ holds a golden file
  builtins.def   T.name stands in a test or an example
  rules.def      each test a rule names exists, and each code and T.name of the rule stands in one

Each missing row is one line. tools/coverage-allow.txt excuses rows that no test can show, one a
line: TABLE NAME REASON; an excuse that is not needed is a finding too. -v lists where each row was
first found."""

import argparse
from pathlib import Path
import re
import sys

from deftable import read

ROOT = Path(__file__).resolve().parent.parent
ALLOW = "tools/coverage-allow.txt"
TEST_SOURCES = (".c", ".cpp", ".h", ".def", ".py", ".sh")


def texts(folders, suffixes):
    """{path: text} of all files below the folders with one of the suffixes."""
    found = {}
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and file.name.endswith(tuple(suffixes)):
                found[str(file.relative_to(ROOT))] = file.read_text("utf-8", "surrogateescape")
    return found


class Index:
    """Where each word (with dots inside, as in T.copy) first stands."""

    def __init__(self, files, pattern):
        self.at = {}
        for path, text in files.items():
            for match in re.finditer(pattern, text):
                self.at.setdefault(match[0], path)

    def find(self, *words):
        return next((self.at[word] for word in words if word in self.at), None)


def rows(table, *macros):
    path = ROOT / table
    return read(path, set(macros)) if path.exists() else []


def infix_symbols():
    """{op: symbol} from the table the printer uses."""
    text = (ROOT / "src/ir/form.c").read_text("utf-8")
    symbols = dict(re.findall(r'\{TC_OP_(\w+), "([^"\w]+)"', text))
    return {"slice": ":+", **symbols}


# Each yields (name, file that shows it or None).


def diagnostics():
    # The launch checker stands alone and names its codes itself: TC_RT_E_NULL = 637 is E0637.
    checker = (ROOT / "src/rt/check.h").read_text("utf-8")
    launch = {f"E{int(n):04}": name for name, n in re.findall(r"(TC_RT_E_\w+) = (\d+)", checker)}
    words = r"\bE\d{4}\b|\bD_\w+|\bTC_RT_E_\w+"
    index = Index(texts(["tests"], (".err", *TEST_SOURCES)), words)
    for row in rows("src/base/diags.def", "DIAG"):
        yield row[0], index.find(row[0], "D_" + row[1], launch.get(row[0], row[0]))


def ops():
    tir = texts(["tests/pass", "tests/lang"], (".tir",))
    code = Index(texts(["tests"], TEST_SOURCES), r"\bTC_OP_\w+")
    words = Index(tir, r"(?m)^ *(?:%\d+(?:: \w+)? = )?[a-z_]\w*\b(?! =)")
    statements = {word.split("= ")[-1].strip(): path for word, path in words.at.items()}
    calls = Index(tir, r"\b[a-z]\w*\(")
    symbols = Index(tir, r" [^\w\s\"(),]+ ")
    infix = infix_symbols()
    functions = [row[0] + "(" for row in rows("src/ir/mathfns.def", "MATHFN")]
    for row in rows("src/ir/ops.def", "OP"):
        name = row[0]
        if row[1] == "STMT":
            shown = statements.get(name)
        else:
            called = functions if name == "math" else [name + "("]
            shown = calls.find(*called) or symbols.find(f" {infix.get(name, '?')} ")
        yield name, shown or code.find("TC_OP_" + name)


def passes():
    for row in rows("src/pass/passes.def", "PASS"):
        folder = ROOT / "tests/pass" / row[0]
        files = sorted([*folder.rglob("*.out.tir"), *folder.rglob("*.err")])
        yield row[0], str(files[0].relative_to(ROOT)) if files else None


def builtins():
    index = Index(texts(["tests", "examples"], (".py", ".def", ".c")), r"\bT\.\w+")
    for row in rows("src/lang/builtins.def", "BUILTIN"):
        yield row[0], index.find("T." + row[0])


def kernel_texts():
    """{name: text} of the kernels that tests/run compares with a reference."""
    files = [*(ROOT / "tests/run").glob("*.py"), *(ROOT / "examples/refs").glob("*.py")]
    cases = "".join(file.read_text("utf-8") for file in files)
    run = set(re.findall(r'"(\w+)"', cases))
    found = {}
    for text in texts(["tests/run/kernels", "examples"], (".py",)).values():
        for body in re.split(r"(?m)^(?=@|def |class )", text):
            match = re.match(r"def (\w+)\(", body)
            if match and match[1] in run:
                found[match[1]] = found.get(match[1], "") + body
    return found


def test_text(test, kernels):
    """What a test named by a row of rules.def consists of; None when there is no such test."""
    form, _, word = test.partition(":")
    if form == "run":
        return kernels.get(word)
    path = ROOT / "tests" / form
    if word:
        text = path.read_text("utf-8") if path.is_file() else ""
        return text if re.search(rf"\b{word}\b", text) else None
    parts = [Path(f"{path}{end}") for end in (".py", ".tir", ".err", ".out.tir")]
    parts = [part for part in parts if part.is_file()]
    return "".join(part.read_text("utf-8") for part in parts) if len(parts) > 1 else None


def rules():
    kernels = kernel_texts()
    checker = (ROOT / "src/rt/check.h").read_text("utf-8")
    spelled = {f"E{int(n):04}": [name] for name, n in re.findall(r"(TC_RT_E_\w+) = (\d+)", checker)}
    for row in rows("src/base/diags.def", "DIAG"):
        spelled.setdefault(row[0], []).extend([row[0], "D_" + row[1]])
    for row in rows("docs/rules.def", "RULE"):
        found = {test: test_text(test, kernels) for test in row[3].split()}
        problems = [f"there is no test {test}" for test, text in found.items() if not text]
        text = "".join(filter(None, found.values()))
        for word in re.findall(r"\bE0\d{3}\b|\bT\.\w+", row[1] + row[2]):
            if not re.search("|".join(rf"{re.escape(w)}\b" for w in spelled.get(word, [word])), text):
                problems.append(f"no test of it has {word}")
        name = row[1][:50].rsplit(" ", 1)[0].replace(" ", "_")
        for problem in problems:
            print(f"{problem}: {row[1]}")
        yield name, not problems and row[3]


TABLES = {"diag": diagnostics, "op": ops, "pass": passes, "builtin": builtins, "rule": rules}


def excuses():
    """({(table, name): reason}, problems)."""
    found, problems = {}, []
    path = ROOT / ALLOW
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) != 3 or words[0] not in TABLES:
            problems.append(f"FAIL {ALLOW}:{number}: expected TABLE NAME REASON")
        else:
            found[words[0], words[1]] = words[2]
    return found, problems


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-v", action="store_true", help="say where each row was found")
    args = parser.parse_args()
    allowed, problems = excuses()
    passed = 0
    for table, find in TABLES.items():
        for name, shown in find():
            excuse = allowed.pop((table, name), None)
            if shown and excuse:
                problems.append(f"FAIL {table} {name}: excused in {ALLOW}, but {shown} shows it")
            elif not shown and not excuse:
                problems.append(f"FAIL {table} {name}: no test shows it")
            else:
                passed += 1
            if args.v:
                print(f"{table} {name}: {shown or excuse or 'nowhere'}")
    problems += [f"FAIL {ALLOW}: {table} {name} is no row" for table, name in allowed]
    for problem in problems:
        print(problem)
    print(f"coverage: {passed} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
