"""Running kernels on made-up inputs: timing, and comparison with a reference.

Arrays are torch's when the program has imported torch, else NumPy's; neither is imported before it
is needed, and torch never is.
"""

import enum
import importlib
import sys
import time

from . import _clocks
from ._native import native
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
    if _clocks.gpu_of(value) is not None:
        value = native.copy(value)
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
    if hasattr(value, "copy"):
        return value.copy()
    if hasattr(value, "__dlpack_device__"):
        return native.copy(value, *map(int, value.__dlpack_device__()))
    return value


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
    if _torch() is not None and (device is None or _torch().cuda.is_available()):
        where = "cpu" if device is None else "cuda:%d" % device
        return _tensor(kind, shape, dtype, rng, where)
    if device is None:
        return _array(kind, shape, dtype, rng)
    if "cupy" in sys.modules:
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(device):
            return cupy.asarray(_array(kind, shape, dtype, rng))
    return native.copy(_array(kind, shape, dtype, rng), 2, device)


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
                 dynamic_symbolic_constraints=None, device=None, early_stop_baseline=None,
                 timeout=None):
        """Milliseconds of one call of the kernel, or of `func` on the same inputs; TimeoutError
        when it takes more than `timeout` seconds to find out."""
        inputs = self._inputs(input_tensors, dynamic_symbolic_constraints)
        run = func or self.kernel
        return _bench(lambda: run(*inputs), warmup, rep, n_warmup, n_repeat, quantiles, backend,
                      return_mode, early_stop_baseline, timeout,
                      lambda: self._clock(func, inputs, backend, device))

    def _clock(self, func, inputs, backend="event", device=None):
        on_gpu = self.kernel.is_on_gpu
        if on_gpu and device is None:
            device = next((d for d in map(_clocks.gpu_of, inputs) if d is not None), None)
        if func is None and on_gpu and not any(map(_is_torch, inputs)):
            return _clocks.Driver(self.kernel, self._all(inputs))
        return _clocks.choose(backend, on_gpu, device)

    def run_until(self, deadline, inputs):
        """Runs the kernel once, on inputs that it may change; TimeoutError when it has not ended at
        that time.monotonic()."""
        with self._clock(None, inputs) as clock:
            clock.first(lambda: self.kernel(*inputs), deadline)

    def _all(self, inputs):
        """The inputs, and the results of a call with them, in the order of the parameters."""
        made = iter(outputs_of(self.kernel(*inputs)))
        rest = iter(inputs)
        return [next(made) if i in self.kernel.result_idx else next(rest)
                for i in range(len(self.kernel.params))]

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
          "median": lambda times: sorted(times)[(len(times) - 1) // 2]}
_MOST_RUNS = 1000


def _quantile(times, q):
    """Between two times in proportion, as torch has it."""
    if not 0 <= q <= 1:
        raise ValueError("a quantile lies between 0 and 1, found %r" % (q,))
    at = q * (len(times) - 1)
    low = int(at)
    high = min(low + 1, len(times) - 1)
    return times[low] + (times[high] - times[low]) * (at - low)


def summary(times, quantiles=None, return_mode="mean"):
    """What do_bench returns of the times of single runs."""
    if return_mode not in _MODES:
        raise ValueError("return_mode is one of %s, not %r" % (", ".join(_MODES), return_mode))
    if quantiles:
        times = sorted(times)
        found = [_quantile(times, q) for q in quantiles]
        return found[0] if len(found) == 1 else found
    return _MODES[return_mode](times)


_limits = {"repeat": None}


def set_limits(repeat=None):
    """At most so many runs of whatever is timed, and none before, however many are asked for; None
    ends that. For programs that are run for their results."""
    _limits["repeat"] = repeat


def _measured(clock, fn, warmup, rep, n_warmup, n_repeat, early_stop_baseline, timeout):
    """Times of single runs, in ms."""
    if _limits["repeat"] is not None:
        return clock.times(fn, max(_limits["repeat"], 1))
    deadline = None if timeout is None else time.monotonic() + timeout
    clock.first(fn, deadline)
    once = max(min(clock.times(fn, clock.TRIES)), 1e-3)
    if early_stop_baseline is not None and once > early_stop_baseline:
        first = [once] + clock.times(fn, 2)
        if min(first) > early_stop_baseline:
            return first
    n_warmup = n_warmup or min(int(warmup / once) + 1, _MOST_RUNS)
    n_repeat = n_repeat or min(max(int(rep / once), 3), _MOST_RUNS)
    if deadline is not None:
        left = (deadline - time.monotonic()) * 1e3
        if left < once:
            raise TimeoutError("one run takes %.4g ms, which leaves no time for another" % once)
        n_repeat = min(n_repeat, max(int(left / once), 1))
        n_warmup = min(n_warmup, max(int(left / once) - n_repeat, 0))
    clock.warm(fn, n_warmup)
    return clock.times(fn, n_repeat)


def _bench(fn, warmup, rep, n_warmup, n_repeat, quantiles, backend, return_mode,
           early_stop_baseline, timeout, choose):
    if backend not in BACKENDS:
        raise ValueError("backend is one of %s, not %r" % (", ".join(BACKENDS), backend))
    summary([0.0], quantiles, return_mode)  # what is wrong with these shows before anything runs
    with choose() as clock:
        times = _measured(clock, fn, warmup, rep, n_warmup, n_repeat, early_stop_baseline, timeout)
    return summary(times, quantiles, return_mode)


def do_bench(fn, warmup=25, rep=100, _n_warmup=0, _n_repeat=0, quantiles=None, fast_flush=True,
             backend="event", return_mode="mean", device=None, cache_size=None,
             early_stop_baseline=None, on_gpu=None):
    """Milliseconds of one call of `fn`; warmup and rep are milliseconds of it. With
    early_stop_baseline it ends early when the first runs are all slower than that. Work of torch on
    a GPU is timed there."""
    return _bench(fn, warmup, rep, _n_warmup, _n_repeat, quantiles, backend, return_mode,
                  early_stop_baseline, None,
                  lambda: _clocks.choose(backend, on_gpu, device, cache_size))
