"""Reads the .def tables (X-macro rows) that hold the facts of the compiler.

A table is a sequence of rows `MACRO(argument, ...)` between C comments and directives. A comment
`/* --- title --- */`, or one line `/* title */` below an empty line, opens a section. Rows are read
by tokens, so strings may hold commas, parentheses and macros between their pieces, and a row may
span lines or share one with others."""

from dataclasses import dataclass
from pathlib import Path
import re

TOKEN = re.compile(
    r'(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\])*")|(?P<char>\'(?:\\.|[^\'\\])*\')'
    r"|(?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)|(?P<word>[A-Za-z_]\w*)|(?P<space>\s+)|(?P<other>.)",
    re.S | re.M,
)
ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
INTEGER_FORMATS = {"PRId64": "lld", "PRIu64": "llu", "PRIx64": "llx", "PRIu32": "u", "PRId32": "d"}


class Text(str):
    """An argument that was a string literal; other arguments are plain str, as written."""


@dataclass
class Row:
    macro: str
    args: list
    section: str
    line: int

    def __getitem__(self, index):
        return self.args[index]


class TableError(Exception):
    """The file is not a table; the text says where and why."""


def unescape(literal):
    def value(match):
        body = match[1]
        if body[0] == "x":
            return chr(int(body[1:], 16))
        return ESCAPES.get(body, body)

    return re.sub(r"\\(x[0-9a-fA-F]+|.)", value, literal[1:-1], flags=re.S)


def argument(pieces):
    """One argument from its (kind, text) tokens: adjacent string literals and integer formats are
    one Text, anything else is the source with its blanks made single."""
    solid = [p for p in pieces if p[0] != "space"]
    texts = [p for p in solid if p[0] == "string"]
    formats = [p for p in solid if p[0] == "word" and p[1] in INTEGER_FORMATS]
    if texts and len(texts) + len(formats) == len(solid):
        return Text(
            "".join(unescape(t) if k == "string" else INTEGER_FORMATS[t] for k, t in solid)
        )
    return re.sub(r"\s+", " ", "".join(text for _, text in pieces)).strip()


def section_title(text, match):
    """The title if this comment, found at depth 0, opens a section, else None."""
    before, after = text[: match.start()], text[match.end() : match.end() + 1]
    if after not in ("", "\n") or not (before == "" or before.endswith("\n")):
        return None
    ruled = re.fullmatch(r"/\*\s*-{2,}\s*(.*?)\s*-{2,}\s*\*/", match[0], re.S)
    if ruled:
        return ruled[1]
    plain = re.fullmatch(r"/\*\s*([^\n]*?[^\n.])\s*\*/", match[0])
    if plain and before.endswith("\n\n") and not plain[1].startswith("clang-format"):
        return plain[1]
    return None


def read(path, macros=None):
    """The rows of the table `path`, in order; only those of `macros` when given."""
    text = Path(path).read_text(encoding="utf-8")
    rows, section, name, depth, args, pieces, start = [], "", None, 0, [], [], 0
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "comment":
            section = (depth == 0 and section_title(text, match)) or section
            continue
        if kind == "directive" and depth == 0:
            continue
        if depth == 0:
            if kind == "word" and not name:
                name, start = token, match.start()
            elif token == "(" and name:
                depth, args, pieces = 1, [], []
            elif kind != "space":
                line = text.count("\n", 0, match.start()) + 1
                raise TableError(f"{path}:{line}: unexpected {token!r} between rows")
            continue
        depth += token in ("(", "[", "{")
        depth -= token in (")", "]", "}")
        if depth == 0 or (depth == 1 and token == ","):
            args.append(argument(pieces))
            pieces = []
        else:
            pieces.append((kind, token))
        if depth == 0:
            line = text.count("\n", 0, start) + 1
            rows.append(Row(name, [] if args == [""] else args, section, line))
            name = None
    if name:
        raise TableError(f"{path}: the row {name} is not closed")
    return rows if macros is None else [row for row in rows if row.macro in macros]


def sections(rows):
    """[(title, rows)] in order of first appearance."""
    found = {}
    for row in rows:
        found.setdefault(row.section, []).append(row)
    return list(found.items())
