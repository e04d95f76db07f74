"""Something to do when a module has been imported, whenever that is."""

import importlib.abc
import importlib.util
import sys


class _Loader(importlib.abc.Loader):
    """Loads as another loader does, and acts then."""

    def __init__(self, loader, action):
        self.loader = loader
        self.action = action

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        self.action(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name, action):
        self.name = name
        self.action = action

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None:
            spec.loader = _Loader(spec.loader, self.action)
        return spec


def after_import(name, action):
    """Calls action(module) once the module is there: now, or when it is imported."""
    if name in sys.modules:
        action(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Finder(name, action))
