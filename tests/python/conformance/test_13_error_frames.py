"""A compile error ends in the lines of the kernel, and its context says what and where."""

import pytest

WRONG = """import tilec
import tilec.language as T


@T.macro
def inner(A, i):
    A[i] = A[i, 3] + 1


@T.macro
def outer(A, i):
    inner(A, i)


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=64) as bx:
        for i in T.Parallel(64):
            outer(A, i)
"""


@pytest.fixture
def error(world):
    with pytest.raises(world.CompileError) as caught:
        world.module(WRONG, "/somewhere/wrong.py", "main").compile("cpu")
    return caught.value


def test_frames(world, error):
    assert world.frames(error)[-3:] == [("/somewhere/wrong.py", 19), ("/somewhere/wrong.py", 12),
                                        ("/somewhere/wrong.py", 7)]


def test_text(error):
    lines = str(error).splitlines()
    assert lines[0] == "/somewhere/wrong.py:7:12: error[E0422]: A has 1 dimensions, indexed with 2"
    assert lines[2].strip("| ") == "^" * len("A[i, 3]")


def test_context(world, error):
    found = world.diagnostics(error)
    assert [(d.code, d.severity, d.line, d.column, d.end_column) for d in found] == \
        [("E0422", "error", 7, 12, 19)]
    notes = list(found[0].notes)
    assert [(n.severity, n.line) for n in notes] == [("call", 12), ("call", 19), ("note", 16)]
    assert notes[2].message == "A is global 64 of float32"


def test_warnings(world):
    text = WRONG.replace("A[i, 3]", "A[i]") + "    x = 1\n"
    assert [d.severity for d in world.module(text, "k.py", "main").check()] in ([], ["warning"])


def test_several(world):
    """All errors come along, and the first one is the traceback's."""
    text = "import tilec.language as T\n@T.prim_func\ndef f(:\n    pass\n"
    with pytest.raises(world.CompileError) as caught:
        world.module(text, "k.py", None).compile("cpu")
    found = world.diagnostics(caught.value)
    assert found and world.frames(caught.value)[-1] == ("k.py", found[0].line)


def test_odd_text(world):
    """Characters that JSON escapes come back as they were."""
    text = 'import tilec.language as T\n@T.prim_func\ndef f():\n    raise "\\"é\\t\\\\"\n'
    with pytest.raises(world.CompileError) as caught:
        world.module(text, 'a "quoted" é.py', None).compile("cpu")
    assert world.diagnostics(caught.value)[0].path == 'a "quoted" é.py'
