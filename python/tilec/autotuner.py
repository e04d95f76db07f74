"""tilec.autotune above @tilec.jit, and the same as an object; what a tuning does is in tuning.py."""

import contextlib
import functools
import threading

from ._once import Once
from .compiler import Settings, compile_function
from .env import logger
from .function import PrimFunc
from .jit import JITImpl, _is_tensor, _shape, freeze
from .kernel import JITKernel
from .target import current_default
from .tuning import (AutotuneResult, ProfileArgs, TuneError, Tuning, configurations, rows_directory,
                     set_limits, workers)

__all__ = ["AutoTuner", "AutotuneResult", "TuneError", "Tuning", "autotune", "get_autotune_inputs",
           "rows_directory", "set_autotune_inputs", "set_limits", "workers"]


# ---- inputs that are given around a call ----

_given = threading.local()


@contextlib.contextmanager
def set_autotune_inputs(*inputs):
    """Tuning in this `with` block runs kernels on these tensors, or on those of one list."""
    if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
        inputs = tuple(inputs[0])
    before = getattr(_given, "inputs", None)
    _given.inputs = list(inputs)
    try:
        yield
    finally:
        _given.inputs = before


def get_autotune_inputs():
    """Those tensors, or None."""
    return getattr(_given, "inputs", None)


# ---- configurations of a function ----

class _Lazy:
    """A configuration of a function that returns a T.prim_func."""

    def __init__(self, func, settings):
        self.func, self.settings = func, settings
        self.ir = func.emit("ir", configs=settings.configs)

    def compile(self):
        return compile_function(self.func, self.settings)


class _Eager:
    """A configuration of an eager function."""

    def __init__(self, jit, values, extra, settings):
        self.compiling = jit._start_eager(values, extra, settings)
        self.ir = self.compiling.ir()

    def compile(self):
        return self.compiling.variant().kernel


# ---- the decorator ----

class AutoTuneImpl:
    """What @autotune makes of a function of @jit."""

    def __init__(self, jit, configs, profile, do_not_specialize=()):
        functools.update_wrapper(self, jit)
        self.jit_impl, self.configs, self.profile = jit, configs, profile
        self.do_not_specialize = frozenset(
            [do_not_specialize] if isinstance(do_not_specialize, str) else do_not_specialize or ())
        self._results = Once(jit._tuner_cache)

    def __reduce__(self):
        """Copied and pickled as functions are: by name."""
        return self.jit_impl.func.__qualname__

    @property
    def mode(self):
        return self.jit_impl.mode

    @property
    def signature(self):
        return self.jit_impl.signature

    # -- which calls are tuned --

    def _is_given(self, config, args, kwargs):
        names = list(self.signature.parameters)[:len(args)]
        return any(name in kwargs or name in names for name in config if name != "pass_configs")

    def _key(self, args, kwargs):
        bound = self.signature.bind_partial(*args, **kwargs) if self.mode == "lazy" \
            else self.jit_impl._bind(args, kwargs)[0]
        bound.apply_defaults()
        inputs = None if self.do_not_specialize else get_autotune_inputs()
        shapes = inputs and tuple((tuple(x.shape), str(x.dtype)) if _is_tensor(x) else freeze(x)
                                  for x in inputs)
        return tuple((name, _shape(name, value) if _is_tensor(value) else freeze(value))
                     for name, value in bound.arguments.items()
                     if name not in self.do_not_specialize), shapes, freeze(current_default())

    def _tuned(self, args, kwargs):
        """The AutotuneResult for these arguments."""
        return self._results.get(self._key(args, kwargs), lambda: self._tune(args, kwargs))

    def _settings(self, config):
        config = dict(config)
        pass_configs = config.pop("pass_configs", None)
        settings = self.jit_impl.settings
        return config, settings.replaced(pass_configs=pass_configs) if pass_configs else settings

    def _tune(self, args, kwargs):
        jit = self.jit_impl
        configs = configurations(self.configs, args, kwargs)
        if any(self._is_given(config, args, kwargs) for config in configs):
            logger.warning("%s: a parameter to tune is given, so nothing is tuned", self.__name__)
            if self.mode == "eager":
                return AutotuneResult(kernel=jit.compile(*args, **kwargs))
            return AutotuneResult(kernel=jit(*args, **kwargs))
        group = jit.settings.target_name
        if self.mode == "lazy":
            return Tuning(self.__name__, configs, lambda c: self._build_lazy(c, args, kwargs),
                          self.profile, get_autotune_inputs(), group).run()
        return self._tune_eager(configs, args, kwargs, group)

    def _build_lazy(self, config, args, kwargs):
        config, settings = self._settings(config)
        bound, _ = self.jit_impl._bind(args, {**kwargs, **config})
        return _Lazy(self.jit_impl._prim_func(bound), settings)

    def _tune_eager(self, configs, args, kwargs, group):
        jit = self.jit_impl
        bound, extra = jit._bind(args, kwargs)

        def build(config):
            config, settings = self._settings(config)
            more = {k: v for k, v in config.items() if k not in self.signature.parameters}
            return _Eager(jit, {**bound.arguments, **extra, **config}, {**extra, **more}, settings)

        inputs = get_autotune_inputs()
        if inputs is None and any(_is_tensor(v) for v in bound.arguments.values()):
            inputs = [bound.arguments[name] for name in self.signature.parameters
                      if _is_tensor(bound.arguments.get(name))]
        return Tuning(self.__name__, configs, build, self.profile, inputs, group).run()

    # -- calls --

    def __call__(self, *args, **kwargs):
        """A lazy function: the tuned kernel. An eager one: runs it."""
        result = self._tuned(args, kwargs)
        if self.mode == "lazy":
            return result.kernel
        if result.config is None:
            return self.jit_impl(*args, **kwargs)
        config, _ = self._settings(result.config)
        bound, extra = self.jit_impl._bind(args, {**kwargs, **config})
        values = {**bound.arguments, **extra}
        names = [p.name for i, p in enumerate(result.kernel.params)
                 if i not in result.kernel.result_idx]
        return result.kernel.function(*[values[name] for name in names])

    def compile(self, *args, **kwargs):
        """The tuned kernel."""
        return self._tuned(args, kwargs).kernel

    def tune(self, *args, **kwargs):
        """The AutotuneResult."""
        return self._tuned(args, kwargs)

    def get_tir(self, *args, **kwargs):
        return self.jit_impl.get_tir(*args, **kwargs)

    def get_kernel_source(self, *args, **kwargs):
        return self.compile(*args, **kwargs).get_kernel_source()

    def __repr__(self):
        return "<tilec.autotune %s>" % self.jit_impl.func.__qualname__


