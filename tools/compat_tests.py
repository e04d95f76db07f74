#!/usr/bin/python3
"""Says what becomes of a TileLang checkout's own tests through `tilec.compat` on the CPU.

usage: compat_tests.py CHECKOUT [--python python3] [--library build/libtilec_ffi.so] [-k TEXT]
                       [-j N] [--limit S] [-v] [--keep DIR [--again]]
                       [--write docs/compatibility-tests.md] [--total docs/compatibility.md]

Each file below CHECKOUT/testing/python is run by pytest in a process of its own (compat_server), with
compat_plugin.
What a test comes to is decided by the rules of classify(), in their order, which the page repeats;
rows TEST of docs/compat.def name the few tests that were looked at one by one, with what was found.
--keep keeps the reports; --again classifies those of an earlier run instead of running. --write writes the
page of all files, --total replaces the totals in another one."""

import argparse
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
import json
import os
from pathlib import Path
import queue
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(Path(__file__).parent))
import compat  # noqa: E402
import compat_run  # noqa: E402
import deftable  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
CLASSES = {
    "right": "the test passed",
    "wrong": "a comparison of numbers did not hold, or any other assertion that no rule below "
             "explains: to be mended",
    "refused": "a diagnostic or typed error of tilec",
    "out of reach": "E0680: the test uses a module or name of TileLang's implementation, or of TVM, that "
                    "compatibility mode does not have",
    "text": "an assertion that names no array failed, in a test that had asked for the emitted text or "
            "for IR: it looks for TileLang's spelling. The test went on behind it, so that its numbers "
            "were compared, too",
    "words": "the test expects an error or a warning, and another one came, or it has other words",
    "accepts": "the test expects an error, and tilec compiles the kernel",
    "inside": "an attribute or argument that only objects of TileLang and TVM have, or a file of "
              "TileLang's sources",
    "upstream": "looked at: the reason is in the test itself",
    "skipped": "it asks for another machine, or for a package that is not there",
    "limit": "the file took more time or memory than the limits",
    "crash": "the process ended, or any other exception: to be mended",
}
SPELLING = "looks for a spelling in the emitted text or IR"
LOOKING = ("AssertionError", "ValueError", "IndexError", "StopIteration", "AttributeError")
BEGIN, END = "<!-- tests: begin -->", "<!-- tests: end -->"
BAD = ("wrong", "crash", "limit")
OURS = re.compile(r"(tilec|tilelang|tvm|tvm_ffi)(\.|$)")
ARGUMENT = re.compile(r"(unexpected keyword|positional) argument|missing \d+ required|there is no setting")


