"""Compiled kernels."""

import os
import sys

from ._native import native
from ._values import dtype
from .function import guarded

_CUDA = 2  # DLPack's number


def _split(text, separator=","):
    """The parts of a list in which brackets may stand."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def shapes_of(signature):
    """{parameter: [extent, ...]} from `name(A: float32[M, 64], out B: ...)`; an extent is an int,
    or the text of what a launch computes."""
    found = {}
    for part in _split(signature[signature.find("(") + 1:signature.rfind(")")]):
        name, _, kind = part.partition(":")
        extents = _split(kind[kind.find("[") + 1:kind.rfind("]")]) if "[" in kind else []
        found[name.split()[-1]] = [int(e) if e.isdigit() else e for e in extents]
    return found


class KernelParam:
    """A parameter of a kernel. Extents of `shape` are ints, or texts where a launch decides."""

    def __init__(self, param, shape=()):
        self.name = param.name
        self.kind = param.kind
        self.dtype = dtype(str(param.dtype))
        self.rank = param.rank
        self.shape = list(shape)

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
        return self.dtype.as_torch()

    def __repr__(self):
        return "%s: %s" % (self.name, self.dtype)


def outputs_of(returned):
    """What a call returned, as a list of tensors."""
    if returned is None:
        return []
    return [returned] if hasattr(returned, "__dlpack__") else list(returned)


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


def _named(function, kernel, names):
    """A function whose arguments may be given by their names."""
    def call(*args, **kwargs):
        left = names[len(args):]
        for name in kwargs:
            if name not in left:
                raise TypeError("%s() has no free parameter %r" % (kernel, name))
        for name in left if kwargs else ():
            if name not in kwargs:
                raise TypeError("%s() needs argument %r" % (kernel, name))
        return function(*args, *(kwargs[name] for name in left if kwargs))

    return call


def _listing(function):
    """A function that returns several tensors, as a list."""
    def call(*args):
        returned = function(*args)
        return returned if returned is None else list(returned)

    return call


def _giving_torch(function, kernel, params, results):
    """No argument says whose tensors the results shall be: torch's, when the program has it, so that
    its allocator makes them (a graph may be recorded meanwhile)."""
    def empty(torch, i, args):
        where = "cuda" if getattr(kernel, "device_type", 1) == _CUDA else "cpu"
        return torch.empty(tuple(kernel.shape(i, *args)), dtype=dtype(params[i].dtype).as_torch(),
                           device=where)

    def call(*args):
        torch, rest = sys.modules.get("torch"), iter(args)
        if torch is None or len(args) != len(params) - len(results):
            return function(*args)
        full = [None if i in results else next(rest) for i in range(len(params))]
        try:
            made = [empty(torch, i, full) for i in results]
        except (AttributeError, TypeError, ValueError):  # torch has no such type, or it is refused
            return function(*args)
        for i, tensor in zip(results, made):
            full[i] = tensor
        kernel.function(*full)
        return made[0] if len(made) == 1 else made

    return call


class JITKernel:
    """A compiled kernel: call it with its arguments; with those of out_idx left out, they are
    allocated and returned. `function` is the bare function."""

    # A call finds this object in the instance, so no Python runs between the caller and C.
    __slots__ = ("__call__", "__dict__", "__weakref__")

    def __init__(self, kernel, module, prim_func, out_idx, target, world):
        self._kernel = kernel
        self._module = module
        self._world = world
        self.prim_func = prim_func
        self.target = kernel.target
        self._wanted = target
        shapes = shapes_of(kernel.signature)
        self.params = [KernelParam(p, shapes.get(p.name, ())) for p in kernel.params]
        self.out_idx = _indices(out_idx, len(self.params))
        results = [i for i, p in enumerate(kernel.params) if p.flags & 4]
        if self.out_idx and results:
            raise ValueError("out_idx is given, and the function returns T.empty tensors")
        self.result_idx = results or self.out_idx
        inputs = [p for i, p in enumerate(self.params) if i not in self.result_idx]
        function = kernel.bind(self.out_idx) if self.out_idx else kernel.function
        if len(self.result_idx) > 1:
            function = _listing(function)
        if self.result_idx and all(p.is_scalar() for p in inputs):
            function = _giving_torch(function, kernel, self.params, self.result_idx)
        self.function = function
        self.__call__ = native.calling(
            function, _named(function, kernel.name, [p.name for p in inputs]))
        self.latency = self.config = self.ref_latency = None

    @property
    def name(self):
        return self._kernel.name

    @property
    def adapter(self):
        return self

    @property
    def artifact(self):
        from .compiler import CompiledArtifact
        return CompiledArtifact(self.prim_func, self.get_kernel_source(), self.target, self.params)

    def _emit(self, form):
        return guarded(self._world, lambda: self._module.emit(form))

    @property
    def _is_cuda(self):
        return str(self.target).startswith(("cuda", "sim:cuda"))

    # ---- text ----

    def get_kernel_source(self, kernel_only=True):
        """The text that was compiled."""
        return self._emit("cuda" if self._is_cuda else "c")

    def get_host_source(self):
        """What the host does before a launch is a table and no code; this is the IR it is made of."""
        return self._emit("tile")

    @property
    def kernel_source(self):
        return self.get_kernel_source()

    @property
    def host_source(self):
        return self.get_host_source()

    def show_source(self, which="kernel"):
        """Prints the text: `kernel`, `host` or `both`."""
        if which not in ("kernel", "host", "both"):
            raise ValueError("show_source takes 'kernel', 'host' or 'both', not %r" % (which,))
        if which != "host":
            print(self.get_kernel_source())
        if which != "kernel":
            print(self.get_host_source())

    def print_source_code(self, which="kernel", file=None):
        print(self.get_kernel_source() if which == "kernel" else self.get_host_source(), file=file)

    def export_sources(self, kernel_path=None, host_path=None):
        """Writes the texts to files."""
        for path, text in ((kernel_path, self.get_kernel_source),
                           (host_path, self.get_host_source)):
            if path:
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text())

    def write_sources(self, directory):
        """NAME.ir, and NAME.c or NAME.cu, in a directory that is made (debug_root_path)."""
        os.makedirs(directory, exist_ok=True)
        start = os.path.join(directory, self.name)
        self.export_sources(start + (".cu" if self._is_cuda else ".c"), start + ".ir")

    def _no_assembly(self, *ignored, **more_ignored):
        raise NotImplementedError("the assembly of a kernel is not kept: get_kernel_source() gives "
                                  "the text to compile")

    show_ptx = show_sass = export_ptx = export_sass = _get_ptx = _get_sass = _no_assembly

    # ---- ahead of time ----

    def export_library(self, path, name=None):
        """Builds ahead of time; `name` is that of the functions. A path that ends in .so gets the
        library, which is returned; another one is a directory for all files of the build, whose
        paths are returned."""
        import shutil
        import tempfile
        path = str(path)
        if name is None:  # C has a meaning for `main`
            name = self.name if self.name != "main" else "main_kernel"
        if not path.endswith(".so"):
            return self._build(path, name)
        with tempfile.TemporaryDirectory() as folder:
            made = [p for p in self._build(folder, name) if p.endswith(".so")]
            shutil.copyfile(made[0], path)
        return path

    def _build(self, directory, name):
        return [str(p) for p in guarded(
            self._world, lambda: self._module.build(self._wanted, directory, name))]

    # ---- what it takes on a GPU ----

    @property
    def resource_usage(self):
        """For each kernel that a launch runs on a GPU: threads, registers, bytes spilled ..."""
        names = ("name", "threads", "registers", "spill_stores", "spill_loads", "stack",
                 "static_shared", "shared")
        flat = list(self._kernel.resources())
        return [dict(zip(names, flat[i:i + len(names)])) for i in range(0, len(flat), len(names))]

    def _most(self, name):
        rows = self.resource_usage
        return max(row[name] for row in rows) if rows else None

    @property
    def n_regs(self):
        return self._most("registers")

    @property
    def n_spills(self):
        rows = self.resource_usage
        return max(row["spill_stores"] + row["spill_loads"] for row in rows) if rows else None

    @property
    def n_max_threads(self):
        return self._most("threads")

    # ---- running ----

    def get_profiler(self, tensor_supply_type=None):
        """Runs it on inputs that are made up: timing, comparison with a reference."""
        from .profiler import Profiler, TensorSupplyType
        return Profiler(self, tensor_supply_type or TensorSupplyType.Auto)

    @property
    def is_on_gpu(self):
        """Whether its tensors lie in the memory of a GPU."""
        return getattr(self._kernel, "device_type", 1) == 2

    @property
    def device_id(self):
        return getattr(self._kernel, "device_id", 0)

    def static_shape(self, i, dims=None):
        """The shape of parameter `i`, given values for the dimensions that a launch decides."""
        names = set(self._kernel.dims)
        flat = [f for name, value in (dims or {}).items() if name in names
                for f in (name, int(value))]
        return list(self._kernel.shape_with(i, flat))

    def run_once(self, func=None):
        return self.get_profiler().run_once(func)

    def update_tuner_result(self, latency=None, config=None, ref_latency=None):
        self.latency, self.config, self.ref_latency = latency, config, ref_latency
        return self

    def get_tuner_result(self):
        return self.latency, self.config, self.ref_latency

    def __copy__(self):
        """What is compiled is shared; the results of tuning are each one's own."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.__call__ = self.__call__
        return other

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __reduce__(self):
        raise TypeError("a compiled kernel cannot be pickled: send the function and compile it "
                        "there (from the cache), or export_library() and load that")

    def __repr__(self):
        return "<kernel %s for %s>" % (self.name, self.target)
