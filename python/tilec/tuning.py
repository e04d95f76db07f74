"""One run of the tuner: of many configurations of a kernel, the fastest.

Configurations are compiled by threads, then run one after another. What came out of each is a row
on disk: a file named after the IR, the target, the inputs and how it was timed, so that tuning
again, or with more configurations, measures only what is new.
"""

import contextlib
import functools
import hashlib
import inspect
import itertools
import json
import math
import os
import sys
import tempfile
import time

from . import _clocks
from ._native import native
from .env import env, logger
from .jit import _is_tensor
from .profiler import Profiler, TensorSupplyType, copied, do_bench
from .target import with_this_default


class TuneError(RuntimeError):
    """No configuration works."""


# ---- how configurations are measured ----

class ProfileArgs:
    """Keyword arguments of autotune and AutoTuner.set_profile_args."""

    DEFAULTS = {
        "warmup": 25, "rep": 100, "timeout": 100, "supply_type": TensorSupplyType.Auto,
        "ref_prog": None, "supply_prog": None, "rtol": 1e-2, "atol": 1e-2,
        "max_mismatched_ratio": 0.01, "skip_check": False, "manual_check_prog": None,
        "cache_input_tensors": False, "backend": "event", "early_stop": False,
        "early_stop_factor": 2.0, "time_budget": None}

    def __init__(self, **given):
        unknown = sorted(set(given) - set(self.DEFAULTS))
        if unknown:
            raise TypeError("there is no profile argument %r" % unknown[0])
        for name, default in self.DEFAULTS.items():
            setattr(self, name, given.get(name, default))

    def replaced(self, **given):
        return ProfileArgs(**{**{name: getattr(self, name) for name in self.DEFAULTS}, **given})

    @property
    def checks(self):
        return self.ref_prog is not None and not self.skip_check

    def key(self):
        """What a measurement depended on; None when that cannot be told."""
        key = [self.warmup, self.rep, self.backend, self.supply_type.name]
        programs = [self.supply_prog]
        if self.checks:
            programs += [self.ref_prog, self.manual_check_prog]
            key += [self.rtol, self.atol, self.max_mismatched_ratio]
        for program in programs:
            text = _text_of(program)
            if text is None:
                return None
            key.append(text)
        return key


def _text_of(program):
    """The text of a function and what it closes over; None when it has none."""
    if program is None:
        return ""
    try:
        cells = [repr(c.cell_contents) for c in getattr(program, "__closure__", None) or ()]
        return inspect.getsource(program) + repr(cells)
    except (OSError, TypeError, ValueError):
        return None


# ---- rows on disk ----

def rows_directory():
    return os.path.join(env.cache_dir(), "tune")


def _write_json(file, value, **how):
    """Keys that are no texts, and whatever else JSON has no words for, by their text."""
    def known(value):
        if isinstance(value, dict):
            return {str(k): known(v) for k, v in value.items()}
        return [known(v) for v in value] if isinstance(value, (list, tuple)) else value

    json.dump(known(value), file, sort_keys=True, default=str, **how)


