"""Structure: equality, hashes, where two differ, and round trips."""

import copy
import json
import pickle

import pytest
from conftest import before
from test_13_error_frames import WRONG

pytestmark = pytest.mark.real
ASKS = before(13, "does not ask whether a field could be set")

LAYOUT = "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])"


@pytest.fixture
def diagnostic(world):
    with pytest.raises(world.CompileError) as caught:
        world.module(WRONG, "/somewhere/wrong.py", "main").compile("cpu")
    return world.diagnostics(caught.value)[0]


def test_equal(world, diagnostic):
    import tvm_ffi
    targets, again = world.targets(), world.targets()
    assert list(targets) == list(again) and len(set(targets) | set(again)) == len(targets)
    assert targets[0] != targets[1] and targets[0] != diagnostic
    assert str(tvm_ffi.get_first_structural_mismatch(targets[0], targets[1])[0]) == "<root>.name"


def test_round_trips(diagnostic):
    import tvm_ffi
    text = tvm_ffi.serialization.to_json_graph_str(diagnostic)
    copies = [pickle.loads(pickle.dumps(diagnostic)), copy.deepcopy(diagnostic),
              tvm_ffi.serialization.from_json_graph_str(text)]
    for other in copies:
        assert other == diagnostic and hash(other) == hash(diagnostic)
        assert not other.same_as(diagnostic)
        assert [n.line for n in other.notes] == [n.line for n in diagnostic.notes]


def test_config(world):
    config = pickle.loads(pickle.dumps(world.config({"jobs": 2})))
    assert config.get("jobs") == "2"
    assert config == world.config({"jobs": 2}) != world.config({"jobs": 3})
    assert world.config({"jobs": 2}) is world.config({"jobs": "2"})


@ASKS
def test_bad_json(diagnostic):
    """Setters refuse what a field cannot be."""
    import tvm_ffi
    graph = json.loads(tvm_ffi.serialization.to_json_graph_str(diagnostic))
    node = graph["nodes"][graph["root_index"]]["data"]
    assert node["line"] == 7
    for name, value in (("line", "seven"), ("line", 1.5), ("notes", 3)):
        changed = json.loads(json.dumps(graph))
        changed["nodes"][changed["root_index"]]["data"][name] = value
        with pytest.raises(Exception):  # noqa: B017  # which one, the serializer decides
            tvm_ffi.serialization.from_json_graph_str(json.dumps(changed))


def test_handles_are_unique(world, axpy):
    import tvm_ffi
    one, other = world.module("", "k.py", None), world.module("", "k.py", None)
    assert tvm_ffi.structural_equal(one, one) and not tvm_ffi.structural_equal(one, other)
    with pytest.raises(Exception):  # noqa: B017
        pickle.dumps(axpy)


def test_layouts_are_equal_by_their_text(world):
    import tvm_ffi
    one, same = world.layout(LAYOUT), world.layout(LAYOUT.replace(" ", ""))
    other = world.layout_make("make_linear_layout", [8, 6])
    assert one == same and hash(one) == hash(same) and not one.same_as(same) and one != other
    assert len({one, same, other}) == 2
    assert str(tvm_ffi.get_first_structural_mismatch(one, other)[0]) == "<root>.text"


def test_round_trips_of_layouts(world):
    import tvm_ffi
    table = world.layout_fit([4], 1, [n for at in (2, 0, 3, 1) for n in (0, 0, at)])
    for layout in (world.layout(LAYOUT), table):
        text = tvm_ffi.serialization.to_json_graph_str(layout)
        for other in (pickle.loads(pickle.dumps(layout)), copy.deepcopy(layout),
                      tvm_ffi.serialization.from_json_graph_str(text)):
            assert other == layout and hash(other) == hash(layout)
            assert list(other.shape) == list(layout.shape) and other.n_slots == layout.n_slots
            assert list(other.find([0] * len(layout.shape), 0)) == list(
                layout.find([0] * len(layout.shape), 0))


@ASKS
def test_json_cannot_make_layouts_that_lie(world):
    """What follows from the text is not read, and what is no text of a layout is refused."""
    import tvm_ffi
    graph = json.loads(tvm_ffi.serialization.to_json_graph_str(world.layout(LAYOUT)))
    root = graph["nodes"][graph["root_index"]]["data"]
    root["n_threads"] = 5
    changed = tvm_ffi.serialization.from_json_graph_str(json.dumps(graph))
    assert changed == world.layout(LAYOUT) and changed.n_threads == 24
    strings = [n for n in graph["nodes"] if n["data"] == LAYOUT]
    for wrong in ("layout(", "", "no layout at all, of any kind"):
        strings[0]["data"] = wrong
        with pytest.raises(Exception):  # noqa: B017  # which one, the serializer decides
            tvm_ffi.serialization.from_json_graph_str(json.dumps(graph))


def test_values_have_a_structure():
    import tilec.language as T
    import tvm_ffi
    m, n = T.dynamic("m"), T.dynamic("n")
    assert tvm_ffi.structural_equal(m * 2 + n, T.dynamic("m") * 2 + n)
    assert tvm_ffi.structural_hash(m * 2 + n) == tvm_ffi.structural_hash(T.dynamic("m") * 2 + n)
    assert not tvm_ffi.structural_equal(m * 2 + n, m * 2 + m)
    assert str(tvm_ffi.get_first_structural_mismatch(m + 1, m + 2)[0]) == "<root>.args[2]"
    assert not tvm_ffi.structural_equal(T.Tensor((m,), T.int8), T.Tensor((m,), T.uint8))


def test_round_trips_of_values():
    import tilec
    import tilec.language as T
    import tvm_ffi
    m = T.dynamic("m")
    for value in (m, m * 2 + 1, -m < 4, T.Tensor((m, 64), T.float16),
                  T.Tensor([T.ceildiv(m, 8), 4], dtype="int32")):
        text = tvm_ffi.serialization.to_json_graph_str(value)
        for other in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value),
                      tvm_ffi.serialization.from_json_graph_str(text)):
            assert tvm_ffi.structural_equal(other, value) and repr(other) == repr(value)
            assert type(other) is type(value)
    shape = pickle.loads(pickle.dumps(T.Tensor((m, 4), T.float32)))

    @T.prim_func
    def main(A: shape, B: shape):
        with T.Kernel(m, threads=32) as bx:
            for i in T.Parallel(4):
                B[bx, i] = A[bx, i] + 1

    import numpy as np
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    b = np.zeros_like(a)
    tilec.compile(main, target="cpu")(a, b)
    assert (b == a + 1).all()


@ASKS
def test_bad_json_of_values():
    import tilec.language as T
    import tvm_ffi
    graph = json.loads(tvm_ffi.serialization.to_json_graph_str(T.dynamic("m") + 1))
    node = graph["nodes"][graph["root_index"]]["data"]
    for name, value in (("args", 0), ("op", 1.5)):
        changed = json.loads(json.dumps(graph))
        changed["nodes"].append({"type": "float", "data": 0.5})
        changed["nodes"][changed["root_index"]]["data"][name] = len(changed["nodes"]) - 1
        with pytest.raises(Exception):  # noqa: B017  # which one, the serializer decides
            tvm_ffi.serialization.from_json_graph_str(json.dumps(changed))
    assert node["evaluation"] == 0
