"""Type stubs of the Python package: of the vocabulary and the native types from the .def tables,
of modules from their source. doc.py prints and checks them."""

import ast
from pathlib import Path
import re

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "tilec"
MODULES = ("__init__", "autotuner", "compiler", "env", "function", "jit", "kernel", "layout", "math",
           "pass_configs", "profiler", "target", "testing", "tuning", "utils",
           "_values")
HEAD = '"""Printed by tools/doc.py from %s. Do not edit."""\n\n'

# What parameters and results are, by their names: the same name means the same everywhere.
TYPES = {
    "warmup": "float", "rep": "float", "timeout": "float", "rtol": "float", "atol": "float",
    "max_mismatched_ratio": "float", "seed": "int", "num_workers": "int | None",
    "ignore_error": "bool", "verbose": "bool | None", "pass_configs": "Mapping[str, Any] | None",
    "target": "Any", "target_host": "Any", "execution_backend": "str | None",
    "compile_flags": "Sequence[str] | str | None", "out_idx": "int | Sequence[int] | None",
    "debug_root_path": "Any", "early_stop": "bool | None", "early_stop_factor": "float | None",
    "time_budget": "float | None", "backend": "str", "return_mode": "str",
    "quantiles": "Sequence[float] | None", "n_warmup": "int", "n_repeat": "int",
    "_n_warmup": "int", "_n_repeat": "int", "name": "Any", "kernel_only": "bool", "which": "str",
    "major_version": "int", "minor_version": "int", "mode": "str", "level": "int | str",
    "repeat": "int | None", "configurations": "int | None", "early_stop_baseline": "float | None",
    "path": "Any", "latency": "float | None", "ref_latency": "float | None",
    "tensor_supply_type": "TensorSupplyType | None", "supply_type": "TensorSupplyType",
}
RETURNS = {
    "compile": "JITKernel", "get_kernel_source": "str", "get_host_source": "str",
    "par_compile": "list[Any]", "is_cache_enabled": "bool", "do_bench": "Any",
    "get_profiler": "Profiler", "export_library": "Any", "static_shape": "list[int]",
    "is_scalar": "bool", "is_unsigned": "bool", "is_float8": "bool", "is_float4": "bool",
    "is_boolean": "bool", "set_random_seed": "None", "torch_assert_close": "None",
    "assert_close": "None", "assert_allclose": "None", "assert_consistent": "None",
    "enable_cache": "None", "disable_cache": "None", "clear_cache": "None",
    "set_log_level": "None", "target_name": "str | None", "determine_target": "str",
    "show_source": "None", "export_sources": "None", "lower": "CompiledArtifact", "script": "str",
    "write_sources": "None", "cache_dir": "str", "redirect_targets": "None", "set_limits": "None",
    "map_torch_type": "Any", "kernel_source": "str", "host_source": "str", "is_on_gpu": "bool",
    "save_to_disk": "None", "main": "NoReturn", "__init__": "None", "__repr__": "str",
    "__str__": "str", "__dir__": "list[str]",
}
KNOWN_BASES = ("str", "enum.Enum", "RuntimeError", "ValueError", "Value", "Expr")
NEEDED = {  # names of those types, where a module does not define or import them
    "JITKernel": ".kernel", "Profiler": ".profiler", "CompiledArtifact": ".compiler",
    "TensorSupplyType": ".profiler"}


# ---- signatures ----

def _value(node):
    """A default as stubs have it: what is no literal is dots."""
    try:
        return ast.unparse(ast.Constant(ast.literal_eval(node)))
    except (ValueError, TypeError):
        return "..."


def _argument(arg, default=None, star=""):
    kind = TYPES.get(arg.arg, "Any") if not star else "Any"
    if default is not None and _value(default) == "None" and "None" not in kind \
            and kind != "Any":
        kind += " | None"
    text = "%s%s: %s" % (star, arg.arg, kind)
    return text if default is None else "%s = %s" % (text, _value(default))


def _arguments(a, is_method):
    """The parameters of a function, annotated."""
    positional = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(positional) - len(a.defaults)) + a.defaults
    out = []
    for i, (arg, default) in enumerate(zip(positional, defaults)):
        out.append(arg.arg if is_method and i == 0 else _argument(arg, default))
        if a.posonlyargs and i + 1 == len(a.posonlyargs):
            out.append("/")
    if a.vararg:
        out.append(_argument(a.vararg, star="*"))
    elif a.kwonlyargs:
        out.append("*")
    out += [_argument(arg, default) for arg, default in zip(a.kwonlyargs, a.kw_defaults)]
    if a.kwarg:
        out.append(_argument(a.kwarg, star="**"))
    return ", ".join(out)


