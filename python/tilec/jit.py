"""@tilec.jit: a factory of a T.prim_func (lazy), or a kernel function itself (eager)."""

import ast
import functools
import inspect
import threading

from . import _source
from ._values import dtype
from ._native import native
from ._once import Once
from .compiler import Settings, compile_function, in_parallel
from .function import PrimFunc, Program, guarded
from .target import current_default, tell_of_defaults

_BODY_WORDS = ("Kernel", "ClusterKernel", "const", "empty")
_TENSOR_WORDS = ("Tensor", "StridedTensor")


# ---- which form a function has ----

def _last_name(node):
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "attr", getattr(node, "id", None))


def _tree_of(function):
    """The syntax of a function that is no lambda."""
    source = _source.find(function)
    if source is None:
        raise OSError("the source of %s cannot be found: kernels are compiled from their text"
                      % function.__qualname__)
    lines = inspect.getblock(source[0].splitlines(keepends=True)[source[3] - 1:])
    if lines[0][0] in " \t":  # not dedented: texts and comments may begin at the margin
        return ast.parse("if True:\n" + "".join(lines)).body[0].body[0]
    return ast.parse("".join(lines)).body[0]


def _is_eager(function):
    """An eager function launches a kernel, or declares its tensors, itself."""
    if function.__name__ == "<lambda>":
        return False
    tree = _tree_of(function)
    nested = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
              and node is not tree]
    if any(_last_name(d) == "prim_func" for node in nested for d in node.decorator_list):
        return False
    inside = {child for node in nested for child in ast.walk(node)}
    arguments = tree.args.args + tree.args.kwonlyargs
    if any(isinstance(a.annotation, (ast.Call, ast.Subscript))
           and _last_name(a.annotation) in _TENSOR_WORDS for a in arguments):
        return True
    parameters = {a.arg for a in arguments}
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value is None \
                and getattr(node.target, "id", None) in parameters:
            return True
        if isinstance(node, ast.Call) and node not in inside \
                and isinstance(node.func, ast.Attribute) and node.func.attr in _BODY_WORDS:
            return True
    return False


# ---- arguments ----

def _is_tensor(value):
    return not isinstance(value, type) and (hasattr(value, "__dlpack__")
                                            or hasattr(value, "__array_interface__"))


def _shape(name, value):
    """The extents of an array; one that only DLPack knows is asked by it."""
    shape = getattr(value, "shape", None)
    if shape is None and hasattr(value, "__dlpack__"):
        shape = native.shape_of(value)
    try:
        return tuple(shape)
    except TypeError:
        raise TypeError("argument %r is a %s whose shape is %r"
                        % (name, type(value).__name__, shape)) from None


def freeze(value):
    """A key that tells values apart, their types included: 1, 1.0 and True differ, 0.0 and -0.0."""
    if isinstance(value, (list, tuple)):
        return type(value), tuple(freeze(item) for item in value)
    if isinstance(value, dict):
        return dict, tuple((freeze(k), freeze(v)) for k, v in value.items())  # in their order
    if isinstance(value, (set, frozenset)):
        return set, frozenset(freeze(item) for item in value)
    if isinstance(value, float):
        return type(value), float.hex(value)  # -0.0 == 0.0, and a NaN is not equal to itself
    try:
        hash(value)
    except (TypeError, ValueError):  # ValueError: a memoryview
        raise TypeError("an argument of a kernel must be hashable, found %s%s"
                        % (type(value).__name__, _way_out(value))) from None
    return type(value), value


def _way_out(value):
    if _is_tensor(value):
        return (": a function that has no T.Kernel of its own takes values to compile for, and "
                "gives a kernel to call with arrays")
    try:
        memoryview(value)
    except TypeError:
        return ""
    return ": numpy.asarray makes an array of it"


class _Eager(Program):
    """An eager function with the arguments of a call. Its parameters are tensors that the body
    declares, and compile-time values."""

    def __init__(self, function, values):
        super().__init__(function, None, {name: value for name, value in values.items()
                                          if not _is_tensor(value)})
        self.shapes = [(name, _shape(name, value)) for name, value in values.items()
                       if _is_tensor(value)]


