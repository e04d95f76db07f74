"""A table that is filled on demand: when several threads miss one key, one of them fills it."""

import os
import threading
import weakref


class Once:
    """Values of `table` by key."""

    def __init__(self, table=None):
        self.table = {} if table is None else table
        self._running = {}  # by key: the thread that fills it, and what the others wait for
        self._lock = threading.Lock()
        _ALL.add(self)

    def get(self, key, make):
        """The value of `key`, from make() if it is not there. Others wait for it; when it fails,
        each of them tries itself, so that each gets an error of its own."""
        me = threading.get_ident()
        while True:
            with self._lock:
                if key in self.table:
                    return self.table[key]
                waiting = self._running.get(key)
                if waiting is None:
                    done = threading.Event()
                    self._running[key] = me, done
            if waiting is None:
                return self._make(key, make, done)
            if waiting[0] == me:
                raise RecursionError("what is being made asks for itself")
            waiting[1].wait()

    def _make(self, key, make, done):
        try:
            value = make()
            with self._lock:
                self.table[key] = value
            return value
        finally:
            with self._lock:
                self._running.pop(key, None)
            done.set()

    def _forget_other_threads(self):
        """After fork() only the thread that called it is there."""
        me = threading.get_ident()
        self._lock = threading.Lock()
        self._running = {key: at for key, at in self._running.items() if at[0] == me}


_ALL = weakref.WeakSet()


def _in_a_child():
    for once in list(_ALL):
        once._forget_other_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_child)
