#!/usr/bin/env python3
"""Checks the rules of CONTRIBUTING.md that a script can check.

usage: lint.py [--build DIR]    DIR holds a gcc build of the library

Each finding is one line, FILE:LINE: what is wrong. Notes name what is long but allowed. The last
line is the count of checks passed and of findings.
"""
import argparse
import pathlib
import re
import subprocess
import sys

FUNCTION_LISTED, FUNCTION_LIMIT = 100, 150
FILE_LISTED, FILE_LIMIT = 1000, 1500
BANNED = "strcpy strcat sprintf gets strtok rand system alloca".split()
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
SYSTEM_LIBRARIES = re.compile(r"(libc|libm|libpthread|libdl|ld-linux[\w-]*)\.so\.\d+")
PUBLIC_HEADERS = pathlib.Path("include/tilec")


def files(folders, suffixes):
    found = [f for d in folders for f in pathlib.Path(d).rglob("*") if f.suffix in suffixes]
    return sorted(f for f in found if f.is_file())


def text_of(file):
    return file.read_text(errors="replace")


def without_comments(text, keep_strings=False):
    """Blanks comments (and literals), keeping every line and column where it was."""
    def blank(match):
        token = match[0]
        if token[0] in "\"'" and keep_strings:
            return token
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


# ---- sizes ----

def functions(text):
    """Yields (name, first line, last line) of each function, by braces in column 0: clang-format
    puts the first line of a definition and its closing brace there and nothing else."""
    lines = without_comments(text).split("\n")
    head, first = "", 0
    name = None
    for number, line in enumerate(lines, 1):
        if name:
            if line.startswith("}"):
                yield name, first, number
                name, head = None, ""
            continue
        if re.match(r"[A-Za-z_]", line):
            head, first = line, number
        elif head:
            head += " " + line.strip()
        head_end = head.rstrip()
        if head_end.endswith("{"):
            match = re.search(r"(\w+)\s*\(.*\)[\w\s]*\{$", head_end)
            name = match[1] if match and not re.match(r"(typedef|struct|union|enum)\b[^()]*\{",
                                                      head_end) else None
            head = ""
        elif head_end.endswith((";", "}")) or line.startswith("#"):
            head = ""


def check_function_length(notes):
    for file in files(["src", "include", "tests"], [".c", ".h"]):
        text = text_of(file)
        lines = text.split("\n")
        for name, first, last in functions(text):
            length = last - first + 1
            marked = "/* table */" in "\n".join(lines[max(0, first - 2):last])
            where = "%s:%d: %s has %d lines" % (file, first, name, length)
            if length > FUNCTION_LIMIT and not marked:
                yield "%s, the limit is %d (or mark it /* table */)" % (where, FUNCTION_LIMIT)
            elif length > FUNCTION_LISTED:
                notes.append(where)


def check_file_length(notes):
    for file in files(["src", "include", "tests"], [".c", ".h", ".cpp"]):
        length = text_of(file).count("\n")
        where = "%s:1: the file has %d lines" % (file, length)
        if length > FILE_LIMIT:
            yield "%s, the limit is %d" % (where, FILE_LIMIT)
        elif length > FILE_LISTED:
            notes.append(where)


# ---- text ----

def check_banned_functions(_):
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    for file in files(["src", "include"], [".c", ".h", ".def"]):
        text = without_comments(text_of(file))
        for match in pattern.finditer(text):
            yield "%s:%d: %s is banned" % (file, line_at(text, match.start()), match[1])


def check_pointer_typedefs(_):
    plain = re.compile(r"\btypedef\b[^;(){}]*\*\s*\w+\s*;|^\}\s*\*\s*\w+\s*;", re.M)
    for file in files(["src", "include"], [".c", ".h"]):
        text = without_comments(text_of(file))
        for match in plain.finditer(text):
            yield "%s:%d: typedef of a pointer" % (file, line_at(text, match.start()))


def source_files():
    own = [pathlib.Path(p) for p in ("dev", "CMakeLists.txt", ".ci/run", "tools/check-layers",
                                     "tools/run-tests")]
    return files(["src", "include", "tests", "tools", "bench", "examples"],
                 [".c", ".h", ".def", ".cpp", ".inc", ".py"]) + [f for f in own if f.exists()]


def check_trailing_space(_):
    for file in source_files():
        text = text_of(file)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield "%s:%d: space at the end of the line" % (file, number)
        if text and not text.endswith("\n"):
            yield "%s:%d: no newline at the end" % (file, text.count("\n") + 1)


