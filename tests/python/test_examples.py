"""Every kernel of examples/ as a function of a Python program: the arguments, references and bounds
are those of tests/run (examples/refs), one set of parameters each. With NumPy and torch on this
machine, with torch on a GPU, on streams and in graphs."""

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


# What no code for GPUs is made from yet, and with which words the compiler says so.
REFUSED_FOR_GPUS = {
    "control_flow.py:checked_gather": "E0396",
    "conv_im2col.py:conv2d": "E0396",
    "gated_delta_net.py:gated_delta_net": "E0396",
    "histogram.py:counting_sort": "E0396",
    "scan.py:scan_columns": "E0396",
    "scan.py:scan_rows": "E0396",
    "scan.py:scan_vector": "E0396",
    "view_reshape.py:absolute": "E0396",
    "view_reshape.py:group_sums": "E0396",
    "view_reshape.py:split_bytes": "E0396",
}
SLEEP_CYCLES = 2_000_000  # a stream is busy for about a millisecond


# ---- arguments ----

def _address_of(value):
    """Of what has DLPack and no more; the address is the first field of what a capsule holds."""
    if hasattr(value, "data_ptr"):
        return value.data_ptr()
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = value.__dlpack__()  # which holds what is read below
    return ctypes.c_void_p.from_address(pointer_of(capsule, b"dltensor")).value


class Memory:
    """How arguments are made: NumPy's arrays, here."""

    target = "cpu"

    def array(self, stored):
        return stored

    def table(self, arrays):
        return np.array([a.ctypes.data for a in arrays], np.int64)

    def stored(self, value):
        """An array of NumPy with the bits of a result, whatever its type."""
        if isinstance(value, np.ndarray):
            return value
        try:
            return np.from_dlpack(value)
        except (RuntimeError, TypeError, BufferError):
            shape = tuple(value.shape)
            wide = "16" in str(value.dtype)
            data = (ctypes.c_char * (int(np.prod(shape)) * (2 if wide else 1))).from_address(
                _address_of(value))
            return np.frombuffer(data, np.uint16 if wide else np.uint8).reshape(shape).copy()


class Torch(Memory):
    """Tensors of torch here: types that NumPy lacks are bits there, too."""

    def __init__(self):
        self.torch = pytest.importorskip("torch")

    def array(self, stored):
        return self.torch.from_numpy(stored)

    def table(self, arrays):
        return self.array(np.array([a.data_ptr() for a in arrays], np.int64))


class Cuda(Torch):
    """Tensors on the GPU. They hold their values only when `fill` has put them there."""

    target = "cuda"

    def __init__(self):
        super().__init__()
        if not self.torch.cuda.is_available():
            pytest.skip("needs a GPU")
        self.values = []

    def array(self, stored):
        here = self.torch.from_numpy(stored)
        there = self.torch.zeros_like(here, device="cuda")  # of the same strides
        self.values.append((there, here.pin_memory()))
        return there

    def table(self, arrays):
        return self.torch.tensor([a.data_ptr() for a in arrays], device="cuda")

    def fill(self):
        for there, here in self.values:
            there.copy_(here, non_blocking=True)

    def stored(self, value):
        return super().stored(value.cpu())


def as_argument(argument, memory):
    """(what a caller passes, the arrays that a table of pointers leads to)."""
    if isinstance(argument, list):
        arrays = [as_argument(a, memory)[0] for a in argument]
        return memory.table(arrays), arrays
    if isinstance(argument, RUNS.Columns):
        return memory.array(np.asfortranarray(argument.array.stored)), None
    if isinstance(argument, RUNS.Array):
        return memory.array(np.ascontiguousarray(argument.stored).copy()), None
    return argument, None


# ---- kernels ----

def kernel_of(case, params, arguments, target):
    function = getattr(loaded(ROOT / "examples" / case.file), case.entry)
    defines = case.defines(params)
    if not hasattr(function, "mode"):
        return tilec.compile(function, target=target)
    if function.mode == "lazy":
        return tilec.jit(function.func, out_idx=function.settings.out_idx,
                         target=target)(**defines)
    names = inspect.signature(function.func).parameters
    tensors = {name: value for name, value in arguments.items() if name in names}
    return tilec.jit(function.func, target=target).compile(**tensors, **defines)


