#!/usr/bin/python3
"""Does what docs/tutorial.md tells its readers to do, in an empty directory, and compares what
comes out with what the page shows.

usage: tutorial.py [--tilec build/tilec] [FILE.md...]

Every fenced block is one test. Its first line says what it is:

    ```LANGUAGE file=NAME             a file; it is written as it stands
    ```diff file=NAME [to=NAME]       a change of that file (to another file): what the lines with
                                      ' ' and '-' say stands there once
    ```sh [exit=N]                    commands, which end with status N (0)
    ```text                           what the block before it prints, both streams; "..." stands
                                      for anything in a line, or alone in a line for any lines

Commands without a text block print nothing. A block of any other kind is a failure, so nothing on
the page goes untested."""

import argparse
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"```(\S*) *(.*)")
SECONDS = 60  # for one block


class Block:
    def __init__(self, line, language, options):
        self.line, self.language = line, language
        self.options = dict(word.partition("=")[::2] for word in options.split())
        self.lines = []

    @property
    def text(self):
        return "".join(f"{line}\n" for line in self.lines)


def blocks_of(page):
    """The blocks in order; one that is never closed reaches to the end, and fails."""
    blocks, block = [], None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = FENCE.fullmatch(line)
        if block is None and fence:
            block = Block(number, fence[1], fence[2])
            blocks.append(block)
        elif line == "```":
            block = None
        elif block is not None:
            block.lines.append(line)
    if block is not None:
        block.language = "(not closed)"
    return blocks


def pattern_of(shown):
    parts = []
    for line in shown.splitlines():
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append("[^\n]*".join(re.escape(p) for p in line.split("...")) + "\n")
    return "".join(parts)


class Reader:
    """Somebody who follows the page, block by block."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def do(self, block, following):
        """What is wrong, or None."""
        if block.language == "sh":
            shown = following.text if following and following.language == "text" else ""
            return self.run(block, shown)
        if block.language == "diff" and "file" in block.options:
            return self.change(block)
        if "file" in block.options:
            (self.folder / block.options["file"]).write_text(block.text)
            return None
        return f"the test knows no block '{block.language}' without file="

    def change(self, block):
        source = self.folder / block.options["file"]
        old = "".join(f"{line[1:]}\n" for line in block.lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in block.lines if line[:1] != "-")
        text = source.read_text() if source.is_file() else ""
        if not old or old == new or text.count(old) != 1:
            return f"the old lines stand {text.count(old)} times in {source.name}"
        (self.folder / block.options.get("to", source.name)).write_text(text.replace(old, new))
        return None

    def run(self, block, shown):
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], cwd=self.folder, text=True,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=SECONDS, errors="replace")
        except subprocess.TimeoutExpired:
            return f"still running after {SECONDS} s"
        want = int(block.options.get("exit", 0))
        if done.returncode != want:
            return f"exit status {done.returncode}, not {want}:\n{done.stdout}"
        if not re.fullmatch(pattern_of(shown), done.stdout):
            return f"the page shows\n{shown}\nbut this was printed\n{done.stdout}"
        return None


def environment_for(tilec, folder):
    """`tilec` and `python3` are the program to test and this Python, which has numpy."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "tilec").symlink_to(tilec)
    python = tools / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TILEC_")}
    return {**kept, "PATH": f"{tools}:{kept['PATH']}", "XDG_CACHE_HOME": str(folder / "cache"),
            "LC_ALL": "C.UTF-8"}


def follow(page, tilec):
    """Follows one page; the numbers of good and bad blocks."""
    blocks = blocks_of(page)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="tilec-docs-") as name:
        folder = Path(name)
        (folder / "work").mkdir()
        reader = Reader(folder / "work", environment_for(tilec, folder))
        before = None
        for block, following in zip(blocks, [*blocks[1:], None]):
            if block.language != "text" or before is None or before.language != "sh":
                problem = reader.do(block, following)
                failed += bool(problem)
                passed += not problem
                if problem:
                    print(f"FAIL {page.name}:{block.line}: {problem}", flush=True)
            before = block
    if not blocks:
        print(f"FAIL {page.name}: there are no blocks")
    return passed, failed + (not blocks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tilec", default=ROOT / "build" / "tilec", help="the program to test")
    parser.add_argument("pages", nargs="*", default=[ROOT / "docs" / "tutorial.md"], type=Path)
    options = parser.parse_args()
    counts = [follow(page, Path(options.tilec).resolve()) for page in options.pages]
    failed = sum(bad for _, bad in counts)
    print(f"docs: {sum(good for good, _ in counts)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