def _from_signature(name, signature, result="Any"):
    tree = ast.parse("def f%s: ..." % signature).body[0]
    return "def %s(%s) -> %s: ..." % (name, _arguments(tree.args, False), result)


# ---- modules ----

def _is_public(name):
    return not name.startswith("_") or name in RETURNS or name in (
        "__version__", "__call__", "__getattr__", "__eq__", "__ne__", "__hash__")


def _function(node, indent, in_class):
    marks = [ast.unparse(d) for d in node.decorator_list]
    is_static = "staticmethod" in marks
    lines = [indent + "@" + ("property" if "cached_property" in m else m) for m in marks
             if m in ("property", "staticmethod", "classmethod", "contextlib.contextmanager")
             or "cached_property" in m]
    result = RETURNS.get(node.name, "Any")
    if "contextlib.contextmanager" in marks:
        result = "Iterator[None]"
    arguments = _arguments(node.args, in_class and not is_static)
    lines.append("%sdef %s(%s) -> %s: ..." % (indent, node.name, arguments, result))
    return lines


def _attributes(node):
    """Names that methods set on self."""
    found = []
    for child in ast.walk(node):
        targets = child.targets if isinstance(child, ast.Assign) else []
        for target in targets:
            for leaf in ast.walk(target):
                if isinstance(leaf, ast.Attribute) and isinstance(leaf.value, ast.Name) \
                        and leaf.value.id == "self" and not leaf.attr.startswith("_"):
                    found.append(leaf.attr)
    return list(dict.fromkeys(found))


def _class(node, rows=()):
    bases = ", ".join(b for b in map(ast.unparse, node.bases) if b in KNOWN_BASES)
    lines = ["class %s%s:" % (node.name, "(%s)" % bases if bases else "")]
    is_enum = any(isinstance(b, ast.Attribute) and b.attr == "Enum" for b in node.bases)
    methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and _is_public(child.name):
            lines += _function(child, "    ", True)
        elif isinstance(child, ast.Assign):
            for target in child.targets:
                if getattr(target, "id", "") == "__slots__" and "__call__" in ast.unparse(child.value):
                    lines.append("    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...")
                elif isinstance(target, ast.Name) and _is_public(target.id):
                    lines.append("    %s = %s" % (target.id, _value(child.value)) if is_enum
                                 else "    %s: Any" % target.id)
    lines += ["    %s: Any" % name for name in _attributes(node) if name not in methods]
    lines += [_member(row) for row in rows if row.type == node.name and row.macro != "OBJECT"]
    return lines if len(lines) > 1 else [lines[0] + " ..."]


def _imports(node, private=False):
    """Public names from public modules are handed on, as `name as name`."""
    names = ", ".join("%s as %s" % (a.name, a.asname or a.name) for a in node.names
                      if not (a.asname or a.name).startswith("_"))
    if not names or ((node.module or "").startswith("_") and not private):
        return []
    return ["from %s%s import %s" % ("." * node.level, node.module or "", names)]


