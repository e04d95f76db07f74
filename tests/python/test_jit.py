"""@tilec.jit in both forms, ways to call, what shares a kernel, the kernel object, the profiler."""

import pathlib
import sys
import threading
import time

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec.profiler import TensorSupplyType, as_numpy


@tilec.jit(out_idx=[1], target="interp")
def lazy(N, k=2, dtype=T.float32, flags=()):
    @T.prim_func
    def main(A: T.Tensor((N,), dtype), B: T.Tensor((N,), dtype)):
        with T.Kernel(T.ceildiv(N, 8), threads=8) as bx:
            for i in T.Parallel(8):
                B[bx * 8 + i] = A[bx * 8 + i] * k + len(flags)
    return main


@tilec.jit(target="interp")
def eager(A, B, k=2, dtype="float32"):
    M, N = T.const("M, N")
    A: T.Tensor((M, N), dtype)
    B: T.Tensor((N,), dtype)
    C = T.empty((M, N), dtype)
    with T.Kernel(M, threads=8) as bx:
        for j in T.Parallel(N):
            C[bx, j] = A[bx, j] * k + B[j]
    return C


@tilec.jit(target="interp")
def eager_dynamic(A, scale: T.float32):
    M = T.dynamic("M")
    N = T.const("N")
    A: T.Tensor((M, N), T.float32)
    C, D = T.empty((M,), T.float32), T.empty((1,), T.int32)
    with T.Kernel(M, threads=1) as bx:
        C[bx] = A[bx, N - 1] * scale
        if bx == 0:
            D[0] = M
    return C, D


