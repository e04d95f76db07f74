"""`--device cpu`: what a script asks of a GPU through torch, the CPU does.

Every call of torch goes through Redirect, which replaces devices in its arguments: "cuda" in any
spelling becomes the CPU. torch.cuda answers as if there were one device. A tensor "on the GPU" is
one of the CPU: .cuda() and .cpu() give the tensor itself. What only a GPU has is OutOfReach.
"""

import contextlib
import time
import types

from ._after import after_import
from ._reach import OutOfReach

CAPABILITY = (9, 0)
PROCESSORS = 132
_GIB = 1 << 30


def _is_gpu(torch, value):
    if isinstance(value, str):
        return value == "cuda" or value.startswith("cuda:")
    return isinstance(value, torch.device) and value.type == "cuda"


# ---- arithmetic ----

def _divisions(torch):
    """Divisions, and the products that take their place: on a GPU torch divides by a number as it
    multiplies by the reciprocal, and references that are compared bit by bit show it."""
    tensor = torch.Tensor
    return {tensor.__truediv__: tensor.mul, tensor.div: tensor.mul, tensor.true_divide: tensor.mul,
            torch.div: tensor.mul, torch.true_divide: tensor.mul,
            tensor.__itruediv__: tensor.mul_, tensor.div_: tensor.mul_}


def _is_by_number(torch, args, kwargs):
    return len(args) == 2 and not kwargs and type(args[1]) in (int, float) and args[1] != 0 \
        and isinstance(args[0], torch.Tensor) and args[0].is_floating_point()


# ---- devices in arguments ----

def _redirect_class(torch):
    """The mode that all calls of torch go through."""
    tensor = torch.Tensor
    to_cpu = torch.device("cpu")
    itself = {tensor.cuda, tensor.pin_memory}
    divisions = _divisions(torch)
    yes = {tensor.is_cuda.__get__}

    class Redirect(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, kinds, args=(), kwargs=None):
            kwargs = kwargs or {}
            if func in itself:
                return args[0]
            if func is torch.device and any(_is_gpu(torch, value) for value in args):
                return to_cpu
            if func in yes:
                return True
            if func is tensor.get_device:
                return 0
            if func in divisions and _is_by_number(torch, args, kwargs):
                return divisions[func](args[0], 1 / args[1])
            if any(_is_gpu(torch, value) for value in args[:4]):
                args = tuple(to_cpu if _is_gpu(torch, value) else value for value in args)
            device = kwargs.get("device")
            if device is not None and (_is_gpu(torch, device) or type(device) is int):
                kwargs = {**kwargs, "device": to_cpu}
            if func is tensor.to and len(args) > 1 and type(args[1]) is int:
                args = (args[0], to_cpu) + args[2:]
            if kwargs.get("pin_memory"):
                kwargs = {**kwargs, "pin_memory": False}
            if _is_gpu(torch, kwargs.get("map_location")):
                kwargs = {**kwargs, "map_location": to_cpu}
            return func(*args, **kwargs)

    return Redirect


def _patch_devices(torch):
    """Classes and functions that are not overridable."""
    def cpu(device):
        return "cpu" if _is_gpu(torch, device) or type(device) is int else device

    class Generator(torch.Generator):
        def __new__(cls, device=None):
            return super().__new__(cls, cpu(device) or "cpu")

    def wrap(function):
        return lambda device, *more, **named: function(cpu(device), *more, **named)

    def fork_rng(devices=None, enabled=True, **ignored):
        return one_generator([], enabled)

    torch.Generator = Generator
    one_generator, torch.random.fork_rng = torch.random.fork_rng, fork_rng
    torch.set_default_device = wrap(torch.set_default_device)
    enter = torch.autocast.__init__

    def autocast(self, device_type, *more, **named):
        if device_type == "cuda":
            device_type = "cpu"
        enter(self, device_type, *more, **named)

    torch.autocast.__init__ = autocast
    record = torch.profiler.profile.__init__

    def profile(self, *, activities=None, **named):
        where = [torch.profiler.ProfilerActivity.CPU] if activities else None
        record(self, activities=where, **named)

    torch.profiler.profile.__init__ = profile


# ---- torch.cuda ----

class Stream:
    """Everything is done when the call returns, so that all streams are alike."""

    cuda_stream = 0
    device_index = 0

    def __init__(self, *args, **kwargs):
        pass

    def synchronize(self):
        pass

    def query(self):
        return True

    def wait_stream(self, stream):
        pass

    def wait_event(self, event):
        pass

    def record_event(self, event=None):
        event = event or Event()
        event.record(self)
        return event

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


class Event:
    """A point in time."""

    def __init__(self, enable_timing=False, **ignored):
        self._at = None

    def record(self, stream=None):
        self._at = time.perf_counter_ns()

    def wait(self, stream=None):
        pass

    def synchronize(self):
        pass

    def query(self):
        return True

    def elapsed_time(self, end):
        """Milliseconds."""
        if self._at is None or end._at is None:
            raise ValueError("elapsed_time needs two events that were recorded")
        return max(end._at - self._at, 1) * 1e-6