class Call:
    """A case with its last set of parameters, ready to be called and compared."""

    def __init__(self, case, memory):
        self.case, self.memory, self.params = case, memory, case.params[-1]
        self.inputs = case.inputs(self.params, np.random.default_rng(1))
        made = {name: as_argument(a, memory) for name, a in self.inputs.items()}
        self.given = {name: argument for name, (argument, _) in made.items()}
        self.tables = {name: arrays for name, (_, arrays) in made.items() if arrays}
        self.kernel = kernel_of(case, self.params, self.given, memory.target)
        self.names = [p.name for p in self.kernel.params]
        self.results = [i for i in self.kernel.result_idx if self.names[i] not in self.given]
        for i, name in enumerate(self.names):
            assert i in self.results or name in self.given, "nothing to pass for %r" % name
        self.returned = []

    def run(self):
        kernel = self.kernel
        whole = len(self.results) == len(kernel.result_idx)
        function = kernel.function if whole else kernel._kernel.function
        self.returned = outputs_of(function(*[
            self.given[n] for i, n in enumerate(self.names) if i not in self.results]))

    def check(self, folder):
        run = RUNS.Run(self.case, self.params, self.memory.target)
        more = RUNS.more_allowed(run, self.inputs)
        wanted = self.case.reference(
            self.params, {k: RUNS.values_of(v) for k, v in self.inputs.items()})
        found = {**self.given, **dict(zip((self.names[i] for i in self.results), self.returned))}
        for name, dtype in self.case.outputs(self.params).items():
            got = self.tables.get(name) or [found[name]]
            want = wanted[name] if isinstance(wanted[name], list) else [wanted[name]]
            for value, values in zip(got, want):
                path = folder / "out.npy"
                np.save(path, self.memory.stored(value))
                assert RUNS.mismatch(self.case, name, dtype, path, values, more) is None


every_example = pytest.mark.parametrize("name", CASES)
every_example_of_gpus = pytest.mark.parametrize("name", [
    name for name in CASES if name not in REFUSED_FOR_GPUS])


# ---- on this machine ----

@pytest.mark.over_ffi
@every_example
def test_numpy(name, tmp_path):
    call = Call(CASES[name], Memory())
    call.run()
    call.check(tmp_path)


@pytest.mark.over_ffi
@every_example
def test_torch(name, tmp_path):
    call = Call(CASES[name], Torch())
    call.run()
    call.check(tmp_path)


# ---- on a GPU ----

@pytest.mark.over_ffi
@every_example
def test_what_gpus_are_refused(name):
    """The table says all of it. That a kernel gets past the compiler needs no GPU to be seen."""
    case, memory = CASES[name], Memory()
    params = case.params[-1]
    arguments = {key: as_argument(a, memory)[0]
                 for key, a in case.inputs(params, np.random.default_rng(1)).items()}
    try:
        kernel_of(case, params, arguments, "cuda:sm_90a")
        codes = set()
    except tilec.CompileError as error:
        codes = {d.code for d in tilec.diagnostics(error) if d.severity == "error"}
    except (tilec.TargetError, tilec.EnvironmentError):  # no driver, no NVRTC
        codes = set()
    assert codes == {REFUSED_FOR_GPUS[name]} if name in REFUSED_FOR_GPUS else not codes


@pytest.mark.over_ffi
@every_example_of_gpus
def test_cuda(name, tmp_path):
    memory = Cuda()
    call = Call(CASES[name], memory)
    memory.fill()
    call.run()
    call.check(tmp_path)


@pytest.mark.over_ffi
@every_example_of_gpus
def test_cuda_stream(name, tmp_path):
    """Only on the caller's stream are the arguments there: it is busy, then fills them."""
    memory = Cuda()
    call = Call(CASES[name], memory)
    memory.torch.cuda.synchronize()
    stream = memory.torch.cuda.Stream()
    with memory.torch.cuda.stream(stream):
        memory.torch.cuda._sleep(SLEEP_CYCLES)
        memory.fill()
        call.run()
    stream.synchronize()
    call.check(tmp_path)


@pytest.mark.over_ffi
@every_example_of_gpus
def test_cuda_graph(name, tmp_path):
    """The first call is recorded; replays find the arguments, and what they return, as they are
    then."""
    memory = Cuda()
    call, graph = Call(CASES[name], memory), memory.torch.cuda.CUDAGraph()
    memory.torch.cuda.synchronize()
    with memory.torch.cuda.graph(graph):
        call.run()
    for _ in range(2):
        for result in call.returned:
            result.zero_()
        memory.fill()
        graph.replay()
        memory.torch.cuda.synchronize()
        call.check(tmp_path)
