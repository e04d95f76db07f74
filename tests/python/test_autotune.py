"""Tuning: which configuration wins, what is kept, what several threads do at once."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tilec
import tilec.language as T
from tilec import autotuner
from tilec.autotuner import AutoTuner, AutotuneResult, TuneError, autotune, set_autotune_inputs
from tilec.profiler import as_numpy

QUICK = {"warmup": 0, "rep": 1}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rows(cache):
    return sorted((cache / "tune").glob("*/*.json"))


@tilec.jit(out_idx=[1], target="interp")
def scaled(N, block=8, work=1):
    @T.prim_func
    def main(A: T.Tensor((N,), T.float32), B: T.Tensor((N,), T.float32)):
        with T.Kernel(T.ceildiv(N, block), threads=8) as bx:
            for r in T.serial(work):
                for i in T.Parallel(block):
                    B[bx * block + i] = A[bx * block + i] * 2 + r
    return main


def tuned(configs, **more):
    """A function of its own, so that tests share no results."""
    return autotune(configs=configs, **{**QUICK, **more})(
        tilec.jit(out_idx=[1], target="interp")(scaled.func))


def test_the_fastest_wins():
    kernel = tuned([{"work": 400}, {"work": 1}, {"work": 600}])(64)
    assert kernel.config == {"work": 1} and kernel.latency > 0
    a = np.arange(64, dtype=np.float32)
    assert (np.from_dlpack(kernel(a)) == 2 * a).all()
    assert kernel.get_tuner_result() == (kernel.latency, {"work": 1}, None)


def test_forms_of_configs():
    assert len(tuned({"work": [1, 2], "block": [4, 8]}).tune(8).trials) == 4
    assert len(tuned(lambda N: [{"block": N // 2}]).tune(8).trials) == 1
    assert len(tuned(lambda: {"block": [2, 4, 8]}).tune(8).trials) == 3
    with pytest.raises(TuneError, match="no configurations"):
        tuned([]).tune(8)
    with pytest.raises(TypeError, match="stands above"):
        autotune(scaled.func)
    with pytest.raises(TypeError, match="profile argument"):
        autotune(configs=[{}], warm_up=1)


def test_equal_calls_are_tuned_once():
    func = tuned({"work": [1, 2]})
    assert func(8) is func(N=8) is func.compile(8)
    assert func(8) is not func(16)


def test_a_given_parameter_is_not_tuned():
    kernel = tuned({"work": [1, 2]})(8, work=3)
    assert kernel.config is None and "3" in kernel._emit("ir")


def test_do_not_specialize():
    func = tuned({"work": [1, 2]}, do_not_specialize=["N"])
    assert func(8) is func(16)
    with tilec.set_autotune_inputs(np.zeros(8, np.float32)):  # its shape follows from N
        first = func(8)
    with tilec.set_autotune_inputs(np.zeros(16, np.float32)):
        assert func(16) is first


def test_configurations_that_fail_are_left_out():
    result = tuned([{"block": -1}, {"block": 8}]).tune(8)
    assert result.config == {"block": 8}
    assert "Error" in result.trials[0]["error"] and result.trials[0]["latency"] is None
    with pytest.raises(TuneError, match="none of 2 configurations"):
        tuned([{"block": -1}, {"block": -2}]).tune(8)


def test_a_wrong_configuration_is_found_by_the_reference():
    func = tuned([{"work": 3}, {"work": 1}], ref_prog=lambda a: 2 * np.asarray(a))
    result = func.tune(8)
    assert result.config == {"work": 1} and "AssertionError" in result.trials[0]["error"]
    assert result.ref_latency > 0
    unchecked = tuned([{"work": 3}], ref_prog=lambda a: 2 * a, skip_check=True)
    assert unchecked.tune(8).config == {"work": 3}
    seen = []
    manual = tuned([{"work": 1}], ref_prog=lambda a: 2 * a,
                   manual_check_prog=lambda got, want: seen.append((len(got), len(want))))
    manual.tune(8)
    assert seen == [(1, 1)]


def test_rows_are_kept(own_cache):
    first = tuned({"work": [1, 2]}).tune(8)
    assert [t["cached"] for t in first.trials] == [False, False] and len(rows(own_cache)) == 2
    more = tuned({"work": [1, 2, 3]}).tune(8)
    assert [t["cached"] for t in more.trials] == [True, True, False]
    assert [t["cached"] for t in tuned({"work": [1, 2]}, rep=2).tune(8).trials] == [False, False]
    row = json.loads(rows(own_cache)[0].read_text())
    assert row["latency_ms"] > 0 and row["kernel"] == "scaled" and "work" in row["config"]


@pytest.mark.parametrize("latency", [None, "NaN", "Infinity", "-1", "0", "true", '"1"', "[1]"])
def test_damaged_rows_are_measured_again(own_cache, latency):
    tuned({"work": [1, 2]}).tune(8)
    for path, text in zip(rows(own_cache), ("[" * 100000, '{"key": "another", "latency_ms": 1}')):
        if latency is not None:
            text = '{"key": "%s", "latency_ms": %s}' % (path.stem, latency)
        path.write_text(text)
    again = tuned({"work": [1, 2]}).tune(8)
    assert [t["cached"] for t in again.trials] == [False, False] and again.latency > 0


@tilec.jit(out_idx=[1], target="interp")
def by_table(N, table):
    number = sum(table.values())

    @T.prim_func
    def main(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
        with T.Kernel(1, threads=8) as bx:
            for i in T.Parallel(N):
                B[i] = A[i] * number
    return main


@pytest.mark.parametrize("table", [{"a": 1}, {1: 2, "a": 3}, {(1, 2): 3}])
def test_configurations_that_json_has_no_words_for(own_cache, table):
    """They are measured and kept all the same, and leave no half-written file."""
    made = autotune(configs=[{"table": table}], **QUICK)(
        tilec.jit(out_idx=[1], target="interp")(by_table.func)).tune(8)
    assert made.config == {"table": table} and made.latency > 0
    assert len(rows(own_cache)) == 1
    assert [p for p in pathlib.Path(own_cache).rglob("*")
            if p.is_file() and p.suffix not in (".json", ".lock")] == []
    made.save_to_disk(own_cache / "result")


def test_rows_can_be_switched_off(own_cache, monkeypatch):
    monkeypatch.setenv("TILELANG_AUTO_TUNING_DISABLE_CACHE", "1")
    tuned({"work": [1, 2]}).tune(8)
    assert not rows(own_cache)
    monkeypatch.delenv("TILELANG_AUTO_TUNING_DISABLE_CACHE")
    monkeypatch.setenv("TILEC_CACHE_DIR", "/dev/null/none")
    assert tuned({"work": [1, 2]}).tune(8).config


def test_concurrent_misses_tune_once(monkeypatch):
    func, runs = tuned({"work": [1, 2]}), []
    run = autotuner.Tuning.run
    monkeypatch.setattr(autotuner.Tuning, "run", lambda self: runs.append(1) or time.sleep(0.05)
                        or run(self))
    kernels = []
    threads = [threading.Thread(target=lambda: kernels.append(func(8))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1 and len(set(map(id, kernels))) == 1


def test_a_budget_ends_it_with_the_best_so_far():
    result = tuned({"work": list(range(1, 40))}, time_budget=0).tune(8)
    measured = [t for t in result.trials if t["latency"] is not None]
    assert result.config and 1 <= len(measured) < 39
    assert any("budget" in (t["error"] or "") for t in result.trials)


def test_pass_configs_in_a_configuration():
    func = tuned([{"work": 1, "pass_configs": {"tilec.roles": "none"}}])
    assert 'config "roles=none"' in func(8)._emit("ir")


@tilec.jit(target="interp")
def added(A, B, block=8, work=1):
    N = T.const("N")
    A: T.Tensor((N,), T.float32)
    B: T.Tensor((N,), T.float32)
    C = T.empty((N,), T.float32)
    with T.Kernel(T.ceildiv(N, block), threads=8) as bx:
        for r in T.serial(work):
            for i in T.Parallel(block):
                C[bx * block + i] = A[bx * block + i] + B[bx * block + i] + r
    return C


def test_eager_functions():
    func = autotune(configs={"work": [900, 1]}, **QUICK)(added)
    a = np.arange(16, dtype=np.float32)
    for _ in range(2):
        assert (np.from_dlpack(func(a, a)) == 2 * a).all()
    assert func.compile(a, a).config == {"work": 1}
    assert (np.from_dlpack(func(a[:8], a[:8])) == 2 * a[:8]).all()
    assert (np.from_dlpack(func(a, a, work=2)) == 2 * a + 1).all()


def test_inputs_around_a_call():
    seen = []

    def reference(a):
        seen.append(float(np.asarray(a)[0]))
        return 2 * np.asarray(a)

    ones = np.ones(8, np.float32)
    with set_autotune_inputs(ones):
        tuned({"work": [1]}, ref_prog=reference).tune(8)
    with set_autotune_inputs([3 * ones]):
        tuned({"work": [1]}, ref_prog=reference).tune(8)
    assert set(seen) == {1.0, 3.0}
    made = []
    supply = tuned({"work": [1, 2]}, cache_input_tensors=True,
                   supply_prog=lambda params: made.append(len(params)) or [ones])
    supply.tune(8)
    assert made == [1]


def test_the_object(tmp_path):
    tuner = AutoTuner.from_kernel(scaled.func, [{"N": 8, "work": 900}, {"N": 8, "work": 1}])
    tuner.set_compile_args(out_idx=[1], target="interp").set_profile_args(ref_prog=None, rep=1)
    result = tuner.run(warmup=0)
    assert result.config == {"N": 8, "work": 1} and result.libcode and result.func
    a = np.ones(8, np.float32)
    assert (np.from_dlpack(result(a)) == 2).all()
    result.save_to_disk(tmp_path / "kept")
    again = AutotuneResult.load_from_disk(tmp_path / "kept", kernel=result.kernel)
    assert again.config == result.config and again.latency == result.latency
    assert again.libcode == result.libcode
    with pytest.raises(TuneError):
        AutoTuner(lambda: None, [{}]).run()


def test_nothing_is_shown_without_a_terminal(capfd):
    tuned({"work": [1, 2, 3]}).tune(8)
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal():
    master, slave = os.openpty()
    pid = os.fork()
    if pid == 0:
        os.dup2(slave, 2)
        sys.stderr = os.fdopen(2, "w")
        try:
            tuned({"work": [1, 2, 3]}).tune(8)
        finally:
            os._exit(0)
    os.close(slave)
    text = b""
    try:
        while True:
            block = os.read(master, 4096)
            if not block:
                break
            text += block
    except OSError:
        pass
    os.waitpid(pid, 0)
    assert b"tune scaled 3/3" in text and b"best" in text and b"left 00:00" in text


def test_workers(monkeypatch):
    monkeypatch.setenv("TILELANG_AUTO_TUNING_CPU_COUNTS", "7")
    assert autotuner.workers() == 7
    monkeypatch.setenv("TILELANG_AUTO_TUNING_MAX_CPU_COUNT", "3")
    assert autotuner.workers() == 3


@pytest.mark.parametrize("name, text", [
    ("TILELANG_AUTO_TUNING_CPU_COUNTS", "many"), ("TILELANG_AUTO_TUNING_MAX_CPU_COUNT", "1.5"),
    ("TILELANG_AUTO_TUNING_CPU_UTILITIES", "nan"), ("TILELANG_AUTO_TUNING_CPU_UTILITIES", "inf")])
def test_variables_that_are_no_numbers(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(ValueError, match="%s is '%s', expected a" % (name, text)):
        autotuner.workers()


def test_clear_cache(own_cache):
    tilec.compile(scaled.get_tir(8), target="cpu")
    tuned({"work": [1]}).tune(8)
    assert rows(own_cache) and pathlib.Path(own_cache).exists()
    tilec.clear_cache()
    assert not rows(own_cache)


PROCESS = """
import sys
sys.path[:0] = %r
import tilec, tilec.language as T

