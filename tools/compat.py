#!/usr/bin/python3
"""Measures how many kernel files of a TileLang checkout reach tile state from the command line.

usage: compat.py CHECKOUT [--tilec build/tilec] [--write docs/compatibility.md | --run] [-k TEXT]
                 [-v] [-j N]

CHECKOUT is a clone of the repository at the commit that docs/compat.def names, or an export of its
examples/ folder. The table docs/compat.def holds the files with their tier, and values for
parameters; nothing of the repository itself is kept here.

An entry is what `tilec emit --emit=tile FILE:ENTRY` can be asked for: a function of the module
decorated as jit or prim_func, or a plain factory that holds a prim_func of its own. A file is
*reached* when every one of its entries reaches tile state with the values of the table, *partial*
when some do, *refused* when none does; a *crash* is an entry that ends in anything but a result or
a coded diagnostic.

--run goes further: every entry is run on random arrays of small sizes, on the CPU and in the
interpreter, which must agree (`tilec run --random --check`). Indices are random as well, so a
kernel that trusts them may have blocks that write to one place: then the two may differ."""

import argparse
import ast
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(Path(__file__).parent))
import deftable  # noqa: E402

LIMIT_S = 120
SMALL, MAX_SCALARS = 128, 8  # dimensions and scalars of a kernel that is run
TABLE = Path(__file__).parent.parent / "docs" / "compat.def"
TIERS = {
    "t": "tile operations only",
    "s": "thread-level code",
    "c": "CUDA source or emitters of matrix instructions",
    "h": "barriers, TMA, warp groups, clusters, or their hints",
    "b": "tcgen05 and block-scaled products",
    "x": "built on another package",
}


@dataclass
class File:
    path: str
    tier: str
    values: dict = field(default_factory=dict)  # entry or "" -> {name: text}
    results: list = field(default_factory=list)  # (entry, status, why)
    note: str = ""
    run: list = field(default_factory=list)  # arguments or a call, and what shows that it is right
    upstream: str = ""

    @property
    def status(self):
        kinds = {status for _, status, _ in self.results}
        if not kinds or "crash" in kinds:
            return "crash" if kinds else "refused"
        return kinds.pop() if len(kinds) == 1 else "partial"


# ---- the table ----


def values_of(text):
    return dict(item.split("=", 1) for item in shlex.split(text))


def read_table(path, small=False):
    files, defaults, commit = [], {}, ""
    for row in deftable.read(path):
        if row.macro == "COMMIT":
            commit = row[0]
        elif row.macro == "VALUE":
            defaults[row[0]] = row[-1] if small else row[1]
        elif row.macro == "FILE":
            files.append(File(row[0], row[1]))
        elif row.macro == "ENTRY":
            files[-1].values[row[0]] = values_of(row[1])
        elif row.macro == "NOTE":
            files[-1].note = row[0]
        elif row.macro == "RUN":
            files[-1].run = list(row.args)
        elif row.macro == "UPSTREAM":
            files[-1].upstream = row[0]
        elif row.macro != "TEST":  # compat_tests.py reads those
            sys.exit(f"{path}:{row.line}: unknown row {row.macro}")
    return commit, defaults, files


# ---- entries of a file ----


def dotted(node):
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return dotted(node.value) + "." + node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_marked(function):
    names = [dotted(decorator) for decorator in function.decorator_list]
    ours = [n for n in names if n.split(".")[-1] in ("jit", "prim_func", "lazy_jit")]
    return any(not n.startswith("triton") for n in ours)


def own_functions(function):
    """Functions defined in `function`, not in one of those."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef):
            yield node
        elif not isinstance(node, (ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


def is_factory(function):
    inner = [d for f in own_functions(function) for d in map(dotted, f.decorator_list)]
    return "T.prim_func" in inner and not any(d.split(".")[-1] == "jit" for d in inner)


def find_entries(tree):
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [f for f in functions if is_marked(f) or is_factory(f)]


def named_dimensions(function, makers):
    """The names in the first argument of calls such as T.const("M, N")."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and dotted(node).split(".")[-1] in makers:
            if node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value:
                yield from re.split(r"[,\s]+", str(node.args[0].value).strip())


def dimensions(function):
    """Names that may be given: those that must, and the names of run-time dimensions."""
    return required(function) + list(named_dimensions(function, ("dynamic", "symbolic")))


def required(function):
    """Names that need a value when compiling: parameters without a default, except tensors, and
    the names of T.const."""
    positional = function.args.posonlyargs + function.args.args
    without = positional[: len(positional) - len(function.args.defaults)]
    without += [a for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults) if not d]
    in_body = {
        node.target.id
        for node in ast.walk(function)
        if isinstance(node, ast.AnnAssign) and not node.value and isinstance(node.target, ast.Name)
    }
    run_time = ("Tensor", "StridedTensor", "ptr", "Buffer", "handle")
    names = []
    for arg in without:
        kind = dotted(arg.annotation).split(".")[-1] if arg.annotation else ""
        if isinstance(arg.annotation, ast.Subscript):
            kind = dotted(arg.annotation.value).split(".")[-1]
        if arg.arg not in in_body and kind not in run_time:
            names.append(arg.arg)
    return names + list(named_dimensions(function, ("const",)))


# ---- running ----


def reach(tilec, path, function, values):
    command = [tilec, "emit", "--emit=tile", f"{path}:{function.name}"]
    return classify(command + [f"-D{key}={text}" for key, text in values.items()])


