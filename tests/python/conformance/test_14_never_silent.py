"""Wherever memory is refused or the driver fails, an error is set, nothing leaks, and the next call
works: in every function and method of the tables."""

import gc
import re

import numpy as np
import pytest
from conftest import AXPY, ROOT
from test_13_error_frames import WRONG

EXPR = 18  # TILEC_VALUE_EXPR


@pytest.fixture
def faults(world):
    if world.name != "double":
        pytest.skip("needs the double, which refuses memory on request")
    return world


def through_all(world, call, limit=400, step=1):
    """Runs `call` with the first request for memory refused, then the second ..., until none is."""
    failed = 0
    for n in range(1, limit, step):
        gc.collect()
        before = world.lib.double_live()
        world.lib.double_fail_at(n)
        try:
            result = call()
        except AssertionError:  # -1 without an error
            raise
        except Exception:  # pylint: disable=broad-except
            failed += 1
            result = None
        refused = not world.lib.double_armed()
        world.lib.double_fail_at(0)
        del result
        gc.collect()
        assert world.lib.double_live() == before, n
        if not refused:
            return failed
    raise AssertionError("more than %d requests" % limit)


def test_module(faults):
    assert through_all(faults, lambda: faults.module(AXPY, "a long name.py", "axpy")) > 3


def test_compile(faults):
    module = faults.module(AXPY, "kernel.py", None)
    assert through_all(faults, lambda: module.compile("cpu")) >= 8


def test_values(faults):
    def call():
        m = faults.value(EXPR, "binary", "a long operator", 1, [2, 3])
        return m.binary("+", m).getitem([m, 1])
    assert through_all(faults, call) >= 6


def test_compile_error(faults):
    module = faults.module(WRONG, "/somewhere/wrong.py", "main")

    def call():
        with pytest.raises(faults.CompileError):
            module.compile("cpu")
    through_all(faults, call)


def test_calls(faults, axpy):
    x = np.zeros(4, np.float32)
    through_all(faults, lambda: axpy.function(x, x.copy(), 1.0))
    assert through_all(faults, lambda: axpy.bind([1])) > 0
    f = axpy.bind([1])
    assert through_all(faults, lambda: f(x, 1.0)) > 0

    def wrong():
        with pytest.raises(ValueError):
            axpy.function(x, x, 1.0)
    through_all(faults, wrong)


def test_tables(faults):
    assert through_all(faults, faults.targets) > 3
    assert through_all(faults, lambda: faults.config({"jobs": "2"})) > 1
    assert through_all(faults, lambda: faults.explain("E0634")) > 0


def test_layouts(faults):
    text = "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])"
    assert through_all(faults, lambda: faults.layout(text)) >= 3
    assert through_all(faults, lambda: faults.layout_make("mma_c", [16, 32])) >= 3
    assert through_all(faults, lambda: faults.layout_fit([1, 2], 1, [0, 0, 1, 0, 0, 0])) >= 3
    layout = faults.layout(text)
    assert through_all(faults, lambda: (layout.find([1, 1], 0), layout.element(4, 1, 0))) >= 1


def test_copies(faults):
    copy, x = faults._global("tilec.copy"), np.arange(6.0).reshape(2, 3)
    assert through_all(faults, lambda: copy(x, 1, 0)) >= 2
    assert (copy(x, 1, 0).numpy() == x).all()


# ---- everything that the tables list ----

