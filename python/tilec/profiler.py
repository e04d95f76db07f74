"""Running kernels on made-up inputs: timing, and comparison with a reference."""

import enum
import time

import importlib


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


def as_numpy(value):
    """An array of NumPy over the memory of a tensor, or a copy of it where that is on a device."""
    np = _numpy()
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        return value.numpy()
    return np.from_dlpack(value)


def assert_close(actual, expected, rtol=1e-2, atol=1e-2, max_mismatched_ratio=0.01):
    """At most that ratio of the elements may differ by more than rtol * |expected| + atol."""
    np = _numpy()
    got = as_numpy(actual).astype(np.float64)
    want = as_numpy(expected).astype(np.float64)
    if got.shape != want.shape:
        raise AssertionError("shapes differ: %s and %s" % (got.shape, want.shape))
    bad = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if bad.sum() > max_mismatched_ratio * bad.size:
        at = tuple(int(i[0]) for i in np.nonzero(bad))
        raise AssertionError("%d of %d elements differ; first at %s: found %r, expected %r"
                             % (bad.sum(), bad.size, list(at), got[at], want[at]))


# ---- inputs ----

def _values(kind, shape, dtype, rng):
    """Float64 or integers for an element type, by the rules of each kind."""
    np = _numpy()
    is_float = "float" in dtype
    if dtype == "bool":
        return rng.integers(0, 2, shape)
    if kind is TensorSupplyType.Zero:
        return np.zeros(shape)
    if kind is TensorSupplyType.One:
        return np.ones(shape)
    low = 0 if dtype.startswith("uint") else -2
    if kind is TensorSupplyType.Integer or (kind is TensorSupplyType.Auto and not is_float):
        return rng.integers(low, 3, shape)
    if not is_float:
        raise ValueError("%s makes no values of type %s" % (kind, dtype))
    if kind in (TensorSupplyType.Uniform, TensorSupplyType.Auto):
        return rng.uniform(-1, 1, shape)
    return rng.normal(-1 if kind is TensorSupplyType.Normal else 0, 1, shape)


_STORED = {"bfloat16": "uint16", "tfloat32": "float32", "handle": "int64"}


def _make(kind, shape, dtype, rng):
    """An array of NumPy as a kernel takes it: types that NumPy lacks as their bits."""
    np = _numpy()
    if dtype in ("bfloat16",):
        bits = np.asarray(_values(kind, shape, dtype, rng), np.float32).view(np.uint32)
        return (bits >> 16).astype(np.uint16)
    if hasattr(np, dtype) or dtype in ("bool", "tfloat32"):
        stored = {"bool": "bool", "tfloat32": "float32"}.get(dtype, dtype)
        return np.asarray(_values(kind, shape, dtype, rng)).astype(stored)
    return rng.integers(0, 64, shape).astype(np.uint8)  # 8 bits and less: any bytes that are finite


class Profiler:
    """Runs one kernel on inputs that it makes."""

    def __init__(self, kernel, supply_type=TensorSupplyType.Auto):
        self.kernel = kernel
        self.supply_type = supply_type

    def _get_inputs(self, dynamic_symbolic_constraints=None):
        """The inputs, outputs left out."""
        rng = _numpy().random.default_rng(0)
        constraints = dynamic_symbolic_constraints or {}
        inputs = []
        for i, param in enumerate(self.kernel.params):
            if i in self.kernel.result_idx:
                continue
            if param.is_scalar():
                raise ValueError("scalar parameter %r needs a value: give input_tensors"
                                 % param.name)
            shape = self.kernel.static_shape(i, constraints)
            inputs.append(_make(self.supply_type, shape, param.dtype, rng))
        return inputs

    def __call__(self, *args):
        return self.kernel(*args)

    def run_once(self, func=None):
        return (func or self.kernel)(*self._get_inputs())

    def do_bench(self, func=None, warmup=25, rep=100, n_warmup=0, n_repeat=0, input_tensors=None,
                 backend="event", quantiles=None, return_mode="mean",
                 dynamic_symbolic_constraints=None, device=None, early_stop_baseline=None):
        """Milliseconds of one call."""
        inputs = input_tensors if input_tensors is not None else self._get_inputs(
            dynamic_symbolic_constraints)
        run = func or self.kernel
        return do_bench(lambda: run(*inputs), warmup, rep, n_warmup, n_repeat, quantiles,
                        return_mode=return_mode)

    def assert_allclose(self, reference_program, input_tensors=None, atol=1e-2, rtol=1e-2,
                        max_mismatched_ratio=0.01):
        """Compares what the kernel returns with what the reference program returns."""
        inputs = input_tensors if input_tensors is not None else self._get_inputs()
        got, want = self.kernel(*inputs), reference_program(*inputs)
        got = list(got) if isinstance(got, (tuple, list)) else [got]
        want = list(want) if isinstance(want, (tuple, list)) else [want]
        if len(got) != len(want):
            raise AssertionError("the kernel returns %d tensors, the reference %d"
                                 % (len(got), len(want)))
        for actual, expected in zip(got, want):
            if expected is not None:
                assert_close(actual, expected, rtol, atol, max_mismatched_ratio)

    def assert_consistent(self, repeat=10):
        """The kernel gives the same bits each time."""
        np = _numpy()
        inputs = self._get_inputs()
        first = as_numpy(self.kernel(*inputs)).copy()
        for _ in range(repeat):
            np.testing.assert_array_equal(as_numpy(self.kernel(*inputs)), first)


def do_bench(fn, warmup=25, rep=100, _n_warmup=0, _n_repeat=0, quantiles=None, fast_flush=True,
             backend="event", return_mode="mean", device=None, cache_size=None,
             early_stop_baseline=None):
    """Milliseconds of one call of `fn`; warmup and rep are milliseconds of it."""
    start = time.perf_counter_ns()
    fn()
    once = max(time.perf_counter_ns() - start, 1000) * 1e-6
    for _ in range(_n_warmup or min(int(warmup / once) + 1, 1000)):
        fn()
    times = []
    for _ in range(_n_repeat or min(max(int(rep / once), 3), 1000)):
        start = time.perf_counter_ns()
        fn()
        times.append((time.perf_counter_ns() - start) * 1e-6)
    times.sort()
    if quantiles:
        return [times[min(int(q * len(times)), len(times) - 1)] for q in quantiles]
    return {"mean": sum(times) / len(times), "min": times[0], "max": times[-1],
            "median": times[len(times) // 2]}[return_mode]
