"""Running kernels on made-up inputs: timing, and comparison with a reference.

Arrays are torch's when the program has imported torch, else NumPy's; neither is imported before it
is needed, and torch never is.
"""

import enum
import importlib
import sys
import time

from .kernel import outputs_of


class TensorSupplyType(enum.Enum):
    """How inputs are made."""

    Integer = 1
    Uniform = 2
    Normal = 3
    Randn = 4
    Zero = 5
    One = 6
    Auto = 7


def _numpy():
    return importlib.import_module("numpy")


def _torch():
    """torch, if the program has it."""
    return sys.modules.get("torch")


def _is_torch(value):
    return type(value).__module__.partition(".")[0] == "torch"


# ---- comparison ----

def as_numpy(value):
    """An array of NumPy over the memory of a tensor, or a copy of it where that is on a device or
    has a type that NumPy lacks."""
    np = _numpy()
    if isinstance(value, np.ndarray):
        return value
    if _is_torch(value):
        value = value.detach().cpu()
        try:
            return value.numpy()
        except TypeError:  # bfloat16, 8-bit floats
            return value.float().numpy()
    if hasattr(value, "get") and hasattr(value, "__cuda_array_interface__"):  # CuPy
        return value.get()
    return np.from_dlpack(value) if hasattr(value, "__dlpack__") else np.asarray(value)


def assert_close(actual, expected, rtol=1e-2, atol=1e-2, max_mismatched_ratio=0.01):
    """At most that ratio of the elements may differ by more than rtol * |expected| + atol."""
    np = _numpy()
    got, want = as_numpy(actual), as_numpy(expected)
    kind = np.complex128 if "c" in (got.dtype.kind, want.dtype.kind) else np.float64
    got, want = got.astype(kind), want.astype(kind)
    if got.shape != want.shape:
        raise AssertionError("shapes differ: %s and %s" % (got.shape, want.shape))
    bad = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if bad.sum() > max_mismatched_ratio * bad.size:
        at = tuple(int(i[0]) for i in np.nonzero(bad))
        raise AssertionError("%d of %d elements differ; first at %s: found %r, expected %r"
                             % (bad.sum(), bad.size, list(at), got[at], want[at]))


def copied(value):
    """A copy, for what a run may write to."""
    if _is_torch(value):
        return value.clone()
    return value.copy() if hasattr(value, "copy") else value


# ---- inputs ----

def _values(kind, shape, dtype, rng):
    """Numbers for an element type, by the rules of each kind."""
    np = _numpy()
    is_float = "float" in dtype
    if kind is TensorSupplyType.Zero:
        return np.zeros(shape)
    if kind is TensorSupplyType.One:
        return np.ones(shape)
    if dtype == "bool":
        return rng.integers(0, 2, shape)
    low = 0 if dtype.startswith("uint") else -2
    if kind is TensorSupplyType.Integer or (kind is TensorSupplyType.Auto and not is_float):
        return rng.integers(low, 3, shape)
    if not is_float:
        raise ValueError("%s makes no values of type %s" % (kind, dtype))
    if kind in (TensorSupplyType.Uniform, TensorSupplyType.Auto):
        return rng.uniform(-1, 1, shape)
    return rng.normal(-1 if kind is TensorSupplyType.Normal else 0, 1, shape)