def autotune(func=None, *, configs=None, do_not_specialize=None, **profile):
    """Above @tilec.jit: a call compiles every configuration and takes the fastest.

    configs: a list of dicts of parameters, a dict of lists (all combinations), or a function of
    the arguments that gives one of these. A key `pass_configs` adds to those of jit. Equal calls
    are tuned once; arguments named by do_not_specialize do not tell calls apart. The other keyword
    arguments are those of AutoTuner.set_profile_args. A call that gives a parameter to tune itself
    is not tuned.
    """
    if callable(func) and not isinstance(func, JITImpl):
        raise TypeError("tilec.autotune stands above @tilec.jit")
    if configs is None:
        raise ValueError("tilec.autotune needs configs")
    settled = ProfileArgs(**profile)

    def decorate(jit):
        if not isinstance(jit, JITImpl):
            raise TypeError("tilec.autotune stands above @tilec.jit, found %s" % type(jit).__name__)
        return AutoTuneImpl(jit, configs, settled, do_not_specialize)

    return decorate if func is None else decorate(func)


# ---- the object ----

class AutoTuner:
    """The same for a function that gives a T.prim_func, in steps:
    AutoTuner.from_kernel(kernel, configs).set_compile_args(...).set_profile_args(...).run()"""

    def __init__(self, fn, configs):
        self.fn, self.configs = fn, configs
        self.settings = Settings()
        self.profile = ProfileArgs(timeout=30)

    @classmethod
    def from_kernel(cls, kernel, configs):
        return cls(kernel, configs)

    def set_compile_args(self, out_idx=None, target=None, execution_backend=None,
                         target_host=None, verbose=None, pass_configs=None, compile_flags=None):
        """As for tilec.compile."""
        self.settings = Settings(
            out_idx=out_idx, target=target, execution_backend=execution_backend,
            target_host=target_host, verbose=verbose, pass_configs=pass_configs,
            compile_flags=compile_flags)
        return self

    def set_profile_args(self, **profile):
        """warmup, rep (ms), timeout (s to compile one configuration, and to measure it),
        time_budget (s for all; the best so far counts), supply_type, supply_prog, cache_input_tensors, ref_prog,
        manual_check_prog, rtol, atol, max_mismatched_ratio, skip_check, backend, early_stop,
        early_stop_factor."""
        self.profile = self.profile.replaced(**profile)
        return self

    def _build(self, config):
        config = dict(config)
        pass_configs = config.pop("pass_configs", None)
        made = self.fn.func(**config) if isinstance(self.fn, JITImpl) else self.fn(**config)
        settings = self.settings
        if isinstance(self.fn, JITImpl) and settings.out_idx is None:
            settings = settings.replaced(out_idx=self.fn.settings.out_idx)
        if pass_configs:
            settings = settings.replaced(pass_configs=pass_configs)
        if isinstance(made, JITKernel):  # a function that is a jit function inside
            made = made.prim_func
        if not isinstance(made, PrimFunc):
            raise TypeError("AutoTuner takes a function that returns a T.prim_func, it returned %s"
                            % type(made).__name__)
        return _Lazy(made, settings)

    def run(self, warmup=None, rep=None, timeout=None, use_pipeline=False,
            enable_grouped_compile=False, group_compile_size=2, benchmark_devices=None,
            benchmark_multi_gpu=False, early_stop=None, early_stop_factor=None, time_budget=None):
        """The AutotuneResult. Numbers given here win over those of set_profile_args."""
        given = {"warmup": warmup, "rep": rep, "timeout": timeout, "early_stop": early_stop,
                 "early_stop_factor": early_stop_factor, "time_budget": time_budget}
        profile = self.profile.replaced(**{k: v for k, v in given.items() if v is not None})
        name = getattr(self.fn, "__name__", "kernel")
        return Tuning(name, configurations(self.configs), self._build, profile,
                      get_autotune_inputs(), self.settings.target_name).run()
