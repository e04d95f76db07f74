"""Kernels of a process that go wrong: each ends in an exception that says where."""

import gc
import os
import signal
import threading
import time
import weakref

import numpy as np
import pytest

import tilec
import tilec.language as T


class Odd(Exception):
    """An exception of the program's own."""


def fails(*args):
    raise Odd("from a helper %r" % (args,))


class Raises:
    @property
    def size(self):
        raise Odd("from a property")

    def __add__(self, other):
        raise Odd("from an operator")

    def __iter__(self):
        yield 1
        raise Odd("from an iterator")

    def __bool__(self):
        raise Odd("from a truth")


def build(body):
    """A kernel function whose body calls `body` at compile time."""
    @T.prim_func
    def main(A: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            A[0] = body(A)
    return main


# The functions below have no text, so they are called.
def opaque(text, **names):
    scope = dict(names, T=T, Odd=Odd)
    exec("f = lambda A: " + text, scope)  # pylint: disable=exec-used
    return scope["f"]


@pytest.mark.parametrize("text, words", [
    ("fails(1)", "from a helper"), ("bad.size", "from a property"), ("bad + 1", "from an operator"),
    ("[x for x in bad]", "from an iterator"), ("1 if bad else 2", "from a truth")])
def test_the_same_exception_comes_back(text, words):
    with pytest.raises(Odd, match=words) as caught:
        build(opaque(text, bad=Raises(), fails=fails))
    assert caught.value.__class__ is Odd
    notes = "".join(getattr(caught.value, "__notes__", [words]))
    assert "test_language_errors.py" in notes or words in notes


def test_exceptions_of_objects_used_in_the_text():
    bad = Raises()
    for use in (lambda A: bad + 1, lambda A: bad.size, lambda A: sum(bad), lambda A: 1 if bad else 2):
        with pytest.raises(Odd):
            build(use)


def test_an_exception_that_python_code_swallows_counts():
    scope = {"T": T}
    exec("""
def f(A):
    try:
        return T.no_such_operation(A)
    except Exception:
        pass
    try:
        return len(A[0])
    except Exception:
        return 1.0
""", scope)  # pylint: disable=exec-used
    with pytest.raises(tilec.CompileError):
        build(scope["f"])


def test_compile_errors_say_where():
    with pytest.raises(tilec.CompileError, match=r"test_language_errors.py:\d+:\d+.*\n.*missing_name"):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                A[0] = missing_name  # noqa: F821


def test_error_in_a_helper_names_both_places():
    def helper(x):
        return x.no_attribute

    with pytest.raises(tilec.CompileError) as caught:
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                A[0] = helper(A)
    text = str(caught.value)
    assert "return x.no_attribute" in text and "in the call here" in text


def test_kernel_without_source():
    scope = {"T": T}
    with pytest.raises(tilec.CompileError, match="E0254"):
        exec("""
@T.prim_func
def main(A: T.Tensor((8,), T.float32)):
    with T.Kernel(1, threads=8):
        A[0] = 1
""", scope)  # pylint: disable=exec-used


def test_operations_outside_a_kernel():
    with pytest.raises(tilec.CompileError, match="with T.Kernel"):
        T.alloc_shared((4,), T.float32)
    with pytest.raises(tilec.CompileError):
        T.ceildiv("a", 2)
    with pytest.raises(AttributeError, match="no_such_name"):
        T.no_such_name  # pylint: disable=pointless-statement
    with pytest.raises(TypeError, match="compiled first"):
        build(opaque("1.0"))(np.zeros(8, np.float32))


def test_containers_are_not_changed():
    values = [1, 2]
    with pytest.raises(tilec.CompileError, match="E0252"):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                values.append(3)
                A[0] = len(values)
    assert values == [1, 2]


def test_a_value_that_escaped():
    kept = []
    build(opaque("kept.append(A) or A[1]", kept=kept))
    (buffer,) = kept
    assert "compiled" in repr(buffer)
    with pytest.raises(Exception):
        buffer[0] + 1  # pylint: disable=expression-not-assigned
    with pytest.raises(RuntimeError, match="another kernel"):
        build(opaque("kept[0][1]", kept=kept))


def test_interrupt_in_a_callback():
    with pytest.raises(KeyboardInterrupt):
        build(opaque("interrupt()", interrupt=lambda: os.kill(os.getpid(), signal.SIGINT)
                     or time.sleep(5)))


def test_interrupt_in_a_long_evaluation():
    @tilec.jit
    def slow(A, n):
        A: T.Tensor((8,), T.float32)
        with T.Kernel(1, threads=8):
            total = 0
            for k in [x for x in range(4000)]:
                for j in [x for x in range(n)]:
                    total = total + j
            A[0] = total

    def ask():
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    if os.environ.get("PYTILEC_NATIVE"):
        pytest.skip("the stand-in over ctypes asks for no signals")
    threading.Thread(target=ask).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        slow.compile(n=100000)
    assert time.monotonic() - begin < 5


def test_a_program_keeps_nothing_alive_for_ever():
    class Big:
        block = 8

    def make():
        big = Big()

        @T.prim_func
        def main(A: T.Tensor((big.block,), T.float32)):
            with T.Kernel(1, threads=8):
                A[0] = big.block
        return main, weakref.ref(big)

    func, alive = make()
    kernel = tilec.compile(func)
    kernel(np.zeros(8, np.float32))
    del kernel, func
    gc.collect()
    assert alive() is None


def test_kernels_in_threads():
    results, errors = {}, []

    def work(k):
        try:
            scale = k + 1

            def helper(i):
                return T.cast(i, "float32")

            @T.prim_func
            def main(A: T.Tensor((8,), T.float32)):
                with T.Kernel(1, threads=8):
                    for i in T.Parallel(8):
                        A[i] = helper(i) * scale

            a = np.zeros(8, np.float32)
            tilec.compile(main, target="interp")(a)
            results[k] = a
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for k, a in results.items():
        assert np.array_equal(a, np.arange(8) * (k + 1))


KERNEL_FILE = """
import tilec.language as T

def build():
    @T.prim_func
    def main(A: T.Tensor((8,), T.float32)):
        with T.Kernel(1, threads=8):
            A[0] = %d
    return main
"""


def test_a_file_that_changed(tmp_path, monkeypatch):
    path = tmp_path / "changing_kernel.py"
    path.write_text(KERNEL_FILE % 1)
    monkeypatch.syspath_prepend(str(tmp_path))
    import changing_kernel
    assert "1.0" in changing_kernel.build().script()
    path.write_text(KERNEL_FILE % 2)
    with pytest.raises(OSError, match="was changed since 'main' was defined"):
        changing_kernel.build()