def _array(kind, shape, dtype, rng):
    """An array of NumPy as a kernel takes it: types that NumPy lacks as their bits."""
    np = _numpy()
    if dtype == "bfloat16":
        bits = np.asarray(_values(kind, shape, dtype, rng), np.float32).view(np.uint32)
        return (bits >> 16).astype(np.uint16)
    stored = {"tfloat32": "float32", "handle": "int64"}.get(dtype, dtype)
    if stored == "bool" or hasattr(np, stored):
        return np.asarray(_values(kind, shape, dtype, rng)).astype(stored)
    if dtype.bits < 8:
        if shape and shape[-1] * dtype.bits % 8:
            raise ValueError("a tensor of %s needs whole bytes in its last extent, which is %d"
                             % (dtype, shape[-1]))
        shape = [*shape[:-1], shape[-1] * dtype.bits // 8]
    low = 0 if kind is TensorSupplyType.Zero else 64
    return rng.integers(0, low + 1, shape).astype(np.uint8)  # any bytes of finite numbers


def _tensor(kind, shape, dtype, rng, device):
    """The same as a tensor of torch."""
    torch = _torch()
    if dtype == "bfloat16" or (dtype.startswith("float8") and hasattr(torch, dtype)):
        values = _numpy().asarray(_values(kind, shape, dtype, rng), "float32")
        return torch.from_numpy(values).to(getattr(torch, dtype)).to(device)
    return torch.from_numpy(_array(kind, shape, dtype, rng)).to(device)


def make_input(kind, shape, dtype, rng, device=None):
    """An input for a kernel whose tensors lie on GPU number `device`, or on the host (None)."""
    if _torch() is not None:
        where = "cpu" if device is None else "cuda:%d" % device
        return _tensor(kind, shape, dtype, rng, where)
    if device is None:
        return _array(kind, shape, dtype, rng)
    if "cupy" in sys.modules:
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(device):
            return cupy.asarray(_array(kind, shape, dtype, rng))
    raise RuntimeError("inputs on a GPU are made with torch or CuPy: import one of them, or give "
                       "input_tensors")


def get_tensor_supply(supply_type=TensorSupplyType.Integer, out_idx=None):
    """A function that makes a tensor for a parameter of a kernel."""
    rng = _numpy().random.default_rng(0)
    return lambda param: make_input(supply_type, param.shape, param.dtype, rng)


class Profiler:
    """Runs one kernel on inputs that it makes."""

    def __init__(self, kernel, supply_type=TensorSupplyType.Auto):
        self.kernel = kernel
        self.supply_type = supply_type

    @property
    def func(self):
        return self.kernel

    @property
    def params(self):
        return self.kernel.params

    @property
    def result_idx(self):
        return self.kernel.result_idx

    def _get_inputs(self, with_output=False, dynamic_symbolic_constraints=None):
        """The inputs, outputs left out unless they are wanted."""
        rng = _numpy().random.default_rng(0)
        device = self.kernel.device_id if self.kernel.is_on_gpu else None
        inputs = []
        for i, param in enumerate(self.kernel.params):
            if i in self.kernel.result_idx and not with_output:
                continue
            if param.is_scalar():
                raise ValueError("scalar parameter %r needs a value: give input_tensors"
                                 % param.name)
            shape = self.kernel.static_shape(i, dynamic_symbolic_constraints)
            inputs.append(make_input(self.supply_type, shape, param.dtype, rng, device))
        return inputs

    def _inputs(self, given, constraints=None):
        if given is not None:
            return list(given)
        return self._get_inputs(dynamic_symbolic_constraints=constraints)

    def __call__(self, *args):
        return self.kernel(*args)

    def run_once(self, func=None):
        return (func or self.kernel)(*self._get_inputs())

    def do_bench(self, func=None, warmup=25, rep=100, n_warmup=0, n_repeat=0, input_tensors=None,
                 backend="event", quantiles=None, return_mode="mean",
                 dynamic_symbolic_constraints=None, device=None, early_stop_baseline=None):
        """Milliseconds of one call of the kernel, or of `func` on the same inputs."""
        inputs = self._inputs(input_tensors, dynamic_symbolic_constraints)
        run = func or self.kernel
        if func is None and self.kernel.is_on_gpu and _torch() is None:
            return self._by_driver(inputs, warmup, rep, n_warmup, n_repeat, quantiles, return_mode)
        return do_bench(lambda: run(*inputs), warmup, rep, n_warmup, n_repeat, quantiles,
                        backend=backend, return_mode=return_mode, device=device,
                        early_stop_baseline=early_stop_baseline,
                        on_gpu=self.kernel.is_on_gpu)

    def _by_driver(self, inputs, warmup, rep, n_warmup, n_repeat, quantiles, return_mode):
        """By events of the driver, for arrays of packages that have none."""
        kernel = self.kernel
        made = iter(outputs_of(kernel(*inputs)))
        rest = iter(inputs)
        args = [next(made) if i in kernel.result_idx else next(rest)
                for i in range(len(kernel.params))]
        once = max(sorted(kernel._kernel.time(1, 5, 1, *args))[2] * 1e-6, 1e-3)
        times = kernel._kernel.time(n_warmup or int(warmup / once) + 1,
                                    n_repeat or max(int(rep / once), 3), 1, *args)
        return summary([ns * 1e-6 for ns in times], quantiles, return_mode)

    def _compare(self, reference_program, input_tensors, compare):
        inputs = self._inputs(input_tensors)
        got = outputs_of(self.kernel(*[copied(x) for x in inputs]))
        want = outputs_of(reference_program(*inputs))
        if len(got) != len(want):
            raise AssertionError("the kernel returns %d tensors, the reference %d"
                                 % (len(got), len(want)))
        for actual, expected in zip(got, want):
            if expected is not None:
                compare(actual, expected)

    def assert_allclose(self, reference_program, input_tensors=None, atol=1e-2, rtol=1e-2,
                        max_mismatched_ratio=0.01):
        """Compares what the kernel returns with what the reference program returns; None there
        means that an output is not compared."""
        self._compare(reference_program, input_tensors,
                      lambda actual, expected: assert_close(actual, expected, rtol, atol,
                                                            max_mismatched_ratio))

    def manual_assert_close(self, reference_program, input_tensors=None, manual_check_prog=None):
        """The same, compared by a function of two lists of tensors."""
        inputs = self._inputs(input_tensors)
        got = outputs_of(self.kernel(*[copied(x) for x in inputs]))
        manual_check_prog(got, outputs_of(reference_program(*inputs)))

    def assert_consistent(self, repeat=10):
        """The kernel gives the same bits each time."""
        np = _numpy()
        inputs = self._get_inputs()

        def run():
            return [as_numpy(x).copy() for x in outputs_of(self.kernel(*map(copied, inputs)))]

        first = run()
        for _ in range(repeat):
            for now, before in zip(run(), first):
                np.testing.assert_array_equal(now, before)


# ---- timing ----

BACKENDS = ("event", "cupti", "cudagraph")
_MODES = {"mean": lambda times: sum(times) / len(times), "min": min, "max": max,
          "median": lambda times: sorted(times)[len(times) // 2]}


def summary(times, quantiles=None, return_mode="mean"):
    """What do_bench returns of the times of single runs."""
    if return_mode not in _MODES:
        raise ValueError("return_mode is one of %s, not %r" % (", ".join(_MODES), return_mode))
    if quantiles:
        times = sorted(times)
        found = [times[min(int(q * len(times)), len(times) - 1)] for q in quantiles]
        return found[0] if len(found) == 1 else found
    return _MODES[return_mode](times)


_limits = {"repeat": None}


def set_limits(repeat=None):
    """At most so many runs of whatever is timed, and none before, however many are asked for; None
    ends that. For programs that are run for their results."""
    _limits["repeat"] = repeat


class _HostClock:
    """For what is done when a call returns."""

    @staticmethod
    def time(fn):
        start = time.perf_counter_ns()
        fn()
        return (time.perf_counter_ns() - start) * 1e-6


class _CudaClock:
    """Events of torch; before each run, memory as large as any L2 cache is written."""

    def __init__(self, device, cache_size):
        self.cuda = _torch().cuda
        self.cache = _torch().empty(cache_size, dtype=_torch().uint8, device=device or "cuda")

    def time(self, fn):
        self.cache.zero_()
        start, end = (self.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        fn()
        end.record()
        end.synchronize()
        return start.elapsed_time(end)


def _clock(on_gpu, device, cache_size):
    torch = _torch()
    if on_gpu is None:
        on_gpu = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    if on_gpu and torch is not None:
        return _CudaClock(device, cache_size)
    return _HostClock()


def do_bench(fn, warmup=25, rep=100, _n_warmup=0, _n_repeat=0, quantiles=None, fast_flush=True,
             backend="event", return_mode="mean", device=None, cache_size=256 << 20,
             early_stop_baseline=None, on_gpu=None):
    """Milliseconds of one call of `fn`; warmup and rep are milliseconds of it. With
    early_stop_baseline it ends early when the first runs are all slower than that."""
    if backend not in BACKENDS:
        raise ValueError("backend is one of %s, not %r" % (", ".join(BACKENDS), backend))
    if return_mode not in _MODES:
        summary([], None, return_mode)
    clock = _clock(on_gpu, device, int(cache_size or 256 << 20))
    if _limits["repeat"] is not None:
        return summary([clock.time(fn) for _ in range(max(_limits["repeat"], 1))], quantiles,
                       return_mode)
    fn()
    once = max(clock.time(fn), 1e-3)
    if early_stop_baseline is not None and once > early_stop_baseline:
        first = [once, clock.time(fn), clock.time(fn)]
        if min(first) > early_stop_baseline:
            return summary(first, quantiles, return_mode)
    for _ in range(_n_warmup or min(int(warmup / once) + 1, 1000)):
        fn()
    times = [clock.time(fn) for _ in range(_n_repeat or min(max(int(rep / once), 3), 1000))]
    return summary(times, quantiles, return_mode)