def numbers(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# ---- lazy ----

def test_equal_calls_share_a_kernel():
    kernel = lazy(16)
    assert kernel is lazy(16, 2) is lazy(N=16) is lazy(16, k=2, dtype=T.float32)
    assert kernel is lazy.compile(16)
    assert kernel is not lazy(16, 3) and kernel is not lazy(17)
    assert lazy(16, 2.0) is not kernel and lazy(16, flags=[1]) is lazy(16, flags=[1])


def test_zeros_of_both_signs_are_different_arguments():
    """They are equal, and what is computed with them is not."""
    @tilec.jit(target="interp")
    def one_over(x):
        @T.prim_func
        def main(A: T.Tensor((1,), T.float32)):
            with T.Kernel(1, threads=1):
                A[0] = 1 / T.float32(x)
        return main

    @tilec.jit(target="interp")
    def eager_over(A, x):
        A: T.Tensor((1,), T.float32)
        with T.Kernel(1, threads=1):
            A[0] = 1 / T.float32(x)

    a = np.zeros(1, np.float32)
    for _ in range(2):
        for x in (0.0, -0.0, 2.0):
            for call in (lambda: one_over(x)(a), lambda: one_over(x=x)(a), lambda: eager_over(a, x)):
                a[0] = 7
                call()
                assert a[0] == (0.5 if x else np.copysign(np.inf, x))
    assert one_over(0.0) is one_over(0.0) is not one_over(-0.0)


def test_spelling_of_a_lazy_call():
    """What is remembered of a call are its values and types, in the places where they stood."""
    kernel = lazy(24, 3)
    assert kernel is lazy(24, 3) is lazy(24, k=3) is lazy(k=3, N=24) is lazy(24, k=3)
    assert lazy(24, True) is not lazy(24, 1) and lazy(24, 1) is not lazy(24, 1.0)
    assert lazy(24, k=True) is not lazy(24, k=1) and lazy(24, k=1) is lazy(24, 1)
    assert lazy(np.int64(24), 3) is lazy(np.int64(24), 3)
    with pytest.raises(ValueError, match="E0426"):
        lazy((24,), (("k", 3),))
    with pytest.raises(TypeError):
        lazy(24, bytearray())
    assert lazy(24, 3) is kernel


def test_lazy_results():
    a = numbers(20)
    assert np.array_equal(as_numpy(lazy(20)(a)), a * 2)
    assert np.array_equal(as_numpy(lazy(20, 3, flags=[1, 2])(a)), a * 3 + 2)
    out = np.zeros(20, np.float32)
    lazy(20)(a, out)
    assert np.array_equal(out, a * 2)
    assert np.array_equal(as_numpy(lazy(20)(A=a)), a * 2)


def test_lazy_calls_that_are_wrong():
    with pytest.raises(TypeError):
        lazy()
    with pytest.raises(TypeError):
        lazy(1, 2, 3, 4, 5)
    with pytest.raises(TypeError, match="no free parameter"):
        lazy(8)(numbers(8), C=1)
    with pytest.raises(TypeError, match="return a T.prim_func"):
        tilec.jit(lambda_returning_none)()
    with pytest.raises(TypeError):
        lazy(8, flags=[{1: object.__new__}, bytearray()])


def lambda_returning_none():
    return None


def test_bare_and_called_decorator():
    @tilec.jit
    def one(N):
        @T.prim_func
        def main(A: T.Tensor((N,), T.int32)):
            with T.Kernel(1, threads=1):
                A[0] = N
        return main

    a = np.zeros(4, np.int32)
    one(4)(a)
    assert a[0] == 4 and one.mode == "lazy" and one.get_tir(4).script().startswith("tir")


# ---- eager ----

def test_eager_runs_at_once():
    a, b = numbers(4, 8), numbers(8)
    assert np.array_equal(as_numpy(eager(a, b)), a * 2 + b)
    assert np.array_equal(as_numpy(eager(a, B=b, k=5)), a * 5 + b)
    assert eager.mode == "eager"


def test_eager_kernels_are_shared_by_what_they_depend_on():
    before = len(eager._variants)
    a, b = numbers(3, 8), numbers(8)
    eager(a, b)
    eager(a + 1, b, 2)
    eager(a, b, dtype="float32")
    assert len(eager._variants) == before + 1
    eager(numbers(5, 8), b)
    assert len(eager._variants) == before + 2


def test_eager_with_dynamic_dimensions():
    before = len(eager_dynamic._variants)
    for m in (2, 7):
        c, d = eager_dynamic(numbers(m, 4), 2.0)
        assert np.array_equal(as_numpy(c), numbers(m, 4)[:, 3] * 2) and as_numpy(d)[0] == m
    assert len(eager_dynamic._variants) == before + 1
    eager_dynamic(numbers(2, 5), 3.0)
    assert len(eager_dynamic._variants) == before + 2


@tilec.jit(target="interp")
def eager_into(A, B):
    N = T.const("N")
    A: T.Tensor((N,), "float32")
    B: T.Tensor((N,), "float32")
    with T.Kernel(1, threads=1):
        for i in T.serial(N):
            T.device_assert(A[i] >= 0)
            B[i] = A[i] + N


def calls_into_python(call):
    """Names of the Python functions that a call runs."""
    seen = []
    sys.setprofile(lambda frame, event, _: event == "call" and seen.append(frame.f_code.co_name))
    try:
        call()
    finally:
        sys.setprofile(None)
    return [name for name in seen if name != "<lambda>"]


@pytest.mark.over_ffi
def test_eager_calls_again():
    """The second call goes to the kernel; others find their own, and refusals are those of before."""
    a, b = numbers(4), np.zeros(4, np.float32)
    eager_into(a, b)
    b[:] = 0
    assert calls_into_python(lambda: eager_into(a, b)) == [] and (b == a + 4).all()
    eager_into(A=a + 1, B=b)
    assert (b == a + 5).all()
    c, d = numbers(6), np.zeros(6, np.float32)
    for _ in range(2):  # a size in turn with another
        eager_into(c, d)
        eager_into(a, b)
        assert (d == c + 6).all() and (b == a + 4).all()
        d[:] = b[:] = 0
    for wrong in ((), (a,), (a, b, a), (a, d), (a, None), (a, object())):
        with pytest.raises((TypeError, ValueError)):
            eager_into(*wrong)
    eager_into(c, d)
    assert (d == c + 6).all()


@pytest.mark.over_ffi
def test_eager_fault_is_not_a_refusal():
    """What a kernel raises while it runs goes to the caller: no other kernel is tried."""
    a, b = numbers(4), np.zeros(4, np.float32)
    eager_into(a, b)
    a[2] = -1
    for _ in range(2):
        with pytest.raises(Exception, match="E0644|assertion failed"):
            eager_into(a, b)


def test_eager_compile_by_names():
    kernel = eager.compile(M=2, N=8, k=4)
    a, b = numbers(2, 8), numbers(8)
    assert np.array_equal(as_numpy(kernel(a, b)), a * 4 + b)
    with pytest.raises(TypeError, match="no parameter and no T.const named 'Q'"):
        eager.compile(M=2, N=8, Q=3)


@T.macro
def doubled(A, B):
    with T.Kernel(A.shape[0], threads=8) as bx:
        B[bx] = A[bx] * 2


@tilec.jit(target="interp")
def annotated(A: T.Tensor((8,), "float32"), B: T.Tensor[(8,), "float32"]):
    doubled(A, B)


def test_eager_by_the_types_of_its_parameters():
    a, b = numbers(8), np.zeros(8, np.float32)
    annotated(a, b)
    assert annotated.mode == "eager" and (b == 2 * a).all()


def test_eager_as_a_function_to_compile():
    a, b = numbers(4, 8), numbers(8)
    by_names, by_tensors = eager.get_tir(M=4, N=8, k=3), eager.get_tir(a, b, 3)
    for kernel in tilec.par_compile([by_names, by_tensors], target="interp"):
        assert (as_numpy(kernel(a, b)) == a * 3 + b).all()
    assert by_names.script() == by_tensors.script() and by_names.script().startswith("tir")
    assert "eager" in tilec.lower(by_names).kernel_source


def test_eager_refuses_out_idx():
    @tilec.jit(out_idx=[0])
    def wrong(A):
        A: T.Tensor((4,), T.float32)
        with T.Kernel(1, threads=1):
            A[0] = 1

    with pytest.raises(ValueError, match="out_idx"):
        wrong(numbers(4))


# ---- kernels ----

def test_kernel_object(tmp_path):
    kernel = lazy(16)
    assert [p.name for p in kernel.params] == ["A", "B"] and kernel.out_idx == [1]
    assert kernel.params[0].dtype == "float32" and not kernel.params[0].is_scalar()
    assert "main" in kernel.get_kernel_source() and "parallel" in kernel.get_host_source()
    kernel.export_sources(tmp_path / "k.c", tmp_path / "host.txt")
    assert (tmp_path / "k.c").read_text() == kernel.kernel_source
    kernel.update_tuner_result(1.5, {"k": 2}, 3.0)
    assert (kernel.latency, kernel.config, kernel.ref_latency) == (1.5, {"k": 2}, 3.0)


def test_out_idx_that_is_wrong():
    func = lazy.get_tir(8)
    for out_idx, words in ((5, "names no parameter"), ([1, -1], "twice")):
        with pytest.raises(ValueError, match=words):
            tilec.compile(func, out_idx=out_idx, target="interp")
    with pytest.raises(TypeError, match="takes a T.prim_func"):
        tilec.compile(lambda: None)


def test_pass_configs_and_targets():
    func = lazy.get_tir(8)
    configs = {tilec.PassConfigKey.TL_ENABLE_FAST_MATH: True, "tl.disable_tma_lower": True,
               "tirx.disable_cse_tir": 1}
    assert tilec.compile(func, target="interp", pass_configs=configs).target == "interp"
    with pytest.raises(tilec.CompileError) as raised:
        tilec.compile(func, pass_configs={"tilec.no_such_key": 1})
    assert "E0838" in str(raised.value)
    with pytest.raises(TypeError, match="is a dict"):
        tilec.compile(func, pass_configs=["tl.disable_wgmma"])
    with pytest.raises(tilec.TargetError):
        tilec.compile(func, target="no_such_target")
    with tilec.default_target("interp"):
        assert tilec.compile(func).target == "interp"
    assert "main" in tilec.lower(func, target="c").kernel_source


def test_pass_configs_in_a_kernel():
    @T.prim_func
    def func(A: T.Tensor((8,), "float32")):
        T.annotate_pass_configs({tilec.PassConfigKey.TL_DISABLE_WGMMA: True, "tilec.lockstep": 4})
        with T.Kernel(1, threads=8):
            T.clear(A)

    assert "hint config" in func.script() and "lockstep=4" in func.script()
    with pytest.raises(tilec.CompileError, match="E0309"):
        @T.prim_func
        def wrong(A: T.Tensor((8,), "float32")):
            T.annotate_pass_configs({TensorSupplyType.Normal: True})
            with T.Kernel(1, threads=8):
                T.clear(A)


def test_pass_configs_reach_the_compiler():
    asked = tilec.compile(lazy.get_tir(8), target="interp",
                          pass_configs={tilec.PassConfigKey.TL_DISABLE_WGMMA: True,
                                        "tilec.roles": "pingpong", "tl.disable_tma_lower": False})
    text = asked._emit("ir")
    assert 'config "wgmma=off"' in text and 'config "roles=pingpong"' in text
    assert "tma=" not in text
    decorated = tilec.jit(pass_configs={"tilec.persistent": True}, target="interp")(lazy.func)
    assert 'config "persistent=on"' in decorated(8)._emit("ir")
    assert "config" not in lazy(8)._emit("ir")
    own = tilec.jit(pass_configs={"tilec.lockstep": 4}, target="interp")(eager.func)
    own(numbers(2, 4), numbers(4))
    assert 'config "lockstep=4"' in own.compile(numbers(2, 4), numbers(4))._emit("ir")
    configs = tilec.lower(lazy.get_tir(8), pass_configs={"tl.disable_wgmma": 1})
    assert configs.kernel_source


def test_arguments_that_change_nothing():
    func = lazy.get_tir(8)
    for backend in ("auto", "tvm_ffi", "cython", "nvrtc", "torch"):
        tilec.compile(func, target="interp", execution_backend=backend, target_host="llvm",
                      compile_flags=["-O3"], verbose=False)
    with pytest.raises(ValueError, match="execution_backend"):
        tilec.compile(func, execution_backend="carrier pigeon")


def test_debug_root_path_and_verbose(tmp_path, capfd):
    tilec.compile(lazy.get_tir(8), target="interp", debug_root_path=tmp_path, verbose=True)
    assert (tmp_path / "main.c").exists() and (tmp_path / "main.ir").exists()
    assert list((tmp_path / "passes").iterdir())
    assert "compiled main for interp" in capfd.readouterr().err


def test_par_compile():
    kernels = lazy.par_compile([{"N": 8}, {"N": 16, "k": 5}, (24,)])
    assert [k is lazy(*a) for k, a in zip(kernels, ((8,), (16, 5), (24,)))] == [True] * 3
    kernels = tilec.par_compile([lazy.get_tir(8)] * 2, target="interp", ignore_error=True)
    assert all(kernels)


def test_caches():
    assert tilec.is_cache_enabled()
    tilec.disable_cache()
    assert not tilec.is_cache_enabled()
    tilec.enable_cache()
    assert tilec.is_cache_enabled()


# ---- profiler ----

def test_profiler():
    profiler = lazy(16).get_profiler(TensorSupplyType.Integer)
    profiler.assert_allclose(lambda a: a * 2)
    profiler.assert_consistent(2)
    with pytest.raises(AssertionError, match="elements differ"):
        profiler.assert_allclose(lambda a: a * 2 + 1)
    with pytest.raises(AssertionError, match="returns 1"):
        profiler.assert_allclose(lambda a: (a, a))
    assert profiler.do_bench(warmup=1, rep=2) > 0
    assert len(tilec.profiler.do_bench(lambda: None, 1, 1, quantiles=[0.2, 0.8])) == 2


@pytest.mark.parametrize("kind", TensorSupplyType)
def test_supplies(kind):
    (a,) = map(as_numpy, lazy(16).get_profiler(kind)._get_inputs())
    assert a.shape == (16,) and a.dtype == np.float32 and np.isfinite(a).all()


# ---- the vocabulary ----

def test_every_name_of_the_language():
    import tilec._world
    assert len(tilec._world.words()) > 300
    for name in tilec._world.words():
        assert getattr(T, name) is not None
    assert {"copy", "gemm", "float16", "macro", "GemmWarpPolicy", "Kernel"} <= set(dir(T))
    for name in T.__all__:
        assert getattr(T, name) is not None


def names_of_the_dialect():
    text = (pathlib.Path(__file__).parent / "vocabulary.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_every_name_of_the_dialect():
    """Each is implemented, or its use is the one diagnostic that says so."""
    import tilec._world
    words, missing = tilec._world.words(), []
    for name in names_of_the_dialect():
        assert getattr(T, name) is not None
        if name in words and words[name][2]:
            missing.append(name)
    assert len(missing) < 220
    for name in missing[::25]:
        def main(X: T.Tensor((8,), "float32")):
            with T.Kernel(1):
                getattr(T, name)(X)  # noqa: B023
        with pytest.raises(tilec.CompileError) as raised:
            T.prim_func(main)
        assert "E0302" in str(raised.value) and "T.%s is known" % name in str(raised.value)


def test_names_outside_kernels():
    assert T.ceildiv(100, 7) == 15 and tilec.cdiv(9, 4) == 3 and tilec.next_power_of_2(9) == 16
    assert T.align_up(9, 4) == 12 and T.float32 == "float32" and T.float32.bytes == 4
    assert T.dtype(np.float16) == T.float16 and T.dtype(int) == "int32"
    assert T.dtype("uint") == T.uint == "uint32" and T.dtype("half").bits == 16
    assert repr(T.dynamic("n") * 2) == "(T.dynamic('n') * 2)"
    with pytest.raises(TypeError, match="before a kernel runs"):
        int(T.dynamic("n"))


# ---- several threads ----

def together(work, n=8):
    """Results of work(i) in threads that start at once."""
    from concurrent.futures import ThreadPoolExecutor
    barrier = threading.Barrier(n)

    def run(i):
        barrier.wait()
        return work(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def test_concurrent_misses_compile_once(monkeypatch):
    from tilec import compiler
    compiled, compile_one = [], compiler.Settings.compile

    def counted(self, *args):
        compiled.append(1)
        time.sleep(0.05)
        return compile_one(self, *args)

    monkeypatch.setattr(compiler.Settings, "compile", counted)
    assert len(set(map(id, together(lambda i: lazy(4000))))) == 1 and len(compiled) == 1
    own = tilec.jit(target="interp")(eager.func)
    compiled.clear()
    a, b = numbers(3, 5), numbers(5)
    for made in together(lambda i: own(a, b)):
        assert (np.from_dlpack(made) == a * 2 + b).all()
    assert len(compiled) == 1


def test_a_failed_miss_is_tried_by_each():
    def work(i):
        with pytest.raises(tilec.CompileError):
            lazy(16, k="no number")
        return True

    assert all(together(work))


def test_different_kernels_compile_side_by_side():
    kernels = together(lambda i: lazy(5000 + i))
    assert len(set(map(id, kernels))) == 8
    x = numbers(5003)
    assert (np.from_dlpack(kernels[3](x)) == 2 * x).all()


def test_one_function_compiled_by_many():
    func = lazy.get_tir(64)
    x = numbers(64)
    for kernel in together(lambda i: tilec.compile(
            func, out_idx=[1], target=("interp", "cpu")[i % 2],
            pass_configs={"tilec.lockstep": i + 1})):
        assert (np.from_dlpack(kernel(x)) == 2 * x).all()


def test_an_eager_function_of_changing_arguments():
    """The short way of the last call is left when something is another."""
    own = tilec.jit(target="interp")(eager.func)
    for m, n, k, dtype in ((2, 4, 2, "float32"), (2, 4, 2, "float32"), (3, 5, 2, "float32"),
                           (2, 4, 3, "float32"), (2, 4, 2, "float32"), (2, 4, 2, "float16")):
        a, b = numbers(m, n).astype(dtype), numbers(n).astype(dtype)
        assert (np.from_dlpack(own(a, b, k, dtype)) == a * k + b).all()
        assert (np.from_dlpack(own(a, b, k=k, dtype=dtype)) == a * k + b).all()
    with pytest.raises((TypeError, ValueError), match="float64"):
        own(numbers(2, 4), numbers(4).astype(np.float64))
    with pytest.raises(ValueError):
        own(numbers(2, 4), numbers(5))


@tilec.jit(target="interp")
def by_key(N, table):
    number = table[1] if 1 in table else table["1"] + next(iter(table.values()))

    @T.prim_func
    def main(B: T.Tensor((N,), "int32")):
        with T.Kernel(1, threads=8) as bx:
            for i in T.Parallel(N):
                B[i] = number
    return main


def test_dicts_are_told_apart_by_keys_and_order():
    def run(table):
        b = np.zeros(2, np.int32)
        by_key(2, table)(b)
        return b.tolist()
    assert run({1: 5}) == [5, 5]
    assert run({"1": 5}) == [10, 10]
    assert run({"1": 5, "2": 7}) == [10, 10]
    assert run({"2": 7, "1": 5}) == [12, 12]
    assert run({1: 4, "1": 5}) == [4, 4]


def test_a_nan_is_like_another():
    """A new object each time; one kernel, and tables that do not grow."""
    @tilec.jit(target="interp")
    def scaled_by(N, factor):
        @T.prim_func
        def main(A: T.Tensor((N,), "float32")):
            with T.Kernel(1, threads=8) as bx:
                for i in T.Parallel(N):
                    A[i] = A[i] * factor
        return main

    first = scaled_by(8, float("nan"))
    for _ in range(3):
        assert scaled_by(8, float("nan")) is first
    assert scaled_by(8, 0.5) is scaled_by(8, 0.5) is not first
    assert len(scaled_by._plain) <= 1


# ---- default targets ----

def numbered(n):
    @T.prim_func
    def main(A: T.Tensor((n,), "float32")):
        with T.Kernel(1, threads=8):
            for i in T.Parallel(n):
                A[i] = i
    return main


def test_a_default_target_counts_for_calls():
    """Also for calls that looked alike before, in another thread, and when it is over."""
    lazy = tilec.jit(numbered)

    @tilec.jit
    def eager(A):
        N = T.const("N")
        A: T.Tensor((N,), "float32")
        with T.Kernel(1, threads=8):
            for i in T.Parallel(N):
                A[i] = i * 2

    def target_of(form):
        if form == "lazy":
            return lazy(4).target
        eager(np.zeros(4, np.float32))
        return eager.compile(np.zeros(4, np.float32)).target

    for form in ("lazy", "eager"):
        usual = target_of(form)
        assert target_of(form) == usual and usual.startswith("cpu")
        for _ in range(2):
            with tilec.default_target("interp"):
                assert target_of(form) == "interp" == target_of(form)
                seen = []
                thread = threading.Thread(target=lambda: seen.append(target_of(form)))
                thread.start()
                thread.join()
                assert seen == [usual]
                with tilec.default_target("cpu"):
                    assert target_of(form).startswith("cpu")
            assert target_of(form) == usual
    a = np.zeros(4, np.float32)
    with tilec.default_target("interp"):
        eager(a)
        assert lazy(4) is lazy(4)
    assert a.tolist() == [0, 2, 4, 6]


def test_a_default_target_leaves_targets_that_are_said():
    said = tilec.jit(numbered, target="cpu")
    before = said(4)
    with tilec.default_target("interp"):
        assert said(4) is before
