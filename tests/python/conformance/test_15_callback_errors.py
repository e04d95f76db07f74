"""What Python code raises in a callback of ours."""

import pytest

pytestmark = pytest.mark.real


def test_raised_in_a_resolver(world):
    def resolver(*_):
        raise KeyError("no such thing")
    module = world.module("", "k.py", "f", [], [], None, resolver)
    with pytest.raises(world.RaisedError, match="no such thing"):
        module.compile("cpu")


def test_passes_unchanged(world):
    """The very exception that a helper of a kernel raised, with its frames, goes to the caller."""
    import traceback

    import tilec
    import tilec.language as T
    table, error = {}, KeyError("no such thing")

    class Strict(dict):
        def __missing__(self, key):
            raise error
    table = Strict()

    @tilec.jit(target="interp")
    def kernel(A):
        A: T.Tensor((4,), "float32")
        with T.Kernel(1, threads=1):
            A[0] = table["missing"]

    with pytest.raises(KeyError) as caught:
        kernel.compile()
    assert caught.value is error
    assert "__missing__" in [f.name for f in traceback.extract_tb(error.__traceback__)]


def test_from_a_foreign_thread(world):
    """A thread that C made, of which Python has never heard."""
    import ctypes
    import sys
    if not sys.platform.startswith("linux"):
        pytest.skip("makes threads by the names of Linux")
    found = []

    def resolver(*_):
        raise KeyError("no such thing")

    def body(_):
        module = world.module("", "k.py", "f", [], [], None, resolver)
        for _ in range(3):
            try:
                module.compile("cpu")
            except Exception as error:  # pylint: disable=broad-except
                found.append(error)
        return None
    entry, thread = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(body), ctypes.c_ulong()
    c = ctypes.CDLL(None)
    assert c.pthread_create(ctypes.byref(thread), None, entry, None) == 0
    assert c.pthread_join(thread, None) == 0
    assert [type(e) for e in found] == [world.RaisedError] * 3
    assert all("no such thing" in str(e) for e in found)


@pytest.mark.parametrize("answer", [None, 7, (), (1, 2), (1, 2, 3), ("a", 1, None, 0),
                                    (99, 0, None, 0), (5, 3, None, 0), (1, 0, "text", 0)])
def test_nonsense(world, answer):
    module = world.module("", "k.py", "f", [], [], None, lambda *_: answer)
    with pytest.raises((world.RaisedError, world.CompileError)):
        module.compile("cpu")


def test_interrupted(world):
    module = world.module("", "k.py", "f", [], [], None, lambda *_: ("interrupted",))
    with pytest.raises(KeyboardInterrupt):
        module.compile("cpu")


def test_no_function(world):
    with pytest.raises(TypeError, match="the resolver is an int"):
        world.module("", "k.py", "f", [], [], None, 3)
