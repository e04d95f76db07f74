"""Every kernel of examples/ as a function of a Python program: the arguments, references and bounds
are those of tests/run (examples/refs), one set of parameters each."""

import ctypes
import functools
import importlib.util
import inspect
import pathlib
import sys

import numpy as np
import pytest

import tilec
from tilec.kernel import outputs_of

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.lru_cache(maxsize=None)
def loaded(path):
    """A file as a module of its own name, so that it meets no other called the same."""
    name = "_".join(path.relative_to(ROOT).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases():
    sys.path.insert(0, str(ROOT / "examples"))
    sys.path.insert(0, str(ROOT / "tests" / "run"))
    try:
        import refs
    finally:
        del sys.path[:2]
    return {"%s:%s" % (case.file, case.entry): case for case in reversed(refs.CASES)}


CASES = cases()
RUNS = loaded(ROOT / "tests" / "run" / "run.py")


def as_array(argument):
    """What a caller passes, and what must live as long."""
    if isinstance(argument, list):
        arrays = [as_array(a) for a in argument]
        return np.array([a.ctypes.data for a in arrays], np.int64), arrays
    if isinstance(argument, RUNS.Columns):
        return np.asfortranarray(argument.array.stored)
    if isinstance(argument, RUNS.Array):
        return np.ascontiguousarray(argument.stored).copy()
    return argument


def kernel_of(case, params, arrays):
    function = getattr(loaded(ROOT / "examples" / case.file), case.entry)
    defines = case.defines(params)
    if not hasattr(function, "mode"):
        return tilec.compile(function, target="cpu")
    if function.mode == "lazy":
        return tilec.jit(function.func, out_idx=function.settings.out_idx, target="cpu")(**defines)
    names = inspect.signature(function.func).parameters
    tensors = {name: value for name, value in arrays.items() if name in names}
    return tilec.jit(function.func, target="cpu").compile(**tensors, **defines)


def ours(array):
    """For torch: types that NumPy lacks are bits there, too."""
    return sys.modules["torch"].from_numpy(array) if isinstance(array, np.ndarray) else array


def stored(value):
    """An array of NumPy with the bits of a result, whatever its type."""
    if isinstance(value, np.ndarray):
        return value
    try:
        return np.from_dlpack(value)
    except (RuntimeError, TypeError, BufferError):
        shape = tuple(value.shape)
        wide = "16" in str(value.dtype)
        data = (ctypes.c_char * (int(np.prod(shape)) * (2 if wide else 1))).from_address(
            value.data_ptr())
        return np.frombuffer(data, np.uint16 if wide else np.uint8).reshape(shape).copy()


def run(case, tmp_path, convert):
    params = case.params[-1]
    inputs = case.inputs(params, np.random.default_rng(1))
    wanted = case.reference(params, {k: RUNS.values_of(v) for k, v in inputs.items()})
    arrays, kept = {}, []
    for name, argument in inputs.items():
        made = as_array(argument)
        if isinstance(argument, list):
            made, tables = made
            kept.append((name, tables))
        arrays[name] = made
    kernel = kernel_of(case, params, arrays)
    names = [p.name for p in kernel.params]
    given = {name: convert(value) for name, value in arrays.items()}
    results = [i for i in kernel.result_idx if names[i] not in given]
    for i in (i for i in range(len(names)) if i not in results and names[i] not in given):
        raise AssertionError("nothing to pass for %r" % names[i])
    function = kernel.function if len(results) == len(kernel.result_idx) else kernel._kernel.function
    returned = outputs_of(function(*[given[n] for i, n in enumerate(names) if i not in results]))
    found = {**arrays, **dict(zip((names[i] for i in results), returned))}
    for name, dtype in case.outputs(params).items():
        tables = dict(kept).get(name)
        got = tables or [stored(found[name])]
        want = wanted[name] if isinstance(wanted[name], list) else [wanted[name]]
        for array, values in zip(got, want):
            path = tmp_path / "out.npy"
            np.save(path, array)
            assert RUNS.mismatch(case, name, dtype, path, values, 0.0) is None


@pytest.mark.over_ffi
@pytest.mark.parametrize("name", CASES)
def test_numpy(name, tmp_path):
    run(CASES[name], tmp_path, lambda array: array)


@pytest.mark.over_ffi
@pytest.mark.parametrize("name", CASES)
def test_torch(name, tmp_path):
    pytest.importorskip("torch")
    run(CASES[name], tmp_path, ours)
