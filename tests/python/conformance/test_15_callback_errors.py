"""What Python code raises in a callback of ours."""

import pytest

pytestmark = pytest.mark.real


def test_raised_in_a_resolver(world):
    def resolver(*_):
        raise KeyError("no such thing")
    module = world.module("", "k.py", "f", [], [], None, resolver)
    with pytest.raises(world.RaisedError, match="no such thing"):
        module.compile("cpu")


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
