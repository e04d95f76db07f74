"""The kernel object, the profiler with arrays of NumPy and torch, tilec.testing, tilec.env."""

import ctypes
import os
import pathlib
import sys
import types

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec import env, profiler, testing
from tilec.kernel import shapes_of
from tilec.profiler import TensorSupplyType, as_numpy, do_bench, make_input


def axpy(N, dtype="float32", target="interp", **more):
    @T.prim_func
    def main(X: T.Tensor((N,), dtype), Y: T.Tensor((N,), dtype), alpha: T.float32):
        with T.Kernel(T.ceildiv(N, 64), threads=64) as bx:
            for i in T.Parallel(64):
                Y[bx * 64 + i] = X[bx * 64 + i] * alpha
    return tilec.compile(main, target=target, **more)


def doubled(N, dtype="float32", target="interp", out_idx=(1,)):
    @T.prim_func
    def main(X: T.Tensor((N,), dtype), Y: T.Tensor((N,), dtype)):
        with T.Kernel(T.ceildiv(N, 64), threads=64) as bx:
            for i in T.Parallel(64):
                Y[bx * 64 + i] = X[bx * 64 + i] + X[bx * 64 + i]
    return tilec.compile(main, target=target, out_idx=list(out_idx))


def halves(N=64):
    @T.prim_func
    def main(X: T.Tensor((N,), "float32"), Y: T.Tensor((N // 2,), "float32"),
             Z: T.Tensor((N // 2,), "float32")):
        with T.Kernel(1, threads=32):
            for i in T.Parallel(N // 2):
                Y[i] = X[i]
                Z[i] = X[i + N // 2]
    return tilec.compile(main, target="interp", out_idx=[1, 2])


# ---- the kernel object ----

def test_parameters():
    kernel = axpy(T.dynamic("N"))
    x, y, alpha = kernel.params
    assert [p.name for p in kernel.params] == ["X", "Y", "alpha"]
    assert x.shape == ["N"] and axpy(128).params[1].shape == [128] and alpha.shape == []
    assert alpha.is_scalar() and not x.is_scalar() and x.dtype == T.float32 and x.dtype.bits == 32
    assert not (x.is_unsigned() or x.is_boolean() or x.is_float8() or x.is_float4())
    assert kernel.static_shape(0, {"N": 77, "unused": 1}) == [77]
    with pytest.raises(ValueError):
        kernel.static_shape(0)


def test_shapes_of_signatures():
    assert shapes_of("f(A: float32[M, (N + 1) // 2], out B: int8[4], s: float32, p: handle)") == {
        "A": ["M", "(N + 1) // 2"], "B": [4], "s": [], "p": []}
    assert shapes_of("f()") == {}


def test_texts(tmp_path, capsys):
    kernel = axpy(128)
    assert "main" in kernel.get_kernel_source() == kernel.kernel_source
    assert kernel.get_host_source().startswith("tir 1 tile") and kernel.host_source
    kernel.show_source()
    kernel.print_source_code()
    assert capsys.readouterr().out == 2 * (kernel.kernel_source + "\n")
    kernel.show_source("both")
    assert kernel.host_source in capsys.readouterr().out
    with pytest.raises(ValueError, match="not 'device'"):
        kernel.show_source("device")
    kernel.export_sources(tmp_path / "k.c", tmp_path / "k.ir")
    assert (tmp_path / "k.c").read_text() == kernel.kernel_source
    artifact = kernel.artifact
    assert artifact.kernel_source == kernel.kernel_source and len(artifact.params) == 3
    assert kernel.adapter.get_kernel_source() == kernel.kernel_source
    for refused in (kernel.show_ptx, kernel._get_sass, lambda: kernel.export_ptx("k.ptx")):
        with pytest.raises(NotImplementedError, match="get_kernel_source"):
            refused()


def test_resources_are_a_gpus():
    kernel = axpy(128)
    assert kernel.resource_usage == [] and kernel.n_regs is None and kernel.n_spills is None
    assert not kernel.is_on_gpu and kernel.device_id == 0


def test_several_results_are_a_list():
    kernel = halves()
    returned = kernel(np.arange(64, dtype=np.float32))
    assert isinstance(returned, list) and len(returned) == 2
    assert (np.from_dlpack(returned[1]) == np.arange(32, 64)).all()
    y, z = np.zeros(32, np.float32), np.zeros(32, np.float32)
    assert kernel(np.arange(64, dtype=np.float32), y, z) is None and z[0] == 32
    kernel.get_profiler().assert_allclose(lambda x: (x[:32], x[32:]))
    kernel.get_profiler().assert_allclose(lambda x: [None, x[32:]])


def test_results_without_tensors_as_arguments(monkeypatch):
    @tilec.jit(target="interp")
    def counted(N, step: T.int32):
        A, B = T.empty((N,), T.int32), T.empty((1,), T.int32)
        with T.Kernel(1, threads=32):
            for i in T.Parallel(N):
                A[i] = i * step
            B[0] = step
        return A, B

    def check():
        a, b = counted(5, 3)
        assert as_numpy(a).tolist() == [0, 3, 6, 9, 12] and as_numpy(b).tolist() == [3]
        return a

    torch = pytest.importorskip("torch")
    assert isinstance(check(), torch.Tensor)
    monkeypatch.delitem(sys.modules, "torch")
    assert not isinstance(check(), torch.Tensor)


def test_arguments_by_name():
    kernel, out = axpy(64), np.zeros(64, np.float32)
    kernel(np.ones(64, np.float32), alpha=3.0, Y=out)
    assert (out == 3).all()
    with pytest.raises(TypeError, match="no free parameter 'Z'"):
        kernel(out, Z=out)
    with pytest.raises(TypeError, match="needs argument 'alpha'"):
        kernel(out, Y=out)


@pytest.mark.over_ffi
def test_no_python_between_a_call_and_the_function():
    import types
    kernel, x, out = axpy(64), np.ones(64, np.float32), np.zeros(64, np.float32)
    assert type(kernel.__call__) is types.BuiltinFunctionType and callable(kernel)
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(event) if event == "call" else None)
    try:
        kernel(x, out, 2.0)
    finally:
        sys.setprofile(None)
    assert not seen and (out == 2).all()
    kernel(*(x, out, 3.0), **{})
    assert (out == 3).all()


@pytest.mark.over_ffi
def test_errors_of_a_call_are_those_of_the_function():
    kernel, x = axpy(64), np.ones(64, np.float32)

    def text(call):
        with pytest.raises(Exception) as caught:
            call()
        return type(caught.value), str(caught.value)

    for args in ((), (x,), (x, x, 1.0), (x, x[:3], 1.0), (x, None, 1.0), (x, x.copy(), "a")):
        assert text(lambda: kernel(*args)) == text(lambda: kernel.function(*args))


@pytest.mark.over_ffi
def test_a_kernel_is_freed_with_its_last_reference():
    import weakref
    kernel = tilec.compile(axpy(64).prim_func, target="interp")
    gone = weakref.ref(kernel)
    del kernel
    assert gone() is None


@pytest.mark.over_ffi
def test_export_library(tmp_path):
    kernel = axpy(64, target="cpu")
    made = kernel.export_library(tmp_path / "all")
    assert {pathlib.Path(p).suffix for p in made} >= {".so", ".h", ".c"}
    again = axpy(64, target="cpu")  # comes from the cache
    path = tmp_path / "one.so"
    assert again.export_library(path) == str(path)
    assert ctypes.CDLL(str(path)) and list(tmp_path.iterdir()) and path.stat().st_size > 0
    if "tvm_ffi" in sys.modules:
        loaded = sys.modules["tvm_ffi"].load_module(str(path))
        y = np.zeros(64, np.float32)
        loaded.main_kernel(np.ones(64, np.float32), y, 2.5)
        assert (y == 2.5).all()


def test_lower():
    def main(X: T.Tensor((64,), "float32")):
        with T.Kernel(1) as bx:
            X[bx] = 1
    func = T.prim_func(main)
    artifact = tilec.lower(func, target="cuda:sm_90a")
    assert "__global__" in artifact.kernel_source and artifact.prim_func is func
    assert "__global__" not in tilec.lower(func, target="c").kernel_source


# ---- the profiler ----

def test_dynamic_kernels_need_constraints():
    kernel = doubled(T.dynamic("N"))
    assert kernel.get_profiler().do_bench(
        rep=1, warmup=0, dynamic_symbolic_constraints={"N": 8}) > 0
    with pytest.raises(ValueError):
        kernel.get_profiler().do_bench(rep=1)
    with pytest.raises(ValueError, match="alpha.*input_tensors"):
        axpy(8).get_profiler().do_bench(rep=1)
    x = np.ones(8, np.float32)
    assert axpy(8).get_profiler().do_bench(rep=1, warmup=0, input_tensors=[x, x.copy(), 2.0]) > 0


def test_do_bench():
    calls = []
    assert do_bench(lambda: calls.append(1), _n_warmup=3, _n_repeat=4) > 0
    assert len(calls) == 2 + 3 + 4
    both = do_bench(lambda: None, 0, 1, quantiles=[0.1, 0.9], backend="cupti")
    assert len(both) == 2 and both[0] <= both[1]
    assert isinstance(do_bench(lambda: None, 0, 1, quantiles=[0.5], backend="cudagraph"), float)
    for mode in ("min", "max", "median", "mean"):
        assert do_bench(lambda: None, 0, 1, return_mode=mode) > 0
    with pytest.raises(ValueError, match="return_mode"):
        do_bench(lambda: None, return_mode="mode")
    with pytest.raises(ValueError, match="backend"):
        do_bench(lambda: None, backend="sundial")
    del calls[:]
    do_bench(lambda: calls.append(1), 100, 1000, early_stop_baseline=0.0)
    assert len(calls) == 4


def test_limits():
    calls = []
    profiler.set_limits(repeat=2)
    try:
        do_bench(lambda: calls.append(1), 1000, 1000)
    finally:
        profiler.set_limits()
    assert len(calls) == 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "uint8", "int64",
                                   "bool", "float8_e4m3fn", "float4_e2m1fn", "int4"])
@pytest.mark.parametrize("kind", [TensorSupplyType.Auto, TensorSupplyType.Zero])
def test_inputs_of_every_type(dtype, kind):
    kernel = doubled(64, dtype) if dtype not in ("bool", "int4") else None
    rng = np.random.default_rng(0)
    made = make_input(kind, [64], T.dtype(dtype), rng)
    assert made.shape[0] == (32 if T.dtype(dtype).bits < 8 else 64)
    if kind is TensorSupplyType.Zero:
        assert not as_numpy(made).astype(np.float64).any()
    if kernel and not (os.environ.get("PYTILEC_NATIVE") and "float" in dtype):
        kernel(made)


def test_inputs_are_torchs_when_it_is_there(monkeypatch):
    kernel = doubled(64, "float32")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert isinstance(kernel.get_profiler()._get_inputs()[0], np.ndarray)
    monkeypatch.undo()
    torch = pytest.importorskip("torch")
    (x,) = kernel.get_profiler()._get_inputs()
    assert isinstance(x, torch.Tensor) and x.dtype == torch.float32 and str(x.device) == "cpu"
    assert isinstance(kernel(x), torch.Tensor)
    (x,) = doubled(64, "bfloat16").get_profiler()._get_inputs()
    assert x.dtype == torch.bfloat16
    doubled(64, "bfloat16").get_profiler().assert_allclose(lambda a: a + a)


# ---- tilec.testing ----

def test_torch_assert_close():
    a = np.zeros(2000, np.float32)
    b = a.copy()
    testing.torch_assert_close(a, b)
    b[0] = 1
    testing.torch_assert_close(a, b)  # one in a thousand may
    with pytest.raises(AssertionError, match="1 of 2000"):
        testing.torch_assert_close(a, b, max_mismatched_ratio=0)
    with pytest.raises(AssertionError, match="types differ"):
        testing.torch_assert_close(a, b.astype(np.float64))
    testing.torch_assert_close(a, b.astype(np.float64), check_dtype=False)
    b[1] = np.nan
    with pytest.raises(AssertionError, match="holds NaN"):
        testing.torch_assert_close(a, b, equal_nan=False)
    with pytest.raises(AssertionError, match="shapes differ"):
        testing.torch_assert_close(a, b[1:])


def test_torch_assert_close_of_torch():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int32, torch.bool):
        a = torch.ones(64).to(dtype)
        testing.torch_assert_close(a, a.clone())
        with pytest.raises(AssertionError):
            testing.torch_assert_close(a, torch.zeros(64).to(dtype))


def test_requirements(monkeypatch):
    def test():
        return 1

    assert testing.requires_llvm(test) is test
    assert testing.requires_package("numpy")(test) is test
    for skipped in (testing.requires_package("no_such_package"), testing.requires_rocm,
                    testing.requires_metal, testing.requires_gfx950):
        assert skipped(types.FunctionType(test.__code__, {})) is not test or test.pytestmark
    monkeypatch.setattr(testing, "cuda_compute_version", lambda: (9, 0))
    assert testing.requires_cuda(test) is test
    assert testing.requires_cuda_compute_version(9)(test) is test
    assert testing.requires_cuda_compute_version_le(9, 0)(test) is test
    for version in (testing.requires_cuda_compute_version_gt(9, 0),
                    testing.requires_cuda_compute_version_eq(8, 9),
                    testing.requires_cuda_compute_version_lt(9)):
        function = types.FunctionType(test.__code__, {})
        assert any(mark.name == "skip" for mark in version(function).pytestmark)
    with pytest.raises(ValueError, match="mode"):
        testing.requires_cuda_compute_version(9, mode="about")


def regression_of_this_file():
    testing.process_func(lambda n: n / 2, "half", n=3)


def test_regression(capsys):
    assert testing.regression("regression_of") == [("half", 1.5)]
    assert "half: 1.5000 ms" in capsys.readouterr().out


def test_random_seed():
    testing.set_random_seed(7)
    a = np.random.rand()
    testing.set_random_seed(7)
    assert np.random.rand() == a


# ---- tilec.env, tilec.utils ----

def test_environment(monkeypatch):
    assert env.TILELANG_AUTO_TUNING_CPU_UTILITIES == "0.9" and not env.is_verbose()
    monkeypatch.setenv("TILELANG_VERBOSE", "1")
    monkeypatch.setenv("TILELANG_DISABLE_CACHE", "on")
    assert env.is_verbose()
    monkeypatch.setattr(env, "_cache", None)
    assert not tilec.is_cache_enabled() and env.options()["cache"] == "off"
    monkeypatch.setenv("TILELANG_CACHE_DIR", "/nowhere")
    monkeypatch.delenv("TILEC_CACHE_DIR", raising=False)
    assert env.options()["cache_dir"] == env.cache_dir() == env.TILELANG_CACHE_DIR == "/nowhere"
    monkeypatch.delenv("TILELANG_CACHE_DIR")
    assert env.TILELANG_CACHE_DIR == env.cache_dir() and "cache_dir" not in env.options()
    monkeypatch.setenv("TILELANG_COMPILE_TIMEOUT_SECONDS", "7")
    assert env.options()["cc_timeout"] == "7"
    monkeypatch.setenv("TILELANG_DEFAULT_TARGET", '{"kind": "cuda", "arch": "sm_90a"}')
    assert tilec.determine_target() == "cuda:sm_90a"
    assert "TILELANG_TMP_DIR" in dir(env)
    with pytest.raises(AttributeError, match="no variable"):
        env.TILELANG_NO_SUCH


def test_log_level(caplog):
    tilec.set_log_level("info")
    try:
        axpy(40)
    finally:
        tilec.set_log_level("warning")
    assert "compiled main for interp" in caplog.text


@pytest.mark.parametrize("target", [
    "{kind", '{"kind": 5}', '{"arch": "sm_90"}', '{"kind": "cuda", "arch": 90}', "{" * 3,
    '{"kind":' * 100000, {"kind": None}, {}])
def test_a_target_that_says_nothing(target):
    with pytest.raises(ValueError, match="no target"):
        tilec.target.target_name(target)


def test_redirected_targets():
    from tilec.target import redirect_targets
    redirect_targets("interp")
    try:
        assert axpy(64, target="cuda").target == "interp"
    finally:
        redirect_targets(None)
    assert tilec.determine_target("llvm") == "cpu"


def test_map_torch_type():
    torch = pytest.importorskip("torch")
    assert tilec.utils.map_torch_type(T.bfloat16) is torch.bfloat16
    assert tilec.utils.map_torch_type("tfloat32") is torch.float32
    assert tilec.utils.map_torch_type(torch.int8) is torch.int8
    with pytest.raises(ValueError, match="no type"):
        tilec.utils.map_torch_type("float6_e2m3fn")


@pytest.mark.over_ffi
def test_results_without_arguments_are_torchs():
    """Its allocator makes them; without torch, or for types it lacks, they are tvm-ffi's."""
    torch = pytest.importorskip("torch")

    @tilec.jit
    def series(n, dtype="float32"):
        @T.prim_func
        def main(k: T.int32, A: T.Tensor((n,), dtype), B: T.Tensor((2, n), "int32")):
            with T.Kernel(1, threads=8):
                for i in T.Parallel(n):
                    A[i] = i * k
                    B[0, i] = i
                    B[1, i] = k
        return main

    kernel = tilec.compile(series.get_tir(5), out_idx=[1, 2], target="cpu")
    a, b = kernel(3)
    assert isinstance(a, torch.Tensor) and a.dtype == torch.float32 and a.tolist() == [0, 3, 6, 9, 12]
    assert isinstance(b, torch.Tensor) and b.tolist() == [[0, 1, 2, 3, 4], [3] * 5]
    a, b = torch.zeros(5), torch.zeros(2, 5, dtype=torch.int32)
    assert kernel.function(2, a, b) is None and a.tolist() == [0, 2, 4, 6, 8]
    for wrong in ((), (1, 2), ("text",), (1.5,)):
        with pytest.raises(TypeError):
            kernel(*wrong)
