"""What the profiler measures time with. Each clock has

    first(fn, deadline)   one run, which may load and compile things; TimeoutError when it is late
    warm(fn, n)           n runs
    times(fn, n)          milliseconds of each of n runs
    TRIES                 how many runs tell about how long one takes

and is entered around all of that.
"""

import contextlib
import sys
import time

from .target import redirected

_CACHE_B = 256 << 20  # more than any L2 cache has
_BATCH = 64           # runs between two waits: the GPU never runs dry, and few events are alive


def _torch():
    return sys.modules.get("torch")


def gpu_of(value):
    """The number of the GPU that an array lies on, or None."""
    if not hasattr(value, "__dlpack_device__"):
        return None
    kind, number = value.__dlpack_device__()
    return int(number) if int(kind) == 2 else None


def choose(backend, on_gpu=None, device=None, cache_b=None):
    """The clock for work on a GPU, or on the host; None: on a GPU if the program has used one."""
    torch = _torch()
    if on_gpu is None:
        on_gpu = torch is not None and redirected() != "cpu" \
            and torch.cuda.is_available() and torch.cuda.is_initialized()
    if not on_gpu:
        return Host()
    if torch is None or not torch.cuda.is_available():
        raise RuntimeError("a function that runs on a GPU is timed with events of torch, which "
                           "this program has not imported or which has no GPU")
    return (Graph if backend == "cudagraph" else Events)(device, cache_b)


class _Clock(contextlib.AbstractContextManager):
    TRIES = 1

    def __exit__(self, *exception):
        return None

    def first(self, fn, deadline):
        fn()

    def warm(self, fn, n):
        for _ in range(n):
            fn()


class Host(_Clock):
    """For what is done when a call returns."""

    def times(self, fn, n):
        found = []
        for _ in range(n):
            start = time.perf_counter_ns()
            fn()
            found.append((time.perf_counter_ns() - start) * 1e-6)
        return found


class Driver(_Clock):
    """Launches of a kernel by events of the driver, where no package has any; before each, twice
    the L2 cache is written."""

    TRIES = 5

    def __init__(self, kernel, args):
        self.kernel, self.args = kernel, args

    def first(self, fn, deadline):
        self.warm(fn, 1)

    def warm(self, fn, n):
        self.kernel._kernel.time(n, 1, 0, *self.args)

    def times(self, fn, n):
        return [ns * 1e-6 for ns in self.kernel._kernel.time(0, n, 1, *self.args)]


class StillRuns(TimeoutError):
    """What a GPU was given has not ended, and cannot be ended."""

    def __init__(self, text, event):
        super().__init__(text)
        self._event = event
        self.was_awaited = False

    def is_over(self):
        return self._event.query()


class Events(_Clock):
    """Events of torch on its current stream; before each run, memory as large as any L2 cache is
    written. While that is done, the host is ahead."""

    TRIES = 5

    def __init__(self, device=None, cache_b=None):
        self.cuda = _torch().cuda
        self.device = self._number(device)
        self.cache = _torch().empty(int(cache_b or _CACHE_B), dtype=_torch().uint8,
                                    device="cuda:%d" % self.device)
        self.current = None

    def _number(self, device):
        if device is None or device == "cuda":
            return self.cuda.current_device()
        return device if isinstance(device, int) else _torch().device(device).index or 0

    def __enter__(self):
        self.current = self.cuda.device(self.device)
        self.current.__enter__()
        return self

    def __exit__(self, *exception):
        return self.current.__exit__(*exception)

    def first(self, fn, deadline):
        fn()
        event = self.cuda.Event()
        event.record()
        while deadline is not None and not event.query():
            if time.monotonic() > deadline:
                raise StillRuns("the first run has not ended in time", event)
            time.sleep(1e-4)
        event.synchronize()

    def times(self, fn, n):
        found = []
        while len(found) < n:
            pairs = [[self.cuda.Event(enable_timing=True) for _ in range(2)]
                     for _ in range(min(n - len(found), _BATCH))]
            for start, end in pairs:
                self.cache.zero_()
                start.record()
                fn()
                end.record()
            pairs[-1][1].synchronize()
            found += [start.elapsed_time(end) for start, end in pairs]
        return found


class Graph(Events):
    """Replays of a graph of many runs: what the host does for each is not in the time. The L2 cache
    is as the run before left it."""

    REPLAYS = 10
    MOST = 100  # runs in a graph

    def times(self, fn, n):
        count = max(1, min(n // self.REPLAYS, self.MOST))
        graph = self.cuda.CUDAGraph()
        self.cuda.synchronize()
        with self.cuda.graph(graph, capture_error_mode="thread_local"):
            for _ in range(count):
                fn()
        graph.replay()
        pairs = [[self.cuda.Event(enable_timing=True) for _ in range(2)]
                 for _ in range(min(n, self.REPLAYS))]
        for start, end in pairs:
            start.record()
            graph.replay()
            end.record()
        pairs[-1][1].synchronize()
        return [start.elapsed_time(end) / count for start, end in pairs]
