"""Kernels of Triton without a GPU: a script may have some as references, or for comparison.

Triton interprets them itself (TRITON_INTERPRET); only its question for a device needs an answer.
"""

import importlib.abc
import importlib.util
import os
import sys


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


class _Loader(importlib.abc.Loader):
    """Loads as another loader does, and gives Triton its driver then."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        module.driver.set_active(_Driver())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != "triton.runtime.driver":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def install():
    """Before Triton is imported."""
    os.environ.setdefault("TRITON_INTERPRET", "1")
    sys.meta_path.insert(0, _Finder())
