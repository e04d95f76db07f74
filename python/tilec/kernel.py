"""Compiled kernels."""

from ._native import native
from .function import guarded


class KernelParam:
    """A parameter of a kernel."""

    def __init__(self, param):
        self.name = param.name
        self.kind = param.kind
        self.dtype = str(param.dtype)

    def is_scalar(self):
        return self.kind == "scalar"

    def is_unsigned(self):
        return self.dtype.startswith("uint")

    def is_float8(self):
        return self.dtype.startswith("float8")

    def is_float4(self):
        return self.dtype.startswith("float4")

    def is_boolean(self):
        return self.dtype == "bool"

    def torch_dtype(self):
        import torch
        return getattr(torch, self.dtype)

    def __repr__(self):
        return "%s: %s" % (self.name, self.dtype)


def _indices(out_idx, n):
    if out_idx is None:
        return []
    given = [out_idx] if isinstance(out_idx, int) else list(out_idx)
    indices = [i + n if i < 0 else i for i in given]
    if any(i < 0 or i >= n for i in indices):
        raise ValueError("out_idx %r names no parameter: there are %d" % (out_idx, n))
    if len(set(indices)) != len(indices):
        raise ValueError("out_idx %r names a parameter twice" % (out_idx,))
    return indices


class JITKernel:
    """A compiled kernel: call it with its arguments; with those of out_idx left out, they are
    allocated and returned."""

    def __init__(self, kernel, module, prim_func, out_idx, target, world):
        self._kernel = kernel
        self._module = module
        self._world = world
        self.prim_func = prim_func
        self.target = kernel.target
        self._wanted = target
        self.params = [KernelParam(p) for p in kernel.params]
        self.out_idx = _indices(out_idx, len(self.params))
        results = [i for i, p in enumerate(kernel.params) if p.flags & 4]
        if self.out_idx and results:
            raise ValueError("out_idx is given, and the function returns T.empty tensors")
        self.result_idx = results or self.out_idx
        self._function = kernel.bind(self.out_idx) if self.out_idx else kernel.function
        self.latency = self.config = self.ref_latency = None

    def __call__(self, *args, **kwargs):
        if kwargs:
            args = self._by_name(args, kwargs)
        return self._function(*args)

    def _by_name(self, args, kwargs):
        names = [p.name for i, p in enumerate(self.params) if i not in self.result_idx]
        unknown = set(kwargs) - set(names[len(args):])
        if unknown:
            raise TypeError("%s() has no free parameter %r" % (self.name, sorted(unknown)[0]))
        missing = [name for name in names[len(args):] if name not in kwargs]
        if missing:
            raise TypeError("%s() needs argument %r" % (self.name, missing[0]))
        return args + tuple(kwargs[name] for name in names[len(args):])

    @property
    def name(self):
        return self._kernel.name

    @property
    def function(self):
        """The bare function, which costs least to call."""
        return self._function

    @property
    def adapter(self):
        return self

    @property
    def artifact(self):
        from .compiler import CompiledArtifact
        return CompiledArtifact(self.prim_func, self.get_kernel_source(), self.target)

    def _emit(self, form):
        return guarded(self._world, lambda: self._module.emit(form))

    def get_kernel_source(self, kernel_only=True):
        """The text that was compiled."""
        return self._emit("cuda" if str(self.target).startswith(("cuda", "sim:cuda")) else "c")

    kernel_source = property(get_kernel_source)

    def get_host_source(self):
        """What the host does before a launch is a table and no code; this is the IR it is made of."""
        return self._emit("tile")

    host_source = property(get_host_source)

    def show_source(self, which="kernel"):
        print(self.get_kernel_source() if which == "kernel" else self.get_host_source())

    def print_source_code(self, which="kernel", file=None):
        print(self.get_kernel_source(), file=file)

    def export_sources(self, kernel_path=None, host_path=None):
        for path, text in ((kernel_path, self.get_kernel_source),
                           (host_path, self.get_host_source)):
            if path:
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text())

    def export_library(self, directory, name=None):
        """Writes the files of a build ahead of time; gives their paths."""
        build = guarded(self._world, lambda: self._module.build(self._wanted, str(directory), name))
        return list(build)

    def get_profiler(self, tensor_supply_type=None):
        from .profiler import Profiler, TensorSupplyType
        return Profiler(self, tensor_supply_type or TensorSupplyType.Auto)

    def static_shape(self, i, dims=None):
        """The shape of parameter `i`, given values for the dimensions that a launch decides."""
        if dims:
            return list(self._kernel.shape_with(i, [f for pair in dims.items() for f in pair]))
        return list(self._kernel.shape(i, *[None] * len(self.params)))

    def run_once(self, func=None):
        return self.get_profiler().run_once(func)

    def update_tuner_result(self, latency=None, config=None, ref_latency=None):
        self.latency, self.config, self.ref_latency = latency, config, ref_latency
        return self

    def get_tuner_result(self):
        return self.latency, self.config, self.ref_latency

    def __repr__(self):
        return "<kernel %s for %s>" % (self.name, self.target)
