"""Kernels of Triton without a GPU: a script may have some as references, or for comparison.

Triton interprets them itself (TRITON_INTERPRET); only its question for a device needs an answer.
"""

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


def install():
    """Before Triton is imported, which reads the variable."""
    os.environ.setdefault("TRITON_INTERPRET", "1")
    after_import("triton.runtime.driver", lambda module: module.driver.set_active(_Driver()))