LAYOUT = "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])"
FUNCTIONS = {
    "version": lambda w, o: w.version(),
    "config": lambda w, o: w.config({"jobs": "2"}),
    "targets": lambda w, o: w.targets(),
    "module": lambda w, o: w.module(AXPY, "a long name.py", "axpy", ["name", "value"],
                                    ["X", (1, 2)], w.config({}), None, ["tl.disable_wgmma", "1"]),
    "explain": lambda w, o: w.explain("E0634"),
    "cache": lambda w, o: w.cache("stat", None),
    "options": lambda w, o: w.options(),
    "layout": lambda w, o: w.layout(LAYOUT),
    "layout_make": lambda w, o: w.layout_make("mma_c", [16, 32]),
    "layout_fit": lambda w, o: w.layout_fit([2], 1, [0, 0, 1, 0, 0, 0]),
    "copy": lambda w, o: w._global("tilec.copy")(np.zeros(4), 1, 0),
    "live": lambda w, o: w.live(),
    "trace_do": lambda w, o: resolved(w, lambda trace, *_: w.trace_do(trace, 99, 0, 0, None, 0)),
    "value": lambda w, o: w.value(EXPR, "binary", "+", 1, 2),
    "value_do": lambda w, o: w.value_do("call", 1, 2),
    "history": lambda w, o: w.history(),
    "evaluate": lambda w, o: w.evaluate(w.function(lambda *_: (0, 0, None, 0)), 11),
    "on_signals": lambda w, o: w.on_signals(w.function(lambda *_: None)),
    "words": lambda w, o: w.words(),
}
METHODS = {
    "Config.get": lambda w, o: w.config({"jobs": "2"}).get("jobs"),
    "Layout.find": lambda w, o: w.layout(LAYOUT).find([1, 1], 0),
    "Layout.element": lambda w, o: w.layout(LAYOUT).element(4, 1, 0),
    "Module.check": lambda w, o: o["module"].check(),
    "Module.emit": lambda w, o: o["module"].emit("tile"),
    "Module.opt": lambda w, o: o["module"].opt("canon"),
    "Module.compile": lambda w, o: o["module"].compile("interp"),
    "Module.build": lambda w, o: o["module"].build("cpu", o["folder"], None),
    "Kernel.bind": lambda w, o: o["kernel"].bind([1]),
    "Kernel.shape": lambda w, o: o["kernel"].shape(1, np.zeros(4, np.float32), None, None),
    "Kernel.shape_with": lambda w, o: o["kernel"].shape_with(1, ["N", 4]),
    "Kernel.resources": lambda w, o: o["kernel"].resources(),
    "Kernel.diagnostics": lambda w, o: o["kernel"].diagnostics(),
    "Kernel.time": lambda w, o: o["kernel"].time(1, 1, False, np.zeros(4, np.float32),
                                                 np.zeros(4, np.float32), 1.0),
    "Value.getattr": lambda w, o: o["value"].getattr("a long attribute"),
    "Value.setattr": lambda w, o: o["value"].setattr("a long attribute", 1),
    "Value.getitem": lambda w, o: o["value"].getitem([1, o["value"]]),
    "Value.setitem": lambda w, o: o["value"].setitem(1, 2),
    "Value.call": lambda w, o: o["value"].call(0, 1, 2),
    "Value.contains": lambda w, o: o["value"].contains(1),
    "Value.truth": lambda w, o: o["value"].truth(),
    "Value.len": lambda w, o: o["value"].len(),
    "Value.binary": lambda w, o: o["value"].binary("+", 1),
    "Value.unary": lambda w, o: o["value"].unary("-"),
    "Value.compare": lambda w, o: o["value"].compare("<", 1),
    "Value.text": lambda w, o: o["value"].text(),
    "Value.repr": lambda w, o: o["value"].repr(),
}


def resolved(world, answer):
    """Compiles a function that only a resolver knows."""
    return world.module("", "k.py", "f", [], [], None, world.function(answer)).compile("interp")


def rows(path, pattern):
    return {".".join(row) if isinstance(row, tuple) else row
            for row in re.findall(pattern, (ROOT / path).read_text(), re.M)}


def test_the_tables_are_all_here():
    # Addresses of Python's functions: who gives it others gets what they do.
    assert set(FUNCTIONS) == rows("src/ffi/functions.def", r"^FUNCTION\((\w+),") - {"python_methods"}
    assert set(METHODS) == rows("src/ffi/objects.def", r"^METHOD\((\w+), (\w+),")


@pytest.fixture(scope="module")
def objects(world, axpy, tmp_path_factory):
    if world.name != "double":
        return None
    FUNCTIONS["on_signals"](world, None)  # the library keeps the latest
    return {"module": world.module(AXPY, "kernel.py", None), "kernel": axpy,
            "folder": str(tmp_path_factory.mktemp("built")),
            "value": world.value(EXPR, "binary", "a long operator", 1, [2, 3])}


@pytest.mark.parametrize("name", list(FUNCTIONS) + list(METHODS))
def test_each(faults, objects, name):
    call = {**FUNCTIONS, **METHODS}[name]
    step = 5 if name == "Module.build" else 1  # the C compiler takes its time
    through_all(faults, lambda: call(faults, objects), step=step)


def test_each_call_of_the_driver(world, pytestconfig):
    """Every function of the driver that a first launch and a later one call fails once."""
    from test_24_stream_tls import gpu_of, on_gpu
    if world.name != "double":
        pytest.skip("the driver is a stand-in, which needs tensors that say they are on a GPU")
    fake, kernel = gpu_of(world, pytestconfig, AXPY)
    kernel.function(*on_gpu(8))
    called = set(re.findall(r"^(cu\w+)", fake.log().decode(), re.M))
    assert {"cuLaunchKernelEx"} <= called, called
    failed = set()
    for name in sorted(called):
        try:
            gpu_of(world, pytestconfig, AXPY.replace("axpy", "axpy_" + name), name)[1].function(*on_gpu(8))
        except AssertionError:
            raise
        except RuntimeError as error:
            assert name in str(error), str(error)
            failed.add(name)
    assert {"cuLaunchKernelEx", "cuModuleLoadData", "cuModuleGetFunction"} <= failed, failed
    kernel = gpu_of(world, pytestconfig, AXPY)[1]
    kernel.function(*on_gpu(8))


@pytest.mark.parametrize("wrong", [(), (None,), ("text",) * 3, (1,) * 12, ([],) * 5, (2.5,)])
@pytest.mark.parametrize("name", rows("src/ffi/functions.def", r"^FUNCTION\((\w+),") - {"on_signals"})
def test_wrong_arguments(world, name, wrong):
    """Each raises what has a class, or answers."""
    find = world._function if world.name == "real" else lambda n: world._global("tilec." + n)
    function = find(name)
    try:
        function(*wrong)
    except (TypeError, ValueError, KeyError, IndexError, RuntimeError, OSError):
        pass
