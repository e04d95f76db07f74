"""Kernels on GPUs: several devices, timing, tuning. What the driver is asked for is looked at with
a stand-in (standin.py); whether it is right, and how long it takes, needs GPUs and torch."""

import ctypes
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tilec
import tilec.language as T
from standin import gpus, zeros  # noqa: F401
from tilec import _clocks, profiler
from tilec._native import native
from tilec.autotuner import AutoTuner, Tuning, autotune
from tilec.profiler import TensorSupplyType, as_numpy, copied, do_bench, make_input

pytestmark = pytest.mark.over_ffi
CUDA = "cuda:sm_90a"


def axpy(target=CUDA, out_idx=None):
    N = T.dynamic("N")

    @T.prim_func
    def axpy(X: T.Tensor((N,), "float32"), Y: T.Tensor((N,), "float32"), alpha: T.float32):
        with T.Kernel(T.ceildiv(N, 256), threads=128) as bx:
            for i in T.Parallel(256):
                Y[bx * 256 + i] += alpha * X[bx * 256 + i]

    return tilec.compile(axpy, target=target, out_idx=out_idx)


def doubled(target=CUDA):
    @T.prim_func
    def doubled(X: T.Tensor((1000,), "float32"), Y: T.Tensor((1000,), "float32")):
        with T.Kernel(8, threads=128) as bx:
            for i in T.Parallel(128):
                Y[bx * 128 + i] = 2 * X[bx * 128 + i]

    return tilec.compile(doubled, target=target, out_idx=[1])


def in_two_threads(work):
    """work(0) and work(1) at the same time: what they give, or the error of one."""
    start = threading.Barrier(2)

    def begin(device):
        start.wait()
        return work(device)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(begin, (0, 1)))


# ---- several devices, with a stand-in ----

def events(driver, *symbols):
    return [(symbol, rest.split()[0] if rest else "") for symbol, rest in driver.calls()
            if symbol in symbols]


def test_code_is_loaded_for_each_device(gpus):
    driver, kernel = gpus(2), axpy()
    driver.controls.set_current(0)
    driver.calls()
    watched = "cuCtxPushCurrent", "cuModuleLoadData", "cuLaunchKernelEx", "cuCtxPopCurrent"
    in_1 = [("cuCtxPushCurrent", "1"), ("cuLaunchKernelEx", "axpy_0"), ("cuCtxPopCurrent", "")]
    kernel(zeros(8, 1), zeros(8, 1), 1.0)
    assert events(driver, *watched) == in_1[:1] + [("cuModuleLoadData", "")] + in_1[1:]
    kernel(zeros(8, 1), zeros(8, 1), 1.0)
    assert events(driver, *watched) == in_1
    kernel(zeros(8), zeros(8), 1.0)  # for which the code was loaded when it was compiled
    assert events(driver, *watched) == in_1[1:2]
    assert driver.current() == 0


def test_the_current_device_is_restored(gpus):
    driver, kernel = gpus(3), axpy()
    for before in (2, None):
        driver.controls.set_current(-1 if before is None else before)
        kernel(zeros(8, 1), zeros(8, 1), 1.0)
        assert driver.current() == before
        driver.controls.fail(b"cuLaunchKernelEx", 1, 719)
        with pytest.raises(RuntimeError, match="CUDA_ERROR_LAUNCH_FAILED"):
            kernel(zeros(8, 1), zeros(8, 1), 1.0)
        assert driver.current() == before


def test_devices_are_not_mixed(gpus):
    driver, kernel = gpus(2), axpy()
    driver.calls()
    with pytest.raises(ValueError, match="'Y' lies on CUDA device 1, others on device 0"):
        kernel(zeros(8, 0), zeros(8, 1), 1.0)
    with pytest.raises(ValueError, match="'X'"):
        kernel(np.zeros(8, np.float32), zeros(8, 1), 1.0)
    assert not events(driver, "cuLaunchKernelEx")


def filled(target="cuda:sm_90a"):
    @T.prim_func
    def filled(p: T.ptr, X: T.Tensor((32,), "float32")):
        with T.Kernel(1, threads=32):
            A = T.make_tensor(p, (32,), "float32")
            for i in T.Parallel(32):
                A[i] = X[i] + 1

    return tilec.compile(filled, target=target)