def module(name, rows=()):
    """The stub of one module, from its source; rows of objects.def say what its classes have of
    tvm-ffi."""
    path = PACKAGE / (name + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines, defined = [], set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if isinstance(node, ast.ImportFrom) and node.level:
                lines += _imports(node, name == "__init__")
                if not (node.module or "").startswith("_"):
                    defined |= {a.asname or a.name for a in node.names}
        elif isinstance(node, ast.FunctionDef) and _is_public(node.name):
            lines += _function(node, "", False)
        elif isinstance(node, ast.ClassDef) and _is_public(node.name):
            lines += _class(node, rows)
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for leaf in ast.walk(target):
                    if isinstance(leaf, ast.Name) and _is_public(leaf.id):
                        kind = ast.unparse(node.value.func) if leaf.id == "env" else "Any"
                        lines.append("%s: %s" % (leaf.id, kind))
    lines += _late(tree) if name == "__init__" else []
    text = "\n".join(lines)
    needed = ["from %s import %s" % (origin, wanted) for wanted, origin in NEEDED.items()
              if wanted not in defined and re.search(r"\b%s\b" % wanted, text)]
    head = HEAD % ("python/tilec/%s.py" % name)
    return head + "from collections.abc import Iterator, Mapping, Sequence\nimport contextlib\n" \
        "import enum\nfrom typing import Any, NoReturn\n\n" + "\n".join(needed + [text]) + "\n"


def _late(tree):
    """Names of the package that are imported when they are asked for."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LATE":
            late = ast.literal_eval(node.value)
            return [line for name, names in late.items() for line in [
                "from . import %s as %s" % (name, name),
                *("from .%s import %s as %s" % (name, n, n) for n in names)]]
    return []


# ---- the vocabulary ----

def language(rows, source):
    """tilec.language: rows of builtins.def, and what its source names besides."""
    out = [HEAD % "src/lang/builtins.def" + "from typing import Any\n\n"
           "from .._values import dtype as dtype\n"
           "from ..function import PrimFunc as PrimFunc, prim_func as prim_func\n\n",
           "def macro(func: Any = None, /) -> Any: ...\ndef inline(func: Any) -> Any: ...\n"
           "def meta_class(cls: Any) -> Any: ...\n\n"
           "class GemmWarpPolicy:\n    Square: Any\n    FullRow: Any\n    FullCol: Any\n\n"]
    done = {"Any", "PrimFunc", "prim_func", "macro", "inline", "meta_class", "GemmWarpPolicy", "dtype"}
    for row in rows:
        if row.name in done:
            continue
        done.add(row.name)
        if row.macro == "MISSING":
            out.append("def %s(*args: Any, **kwargs: Any) -> Any: ...  # not implemented yet\n"
                       % row.name)
        else:
            out.append(_from_signature(row.name, row.signature) + "\n")
    special, types = _named_besides(source)
    out += ["%s: Any\n" % name for name in special if name not in done]
    out += ["%s: dtype\n" % name for name in types if name not in done]
    return "".join(out)


def _named_besides(source):
    """Names without a row, and those of types: scalars, and vectors of them."""
    values = {getattr(node.targets[0], "id", ""): node.value for node in ast.parse(source).body
              if isinstance(node, ast.Assign)}
    scalars, lanes = [ast.literal_eval(g.iter) for g in values["_DTYPES"].args[0].generators]
    return ast.literal_eval(values["_SPECIAL"]), [a + b for a in scalars for b in lanes]


# ---- the native types ----

FFI_HEAD = HEAD % "src/ffi/objects.def and functions.def" + '''from collections.abc import Mapping
from typing import Any

LIBRARY: Any

class CompileError(ValueError):
    diagnostics: list[Diagnostic]
class CheckError(CompileError): ...
class LaunchError(RuntimeError):
    diagnostics: list[Diagnostic]
class TargetError(RuntimeError):
    diagnostics: list[Diagnostic]
class EnvironmentError(RuntimeError):
    diagnostics: list[Diagnostic]
class BudgetError(RuntimeError):
    diagnostics: list[Diagnostic]
class RaisedError(RuntimeError):
    diagnostics: list[Diagnostic]
class InternalError(RuntimeError):
    diagnostics: list[Diagnostic]

def diagnostics(error: BaseException) -> list[Diagnostic]: ...
def config(options: Mapping[str, Any] | None = None) -> Config: ...
def options() -> list[tuple[str, str, str, str, str]]: ...
'''
KINDS = {"str": "str", "int": "int", "float": "float", "bool": "bool"}


def _called(doc):
    """`name(a, b): ...` -> parameters that may all be left out."""
    names = re.findall(r"\w+", doc[doc.find("(") + 1:doc.find(")")])
    return ", ".join("%s: Any = ..." % name for name in names)


def _member(row):
    """A field or a method of objects.def."""
    if row.macro == "FIELD":
        known = row.schema in KINDS or row.schema.startswith("tilec.")
        kind = KINDS.get(row.schema, row.schema.rpartition(".")[2])
        return "    %s: %s" % (row.name, kind if known else "Any")
    arguments = "*args: Any" if "*" in row.doc.partition(")")[0] else _called(row.doc)
    return "    def %s(self%s) -> Any: ..." % (row.name, ", " + arguments if arguments else "")


def values(objects):
    """The rows of objects.def that are classes of tilec._values, and the others."""
    family = {"Value"}
    family |= {row.type for row in objects if row.macro == "OBJECT"
               and row.parent in ("Value", "Expr")}
    return ([row for row in objects if row.type in family],
            [row for row in objects if row.type not in family])


def ffi(objects, functions):
    out = [FFI_HEAD]
    for row in functions:
        if row.name not in ("config", "options", "on_signals"):
            out.append("def %s(*args: Any) -> Any: ...\n" % row.name)
    for row in objects:
        if row.macro != "OBJECT":
            out.append(_member(row) + "\n")
            continue
        members = [r for r in objects if r.type == row.type and r is not row]
        out.append("\nclass %s:%s\n" % (row.type, "" if members else " ..."))
    return "".join(out)