class Server:
    """A process that runs files (compat_server.py), one at a time."""

    def __init__(self, options):
        paths = [str(ROOT / "python"), str(ROOT / "tools"), str(options.checkout.resolve()),
                 os.environ.get("PYTHONPATH", "")]
        environment = dict(os.environ, PYTHONPATH=":".join(p for p in paths if p),
                           OMP_NUM_THREADS="1",
                           PYTILEC_LIBRARY=str(Path(options.library).resolve()))
        self.limit = options.limit
        self.process = subprocess.Popen(
            [options.python, str(ROOT / "tools" / "compat_server.py")], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, path, report):
        """How the process of that file ended."""
        self.process.stdin.write(f"{path.resolve()}\t{report.resolve()}\t{self.limit}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(path, options, folder, root, servers):
    report = Path(folder) / (str(path.relative_to(root)).replace("/", "_") + ".json")
    if options.again:
        return outcomes(report, "0")
    report.unlink(missing_ok=True)
    server = servers.get()
    try:
        return outcomes(report, server.run(path, report))
    finally:
        servers.put(server)


def outcomes(report, ended):
    """What the plugin wrote, with one more entry where the process did not end by itself."""
    found = json.loads(report.read_text()) if report.exists() else []
    if ended == "limit":
        found.append({"test": "(file)", "outcome": "limit", "text": "too long"})
    elif ended not in ("0", "1", "2", "5"):  # of pytest: all well, failures, no import, no tests
        found.append({"test": "(file)", "outcome": "crash", "text": ended})
    return found


def classify(found):
    """(class, reason) of one test, by the first rule that holds."""
    if found["outcome"] == "passed" and found["passed_over"]:
        return "text", SPELLING + ("; its numbers are right" if found["held"] else "")
    if found["outcome"] != "failed":
        return {"passed": "right"}.get(found["outcome"], found["outcome"]), found.get("text", "")
    error, text, line = found["error"], found["text"], found["line"]
    if "DID NOT RAISE" in text:
        return "accepts", "takes what TileLang refuses"
    if "Regex pattern did not match" in text or "pytest.raises" in line or "DID NOT WARN" in text:
        return "words", "other words for an error"
    if found["code"]:
        kind = "out of reach" if found["code"] == "E0680" else "refused"
        return kind, f"{found['code']}: {text}"
    if found["differ"]:
        return "wrong", f"{found['differ'][0]}: {text}"
    return by_exception(found, error, text)


def by_exception(found, error, text):
    """The rules about exceptions that are no diagnostics."""
    if found["asked"] and error in LOOKING and not found["owner"].startswith("t"):
        return "text", SPELLING
    if error == "AssertionError" and "source" in found["line"]:
        return "text", SPELLING
    if error in ("AttributeError", "ImportError") and OURS.match(found["owner"]):
        return "inside", text
    if error == "TypeError" and ARGUMENT.search(text) or error == "FileNotFoundError":
        return "inside", text
    if error in ("ModuleNotFoundError", "Skipped"):
        return "skipped", text
    if Path(found["where"].rpartition(":")[0]).parent == ROOT / "python" / "tilec":
        return "refused", f"{error}: {text}"
    if error == "AssertionError":
        return "wrong", text or "assertion failed"
    return "crash", f"{error}: {text}"


def looked_at(path):
    """[(file, pattern of tests, class, reason)] of the table."""
    return [(row[0], row[1], row[2], row[3]) for row in deftable.read(path) if row.macro == "TEST"]


def judged(file, found, table):
    """[(class, reason, test)] of a file."""
    judgements = []
    for one in found:
        kind, reason = classify(one)
        for path, pattern, row_kind, row_reason in table:
            if kind in BAD and path == file and fnmatchcase(one["test"], pattern):
                kind, reason = row_kind, row_reason
        judgements.append((kind, reason, one["test"]))
    return judgements


# ---- the page ----


def short(reason, limit=150):
    text = re.sub(r"(?<![\w.])/\S+/", "", " ".join(reason.split()))  # folders of this machine
    text = text.removeprefix("Skipped: ").replace("|", "\\|")
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " ..."


def reasons(judgements):
    """The reasons of what did not pass, the most frequent first, each with how often."""
    by = Counter((kind, short(reason)) for kind, reason, _ in judgements if kind != "right")
    shown = [f"{kind}{f' ({n})' if n > 1 else ''}: {reason}" for (kind, reason), n in by.most_common(3)]
    more = sum(n for _, n in by.most_common()[3:])
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def summary(files):
    yield "| folder | files | " + " | ".join(CLASSES) + " |"
    yield "| --- | ---: | " + " | ".join("---:" for _ in CLASSES) + " |"
    folders = defaultdict(list)
    for file, judgements in sorted(files.items()):
        folders[file.rpartition("/")[0] or "."].append(judgements)
    folders["all"] = list(files.values())
    for folder, found in folders.items():
        of = Counter(kind for judgements in found for kind, _, _ in judgements)
        yield f"| {folder} | {len(found)} | " + " | ".join(str(of[kind]) for kind in CLASSES) + " |"


def page(commit, files):
    yield "# TileLang's own tests"
    yield ""
    yield f"Commit `{commit}` of the TileLang repository: the {len(files)} files below `testing/python`, each as it"
    yield "is, by pytest through `python -m tilec.compat --device cpu`. Printed by `tools/compat_tests.py CHECKOUT"
    yield "--write docs/compatibility-tests.md`. Many of these tests are not about kernels but about TileLang's"
    yield "passes, caches and back ends, or look at the text that it emits. What a test comes to is decided by"
    yield "rules (`classify` of that tool), and for a few by a row of [compat.def](compat.def):"
    yield ""
    for kind, rule in CLASSES.items():
        yield f"- *{kind}*: {rule}"
    yield ""
    yield from summary(files)
    yield ""
    yield "| file | tests right | of | the others |"
    yield "| --- | ---: | ---: | --- |"
    for file, judgements in sorted(files.items()):
        right = sum(kind == "right" for kind, _, _ in judgements)
        yield f"| {file} | {right} | {len(judgements)} | {reasons(judgements)} |"


def total_rows(files):
    of = Counter(kind for judgements in files.values() for kind, _, _ in judgements)
    yield "## TileLang's own tests"
    yield ""
    yield f"{len(files)} files below `testing/python` of the same commit; what the words mean, and each file, stands"
    yield "in [compatibility-tests.md](compatibility-tests.md)."
    yield ""
    yield "| " + " | ".join(CLASSES) + " |"
    yield "| " + " | ".join("---:" for _ in CLASSES) + " |"
    yield "| " + " | ".join(str(of[kind]) for kind in CLASSES) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--library", default="build/libtilec_ffi.so")
    parser.add_argument("--write", metavar="FILE", type=Path)
    parser.add_argument("--total", metavar="FILE", type=Path)
    parser.add_argument("-k", metavar="TEXT", default="", help="only files whose path holds TEXT")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show what does not pass")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="seconds for a file")
    parser.add_argument("--keep", metavar="DIR", help="where reports and output stay")
    parser.add_argument("--again", action="store_true", help="classify the kept reports")
    parser.add_argument("--table", type=Path, default=compat.TABLE)
    options = parser.parse_args()
    root = options.checkout / "testing" / "python"
    paths = sorted(p for p in root.rglob("test_*.py") if options.k in str(p.relative_to(root)))
    table, files, servers = looked_at(options.table), {}, queue.Queue()

    def one(path):
        name = str(path.relative_to(root))
        files[name] = judged(name, run(path, options, folder, root, servers), table)
        print(name, dict(Counter(kind for kind, _, _ in files[name])), flush=True)
        for kind, reason, test in files[name]:
            if kind in BAD or options.verbose and kind != "right":
                print(f"    {kind} {test}: {reason[:200]}", flush=True)

    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(options.j) as pool:
        folder = options.keep or temporary
        Path(folder).mkdir(parents=True, exist_ok=True)
        for server in [] if options.again else [Server(options) for _ in range(options.j)]:
            servers.put(server)
        list(pool.map(one, paths))
        while not servers.empty():
            servers.get().close()
    if options.write:
        commit = compat.read_table(options.table)[0]
        options.write.write_text("\n".join(page(commit, files)) + "\n", encoding="utf-8")
    if options.total:
        compat_run.write(options.total, BEGIN, END, total_rows(files))
    total = Counter(kind for judgements in files.values() for kind, _, _ in judgements)
    print(dict(total))
    return 1 if any(total[kind] for kind in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