def test_addresses_are_of_the_device_of_tensors(gpus):
    driver, kernel = gpus(2), filled()
    for device in (1, 0):
        x = zeros(32, device)
        driver.calls()
        for address in (ctypes.c_void_p(x.array.ctypes.data), x.array.ctypes.data):
            kernel(address, x)
        assert [e for e in events(driver, "cuLaunchKernelEx")] == [("cuLaunchKernelEx", "filled_0")] * 2
    with pytest.raises(ValueError, match="CUDA device"):
        kernel(zeros(32, 0), zeros(32, 1))


def test_results_lie_where_the_arguments_do(gpus):
    driver, kernel = gpus(2), axpy(out_idx=[1])
    made = kernel(zeros(8, 1), 1.0)
    assert _clocks.gpu_of(made) == 1
    with pytest.raises(tilec.TargetError, match="device 7"):
        kernel(zeros(8, 7), 1.0)


def test_threads_have_devices_of_their_own(gpus):
    driver, kernel = gpus(2), axpy()
    driver.calls()

    def work(device):
        driver.controls.set_current(1 - device)
        for _ in range(50):
            kernel(zeros(8, device), zeros(8, device), 1.0)
        return driver.current()

    assert in_two_threads(work) == [1, 0]
    calls = events(driver, "cuModuleLoadData", "cuLaunchKernelEx")
    assert calls.count(("cuModuleLoadData", "")) == 1 and len(calls) == 101


# ---- timing and inputs, with a stand-in ----

