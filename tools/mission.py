#!/usr/bin/python3
"""Prints docs/mission.def as a table with counts, and checks it.

usage: mission.py [--state done|partial|open]

A row fails when its number is repeated or missing, when it claims something without a file that
shows it, or when that file does not exist. The last line is the count of rows passed and failed."""

import argparse
from pathlib import Path
import sys

from deftable import read, sections

ROOT = Path(__file__).resolve().parent.parent
TABLE = "docs/mission.def"
STATES = ("done", "partial", "open")
N_ROWS = 144


def problem(row, seen):
    """None if the row is sound, else what is wrong with it."""
    if len(row.args) != 4:
        return f"has {len(row.args)} columns, wanted id, text, state, shown"
    number, text, state, shown = row.args
    if not number.isdigit() or not 1 <= int(number) <= N_ROWS:
        return f"the number {number} is not in 1 to {N_ROWS}"
    if number in seen:
        return f"the number {number} is taken"
    seen.add(number)
    if state not in STATES:
        return f"the state {state} is none of {', '.join(STATES)}"
    if not text:
        return "says nothing"
    if state == "open":
        return f"is open, but names {shown}" if shown else None
    if not shown:
        return f"is {state}, but names no file that shows it"
    if not (ROOT / shown).exists():
        return f"is {state}, but {shown} does not exist"
    return None


def main():
    parser = argparse.ArgumentParser(description="prints and checks docs/mission.def")
    parser.add_argument("--state", choices=STATES, help="only rows of this state")
    args = parser.parse_args()
    rows = read(ROOT / TABLE, {"ROW"})
    seen, findings = set(), []
    for row in rows:
        wrong = problem(row, seen)
        if wrong:
            findings.append(f"{TABLE}:{row.line}: {wrong}")
    for number in range(1, N_ROWS + 1):
        if str(number) not in seen:
            findings.append(f"{TABLE}:1: row {number} is missing")

    sound = [row for row in rows if len(row.args) == 4]
    for title, group in sections(sound):
        shown = [row for row in group if args.state in (None, row[2])]
        if shown:
            print(f"\n{title}")
        for row in shown:
            print(f"  {row[0]:>3}  {row[2]:<8} {row[1]}{'  [' + row[3] + ']' if row[3] else ''}")
    counts = {state: sum(row[2] == state for row in sound) for state in STATES}
    print("\n" + ", ".join(f"{counts[state]} {state}" for state in STATES))
    for finding in findings:
        print(finding)
    print(f"{len(rows) - len(findings)} passed, {len(findings)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
