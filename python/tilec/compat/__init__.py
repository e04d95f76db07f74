"""Runs scripts that were written for TileLang, as they are.

    python -m tilec.compat [--device cpu] script.py [argument ...]

`import tilelang`, and of `import tvm` what kernel scripts name, is served by tilec. With
`--device cpu` a script that uses torch on a GPU runs without one.
"""

from ._reach import OutOfReach

__all__ = ["OutOfReach", "install"]


def install(device=None):
    """Serves tilelang and tvm from now on; device "cpu" also redirects torch, and targets, to it."""
    from . import _finder
    if device not in (None, "cpu"):
        raise ValueError("a device of compatibility mode is None or 'cpu', found %r" % (device,))
    _finder.install()
    if device == "cpu":
        from .. import target, testing
        from . import _torch_cpu, _triton_cpu
        target.redirect_targets("cpu")
        _triton_cpu.install()
        _torch_cpu.install()
        testing.cuda_compute_version = lambda: _torch_cpu.CAPABILITY  # as torch.cuda answers