@pytest.fixture
def alone(monkeypatch):
    """No package has an allocator or a clock."""
    import sys
    for name in ("torch", "cupy"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_inputs_and_results_without_a_package(gpus, alone):
    driver = gpus(2)
    made = make_input(TensorSupplyType.One, [3, 5], T.float16, np.random.default_rng(0), device=1)
    assert made.__dlpack_device__() == (2, 1) and (as_numpy(made) == np.ones((3, 5))).all()
    again = copied(made)
    assert again.__dlpack_device__() == (2, 1) and as_numpy(again).dtype == np.float16
    with pytest.raises(RuntimeError, match="device 2"):
        make_input(TensorSupplyType.One, [3], T.float32, np.random.default_rng(0), device=2)
    before = driver.controls.n_live()
    del made, again
    assert driver.controls.n_live() == before - 2


def test_copies_refuse(gpus):
    gpus(1)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert (as_numpy(native.copy(native.copy(x, 2, 0))) == x).all()
    assert (np.from_dlpack(native.copy(x)) == x).all()
    for wrong in (None, 3, "x"):
        with pytest.raises(TypeError, match="expected a tensor"):
            native.copy(wrong)
    with pytest.raises(TypeError, match="no element type"):
        native.copy(x.astype(np.complex64))
    with pytest.raises(ValueError):
        native.copy(x.T)
    for device in ((-1, 0), (2, -1), (9, 0), (2, 1)):
        with pytest.raises((ValueError, tilec.TargetError)):
            native.copy(x, *device)


def test_time_without_a_package(gpus, alone):
    """Events of the stand-in are 0.25 ms apart."""
    driver, kernel = gpus(1), doubled()
    measure = kernel.get_profiler().do_bench
    driver.calls()
    assert measure(n_warmup=3, n_repeat=70) == pytest.approx(0.25)
    calls = [symbol for symbol, _ in driver.calls()]
    # One makes the result; first, tries, warm, timed: two of them with one run that is not used.
    assert calls.count("cuLaunchKernelEx") == 1 + 2 + 5 + 4 + 70
    assert calls.count("cuMemsetD8Async") >= 75 and calls.count("cuStreamSynchronize") == 0
    for mode in ("min", "max", "median", "mean"):
        assert measure(warmup=0, rep=1, return_mode=mode) == pytest.approx(0.25)
    for backend in profiler.BACKENDS:
        assert measure(rep=1, quantiles=[0.2, 0.8], backend=backend) == pytest.approx([0.25] * 2)
    with pytest.raises(RuntimeError, match="timed with events of torch"):
        measure(lambda x: x)
    assert driver.controls.n_live() == 0


def test_time_on_the_device_of_the_arguments(gpus, alone):
    driver = gpus(2)
    kernel = axpy()
    driver.calls()
    assert kernel.get_profiler().do_bench(
        input_tensors=[zeros(8, 1), zeros(8, 1), 2.0], rep=1) == pytest.approx(0.25)
    entered = [rest for symbol, rest in driver.calls() if symbol == "cuCtxPushCurrent"]
    assert entered and set(entered) == {"1"}


def test_failures_are_not_times(gpus, alone):
    driver, kernel = gpus(1), doubled()
    for symbol in (b"cuLaunchKernelEx", b"cuEventRecord", b"cuMemsetD8Async",
                   b"cuEventElapsedTime"):
        driver.controls.fail(symbol, 2, 719)
        with pytest.raises(RuntimeError, match="CUDA_ERROR_LAUNCH_FAILED"):
            kernel.get_profiler().do_bench(rep=1)


def test_tuning_without_a_package(gpus, alone):
    gpus(1)

    @autotune(configs={"block": [64, 128]}, warmup=0, rep=1)
    @tilec.jit(out_idx=[1], target=CUDA)
    def scaled(N, block=32):
        @T.prim_func
        def main(A: T.Tensor((N,), T.float32), B: T.Tensor((N,), T.float32)):
            with T.Kernel(T.ceildiv(N, block), threads=64) as bx:
                for i in T.Parallel(block):
                    B[bx * block + i] = A[bx * block + i] * 2
        return main

    found = scaled.tune(256)
    assert [t["latency"] for t in found.trials] == pytest.approx([0.25] * 2)
    assert found.kernel.is_on_gpu


# ---- limits on time, with clocks that are made up ----

class Clock(_clocks._Clock):
    """Runs take as long as it says."""

    def __init__(self, ms):
        self.ms, self.warmed, self.timed = ms, [], []

    def warm(self, fn, n):
        self.warmed.append(n)

    def times(self, fn, n):
        self.timed.append(n)
        return [self.ms] * n


def measured(ms, **more):
    clock = Clock(ms)
    given = {"warmup": 25, "rep": 100, "n_warmup": 0, "n_repeat": 0, "early_stop_baseline": None,
             "timeout": None, **more}
    profiler._measured(clock, lambda: None, **given)
    return clock.warmed, clock.timed


def test_numbers_of_runs():
    assert measured(1.0) == ([26], [1, 100])
    assert measured(1000.0) == ([1], [1, 3])
    assert measured(1e-6) == ([1000], [1, 1000])
    assert measured(1.0, n_warmup=2, n_repeat=7) == ([2], [1, 7])
    assert measured(5.0, early_stop_baseline=1.0) == ([], [1, 2])


def test_a_timeout_shortens_measuring():
    warmed, timed = measured(1000.0, timeout=2.5)
    assert warmed == [0] and timed == [1, 2]
    warmed, timed = measured(1.0, timeout=0.11, rep=100)
    assert timed[1] <= 100 and warmed[0] + timed[1] <= 110
    with pytest.raises(TimeoutError, match="one run takes 1000 ms"):
        measured(1000.0, timeout=0.5)


class Event:
    """Work on a GPU that is over when it says so."""

    over = False

    def query(self):
        return self.over


def tuner(seconds, monkeypatch, outcomes):
    """AutoTuner over configurations whose measurements are these numbers or errors."""
    def factory(which):
        @T.prim_func
        def main(A: T.Tensor((8,), T.float32)):
            with T.Kernel(1, threads=8):
                A[0] = which
        return main

    def measure(self, **ignored):
        outcome = outcomes[[str(k) in self.kernel.prim_func.script() for k in keys].index(True)]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def in_order(self, todo):
        for trial, compiling in todo:
            self._compile(trial, compiling)
            yield trial

    keys = [701 + i for i in range(len(outcomes))]
    monkeypatch.setattr(profiler.Profiler, "do_bench", measure)
    monkeypatch.setattr(Tuning, "_compiled", in_order)
    made = AutoTuner.from_kernel(factory, {"which": keys})
    return made.set_compile_args(target="interp").set_profile_args(timeout=seconds)


@pytest.fixture
def own_rows(monkeypatch, tmp_path):
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path / "cache"))