def _properties(device=None):
    return types.SimpleNamespace(
        name="tilec cpu", major=CAPABILITY[0], minor=CAPABILITY[1],
        multi_processor_count=PROCESSORS, total_memory=80 * _GIB, warp_size=32,
        max_threads_per_multi_processor=2048, regs_per_multiprocessor=65536,
        shared_memory_per_block=48 << 10, shared_memory_per_block_optin=227 << 10,
        shared_memory_per_multiprocessor=228 << 10, L2_cache_size=50 << 20,
        is_integrated=False, gcnArchName="")


def _no_context():
    """The same, for what stands in a `with`."""
    return lambda *args, **kwargs: contextlib.nullcontext()


def _always(value):
    """A function of its own for each name: torch tells functions apart by identity."""
    return lambda *args, **kwargs: value


def _out_of_reach(name):
    def refuse(*args, **kwargs):
        raise OutOfReach("torch.cuda." + name, "kernels run on the CPU (--device cpu)")
    return refuse


def _seeds(torch):
    """Seeds of the GPU's generator are those of the CPU's, which makes the numbers now."""
    return {
        "manual_seed": torch.manual_seed, "manual_seed_all": torch.manual_seed,
        "seed": torch.seed, "seed_all": torch.seed, "initial_seed": torch.initial_seed,
        "get_rng_state": lambda device=None: torch.get_rng_state(),
        "set_rng_state": lambda state, device=None: torch.set_rng_state(state)}


def _answers(torch):
    names = {
        "is_available": lambda: True, "is_initialized": lambda: True, "device_count": lambda: 1,
        "current_device": lambda: 0, "get_device_name": lambda device=None: "tilec cpu",
        "get_device_capability": lambda device=None: CAPABILITY,
        "get_device_properties": _properties, "get_arch_list": lambda: ["sm_%d%d" % CAPABILITY],
        "is_bf16_supported": lambda *args, **kwargs: True,
        "mem_get_info": lambda device=None: (80 * _GIB, 80 * _GIB),
        "Stream": Stream, "ExternalStream": Stream, "Event": Event,
        "current_stream": lambda device=None: Stream(),
        "default_stream": lambda device=None: Stream(),
        "stream": _no_context(), "device": _no_context(), "device_of": _no_context(),
    }
    for name in ("init", "synchronize", "empty_cache", "set_device", "set_stream", "ipc_collect",
                 "reset_peak_memory_stats", "reset_max_memory_allocated"):
        names[name] = _always(None)
    for name in ("memory_allocated", "max_memory_allocated", "memory_reserved",
                 "max_memory_reserved"):
        names[name] = _always(0)
    for name in ("CUDAGraph", "graph", "make_graphed_callables", "_lazy_init", "_sleep"):
        names[name] = _out_of_reach(name)
    return names


def _patch_cuda(torch):
    for name, value in _answers(torch).items():
        setattr(torch.cuda, name, value)
    for name, value in _seeds(torch).items():
        # torch's own functions seed every device: theirs must not come back here
        setattr(torch.cuda, name, _plain(value))
    for name in ("start", "stop"):
        setattr(torch.cuda.profiler, name, _always(None))
    for name in ("range_push", "range_pop", "mark"):
        setattr(torch.cuda.nvtx, name, _always(None))
    torch.cuda.nvtx.range = _no_context()


def _plain(function):
    """`function`, and nothing when it calls itself."""
    busy = []

    def call(*args, **kwargs):
        if busy:
            return None
        busy.append(True)
        try:
            return function(*args, **kwargs)
        finally:
            busy.pop()
    return call


def _patch_backward(torch, mode):
    """A mode is off while a call that went through it runs; .backward() calls the script again."""
    made = torch.autograd.function.BackwardCFunction
    apply = made.apply

    def redirected(self, *args):
        with mode:
            return apply(self, *args)

    made.apply = redirected


def _redirect(torch):
    import torch.cuda.nvtx
    import torch.cuda.profiler
    import torch.overrides
    _patch_cuda(torch)
    _patch_devices(torch)
    mode = _redirect_class(torch)()
    _patch_backward(torch, mode)
    mode.__enter__()  # and never left


# ---- extensions ----

def _refuse_extensions(module):
    """What is built for a GPU would run on none, and say nothing: its launches fail unseen."""
    def guarded(name):
        build = getattr(module, name)

        def load(*args, **kwargs):
            sources = [str(s) for s in kwargs.get("sources") or (args[1] if len(args) > 1 else ())]
            if kwargs.get("with_cuda") or kwargs.get("cuda_sources") \
                    or any(source.endswith((".cu", ".cuh")) for source in sources):
                raise OutOfReach("torch.utils.cpp_extension." + name,
                                 "an extension for CUDA has no GPU to run on (--device cpu)")
            return build(*args, **kwargs)

        return load

    for name in ("load", "load_inline"):
        setattr(module, name, guarded(name))


def install():
    """Redirects torch for the whole process, now or as soon as it is imported."""
    after_import("torch", _redirect)
    after_import("torch.utils.cpp_extension", _refuse_extensions)