class Rows:
    """Results by key. A file is written whole or not at all; a damaged one is no result. What
    failed is not kept: it may not fail again."""

    def __init__(self, enabled):
        self.enabled = enabled

    @staticmethod
    def path(key):
        return os.path.join(rows_directory(), key[:2], key + ".json")

    def get(self, key):
        if not self.enabled or key is None:
            return None
        try:
            with open(self.path(key), encoding="utf-8") as file:
                row = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        good = isinstance(row, dict) and row.get("key") == key
        latency = row.get("latency_ms") if good else None
        return row if type(latency) in (float, int) and 0 < latency < float("inf") else None

    def put(self, key, **row):
        if not self.enabled or key is None:
            return
        path = self.path(key)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), delete=False,
                                             encoding="utf-8") as file:
                _write_json(file, {"key": key, **row})
            os.replace(file.name, path)
        except OSError as error:  # a cache that cannot be written is no cache
            logger.info("no tuning results are kept: %s", error)
            self.enabled = False

    @contextlib.contextmanager
    def locked(self, name):
        """One process at a time tunes the same thing; the others then find its rows."""
        try:
            import fcntl
            os.makedirs(rows_directory(), exist_ok=True)
            file = open(os.path.join(rows_directory(), name + ".lock"), "w", encoding="utf-8")
        except (ImportError, OSError):
            yield
            return
        with file:
            if self.enabled:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _hash(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


# ---- progress ----

class Progress:
    """One line on a terminal, rewritten; nothing anywhere else."""

    def __init__(self, name, total):
        self.name, self.total, self.done = name, total, 0
        self.best, self.config = None, None
        self.started = time.monotonic()
        self.shown = total > 1 and sys.stderr is not None and sys.stderr.isatty() \
            and os.environ.get("TERM") != "dumb"

    def step(self, best, config):
        self.done += 1
        self.best, self.config = best, config
        if self.shown:
            spent = time.monotonic() - self.started
            left = int(spent / self.done * (self.total - self.done))
            text = "tune %s %d/%d" % (self.name, self.done, self.total)
            if best is not None:
                text += "  best %.4f ms  %s" % (best, _brief(config))
            columns = 79
            with contextlib.suppress(OSError):
                columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            text = "%s  left %02d:%02d" % (text[:columns - 12], left // 60, left % 60)
            print("\r\x1b[K" + text, end="", file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _brief(config):
    return " ".join("%s=%s" % item for item in config.items())


# ---- results ----

class AutotuneResult:
    """The fastest configuration, its kernel, and what was measured of all (`trials`: a dict each
    with config, latency in ms or None, error, cached)."""

    def __init__(self, latency=None, config=None, ref_latency=None, libcode=None, func=None,
                 kernel=None, trials=()):
        self.latency = latency
        self.config = config
        self.ref_latency = ref_latency
        self.func = func
        self.kernel = kernel
        self.trials = list(trials)
        self._libcode = libcode

    @property
    def libcode(self):
        return self._libcode or (self.kernel and self.kernel.get_kernel_source())

    def __call__(self, *args, **kwargs):
        return self.kernel(*args, **kwargs)

    def save_to_disk(self, path, verbose=False):
        """Writes configuration and latency to a directory. The kernel is compiled again, from the
        cache of kernels, by whoever loads it."""
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "result.json"), "w", encoding="utf-8") as file:
            _write_json(file, {"latency_ms": self.latency, "config": self.config,
                               "ref_latency_ms": self.ref_latency, "source": self.libcode,
                               "trials": self.trials}, indent=1)

    @classmethod
    def load_from_disk(cls, path, compile_args=None, kernel=None):
        """What was written there, without a kernel unless one is given."""
        with open(os.path.join(path, "result.json"), encoding="utf-8") as file:
            row = json.load(file)
        return cls(row["latency_ms"], row["config"], row["ref_latency_ms"], row["source"],
                   kernel=kernel, trials=row["trials"])

    def __repr__(self):
        return "<AutotuneResult %s ms %s>" % (self.latency, self.config)


# ---- tuning ----

def _number(name, kind, what):
    """A variable of the environment."""
    text = getattr(env, name)
    try:
        number = kind(text)
        if math.isfinite(number):
            return number
    except ValueError:
        pass
    raise ValueError("%s is '%s', expected a %s" % (name, text, what))


def workers():
    """How many configurations are compiled at once."""
    n = _number("TILELANG_AUTO_TUNING_CPU_COUNTS", int, "whole number")
    if n <= 0:
        try:
            n = len(os.sched_getaffinity(0))
        except AttributeError:
            n = os.cpu_count() or 1
        n = int(n * _number("TILELANG_AUTO_TUNING_CPU_UTILITIES", float, "number"))
    most = _number("TILELANG_AUTO_TUNING_MAX_CPU_COUNT", int, "whole number")
    return max(1, min(n, most) if most > 0 else n)


def configurations(configs, args=(), kwargs=None):
    """A list of dicts: given, or made by a function of the arguments, or all combinations of a
    dict of lists."""
    if callable(configs):
        configs = _called(configs, args, kwargs or {})
    if isinstance(configs, dict):
        configs = [dict(zip(configs, values)) for values in itertools.product(*[
            value if isinstance(value, (list, tuple)) else [value] for value in configs.values()])]
    found = [dict(config) for config in configs]
    if not found:
        raise TuneError("there are no configurations to tune")
    return found[:_limits["configurations"]]


_limits = {"configurations": None}


def set_limits(configurations=None):
    """Only the first so many configurations of anything are tuned; None ends that."""
    _limits["configurations"] = configurations


def _called(configs, args, kwargs):
    """Some functions take the arguments of the kernel, some nothing."""
    try:
        inspect.signature(configs).bind(*args, **kwargs)
    except TypeError:
        inspect.signature(configs).bind()
        return configs()
    return configs(*args, **kwargs)


class _Trial:
    """One configuration on its way."""

    def __init__(self, config):
        self.config = config
        self.kernel = self.latency = self.error = self.key = None
        self.cached = False

    def row(self):
        return {"config": self.config, "latency": self.latency, "error": self.error,
                "cached": self.cached}


class Tuning:
    """One run of the tuner. `build(config)` gives something with `.ir`, the text that a
    measurement depends on, and `.compile()`, a JITKernel."""

    def __init__(self, name, configs, build, profile, inputs=None, group=None):
        self.name, self.build, self.profile = name, build, profile
        self.trials = [_Trial(config) for config in configs]
        self.inputs = inputs
        self.group = group  # the target's name
        self.rows = Rows(env.is_autotune_cache_enabled())
        self.kept_inputs = {}
        self.best = None
        self.deadline = None
        self.busy = None  # the error of a configuration that was given up and may still run
        self.ref_latency = None

    # -- keys --

    def _key(self, built):
        profile = self.profile.key()
        if profile is None:
            return None
        inputs = [(tuple(x.shape), str(x.dtype)) if _is_tensor(x) else repr(x)
                  for x in self.inputs or ()]
        return _hash(native.version(), built.ir, self.group, profile, inputs, _device())

    # -- steps --

    def run(self):
        if self.profile.time_budget is not None:
            self.deadline = time.monotonic() + self.profile.time_budget
        progress = Progress(self.name, len(self.trials))
        built = self._build_all()
        name = _hash([trial.key for trial in self.trials])[:32]
        try:
            with self.rows.locked(name):
                self._measure_all(built, progress)
        except KeyboardInterrupt:  # the best so far counts
            if self.best is None:
                raise
            print("tilec: tuning was interrupted", file=sys.stderr)
        finally:
            progress.end()
        return self._result(built)

    def _try(self, trial, function):
        """The function's result; None, and the error is kept, when the configuration does not work."""
        try:
            return function()
        except Exception as error:
            trial.error = "%s: %s" % (type(error).__name__, str(error).strip())
            logger.info("configuration %s: %s", trial.config, trial.error)
            return None

    def _build_all(self):
        """What each configuration is, without compiling it."""
        built = []
        for trial in self.trials:
            made = self._try(trial, lambda: self.build(trial.config))
            built.append(made)
            if made is not None:
                trial.key = self._key(made)
        return built

    def _measure_all(self, built, progress):
        todo = []
        for trial, made in zip(self.trials, built):
            row = self.rows.get(trial.key) if made is not None else None
            if row is not None:
                trial.latency, trial.cached = row["latency_ms"], True
                self._count(trial, progress)
            elif made is not None:
                todo.append((trial, made))
            else:
                self._count(trial, progress)
        for trial in self._compiled(todo):
            if trial.kernel is not None:
                self._measure(trial)
            self._count(trial, progress)

    def _compiled(self, todo):
        """Trials as their kernels are ready: on a GPU at once, else when nothing compiles any more
        that would disturb the clock."""
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
        if not todo:
            return
        pool = ThreadPoolExecutor(min(workers(), len(todo)))
        started = time.monotonic()
        limit = self.profile.timeout * max(1, -(-len(todo) // workers()))
        compile_one = with_this_default(self._compile)
        running = {pool.submit(compile_one, trial, made): trial for trial, made in todo}
        ready = []
        try:
            while running:
                done, _ = wait(running, self._left(started + limit, ready), FIRST_COMPLETED)
                if not done:
                    break
                finished = [running.pop(future) for future in done]
                ready.extend(finished)
                while ready and (not running or self._on_gpu(ready[-1])):
                    yield ready.pop()
            yield from ready
            for trial in running.values():
                if not self._is_late(trial):
                    trial.error = "TimeoutError: compiling took too long"
                trial.kernel = None
                yield trial
        finally:
            for future in running:
                future.cancel()
            pool.shutdown(wait=False)

    @staticmethod
    def _on_gpu(trial):
        return trial.kernel is not None and trial.kernel.is_on_gpu

    def _left(self, until, ready):
        """Seconds to wait. A budget that is spent ends it only when there is something to take."""
        if self.deadline is not None and (ready or self.best is not None):
            until = min(until, self.deadline)
        return max(until - time.monotonic(), 0)

    def _is_late(self, trial):
        if self.deadline is None or self.best is None or time.monotonic() < self.deadline:
            return False
        trial.error = "TimeoutError: the time budget was spent"
        return True

    def _compile(self, trial, made):
        if not self._is_late(trial):
            trial.kernel = self._try(trial, made.compile)

    # -- measuring --

    def _inputs_of(self, kernel):
        profiler = Profiler(kernel, self.profile.supply_type)
        if self.inputs is not None:
            return profiler, [copied(x) for x in self.inputs]
        if not self.profile.cache_input_tensors:
            return profiler, self._made(profiler)
        shapes = tuple((p.name, tuple(p.shape or ()), p.dtype) for p in kernel.params)
        if shapes not in self.kept_inputs:
            self.kept_inputs[shapes] = self._made(profiler)
        return profiler, self.kept_inputs[shapes]

    def _made(self, profiler):
        if self.profile.supply_prog is None:
            return profiler._get_inputs()
        made = self.profile.supply_prog([
            p for i, p in enumerate(profiler.params) if i not in profiler.result_idx])
        return list(made) if isinstance(made, (list, tuple)) else [made]

    def _measure(self, trial):
        if self._is_late(trial):
            return
        self._try(trial, lambda: self._time(trial))
        if trial.latency is not None:
            self.rows.put(trial.key, config=trial.config, latency_ms=trial.latency,
                          kernel=self.name, time=time.time())

    def _wait_for_gpu(self):
        """What was given up shall not be in the times of others. It is waited for once."""
        until = time.monotonic() + self.profile.timeout
        while self.busy is not None and not self.busy.is_over():
            if self.busy.was_awaited or time.monotonic() > until:
                self.busy.was_awaited = True
                raise TimeoutError("an earlier configuration still runs on the GPU")
            time.sleep(0.01)
        self.busy = None

    def _time(self, trial):
        self._wait_for_gpu()
        profile, started = self.profile, time.monotonic()
        profiler, inputs = self._inputs_of(trial.kernel)
        try:
            if profile.checks:
                profiler.run_until(started + profile.timeout, [copied(x) for x in inputs])
                self._check(profiler, inputs)
            latency = self._latency(profiler, inputs, started + profile.timeout)
        except _clocks.StillRuns as error:
            self.busy = error
            raise
        if profile.ref_prog is not None and self.ref_latency is None:
            self.ref_latency = self._time_reference(profiler, inputs)
        trial.latency = float(latency)

    def _latency(self, profiler, inputs, deadline):
        profile, stop = self.profile, None
        if profile.early_stop and self.best is not None:
            stop = self.best.latency * profile.early_stop_factor
        return profiler.do_bench(warmup=profile.warmup, rep=profile.rep, input_tensors=inputs,
                                 backend=profile.backend, early_stop_baseline=stop,
                                 timeout=max(deadline - time.monotonic(), 0))

    def _time_reference(self, profiler, inputs):
        """None where no package has a clock for what it does on a GPU."""
        on_gpu = profiler.kernel.is_on_gpu
        if on_gpu and not any(type(x).__module__.partition(".")[0] == "torch" for x in inputs):
            return None
        return do_bench(lambda: self.profile.ref_prog(*inputs), 0, self.profile.rep, on_gpu=on_gpu)

    def _check(self, profiler, inputs):
        profile = self.profile
        if profile.manual_check_prog is not None:
            profiler.manual_assert_close(profile.ref_prog, inputs, profile.manual_check_prog)
        else:
            profiler.assert_allclose(profile.ref_prog, inputs, profile.atol, profile.rtol,
                                     profile.max_mismatched_ratio)

    def _count(self, trial, progress):
        if trial.latency is not None and (self.best is None
                                          or trial.latency < self.best.latency):
            self.best = trial
        progress.step(self.best and self.best.latency, self.best and self.best.config)

    def _result(self, built):
        if self.best is None:
            errors = {trial.error for trial in self.trials if trial.error}
            raise TuneError("none of %d configurations of %s works:\n%s" % (
                len(self.trials), self.name, "\n".join(sorted(errors)[:3])))
        if self.best.kernel is None:
            self.best.kernel = built[self.trials.index(self.best)].compile()
        kernel = self.best.kernel
        kernel.update_tuner_result(self.best.latency, self.best.config, self.ref_latency)
        return AutotuneResult(self.best.latency, self.best.config, self.ref_latency,
                              func=kernel.prim_func, kernel=kernel,
                              trials=[trial.row() for trial in self.trials])


@functools.lru_cache(maxsize=1)
def _device():
    """The machine, as far as it decides how fast kernels are."""
    import platform
    from .testing import cuda_compute_version
    return platform.machine(), platform.processor(), os.cpu_count(), cuda_compute_version()