def test_what_does_not_end_is_in_no_other_time(monkeypatch, own_rows):
    stuck = _clocks.StillRuns("the first run has not ended in time", Event())
    outcomes = [1.0, stuck, 0.5, 0.25]
    begin = time.monotonic()
    found = tuner(0.2, monkeypatch, outcomes).run()
    assert time.monotonic() - begin < 5 and found.latency == 1.0
    errors = [t["error"] or "" for t in found.trials]
    assert not errors[0] and "has not ended" in errors[1]
    assert all("an earlier configuration still runs" in e for e in errors[2:])


def test_what_ends_late_is_waited_for(monkeypatch, own_rows):
    event = Event()
    late = _clocks.StillRuns("the first run has not ended in time", event)
    threading.Timer(0.3, lambda: setattr(event, "over", True)).start()
    found = tuner(5, monkeypatch, [late, 1.0, 0.5]).run()
    assert found.latency == 0.5 and found.config == {"which": 703}
    assert "StillRuns" in found.trials[0]["error"]


# ---- on a GPU ----

@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch


@pytest.fixture(scope="module")
def two_gpus(torch):
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    return torch


def by_torch(torch, fn, n=100):
    """Milliseconds of one call, by events of torch around each, with the L2 cache emptied."""
    cache = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    for _ in range(20):
        fn()
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(n)]
    for start, end in pairs:
        cache.zero_()
        start.record()
        fn()
        end.record()
    torch.cuda.synchronize()
    return sorted(start.elapsed_time(end) for start, end in pairs)[n // 2]


def near(found, expected, share=0.1, ms=2e-3):
    print("%.5f ms, by torch %.5f ms" % (found, expected))
    return abs(found - expected) <= max(share * expected, ms)


@pytest.mark.parametrize("n", [1 << 12, 1 << 22, 1 << 26])
def test_time_is_torchs(torch, n):
    kernel = axpy("cuda")
    x, y = torch.ones(n, device="cuda"), torch.zeros(n, device="cuda")
    expected = by_torch(torch, lambda: kernel(x, y, 1.0))
    measure = kernel.get_profiler().do_bench
    for backend in ("event", "cupti"):
        assert near(measure(input_tensors=[x, y, 1.0], backend=backend, return_mode="median"),
                    expected)
    assert near(do_bench(lambda: kernel(x, y, 1.0), return_mode="median"), expected)
    low, high = measure(input_tensors=[x, y, 1.0], quantiles=[0.1, 0.9])
    assert low <= high and near(low, expected, 0.3, 5e-3)


def test_time_without_torchs_clock(torch):
    """By the driver's events, as in a program without torch."""
    kernel, n = axpy("cuda"), 1 << 24
    x, y = torch.ones(n, device="cuda"), torch.zeros(n, device="cuda")
    expected = by_torch(torch, lambda: kernel(x, y, 1.0))
    bare = [native.copy(np.ones(n, np.float32), 2, 0) for _ in range(2)]
    assert near(kernel.get_profiler().do_bench(input_tensors=[*bare, 1.0], return_mode="median"),
                expected)
    kernel(*bare, 2.0)
    assert set(as_numpy(bare[1])) != {1.0}


def test_time_of_a_graph(torch):
    """In a graph nothing of the host is in the time, so a small kernel takes less."""
    kernel, n = axpy("cuda"), 1 << 26
    x, y = torch.ones(n, device="cuda"), torch.zeros(n, device="cuda")
    measure = kernel.get_profiler().do_bench
    expected = by_torch(torch, lambda: kernel(x, y, 1.0))
    assert near(measure(input_tensors=[x, y, 1.0], backend="cudagraph"), expected, 0.2)
    x, y = x[:1024], y[:1024]
    small = measure(input_tensors=[x, y, 1.0], backend="cudagraph")
    print("%.5f ms in a graph" % small)
    assert 0 < small < by_torch(torch, lambda: kernel(x, y, 1.0)) + 2e-3


def test_time_of_results(torch):
    assert 0 < doubled("cuda").get_profiler().do_bench(rep=10) < 1
    assert 0 < doubled("cuda").get_profiler().do_bench(rep=10, backend="cudagraph") < 1
    doubled("cuda").get_profiler().assert_allclose(lambda x: 2 * x)


def test_what_does_not_end_in_time(torch):
    kernel = doubled("cuda")
    kernel.get_profiler().do_bench(rep=1)

    def sleeps(x):
        torch.cuda._sleep(2_000_000_000)

    begin = time.monotonic()
    with pytest.raises(_clocks.StillRuns) as caught:
        kernel.get_profiler().do_bench(sleeps, timeout=0.2)
    assert time.monotonic() - begin < 0.8 and not caught.value.is_over()
    torch.cuda.synchronize()
    assert caught.value.is_over()


def test_the_fastest_wins(torch, own_rows):
    @autotune(configs={"work": [4000, 1, 400]}, warmup=5, rep=20, ref_prog=lambda a: None,
              skip_check=True)
    @tilec.jit(out_idx=[1], target="cuda")
    def scaled(N, work=1):
        @T.prim_func
        def main(A: T.Tensor((N,), T.float32), B: T.Tensor((N,), T.float32)):
            with T.Kernel(T.ceildiv(N, 128), threads=128) as bx:
                for i in T.Parallel(128):
                    B[bx * 128 + i] = A[bx * 128 + i]
                for _ in T.serial(work):
                    for i in T.Parallel(128):
                        B[bx * 128 + i] = T.sin(B[bx * 128 + i])
        return main

    found = scaled.tune(1 << 16)
    times = {t["config"]["work"]: t["latency"] for t in found.trials}
    print(times)
    assert found.config == {"work": 1} and times[1] < times[400] < times[4000]
    a = torch.randn(1 << 16, device="cuda")
    assert torch.allclose(found.kernel(a), torch.sin(a), atol=1e-4)


# ---- on two GPUs ----

def test_tensors_of_the_second_device(two_gpus):
    torch, kernel = two_gpus, axpy("cuda")
    torch.cuda.set_device(0)
    for device in (1, 0, 1):
        x = torch.full((1000,), 3.0, device="cuda:%d" % device)
        y = torch.zeros_like(x)
        kernel(x, y, 2.0)
        assert torch.cuda.current_device() == 0
        assert (y == 6).all() and y.device.index == device
    made = doubled("cuda")(torch.ones(1000, device="cuda:1"))
    assert made.device.index == 1 and (made == 2).all()


def test_an_address_on_the_second_device(two_gpus):
    torch, kernel = two_gpus, filled("cuda")
    x, y = torch.ones(32, device="cuda:1"), torch.zeros(32, device="cuda:1")
    for address in (y.data_ptr(), ctypes.c_void_p(y.data_ptr()), y):
        y.zero_()
        kernel(address, x)
        assert (y == 2).all()


def test_a_stream_of_the_second_device(two_gpus):
    torch, kernel = two_gpus, axpy("cuda")
    x, y = (torch.zeros(1 << 20, device="cuda:1") for _ in range(2))
    kernel(x, y, 1.0)
    torch.cuda.synchronize(1)
    stream = torch.cuda.Stream(device=1)
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        x.fill_(3)
        kernel(x, y, 2.0)
    assert not stream.query()
    stream.synchronize()
    assert (y == 6).all()


def test_two_devices_in_one_call(two_gpus):
    torch, kernel = two_gpus, axpy("cuda")
    x, y = torch.zeros(8, device="cuda:0"), torch.zeros(8, device="cuda:1")
    with pytest.raises(ValueError, match="'Y' lies on CUDA device 1, others on device 0"):
        kernel(x, y, 1.0)
    assert torch.cuda.current_device() == 0


def test_two_threads_on_two_devices(two_gpus):
    torch, kernel = two_gpus, axpy("cuda")

    def work(device):
        x = torch.full((1 << 16,), float(device + 1), device="cuda:%d" % device)
        y = torch.zeros_like(x)
        for _ in range(500):
            kernel(x, y, 1.0)
        return set(y.cpu().tolist())

    assert in_two_threads(work) == [{500.0}, {1000.0}]


def test_time_on_the_second_device(two_gpus):
    torch, kernel = two_gpus, axpy("cuda")
    torch.cuda.set_device(0)
    times = []
    for device in (0, 1):
        x, y = (torch.ones(1 << 26, device="cuda:%d" % device) for _ in range(2))
        times.append(kernel.get_profiler().do_bench(input_tensors=[x, y, 1.0], rep=50))
    assert torch.cuda.current_device() == 0 and near(times[1], times[0], 0.2)