def run(tilec, path, function, values):
    command = [tilec, "run", f"{path}:{function.name}", "--random", "--check"]
    command += [f"-D{key}={text}" for key, text in values.items()]
    free = named_dimensions(function, ("dynamic", "symbolic"))
    command += [f"--dim={name}={SMALL}" for name in free if name not in values]
    for _ in range(MAX_SCALARS):
        status, why = classify(command)
        scalar = re.search(r"nothing was given for the scalar '(\w+)'", why)
        if not scalar:
            break
        command += [f"--in={scalar[1]}={SMALL}"]
    return status, why


def classify(command):
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return "crash", f"more than {LIMIT_S} s"
    if done.returncode == 0:
        return "reached", ""
    match = re.search(r"error\[(E\d+)\]: (.*)", done.stderr)
    if done.returncode in (1, 3, 4, 5) and match:
        return "refused", f"{match[1]}: {match[2]}"
    return "crash", f"exit status {done.returncode}: {done.stderr.strip()[:200]}"


def examples_of(checkout):
    root = Path(checkout)
    return root / "examples" if (root / "examples").is_dir() else root


def measure(file, root, tilec, defaults, act):
    path = root / file.path
    if not path.is_file():
        file.results = [("", "crash", "no such file in the checkout")]
        return
    for function in find_entries(ast.parse(path.read_text(encoding="utf-8"))):
        given = file.values.get("", {}) | file.values.get(function.name, {})
        values = {n: defaults[n] for n in required(function) if n in defaults}
        values |= {n: given[n] for n in dimensions(function) if n in given}
        values |= file.values.get(function.name, {})
        status, why = act(tilec, path, function, values)
        file.results.append((function.name, status, why))


# ---- the page ----


def share(part, whole):
    return f"{part} of {whole} ({100 * part // max(whole, 1)} %)"


def reason(file):
    whys = [(name, why) for name, status, why in file.results if status != "reached"]
    several = len(file.results) > 1
    seen, out = set(), []
    for name, why in whys:
        if why in seen:
            continue
        seen.add(why)
        out.append(f"{name}: {why}" if several else why)
    if out and file.note:
        out.append(f"*{file.note}*")
    return "; ".join(out).replace("|", "\\|")


def page(commit, files):
    yield "# Compatibility with the public TileLang examples"
    yield ""
    yield f"Commit `{commit}` of the TileLang repository, folder `examples/`. Printed by"
    yield "`tools/compat.py CHECKOUT --write docs/compatibility.md`; the list of files, their tiers and the"
    yield "values given to parameters are in [compat.def](compat.def)."
    yield ""
    yield "A file is *reached* when every kernel that can be asked for on the command line is evaluated,"
    yield "checked and brought to tile state, the form that the interpreter and the CPU target start from;"
    yield "*partial* when some are; *refused* when none is, with the first diagnostic."
    yield ""
    yield "| tier | | files | reached | partial | refused | crash |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for tier, text in TIERS.items():
        count = Counter(f.status for f in files if f.tier == tier)
        cells = [count["reached"], count["partial"], count["refused"], count["crash"]]
        if sum(cells):
            yield f"| {tier} | {text} | {sum(cells)} | {' | '.join(map(str, cells))} |"
    portable = [f for f in files if f.tier == "t"]
    yield ""
    yield f"Portable files (tier t) reached: {share(sum(f.status == 'reached' for f in portable), len(portable))}."
    yield f"All kernel files reached: {share(sum(f.status == 'reached' for f in files), len(files))}."
    kernels = [status for f in files for _, status, _ in f.results]
    yield f"Entries reached: {share(kernels.count('reached'), len(kernels))}."
    yield ""
    yield "| file | tier | entries | result | why |"
    yield "| --- | --- | ---: | --- | --- |"
    for file in files:
        good = sum(status == "reached" for _, status, _ in file.results)
        cells = [file.path, file.tier, f"{good}/{len(file.results)}", file.status, reason(file)]
        yield "| " + " | ".join(cells) + " |"


def write(path, text):
    """The tables of other tools, between marks, stay."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    blocks = [m[0] for m in re.finditer(r"<!-- (\w+): begin -->.*?<!-- \1: end -->\n", old, re.S)]
    path.write_text("\n".join([text, *blocks]), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout")
    parser.add_argument("--tilec", default="build/tilec")
    parser.add_argument("--write", metavar="FILE", help="where to write the page")
    parser.add_argument("--run", action="store_true", help="run each entry, too")
    parser.add_argument("-k", metavar="TEXT", default="", help="only files whose path holds TEXT")
    parser.add_argument("-v", action="store_true", help="show each entry that is not reached")
    parser.add_argument("-j", type=int, default=2)
    options = parser.parse_args()
    commit, defaults, files = read_table(TABLE, small=options.run)
    files = [f for f in files if options.k in f.path]
    root = examples_of(options.checkout)
    tilec = str(Path(options.tilec).resolve())
    with ThreadPoolExecutor(options.j) as pool:
        act = run if options.run else reach
        list(pool.map(lambda f: measure(f, root, tilec, defaults, act), files))
    if options.v:
        for file in files:
            for name, status, why in file.results:
                if status != "reached":
                    print(f"{file.tier} {file.path}:{name}: {status}: {why}")
    if options.write:
        write(Path(options.write), "\n".join(page(commit, files)) + "\n")
    for tier in TIERS:
        of = Counter(f.status for f in files if f.tier == tier)
        if of:
            print(tier, dict(of))
    reached = [f for f in files if f.status == "reached"]
    print("portable:", share(sum(f.tier == "t" for f in reached), sum(f.tier == "t" for f in files)))
    print("all:", share(len(reached), len(files)))
    return 1 if any(f.status == "crash" for f in files) else 0


if __name__ == "__main__":
    sys.exit(main())
