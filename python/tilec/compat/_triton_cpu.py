"""Kernels of Triton without a GPU: a script may have some as references, or for comparison.

Triton interprets them itself (TRITON_INTERPRET). Its question for a device needs an answer, and
functions that kernels reach in other ways than as tl.name need to be there.
"""

import functools
import os

from ._after import after_import


class _Driver:
    """What Triton asks of a device when it does not compile."""

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget
        return GPUTarget("cuda", 90, 32)

    def get_active_torch_device(self):
        import torch
        return torch.device("cpu")

    def get_device_interface(self):
        import torch
        return torch.cuda

    def get_current_device(self):
        return 0

    def get_current_stream(self, device=None):
        return 0

    def get_benchmarker(self):
        return self._measure

    @staticmethod
    def _measure(run, quantiles=(), **ignored):
        """All configurations are alike: the first one is taken."""
        return [1.0] * max(len(quantiles), 1)


# ---- functions that kernels know by names of their own ----

# Functions of a GPU's library, which Triton only declares, by those of tl.math.
_OF_LIBRARY = {"fast_expf": "exp", "fast_logf": "log", "fast_log2f": "log2", "fast_sinf": "sin",
               "fast_cosf": "cos", "exp": "exp", "exp2": "exp2", "log": "log", "log2": "log2",
               "sqrt": "sqrt", "rsqrt": "rsqrt", "sin": "sin", "cos": "cos", "erf": "erf",
               "floor": "floor", "ceil": "ceil", "fma": "fma", "abs": "abs"}


def _anywhere(function):
    """The interpreter completes calls of tl.exp, and not those of `exp = tl.exp`: this one may be
    called by any name."""
    @functools.wraps(function)
    def call(*args, _semantic=None, **kwargs):
        if _semantic is None:
            from triton.runtime.interpreter import interpreter_semantic as _semantic
        return function(*args, _semantic=_semantic, **kwargs)
    return call


def _complete_language(triton):
    from triton.language import core, math
    for name, function in list(vars(math).items()):
        if not core.is_builtin(function):
            continue
        call = _anywhere(function)
        for module in (math, triton.language):
            if getattr(module, name, None) is function:
                setattr(module, name, call)


def _complete_library(libdevice):
    from triton.language import math
    for name, known in _OF_LIBRARY.items():
        if hasattr(libdevice, name) and hasattr(math, known):
            setattr(libdevice, name, getattr(math, known))


def install():
    """Before Triton is imported, which reads the variable."""
    os.environ.setdefault("TRITON_INTERPRET", "1")
    if os.environ["TRITON_INTERPRET"] != "1":
        return
    after_import("triton.runtime.driver", lambda module: module.driver.set_active(_Driver()))
    after_import("triton", _complete_language)
    after_import("triton.language.extra.libdevice", _complete_library)
