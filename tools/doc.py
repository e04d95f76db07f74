#!/usr/bin/python3
"""Prints docs/reference/ from the .def tables, and the type stubs of the Python package.

usage: doc.py [--check] [--tilec PROGRAM]

--check writes nothing and fails, naming the pages, when what the tables say now is not what is
printed there. A page written by hand fails when it names a diagnostic or a file that does not
exist, or quotes lines that are not where it says. With --tilec, the page of the command and the
blocks of other pages marked `printed by tilec ...` are printed by PROGRAM; without it, they are
left alone."""

import argparse
from pathlib import Path
import re
import subprocess
import sys

from deftable import TableError, read, sections
import stubs

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
PAGES = ROOT / "docs" / "reference"


class Columns:
    """A row's arguments under the names of the table's legend."""

    def __init__(self, row, names):
        self.section, self.macro = row.section, row.macro
        self.__dict__.update(zip(names.split(), row.args))


def table(path, **columns):
    """The rows of src/`path`; `columns` names the arguments of each macro that is wanted. A row
    of another length means that the table has changed and its page with it."""
    rows = []
    for row in read(SOURCES / path, columns):
        names = columns[row.macro]
        if len(row.args) != len(names.split()):
            raise TableError(
                f"src/{path}:{row.line}: {row.macro} has {len(row.args)} arguments; the pages are "
                f"printed from {len(names.split())} ({names})"
            )
        rows.append(Columns(row, names))
    return rows


# ---- Markdown ----


