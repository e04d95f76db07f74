"""A table that is filled on demand: when several threads miss one key, one of them fills it."""

import threading


class Once:
    """Values of `table` by key."""

    def __init__(self, table=None):
        self.table = {} if table is None else table
        self._lock = threading.Lock()
        self._running = {}

    def get(self, key, make):
        """The value of `key`, from make() if it is not there. Others wait for it; when it fails,
        each of them tries itself, so that each gets an error of its own."""
        while True:
            with self._lock:
                if key in self.table:
                    return self.table[key]
                waiting = self._running.get(key)
                if waiting is None:
                    done = self._running[key] = threading.Event()
            if waiting is None:
                return self._make(key, make, done)
            waiting.wait()

    def _make(self, key, make, done):
        try:
            value = make()
            with self._lock:
                self.table[key] = value
            return value
        finally:
            with self._lock:
                del self._running[key]
            done.set()
