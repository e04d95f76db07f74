"""tilec.compile and lower: from a T.prim_func to a kernel."""

import os
import sys

from .env import env, logger
from .function import Program, guarded
from .kernel import JITKernel
from .pass_configs import configs_of, options_of
from .target import target_name, with_this_default

# The dialect's names for ways to call a kernel. There is one here, whichever is asked for.
BACKENDS = ("auto", "tvm_ffi", "cython", "ctypes", "dlpack", "nvrtc", "torch", "cutedsl")


class Settings:
    """How something is compiled: the keyword arguments that jit, compile and AutoTuner share."""

    NAMES = ("out_idx", "execution_backend", "target", "target_host", "verbose", "pass_configs",
             "debug_root_path", "compile_flags")

    def __init__(self, **given):
        unknown = sorted(set(given) - set(self.NAMES))
        if unknown:
            raise TypeError("there is no setting %r" % unknown[0])
        for name in self.NAMES:
            setattr(self, name, given.get(name))
        if self.execution_backend not in (None, *BACKENDS):
            raise ValueError("execution_backend is one of %s, not %r"
                             % (", ".join(BACKENDS), self.execution_backend))
        self.configs = configs_of(self.pass_configs)

    def replaced(self, **given):
        """These settings with some others; pass_configs are added."""
        if given.get("pass_configs"):
            given["pass_configs"] = {**(self.pass_configs or {}), **given["pass_configs"]}
        old = {name: getattr(self, name) for name in self.NAMES}
        return Settings(**{**old, **given})

    @property
    def target_name(self):
        return target_name(self.target)

    @property
    def options(self):
        found = {**env.options(), **options_of(self.pass_configs)}
        if self.debug_root_path and "dump" not in found:
            found["dump"] = os.path.join(str(self.debug_root_path), "passes")
        return found

    def compile(self, world, module, entry, out_idx):
        """The kernel that a program becomes."""
        name = self.target_name
        kernel = JITKernel(guarded(world, lambda: module.compile(name)), module, entry, out_idx,
                           name, world)
        if self.debug_root_path:
            kernel.write_sources(str(self.debug_root_path))
        self._tell(kernel)
        return kernel

    def _tell(self, kernel):
        native = kernel._kernel
        text = "compiled %s for %s in %.1f ms%s" % (
            native.name, native.target, getattr(native, "compile_ns", 0) * 1e-6,
            ", from the cache" if getattr(native, "cached", False) else "")
        logger.info("%s", text)
        if self.verbose or (self.verbose is None and env.is_verbose()):
            print("tilec: " + text, file=sys.stderr)


def compile_function(func, settings):
    """The kernel of a T.prim_func, or of an eager function with its arguments (get_tir)."""
    if not isinstance(func, Program):
        raise TypeError("tilec.compile takes a T.prim_func, found %s" % type(func).__name__)
    world, module = func.module(settings.options, settings.configs)
    out_idx = func.out_idx if settings.out_idx is None else settings.out_idx
    return settings.compile(world, module, func, out_idx)


def compile(func, out_idx=None, execution_backend=None, target=None, target_host=None,
            verbose=None, pass_configs=None, compile_flags=None, debug_root_path=None):
    """Compiles a T.prim_func; gives a callable kernel."""
    return compile_function(func, Settings(
        out_idx=out_idx, execution_backend=execution_backend, target=target,
        target_host=target_host, verbose=verbose, pass_configs=pass_configs,
        compile_flags=compile_flags, debug_root_path=debug_root_path))


def in_parallel(function, items, num_workers=None, ignore_error=False):
    """[function(item), ...], by threads; with ignore_error a failed one gives None."""
    from concurrent.futures import ThreadPoolExecutor

    def one(item):
        try:
            return function(item)
        except Exception as error:
            if not ignore_error:
                raise
            logger.warning("%s: %s", type(error).__name__, error)
            return None

    with ThreadPoolExecutor(num_workers or os.cpu_count()) as pool:
        return list(pool.map(with_this_default(one), items))


def par_compile(funcs, *args, num_workers=None, ignore_error=False, **kwargs):
    """Compiles several functions at once; with ignore_error a failed one gives None."""
    return in_parallel(lambda func: compile(func, *args, **kwargs), funcs, num_workers,
                       ignore_error)


class CompiledArtifact:
    """What lower gives: text, and what it is of."""

    def __init__(self, func, kernel_source, target, params=()):
        self.prim_func = func
        self.params = list(params)
        self.kernel_source = kernel_source
        self.target = self.target_host = target


def lower(func_or_mod, target="auto", target_host=None, runtime_only=False,
          enable_host_codegen=False, enable_device_compile=False, pass_configs=None):
    """The text that a function becomes for a target, without compiling it."""
    settings = Settings(target=target, pass_configs=pass_configs)
    name, options = settings.target_name, settings.options
    if name:
        options["target"] = name
    form = "cuda" if (name or "cpu").startswith(("cuda", "sim:cuda")) else "c"
    return CompiledArtifact(func_or_mod, func_or_mod.emit(form, options, settings.configs), name)