def code(text):
    """As code; bars are escaped because most code stands in cells."""
    text = str(text).replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`" if text else ""


def prose(text, in_cell=False):
    """Text as it is meant to be read, with what stands in `backquotes` left as code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"(?<! )\*|\*(?! )|<(?=[\w/!?])|(?<!\w)_(?=\w)", r"\\\g<0>", parts[i])
    text = "".join(parts)
    return text.replace("|", "\\|") if in_cell else text


def paragraphs(text):
    """Prose of several lines; indented lines are an example and stay as they are."""
    out, plain, example = [], [], []

    def flush():
        if plain:
            out.append(prose(" ".join(plain)))
        if example:
            out.append("\n".join(["```", *example, "```"]))
        plain.clear()
        example.clear()

    for line in text.split("\n"):
        into = example if line.startswith("  ") else plain
        if not line.strip() or (into is plain and example) or (into is example and plain):
            flush()
        if line.strip():
            into.append(line)
    flush()
    return "\n\n".join(out)


def grid(head, rows):
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def heading(text, level=2):
    return "#" * level + " " + prose(text)


def page(title, source, *blocks):
    """A page; `source` names the tables it is printed from."""
    note = f"<!-- Printed by tools/doc.py from {source}. Do not edit: change the tables. -->"
    return "\n\n".join([f"# {title}", note, *(b for b in blocks if b)]) + "\n"


def capital(text):
    return text[:1].upper() + text[1:]


# ---- the language ----

WHERE = {
    "W_ANY": "anywhere",
    "W_FUNC": "function",
    "W_PROLOGUE": "prologue",
    "W_KERNEL": "kernel",
    "W_TILE": "tile",
    "W_THREAD": "threads",
}


def language():
    rows = table(
        "lang/builtins.def", BUILTIN="name signature where handler aux doc", MISSING="name"
    )
    here = [r for r in rows if r.macro == "BUILTIN"]
    missing = sorted({r.name for r in rows if r.macro == "MISSING"})
    blocks = [
        f"The names of `tilec.language`, which kernels call `T`: {len(here)} work, "
        f"{len(missing)} more are known to the compiler but not implemented. Element types are on "
        "[their own page](types.md), what there is of Python on [another](python.md), and "
        "[differences](../differences.md) says where the meaning is not TileLang's.",
        "*Where* says where a call may stand: *anywhere* an expression may, also outside kernels; "
        "in a *function* that is compiled, its kernels included; in a *kernel*, also inside loops; "
        "*tile* and *threads*: in a kernel, but not inside `T.Parallel`.",
    ]
    for title, group in sections(here):
        cells = [
            (code("T." + r.name), code(r.signature), WHERE[r.where], prose(r.doc, True))
            for r in group
        ]
        blocks += [heading(capital(title)), grid(("name", "arguments", "where", "meaning"), cells)]
    blocks += [
        heading("Known, not implemented"),
        "Using one of these is error [E0302](diagnostics.md#e0302-not_yet):",
        ", ".join(code("T." + name) for name in missing) + ".",
    ]
    return page("The T vocabulary", "src/lang/builtins.def", *blocks)


OWNERS = {
    "BUILTINS": "Built-in functions",
    "STR": "Methods of str",
    "LIST": "Methods of list",
    "TUPLE": "Methods of tuple",
    "DICT": "Methods of dict",
    "SET": "Methods of set",
    "INT": "Methods of int",
    "FLOAT": "Methods of float",
    "DTYPE": "Attributes of a dtype",
}
UNKNOWN = {
    "DEFER": "an error when it is used",
    "TYPES": "accepted in annotations",
    "VOCABULARY": "looked up in the T vocabulary",
    "DTYPES": "a dtype of that name, else an error when it is used",
}


def python():
    rows = table(
        "lang/pybuiltins.def",
        PYMODULE="path owner unknown",
        PY="owner name function flags signature doc",
        PYREAL="owner name function doc",
        PYCONST="owner name value doc",
        PYNONE="owner name doc",
        PYLIB="owner name doc",
    )
    modules = [r for r in rows if r.macro == "PYMODULE"]
    titles = dict(OWNERS)
    for module in modules:
        titles.setdefault(module.owner, f"Module {module.path}")
    by_owner = {}
    for row in rows:
        if row.macro != "PYMODULE":
            by_owner.setdefault(row.owner, []).append(row)
    blocks = [
        "Kernel files are Python, but no Python runs: the compiler evaluates them itself. Values "
        "that are known at compile time keep their Python meaning, and this is all of Python's "
        "library that exists for them.",
        heading("Modules"),
        grid(
            ("import", "a name without a row here is"),
            [(code(m.path), UNKNOWN[m.unknown]) for m in modules],
        ),
        "`import tilec.x` is the same as `import tilelang.x`. Other modules may be imported, too; "
        "a name from one of them is an error only when its value is needed. A file that lies "
        "beside the kernel file is read and evaluated.",
    ]
    for owner, group in by_owner.items():
        cells = []
        for row in group:
            signature = {"PYREAL": "(x, /)", "PYCONST": "", "PYNONE": "", "PYLIB": ""}.get(row.macro)
            arguments = row.signature if signature is None else signature
            cells.append((code(row.name + arguments), prose(row.doc, True)))
        blocks += [heading(titles.get(owner, capital(owner.lower()))), grid(("", ""), cells)]
    return page("Python at compile time", "src/lang/pybuiltins.def", *blocks)


# ---- types, scopes, functions ----

KINDS = {
    "TC_K_BOOL": "bool",
    "TC_K_INT": "signed",
    "TC_K_UINT": "unsigned",
    "TC_K_FLOAT": "float",
    "TC_K_HANDLE": "pointer",
}
NANS = {
    "IEEE": "exponent all ones",
    "ALL_ONES": "all ones",
    "NEG_ZERO": "where -0 would be",
    "NONE": "none",
}
ROUNDINGS = {"NEAREST_EVEN": "nearest, ties to even", "UP": "up"}


def types():
    dtypes = table("ir/dtypes.def", DTYPE="name kind bits format c_type descr storage")
    floats = table(
        "base/floats.def", FLOAT_FORMAT="id name bits s e m bias inf nan round max doc"
    )
    scopes = table("ir/scopes.def", SCOPE="name doc")
    names = table("ir/dtype_names.def", DTYPE_NAME="name type")
    return page(
        "Types and scopes",
        "src/ir/dtypes.def, src/ir/dtype_names.def, src/base/floats.def and src/ir/scopes.def",
        heading("Element types"),
        "Integers are two's complement and wrap. Floats round to nearest even after every "
        "operation, in their own format, on every target. Types of less than a byte are packed, "
        "element 0 in the low bits. In an `.npy` file an array has the *stored* type. A vector "
        "type is an element type with its number of lanes: `float16x8`; the array of a tensor of "
        "vectors has the lanes as one more dimension, the last.",
        grid(
            ("type", "kind", "bits", "stored as", "`.npy` descr"),
            [
                (code(d.name), KINDS[d.kind], d.bits, d.storage, code(d.descr))
                for d in dtypes
                if d.kind in KINDS
            ],
        ),
        "Other names: "
        + ", ".join(f"{code(n.name)} is {code(n.type)}" for n in names)
        + ".",
        heading("Float formats"),
        grid(
            ("type", "sign", "exponent", "mantissa", "bias", "infinity", "NaN", "largest", "note"),
            [
                (
                    code(f.name),
                    *(f.s, f.e, f.m, f.bias),
                    "yes" if f.inf == "IEEE" else "no",
                    NANS[f.nan],
                    decimal(f.max),
                    prose(f.doc, True),
                )
                for f in floats
            ],
        ),
        "Rounding into a format: "
        + "; ".join(
            f"{ROUNDINGS[mode]} for "
            + ("all others" if mode == "NEAREST_EVEN" else ", ".join(code(f.name) for f in group))
            for mode, group in by(floats, "round")
        )
        + ".",
        heading("Memory scopes"),
        grid(("scope", "what it is"), [(code(s.name), prose(s.doc, True)) for s in scopes]),
    )


def by(rows, column):
    """[(value, rows)] grouped by a column, the rarest value first."""
    found = {}
    for row in rows:
        found.setdefault(getattr(row, column), []).append(row)
    return sorted(found.items(), key=lambda item: len(item[1]))


def decimal(literal):
    value = float.fromhex(literal) if "x" in literal else float(literal)
    return f"{value:.0f}" if value.is_integer() and value < 1e6 else f"{value:.6g}"


def mathematics():
    rows = table("ir/mathfns.def", MATHFN="name arity result kinds ulp c32 c64 doc")
    results = {"SAME": "its operands' type", "BOOL": "bool", "I32": "int32"}
    operands = {"F": "float", "I": "integer", "A": "any"}
    return page(
        "Scalar functions and their error bounds",
        "src/ir/mathfns.def",
        "The bound is in units in the last place of the result, against the exact value, for "
        "float32 on the CPU target: 0.5 means correctly rounded, 0 means exact. Types narrower "
        "than float32 are computed in float32 and rounded once more. `+ - * /`, comparisons and "
        "conversions are exact or correctly rounded; products and sums are never contracted into "
        "fused operations outside `T.gemm`.",
        grid(
            ("function", "operands", "result", "bound, ulp", "meaning"),
            [
                (
                    code(r.name),
                    f"{r.arity} {operands[r.kinds]}",
                    results[r.result],
                    r.ulp,
                    prose(r.doc, True),
                )
                for r in rows
            ],
        ),
    )


# ---- diagnostics ----


def without_formats(message):
    """A printf format as a reader should see it: what varies is an ellipsis."""
    return re.sub(
        r"%[-+ #0-9.*]*(?:hh|h|ll|l|z|j|t)?([a-zA-Z%])",
        lambda m: "%" if m[1] == "%" else "...",
        message,
    )


def diagnostics():
    rows = table("base/diags.def", DIAG="code name severity message text")
    blocks = [
        "Every message of the compiler has a code, which never changes. `tilec explain E0412` "
        "prints the same text.",
    ]
    for title, group in sections(rows):
        blocks.append(heading(capital(title.split(": ", 1)[-1])))
        for row in group:
            severity = "" if row.severity == "TC_ERROR" else " (warning)"
            blocks.append(f"### {row.code} {row.name}{severity}")
            message = without_formats(row.message)
            if message != "...":
                blocks.append(f"> {prose(message)}")
            blocks.append(paragraphs(row.text))
    return page("Diagnostics", "src/base/diags.def", *blocks)


# ---- the IR ----

PLACES = {"LEAD": "always, first", "MUST": "always", "TAIL": "unless usual"}


def ir():
    states = table("ir/states.def", STATE="name letter doc")
    ops = table("ir/ops.def", OP="name class_ n r effect payload states doc")
    forms = {f.op: f for f in table("ir/forms.def", FORM="op form next")}
    letters = "".join(s.letter for s in states)
    blocks = [
        "What the intermediate representation consists of. Statements (STMT) are ordered and lie "
        "in regions; values (PURE) have no position, and equal ones are one. "
        "[The architecture page](../architecture.md) shows a kernel in this form.",
        heading("States"),
        grid(
            ("state", "letter", "what is true"),
            [(code(s.name), s.letter, prose(s.doc, True)) for s in states],
        ),
        "The column *states* below holds the letters of the states in which an op may exist.",
    ]
    for title, group in sections(ops):
        cells = []
        for op in group:
            form = forms.get(op.name)
            inputs = "varies" if op.n == "-1" else op.n
            states_in = "all" if set(op.states) == set(letters) else op.states
            cells.append(
                (
                    code(op.name),
                    *(op.class_, inputs, "" if op.effect == "0" else op.effect.replace("|", " ")),
                    states_in,
                    code(form.form) if form else "",
                    prose(op.doc, True),
                )
            )
        head = ("op", "class", "inputs", "effect", "states", "text form", "rule")
        blocks += [heading("Ops: " + title), grid(head, cells)]
    rules = table("ir/rules.def", RULE="name rule")
    blocks += [
        heading("Rules"),
        "What the verifier checks after every pass, and in IR text that it is given.",
        grid(("rule", ""), [(code(r.name), prose(r.rule, True)) for r in rules]),
        heading("Text forms"),
        text_forms(),
    ]
    tables = "states.def, ops.def, rules.def, forms.def, attrs.def and words.def"
    return page("The IR", f"src/ir/{tables}", *blocks)


def text_forms():
    """What the letters of a form stand for, the words of payloads, and the values of the words."""
    legend = re.search(r"\n \*\n(.*?)\n \*\n", (SOURCES / "ir/forms.def").read_text(), re.S)[1]
    legend = "\n".join(line.removeprefix(" *") for line in legend.split("\n"))
    attributes = table("ir/attrs.def", ATTR="payload struct member kind list place usual word")
    words = {}
    for row in table("ir/words.def", WORD="list enumerator word"):
        words.setdefault(row.list, []).append(row.word)
    cells = []
    for a in attributes:
        takes = {"WORD": "one of the list below", "INT": "the word, then a number"}
        name = a.list.removeprefix("TC_WORDS_") if a.kind == "WORD" else a.word
        cells.append(
            (a.payload, code(name), takes.get(a.kind, "the word alone"), PLACES[a.place])
        )
    return "\n\n".join(
        [
            "An op's text is its name, the words that come first, its form, and the other words.",
            f"```\n{legend}\n```",
            grid(("payload", "word or list", "written as", "when"), cells),
            grid(
                ("list", "words"),
                [(code(name), " ".join(map(code, group))) for name, group in words.items()],
            ),
        ]
    )


# ---- passes ----


def passes():
    rows = table("pass/passes.def", PASS="name needs gives breaks guard kind help")
    properties = table("pass/properties.def", PROPERTY="name doc")
    users = table("prove/users.def", USER="name doc")
    layers = table("prove/layers.def", LAYER="name doc")
    caps = table("pass/caps.def", CAP="name doc")
    choices = table("ir/choices.def", CHOICE="name least words doc")
    keys = table("ir/choices.def", CHOICE_KEY="key name word")
    costs = table("pass/cost.def", COST="name value doc")
    lockstep = table("pass/cost.def", LOCKSTEP="turns rate steps")

    def names(text):
        return " ".join(code(name) for name in re.findall(r"HAS\((\w+)\)", text))

    def words(row):
        found = re.findall(r"W\((\w+)\)", row.words)
        return ", ".join(f"a number from {row.least} on" if w == "number" else code(w) for w in found)

    return page(
        "Passes and the prover",
        "src/pass/passes.def, properties.def, caps.def and cost.def, src/ir/choices.def, "
        "src/prove/users.def and layers.def",
        "In the order in which they run. The IR is verified after each. "
        "`-fno-NAME` leaves an optional one out, `--dump=DIRECTORY` writes the IR after each.",
        grid(
            ("pass", "needs", "gives", "breaks", "targets with", "", "what it does"),
            [
                (
                    *(code(r.name), names(r.needs), names(r.gives), names(r.breaks)),
                    names(r.guard.replace("NEEDS", "HAS")),
                    *(r.kind.lower(), prose(r.help, True)),
                )
                for r in rows
            ],
        ),
        heading("Properties"),
        "Besides the [states](ir.md#states), passes establish:",
        grid(
            ("property", "what is true"),
            [(code(p.name), prose(p.doc, True)) for p in properties],
        ),
        heading("Capabilities"),
        "Some passes are for targets of which something is true:",
        grid(("capability", "what is true"), [(code(c.name), prose(c.doc, True)) for c in caps]),
        heading("Choices of the schedule"),
        "On GPUs the passes from `engines` to `rotate` decide by a cost model; "
        "`tilec emit --emit=scheduled` shows each decision and its reason as `hint choice`. "
        "A kernel asks for another one with `T.annotate_pass_configs({\"tilec.roles\": \"pingpong\"})`, "
        "inside a kernel for that one, before it for all of the function, or with "
        "`@tilec.jit(pass_configs={...})`; the command line with `--schedule=roles=pingpong,lockstep=0`, "
        "which comes first. What cannot be had is an error "
        "([E0840](diagnostics.md)) with the reason. True and False stand for `on` and `off`. "
        "Targets without such schedules do not read these requests.",
        grid(
            ("key", "values", "what it is"),
            [(code("tilec." + c.name), words(c), prose(c.doc, True)) for c in choices],
        ),
        "Keys of the dialect that, when true, ask for the same:",
        grid(
            ("key", "stands for"),
            [(code(k.key), code(f"tilec.{k.name} = {k.word}")) for k in keys],
        ),
        heading("The cost model"),
        "Its numbers of the machine are in `src/ir/targets.def`; these were measured on an H200:",
        grid(("number", "value", "what it is"),
             [(code(c.name), c.value, prose(c.doc, True)) for c in costs]),
        "`tilec.lockstep` by what a block loads: steps of the sum for which loads stay together.",
        grid(
            ("consumers", "bytes a clock, at most", "steps"),
            [("take turns" if r.turns == "1" else "share each tile", r.rate, r.steps)
             for r in lockstep],
        ),
        heading("The prover"),
        "Passes ask one prover whether a condition holds. It answers proved, refuted with a model, "
        "or unknown, which always takes the safe path; its work is counted and bounded. Who asks:",
        grid(("user", "what it asks"), [(code(u.name), prose(u.doc, True)) for u in users]),
        "Its layers, cheapest first:",
        grid(("layer", "what it does"), [(code(x.name), prose(x.doc, True)) for x in layers]),
    )


# ---- options ----


def options():
    rows = table(
        "api/options.def", OPTION="name variable flag kind values initial keyed help"
    )
    return page(
        "Options",
        "src/api/options.def",
        "Each can be given as a flag of the command, as a variable of the environment, or with "
        "`tilec_context_set`; the flag wins over the variable. An unknown variable that begins "
        "with `TILEC_` is reported. *Key* says whether the value is part of a cached kernel's key.",
        grid(
            ("name", "flag", "variable", "takes", "default", "key", "meaning"),
            [
                (
                    *(code(r.name), code(r.flag), code(r.variable), code(r.values)),
                    *(code(r.initial) or "empty", "yes" if r.keyed == "1" else ""),
                    prose(r.help, True),
                )
                for r in rows
            ],
        ),
    )


# ---- the CPU target ----


def cpu():
    rows = table("target/cpu/isas.def", ISA="name march machine vector_b n_regs flags needs doc")
    return page(
        "The CPU target",
        "src/target/cpu/isas.def",
        "The instruction sets that code is made for, as `--target=cpu:NAME`. The host's (`cpu` or "
        "`cpu:native`) is the last row it supports.",
        grid(
            ("name", "or", "vector bytes", "registers", "flags of the C compiler", "what it is"),
            [
                (
                    code(r.name),
                    code(r.march) if r.march else "",
                    r.vector_b,
                    r.n_regs,
                    code(r.flags),
                    prose(r.doc, True),
                )
                for r in rows
            ],
        ),
    )


# ---- the command ----


def command_line(program):
    def help_of(*verb):
        done = subprocess.run(
            [program, "help", *verb], capture_output=True, text=True, timeout=60, check=True
        )
        return re.sub(r" +$", "", done.stdout.rstrip("\n"), flags=re.M)

    overview = help_of()
    verbs = re.findall(r"(?m)^  ([a-z]+) ", overview.split("\n\n")[1])
    blocks = [f"```\n{overview}\n```"]
    for verb in verbs:
        blocks += [heading(f"tilec {verb}"), f"```\n{help_of(verb)}\n```"]
    return page("The command", "`tilec help`", *blocks)


# ---- pages written by hand ----


QUOTE = re.compile(r"<!-- from (\S+) -->\n```\w*\n(.*?)```", re.S)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def hand_written():
    """Yields a finding for each code that a page names and diags.def lacks, for each block that is
    not in the file it is said to be from, and for each link to a file that is not there. The parts
    of a block that two empty lines separate need not be neighbours in the file."""
    known = {row[0] for row in read(SOURCES / "base/diags.def", {"DIAG"})}
    for file in sorted([*ROOT.glob("*.md"), *PAGES.parent.glob("*.md")]):
        text = file.read_text(encoding="utf-8")

        def finding(match, what):
            return f"{file.relative_to(ROOT)}:{line_at(text, match.start())}: {what}"

        for match in re.finditer(r"\bE0\d{3}\b", text):
            if match[0] not in known:
                yield finding(match, f"there is no {match[0]}")
        for match in QUOTE.finditer(text):
            source = (ROOT / match[1]).read_text(encoding="utf-8")
            for part in match[2].split("\n\n\n"):
                if part.strip("\n") not in source:
                    yield finding(match, f"{match[1]} has no such lines")
        for match in re.finditer(r"\]\((?!https?:)([^)#\s]+)", text):
            if not (file.parent / match[1]).exists():
                yield finding(match, f"{match[1]} does not exist")


PRINTED = re.compile(r"(<!-- printed by tilec (.*?) -->\n```\n)(.*?)(```)", re.S)


def printed(program):
    """Hand-written pages with the blocks that are marked as printed by the program filled in:
    name from docs/reference, and text."""
    found = {}
    for file in sorted(PAGES.parent.glob("*.md")):

        def output(match):
            done = subprocess.run(
                [program.resolve(), *match[2].split()],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                cwd=ROOT,
            )
            return match[1] + done.stdout + match[4]

        text = file.read_text(encoding="utf-8")
        if PRINTED.search(text):
            found[f"../{file.name}"] = PRINTED.sub(output, text)
    return found


RULES = re.compile(r"(<!-- printed from rules.def: (.*?) -->\n)(.*?)(<!-- end -->)", re.S)


def rules():
    """The hand-written page of differences with its tables, printed from docs/rules.def."""
    rows = table("../docs/rules.def", RULE="verdict rule notes tests")
    by_title = dict(sections(rows))

    def output(match):
        if match[2] not in by_title:
            raise TableError(f"docs/rules.def has no section {match[2]!r}")
        group = by_title.pop(match[2])
        cells = [
            (cell(r.rule), r.verdict.replace("_", " "), cell(r.notes)) for r in group
        ]
        return match[1] + "\n" + grid(("rule", "tilec", "notes"), cells) + "\n\n" + match[4]

    def cell(text):
        return prose(text, True).replace("\\_", "_")

    text = RULES.sub(output, (PAGES.parent / "differences.md").read_text(encoding="utf-8"))
    if by_title:
        raise TableError(f"docs/differences.md does not show {', '.join(by_title)}")
    return text


# ---- writing ----


def type_stubs():
    rows = table(
        "lang/builtins.def", BUILTIN="name signature where handler aux doc", MISSING="name"
    )
    source = (stubs.PACKAGE / "language" / "__init__.py").read_text(encoding="utf-8")
    objects = table("ffi/objects.def", OBJECT="type key parent structure release doc",
                    FIELD="type name kind flags schema doc", METHOD="type name function flags doc")
    functions = table("ffi/functions.def", FUNCTION="name function doc")
    found = {"language/__init__": stubs.language(rows, source),
             "_ffi": stubs.ffi(stubs.values(objects)[1], functions)}
    found |= {name: stubs.module(name, stubs.values(objects)[0]) for name in stubs.MODULES}
    return {f"../../python/tilec/{name}.pyi": text for name, text in found.items()}


def pages(program):
    found = type_stubs() | {
        "language.md": language(),
        "python.md": python(),
        "types.md": types(),
        "math.md": mathematics(),
        "diagnostics.md": diagnostics(),
        "ir.md": ir(),
        "passes.md": passes(),
        "options.md": options(),
        "cpu.md": cpu(),
        "../differences.md": rules(),
    }
    if program:
        found["command.md"] = command_line(program)
        found |= printed(program)
    return found


def where(name):
    return (PAGES / name).resolve().relative_to(ROOT)


def main():
    parser = argparse.ArgumentParser(description="prints docs/reference/ from the .def tables")
    parser.add_argument("--check", action="store_true", help="fail when a page is stale")
    parser.add_argument("--tilec", type=Path, help="also print the page of the command line")
    args = parser.parse_args()
    try:
        wanted = pages(args.tilec)
        findings = list(hand_written())
    except (TableError, OSError, subprocess.SubprocessError) as error:
        print(f"doc: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    stale = [
        name
        for name, text in wanted.items()
        if not (PAGES / name).is_file() or (PAGES / name).read_text(encoding="utf-8") != text
    ]
    for name in stale:
        if args.check:
            print(f"{where(name)}:1: stale: run ./dev doc")
        else:
            PAGES.mkdir(parents=True, exist_ok=True)
            (PAGES / name).write_text(wanted[name], encoding="utf-8")
            print(f"wrote {where(name)}")
    for finding in findings:
        print(finding)
    n_stale = len(stale) if args.check else 0
    bad = n_stale + len(findings)
    print(f"{len(wanted) - n_stale} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