def check_unfinished_words(_):
    pattern = re.compile(r"\b(%s)\b" % "|".join(UNFINISHED))
    for file in source_files():
        for number, line in enumerate(text_of(file).split("\n"), 1):
            match = pattern.search(line)
            if match:
                yield "%s:%d: %s: finish it or open an issue" % (file, number, match[1])


# ---- public interface ----

def public_functions():
    """Yields (header, line, name, comment): the last comment in column 0 before the declaration,
    with no blank line between. Declarations that belong together may share one."""
    pattern = re.compile(r"^(?!typedef\b|#)[A-Za-z_][\w \t*()\"]*?\b(tilec_\w+)\s*"
                         r"\([^;{]*\)[^;{]*;", re.M)
    for file in files([PUBLIC_HEADERS], [".h"]):
        original = text_of(file)
        text = without_comments(original)
        for match in pattern.finditer(text):
            group = original[original.rfind("\n\n", 0, match.start()) + 2:match.start()]
            comments = re.findall(r"^/\*.*?\*/", group, re.S | re.M)
            yield file, line_at(text, match.start()), match[1], (comments or [""])[-1]


def states_rules(header):
    """Whether the comment that opens a header says for all functions how they return and which
    threads may call them; what is said once need not be repeated."""
    opening = re.match(r"/\*.*?\*/", text_of(header), re.S)
    return opening and re.search(r"\breturn", opening[0]) and re.search(r"\bthread", opening[0])


def check_public_comments(_):
    for file, line, name, comment in public_functions():
        if not comment:
            yield "%s:%d: %s has no comment" % (file, line, name)
        elif not states_rules(file) and not re.search(r"\b(returns|threads)\b", comment, re.I):
            yield "%s:%d: the comment of %s does not say what it returns or which threads may " \
                  "call it" % (file, line, name)


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_exports(build):
    library = build / "libtilec.so"
    exported = {line.split()[-1].split("@")[0]
                for line in tool("nm", "-D", "--defined-only", library).splitlines()
                if line.split()[-2] != "A"}
    declared = {name for _, _, name, _ in public_functions()}
    for name in sorted(exported - declared):
        yield "%s: exports %s, which no public header declares" % (library, name)
    for name in sorted(declared - exported):
        yield "%s: does not export the public function %s" % (library, name)


def check_libraries(build):
    library = build / "libtilec.so"
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", tool("readelf", "-d", library)):
        if not SYSTEM_LIBRARIES.fullmatch(name):
            yield "%s: links %s" % (library, name)


# ---- objects ----

def allowed_variables():
    lines = pathlib.Path("tools/nm-allow.txt").read_text().splitlines()
    return {line.split("#")[0].strip(): number for number, line in enumerate(lines, 1)
            if line.split("#")[0].strip()}


def mutable_variables(archive):
    """Yields (object, name). Constant tables that hold addresses lie in .data.rel.ro, which the
    loader makes read-only; nm gives their class as `d` all the same, so the section decides."""
    member = ""
    for line in tool("nm", "-f", "sysv", archive).splitlines():
        match = re.match(r"Symbols from .*\[(.*)\]:", line)
        member = match[1] if match else member
        columns = [c.strip() for c in line.split("|")]
        if len(columns) == 7 and columns[2] in "dDbBCsSgG" and columns[3] != "SECTION":
            if not columns[6].startswith(".data.rel.ro"):
                yield member, re.sub(r"\.\d+$", "", columns[0])


def check_mutable_variables(build):
    allowed = allowed_variables()
    seen = set()
    for archive in sorted((build / "layers").glob("libtc_*.a")):
        for member, name in mutable_variables(archive):
            seen.add(name)
            if name not in allowed:
                yield "%s(%s): %s is a mutable variable" % (archive.name, member, name)
    for name in sorted(set(allowed) - seen):
        yield "tools/nm-allow.txt:%d: %s does not exist any more" % (allowed[name], name)


SOURCE_CHECKS = [check_function_length, check_file_length, check_banned_functions,
                 check_pointer_typedefs, check_trailing_space, check_unfinished_words,
                 check_public_comments]
BUILD_CHECKS = [check_exports, check_libraries, check_mutable_variables]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default="build")
    args = parser.parse_args()
    notes = []
    results = [(check, list(check(notes))) for check in SOURCE_CHECKS]
    if (args.build / "libtilec.so").exists():
        results += [(check, list(check(args.build))) for check in BUILD_CHECKS]
    else:
        results.append((None, ["%s/libtilec.so: was not built" % args.build]))
    for note in notes:
        print("note: " + note)
    for _, findings in results:
        for finding in findings:
            print(finding)
    failed = sum(len(findings) for _, findings in results)
    print("%d passed, %d failed" % (sum(not f for _, f in results), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
