"""Targets by their names; what a name means is the compiler's matter."""

import contextlib

from tilec import target as _target


class _Kind:
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


class Target:
    """A target: "cuda", "cuda -arch=sm_90a", "c", "llvm", or a dict with "kind" and "arch"."""

    _open = []

    def __init__(self, target, host=None):
        if isinstance(target, Target):
            target = target._text
        if isinstance(target, dict):
            arch = target.get("arch")
            target = str(target["kind"]) + (" -arch=%s" % arch if arch else "")
        self._text = str(target)
        self.host = host
        self.kind = _Kind(self._text.partition(" ")[0].partition(":")[0])
        self.attrs = {}
        if "-arch=" in self._text:
            self.attrs["arch"] = self._text.partition("-arch=")[2].split(" ")[0]

    @property
    def arch(self):
        return self.attrs.get("arch", "")

    @classmethod
    def current(cls, allow_none=True):
        """The target of the innermost `with`."""
        if not cls._open and not allow_none:
            raise ValueError("no target is current: use `with Target(...)`")
        return cls._open[-1][0] if cls._open else None

    def __enter__(self):
        stack = contextlib.ExitStack()
        stack.enter_context(_target.default_target(self._text))
        self._open.append((self, stack))
        return self

    def __exit__(self, *error):
        self._open.pop()[1].close()
        return False

    def __str__(self):
        return self._text

    def __repr__(self):
        return "Target(%r)" % self._text

    def __eq__(self, other):
        return isinstance(other, Target) and other._text == self._text

    def __hash__(self):
        return hash(self._text)


def cuda(model="unknown", arch=None, options=None):
    """The target of a GPU of NVIDIA."""
    return Target("cuda" + (" -arch=%s" % arch if arch else ""))
