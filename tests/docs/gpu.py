#!/usr/bin/python3
"""docs/gpu.md quotes what tilec prints: every line of a quoted text must stand in what the command
of its section prints today. `...` in a line stands for anything; numbers of values and names that
end in a number do not matter."""

import argparse
from pathlib import Path
import re
import shlex
import subprocess
import sys

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "gpu.md"


def sections():
    """Heading -> the lines quoted below it."""
    found, heading, inside = {}, "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            found.setdefault(heading, []).append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


def plain(text):
    """What is compared of a line."""
    text = re.sub(r"%\d+", "%0", re.sub(r"\bv\d+\b", "v0", text))
    text = re.sub(r"(?<=[A-Za-z])_\d+\b", "_0", re.sub(r"_\d+_\d+\b", "_0", text))
    return re.sub(r"\s+", " ", text).strip()


def commands(lines):
    """The commands at the top of the page, by the state they show."""
    text = "\n".join(lines)
    kernel = re.search(r'K="(.*?)"', text, re.S)[1].split()
    found = {}
    for line in re.findall(r"^tilec emit .*$", text, re.M):
        words = shlex.split(line.replace("$K", " ".join(kernel)))
        found[re.search(r"--emit=(\w+)", line)[1]] = words[1:]
    return found


def missing(quoted, printed):
    """Quoted lines that are not printed."""
    have = [plain(line) for line in printed.splitlines()]
    for line in quoted:
        want = plain(line)
        if not re.sub(r"[.{} ]", "", want):
            continue
        parts = [re.escape(part) for part in want.split("...")]
        if not any(re.fullmatch(".*".join(parts), line) for line in have):
            yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    options = parser.parse_args()
    quoted = sections()
    top = next(iter(quoted))
    passed = failed = 0
    for state, words in commands(quoted[top]).items():
        heading = next(h for h in quoted if h.lower().startswith(state) and h != top)
        process = subprocess.run([str(options.tilec), *words], capture_output=True, text=True,
                                 cwd=ROOT, timeout=60)
        wrong = list(missing(quoted[heading], process.stdout))
        if process.returncode != 0:
            wrong = [process.stderr.strip()[:300]]
        for line in wrong:
            print(f"FAIL gpu.md, {heading}: not printed: {line}")
        passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
