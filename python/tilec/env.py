"""Settings of the package: variables of the environment, read when they are asked for."""

import logging
import os

# name, default, what it does. Variables of TileLang keep their names; those of the compiler itself
# (TILEC_*) are listed in docs/reference/options.md.
VARIABLES = (
    ("TILELANG_CACHE_DIR", None, "where compiled kernels and tuning results are kept"),
    ("TILELANG_TMP_DIR", None, "accepted: temporary files are kept beside the cache"),
    ("TILELANG_DISABLE_CACHE", "0", "1: nothing is kept on disk"),
    ("TILELANG_CLEANUP_TEMP_FILES", "0", "accepted: temporary files are always removed"),
    ("TILELANG_COMPILE_TIMEOUT_SECONDS", None, "seconds for a compiler of generated text"),
    ("TILELANG_PRINT_ON_COMPILATION", "0", "1: as verbose=True"),
    ("TILELANG_VERBOSE", "0", "1: as verbose=True"),
    ("TILELANG_AUTO_TUNING_DISABLE_CACHE", "0", "1: tuning results are not kept on disk"),
    ("TILELANG_AUTO_TUNING_CPU_UTILITIES", "0.9", "share of the processors that compile"),
    ("TILELANG_AUTO_TUNING_CPU_COUNTS", "-1", "processors that compile; -1: that share of them"),
    ("TILELANG_AUTO_TUNING_MAX_CPU_COUNT", "-1", "at most so many; -1: no limit"),
    ("TILELANG_DEFAULT_TARGET", None, "target of kernels compiled without one; a name or JSON"),
    ("TILELANG_EXECUTION_BACKEND", "auto", "accepted: there is one way to call kernels"),
)
_DEFAULTS = {name: default for name, default, _ in VARIABLES}
_OFF = ("", "0", "false", "off", "no")


class Environment:
    """`tilec.env`. Assigning to a name wins over the variable."""

    def __init__(self):
        self._cache = None

    def __getattr__(self, name):
        if name not in _DEFAULTS:
            raise AttributeError("tilec.env has no variable %r" % name)
        if name == "TILELANG_CACHE_DIR":
            return self.cache_dir()
        return os.environ.get(name) or _DEFAULTS[name]

    def __dir__(self):
        return sorted({*object.__dir__(self), *_DEFAULTS})

    def flag(self, name):
        """Whether a variable is set to something that means yes."""
        return str(getattr(self, name)).lower() not in _OFF

    # ---- caches ----

    def enable_cache(self):
        self._cache = True

    def disable_cache(self):
        self._cache = False

    def is_cache_enabled(self):
        if self._cache is not None:
            return self._cache
        return not self.flag("TILELANG_DISABLE_CACHE")

    def is_autotune_cache_enabled(self):
        return self.is_cache_enabled() and not self.flag("TILELANG_AUTO_TUNING_DISABLE_CACHE")

    def _named_cache_dir(self):
        return os.environ.get("TILEC_CACHE_DIR") or vars(self).get("TILELANG_CACHE_DIR") \
            or os.environ.get("TILELANG_CACHE_DIR")

    def cache_dir(self):
        """Where the compiler keeps kernels."""
        if self._named_cache_dir():
            return self._named_cache_dir()
        home = os.environ.get("XDG_CACHE_HOME")
        return os.path.join(home or os.path.join(os.path.expanduser("~"), ".cache"), "tilec")

    def is_verbose(self):
        return self.flag("TILELANG_VERBOSE") or self.flag("TILELANG_PRINT_ON_COMPILATION")

    def get_default_target(self):
        return self.TILELANG_DEFAULT_TARGET or "auto"

    def get_default_execution_backend(self):
        return self.TILELANG_EXECUTION_BACKEND

    def get_default_verbose(self):
        return self.is_verbose()

    def options(self):
        """What the settings mean in options of the compiler."""
        found = {}
        if not self.is_cache_enabled():
            found["cache"] = "off"
        if self._named_cache_dir():  # as it is now, not when the first kernel was compiled
            found["cache_dir"] = self._named_cache_dir()
        if self.TILELANG_COMPILE_TIMEOUT_SECONDS:
            found["cc_timeout"] = self.TILELANG_COMPILE_TIMEOUT_SECONDS
        return found


env = Environment()
logger = logging.getLogger("tilec")


def enable_cache():
    """Compiled kernels and tuning results are kept on disk; the default."""
    env.enable_cache()


def disable_cache():
    """Kernels are compiled, and tuned, anew by each process."""
    env.disable_cache()


def is_cache_enabled():
    return env.is_cache_enabled()


def set_log_level(level):
    """What the package logs: a level of the module logging, or its name."""
    logger.setLevel(level.upper() if isinstance(level, str) else level)


def clear_cache():
    """Forgets tuning results and kernels on disk; those of this process stay."""
    import shutil
    from ._native import native
    from .tuning import rows_directory
    shutil.rmtree(rows_directory(), ignore_errors=True)
    native.cache_run("clear", env.options())