class _Variant:
    """An eager function compiled: what of its arguments that depended on."""

    def __init__(self, kernel, asked):
        self.kernel = kernel
        self.asked = {name: freeze(value) for name, value in asked.items()}
        self.inputs = [p.name for i, p in enumerate(kernel.params) if i not in kernel.result_idx]

    def fits(self, bound):
        if any(name not in bound or freeze(bound[name]) != frozen
               for name, frozen in self.asked.items()):
            return False
        if any(name not in bound for name in self.inputs):
            return False
        names = iter(self.inputs)
        args = [None if i in self.kernel.result_idx else bound[next(names)]
                for i in range(len(self.kernel.params))]
        try:
            return all(tuple(self.kernel._kernel.shape(i, *args)) == _shape(i, arg)
                       for i, arg in enumerate(args) if _is_tensor(arg))
        except Exception:  # a compiled-in extent is another
            return False


class _Compiling:
    """An eager function with the arguments of a call, on its way to a kernel."""

    def __init__(self, func, values, extra, settings):
        if settings.out_idx is not None:
            raise ValueError("%s: out_idx is for functions that return a T.prim_func; return the "
                             "T.empty tensors" % func.__qualname__)
        self.func, self.extra, self.settings = func, extra, settings
        self.entry = _Eager(func, values)
        self.world, self.module = self.entry.module(settings.options, settings.configs)

    def ir(self):
        return guarded(self.world, lambda: self.module.emit("ir"))

    def variant(self):
        kernel = self.settings.compile(self.world, self.module, self.entry, None)
        unused = [name for name in self.extra if name not in self.world.asked]
        if unused:
            raise TypeError("%s() has no parameter and no T.const named %r"
                            % (self.func.__name__, unused[0]))
        return _Variant(kernel, self.world.asked)


_PLAIN_TYPES = frozenset((int, float, bool, str, type(None), dtype))


def _is_odd(value):
    """0.0 and -0.0 are equal, but kernels made with them are not; with NaNs it is the reverse."""
    return type(value) is float and (value == 0 or value != value)


_NOTHING_QUICK = -1, None


def _quick_call(jit, variant, args, kwargs):
    """(n, function): what a call with n arguments that looks like this one may call instead. The
    launch itself checks tensors, so all that is left is a comparison of the compile-time values;
    ValueError when they differ."""
    names = list(jit.signature.parameters)[:len(args)]
    values = [(i, type(value), value) for i, value in enumerate(args)
              if names[i] not in variant.inputs]
    function = variant.kernel.function
    if kwargs or len(names) != len(args) or len(args) - len(values) != len(variant.inputs) \
            or not _PLAIN_TYPES.issuperset(kind for _, kind, _ in values) \
            or any(_is_odd(value) for _, _, value in values):
        return _NOTHING_QUICK
    tensors = [names.index(name) for name in variant.inputs]
    if tensors == list(range(len(args))):
        return len(args), function

    def call(*args):
        for i, kind, value in values:
            if type(args[i]) is not kind or args[i] != value:
                raise ValueError
        return function(*[args[i] for i in tensors])

    return len(args), call


_SHARED = ("_lock", "_kernel_cache", "_tuner_cache", "_kernels", "_variants", "_plain")


