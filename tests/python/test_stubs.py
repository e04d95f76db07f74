"""The type stubs say what is there: every public name, every parameter. (tools/doc.py --check, which
./dev doc runs, says that they are printed from what the tables and sources are now.)"""

import ast
import importlib
import inspect
import pathlib

import pytest

import tilec
import tilec.language as T

PACKAGE = pathlib.Path(tilec.__file__).parent
MODULES = ("autotuner", "compiler", "env", "function", "jit", "kernel", "pass_configs", "profiler",
           "target", "testing", "tuning", "utils")


def stub(name):
    """name -> node of what a stub defines; None for what it only imports."""
    found = {}
    for node in ast.parse((PACKAGE / (name + ".pyi")).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update({a.asname or a.name: None for a in node.names})
    return found


def parameters(node):
    a = node.args
    return [x.arg for x in (*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []),
                            *a.kwonlyargs, *([a.kwarg] if a.kwarg else []))]


def test_the_package():
    assert set(tilec.__all__) <= set(stub("__init__")) and (PACKAGE / "py.typed").exists()
    for name in tilec.__all__:
        assert getattr(tilec, name) is not None


def test_the_vocabulary():
    assert set(T.__all__) <= set(stub("language/__init__"))
    kernel = stub("language/__init__")["Kernel"]
    assert parameters(kernel) == ["blocks", "threads", "prelude"]


@pytest.mark.parametrize("name", MODULES)
def test_a_module(name):
    module, says = importlib.import_module("tilec." + name), stub(name)
    if name == "env":
        module = importlib.import_module("sys").modules["tilec.env"]
    for public, value in vars(module).items():
        if public.startswith("_") or inspect.ismodule(value):
            continue
        if getattr(value, "__module__", None) != "tilec." + name:
            continue
        assert public in says, public
        if inspect.isfunction(value) and isinstance(says[public], ast.FunctionDef):
            assert list(inspect.signature(value).parameters) == parameters(says[public]), public
        if inspect.isclass(value) and isinstance(says[public], ast.ClassDef):
            methods = {n.name for n in says[public].body if isinstance(n, ast.FunctionDef)}
            own = {n for n, v in vars(value).items() if inspect.isfunction(v)
                   and not n.startswith("_")}
            assert own - {"show_ptx", "show_sass", "export_ptx", "export_sass"} <= methods, public


@pytest.mark.over_ffi
def test_native_types():
    from tilec import _ffi
    says = stub("_ffi")
    for cls in (_ffi.Kernel, _ffi.Module, _ffi.Param, _ffi.Diagnostic, _ffi.Target, _ffi.Config):
        members = {getattr(n, "name", None) or n.target.id for n in says[cls.__name__].body}
        there = {n for n in dir(cls) if not n.startswith("_")} - {
            n for n in dir(_ffi.tvm_ffi.Object) if not n.startswith("_")}
        assert there == members
