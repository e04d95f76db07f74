#!/usr/bin/env python3
"""Prints the lines of C in each folder of src/ and the stripped size of libtilec.so, which is
limited. The last line is the count of checks passed and failed."""
import argparse
import pathlib
import re
import subprocess
import sys

LIMIT_BYTES = 3_000_000


def lines_in(folder):
    files = [f for f in folder.rglob("*") if f.suffix in (".c", ".h", ".def")]
    return sum(f.read_bytes().count(b"\n") for f in files)


def stripped_size(library, scratch):
    subprocess.run(["strip", "-o", scratch, library], check=True)
    return scratch.stat().st_size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default="build")
    args = parser.parse_args()
    layers = re.findall(r"(?m)^[a-z]+", pathlib.Path("tools/layers.txt").read_text())
    total = 0
    for layer in layers:
        lines = lines_in(pathlib.Path("src", layer))
        total += lines
        if lines:
            print("%-16s %7d lines" % ("src/" + layer, lines))
    print("%-16s %7d lines" % ("all", total))
    library = args.build / "libtilec.so"
    if not library.exists():
        print("FAIL %s was not built\n0 passed, 1 failed" % library)
        return 1
    size = stripped_size(library, args.build / "libtilec.stripped")
    print("%-16s %7d bytes stripped, limit %d" % (library.name, size, LIMIT_BYTES))
    failed = int(size > LIMIT_BYTES)
    if failed:
        print("FAIL %s is over its limit" % library)
    print("%d passed, %d failed" % (1 - failed, failed))
    return failed


if __name__ == "__main__":
    sys.exit(main())