class JITImpl:
    """What @tilec.jit makes of a function. Equal calls share one kernel."""

    # A call finds this object in the instance: _call, _lazy, or what an eager function became.
    __slots__ = ("__call__", "__dict__", "__weakref__")

    def __init__(self, function, settings, is_for_one=False):
        functools.update_wrapper(self, function)
        self.func = function
        self.settings = settings
        self._siblings = None  # by default target, once there are such
        self.signature = inspect.signature(function)
        if any(p.kind is p.POSITIONAL_ONLY for p in self.signature.parameters.values()):
            raise TypeError("%s: kernels have no positional-only parameters"
                            % function.__qualname__)
        self._lock = threading.Lock()
        self._kernel_cache = {}
        self._tuner_cache = {}
        self._kernels = Once(self._kernel_cache)
        self._variants = []
        self._plain = {}    # (types, kernel) by arguments as they were spelled in a call
        self._quick = _NOTHING_QUICK  # of the last eager call
        self.__call__ = self._call
        if not is_for_one and settings.target in (None, "auto"):
            tell_of_defaults(self)

    # ---- default targets ----

    def follow_defaults(self):
        """From now on calls ask for the default target: for each there is an object of its own."""
        self._siblings = {}
        self.__call__ = self._for_default

    def _for_default(self, *args, **kwargs):
        return self._sibling()(*args, **kwargs)

    def _sibling(self):
        wanted = current_default()
        key = freeze(wanted)
        found = self._siblings.get(key)
        if found is None:
            settings = self.settings if wanted is None else self.settings.replaced(target=wanted)
            found = JITImpl(self.func, settings, True)
            if wanted is None:  # goes on with what this one has
                found.__dict__.update((name, self.__dict__[name]) for name in _SHARED)
            found = self._siblings.setdefault(key, found)
        return found

    @functools.cached_property
    def mode(self):
        return "eager" if _is_eager(self.func) else "lazy"

    # ---- calls ----

    def _bind(self, args, kwargs):
        """All arguments by name, defaults included; extra keywords give T.const names."""
        parameters = self.signature.parameters
        extra = {}
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if self.mode == "eager" and not takes_any:
            extra = {k: v for k, v in kwargs.items() if k not in parameters}
            kwargs = {k: v for k, v in kwargs.items() if k in parameters}
        bind = self.signature.bind_partial if self.mode == "eager" else self.signature.bind
        bound = bind(*args, **kwargs)
        bound.apply_defaults()
        return bound, extra

    def _call(self, *args, **kwargs):
        n, function = self._quick
        if len(args) == n and not kwargs:
            try:
                return function(*args)
            except (TypeError, ValueError) as error:
                if isinstance(error, native.CompileError):  # of a check while it ran
                    raise
            # other shapes, other values: find, or compile, what takes them
        if self.mode == "lazy":
            self._become(self._lazy)
            return self._lazy(*args, **kwargs)
        return self._run(args, kwargs)

    def _become(self, function):
        """What calls go to from now on, unless they must ask for a default."""
        self.__call__ = function
        if self._siblings is not None:
            self.__call__ = self._for_default

    def compile(self, *args, **kwargs):
        """The kernel for these arguments; an eager function needs its T.const values by name, or
        tensors."""
        if self._siblings is not None:
            return self._sibling().compile(*args, **kwargs)
        if self.mode == "lazy":
            return self._lazy(*args, **kwargs)
        bound, extra = self._bind(args, kwargs)
        return self._variant({**bound.arguments, **extra}, extra).kernel

    def get_tir(self, *args, **kwargs):
        """What tilec.compile takes: the T.prim_func that a lazy function returns for these arguments,
        or an eager function with them."""
        bound, extra = self._bind(args, kwargs)
        if self.mode == "eager":
            return _Eager(self.func, {**bound.arguments, **extra})
        return self._prim_func(bound)

    def get_kernel_source(self, *args, **kwargs):
        return self.compile(*args, **kwargs).get_kernel_source()

    def par_compile(self, configs, num_workers=None, ignore_error=False):
        """A kernel for each of many sets of arguments, compiled at once."""
        def one(config):
            if isinstance(config, dict):
                return self.compile(**config)
            return self.compile(*config)

        return in_parallel(one, configs, num_workers, ignore_error)

    # ---- lazy ----

    def _lazy(self, *args, **kwargs):
        """What was called with equal arguments of the same types is found without binding them."""
        spelled, types = args, tuple(map(type, args))
        if kwargs:
            spelled = args, tuple(kwargs.items())
            types = types, tuple(map(type, kwargs.values()))
        try:
            known, kernel = self._plain[spelled]
            if known == types:
                return kernel
        except (KeyError, TypeError):  # not called yet, or never plain
            pass
        bound, _ = self._bind(args, kwargs)
        kernel = self._kernels.get(self._lazy_key(bound.arguments),
                                   lambda: self._compile_lazy(bound, self.settings))
        values = args + tuple(kwargs.values())
        if _PLAIN_TYPES.issuperset(map(type, values)) and not any(map(_is_odd, values)):
            self._plain[spelled] = types, kernel
        return kernel

    @staticmethod
    def _lazy_key(arguments):
        return tuple((name, freeze(value)) for name, value in arguments.items())

    def _prim_func(self, bound):
        made = self.func(*bound.args, **bound.kwargs)
        if not isinstance(made, PrimFunc):
            raise TypeError("%s must return a T.prim_func, found %s"
                            % (self.func.__qualname__, type(made).__name__))
        return made

    def _compile_lazy(self, bound, settings):
        return compile_function(self._prim_func(bound), settings)

    # ---- eager ----

    def _run(self, args, kwargs):
        bound, extra = self._bind(args, kwargs)
        values = {**bound.arguments, **extra}
        variant = self._variant(values, extra)
        missing = [name for name in variant.inputs if name not in values]
        if missing:
            raise TypeError("%s() needs argument %r" % (self.func.__name__, missing[0]))
        self._remember(variant, args, kwargs)
        return variant.kernel.function(*[values[name] for name in variant.inputs])

    def _remember(self, variant, args, kwargs):
        """The next call may look like this one. A kernel whose arguments are all of the call's, and
        all that it has, refuses what does not fit it, so it is called before anything is compared."""
        n, function = _quick_call(self, variant, args, kwargs)
        if function is variant.kernel.function and not variant.kernel.result_idx:
            self._quick = _NOTHING_QUICK
            self._become(native.trying(function, self._call))
        else:
            self._quick = n, function
            self._become(self._call)

    def _variant(self, values, extra):
        found = self._kernel_cache.get(self._key(values))
        if found is None:
            found = self._kernels.get(self._key(values), lambda: self._find(values, extra))
        return found

    def _find(self, values, extra):
        """A variant that another call left and that fits this one, or a new one."""
        with self._lock:
            found = None if extra else next((v for v in self._variants if v.fits(values)), None)
        if found is None:
            found = self._compile_eager(values, extra, self.settings)
            with self._lock:
                self._variants.append(found)
        return found

    @staticmethod
    def _key(values):
        return tuple((name, _shape(name, value) if _is_tensor(value) else freeze(value))
                     for name, value in values.items())

    def _start_eager(self, values, extra, settings):
        return _Compiling(self.func, values, extra, settings)

    def _compile_eager(self, values, extra, settings):
        return self._start_eager(values, extra, settings).variant()

    def __reduce__(self):
        """Copied and pickled as functions are: by name."""
        return self.func.__qualname__

    def __repr__(self):
        return "<tilec.jit %s>" % self.func.__qualname__


def jit(func=None, *, out_idx=None, execution_backend=None, target=None, target_host=None,
        verbose=None, pass_configs=None, debug_root_path=None, compile_flags=None):
    """Compiles a function when it is called.

    A function that returns a T.prim_func gives a kernel for its arguments. A function whose body
    is a kernel itself takes the tensors and runs; `compile` gives its kernel.
    """
    settings = Settings(
        out_idx=out_idx, execution_backend=execution_backend, target=target,
        target_host=target_host, verbose=verbose, pass_configs=pass_configs,
        debug_root_path=debug_root_path, compile_flags=compile_flags)
    if func is None:
        return lambda f: JITImpl(_plain(f), settings)
    if isinstance(func, PrimFunc):
        return compile_function(func, settings)
    return JITImpl(_plain(func), settings)


def _plain(function):
    if not inspect.isfunction(function):
        raise TypeError("tilec.jit takes a function, found %s" % type(function).__name__)
    return function