@tilec.autotune(configs={"work": [1, 2, 3, 4]}, warmup=0, rep=50)
@tilec.jit(out_idx=[1], target="interp")
def twice(N, work=1):
    @T.prim_func
    def main(A: T.Tensor((N,), T.float32), B: T.Tensor((N,), T.float32)):
        with T.Kernel(1, threads=8) as bx:
            for r in T.serial(work):
                for i in T.Parallel(N):
                    B[i] = A[i] * 2
    return main

print(sum(not trial["cached"] for trial in twice.tune(32).trials))
"""


@pytest.mark.over_ffi
def test_processes_wait_for_each_other(tmp_path):
    """Two that tune the same at once measure each configuration once between them."""
    script = tmp_path / "tune.py"
    script.write_text(PROCESS % sys.path)
    running = [subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
               for _ in range(2)]
    measured = [int(process.communicate(timeout=120)[0]) for process in running]
    assert sorted(measured) == [0, 4]


def test_a_default_target_counts_for_tuning(tmp_path, monkeypatch):
    """Also in the threads that compile; other targets are tuned for themselves."""
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path))

    @tilec.autotune(configs=[{"block": 4}, {"block": 8}])
    @tilec.jit(out_idx=[1])
    def doubled(n, block=4):
        @T.prim_func
        def main(A: T.Tensor((n,), "float32"), B: T.Tensor((n,), "float32")):
            with T.Kernel(n // block, threads=4) as bx:
                for i in T.Parallel(block):
                    B[bx * block + i] = A[bx * block + i] * 2
        return main

    with tilec.default_target("interp"):
        assert doubled(16).target == "interp"
        assert [k.target for k in tilec.par_compile([doubled.jit_impl.get_tir(16, 4)])] == ["interp"]
    assert doubled(16).target.startswith("cpu")
    a = np.arange(16, dtype=np.float32)
    assert (as_numpy(doubled(16)(a)) == 2 * a).all()
