"""Where the text of a function is."""

import __future__
import functools
import linecache
import os
import sysconfig
import time
import types


class Source(tuple):
    """text, path, number of the first line, line of the function, its name, column of a lambda."""

    __slots__ = ()


def _column(code):
    """Where the body of a lambda begins, which tells two on one line apart; 0: not known."""
    if not hasattr(code, "co_positions"):
        return 0
    columns = [column for line, _, column, end in code.co_positions()
               if line == code.co_firstlineno and column is not None and end > column]
    return min(columns) + 1 if columns else 0


@functools.lru_cache(maxsize=64)
def _joined(path, n, stamp):
    del n, stamp
    return "".join(linecache.getlines(path))


def text_of(path, module_globals=None):
    """The text of a file, or of a notebook cell; None when there is none."""
    linecache.checkcache(path)
    lines = linecache.getlines(path, module_globals)
    return _joined(path, len(lines), hash(tuple(lines))) if lines else None


_STARTED = time.time()


# Statements that change what code is made of a text; in a notebook they stand in another cell.
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


def _constant(value):
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _what(code):
    constants = [_constant(c) for c in code.co_consts if not isinstance(c, types.CodeType)]
    return code.co_code, code.co_names, code.co_varnames, constants


@functools.lru_cache(maxsize=16)
def _codes_of(path, text, flags):
    """The code of every function in a text, by name and line."""
    codes, found = [compile(text, path, "exec", flags=flags, dont_inherit=True)], {}
    while codes:
        code = codes.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(_what(code))
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    return found


def _written(path):
    """When a file was written; None for what is no file, as a cell of a notebook."""
    try:
        return os.stat(path).st_mtime
    except (OSError, ValueError):
        return None


def _has_changed(code, text):
    """True when the text changed since this process runs, and its function is another now."""
    written = _written(code.co_filename)
    if written is not None and written < _STARTED:
        return False
    try:
        codes = _codes_of(code.co_filename, text, code.co_flags & _FUTURES)
    except (SyntaxError, ValueError):
        return written is not None
    return _what(code) not in codes.get((code.co_name, code.co_firstlineno), ())


def find(function):
    """The Source of a function, or None."""
    code = function.__code__
    text = text_of(code.co_filename, function.__globals__)
    if text is None:
        return None
    if _has_changed(code, text):
        raise OSError("%s was changed since %r was defined: its text is another now"
                      % (code.co_filename, code.co_name))
    return Source((text, code.co_filename, 1, code.co_firstlineno, code.co_name,
                   0 if code.co_name != "<lambda>" else _column(code)))


_STDLIB = tuple({os.path.normcase(os.path.realpath(sysconfig.get_path(name))) + os.sep
                 for name in ("stdlib", "platstdlib")})
_SITE = tuple({os.path.normcase(os.path.realpath(sysconfig.get_path(name))) + os.sep
               for name in ("purelib", "platlib")})


@functools.lru_cache(maxsize=1024)
def is_library(path):
    """True for files of Python itself, whose functions are called and not read."""
    path = os.path.normcase(os.path.realpath(path))
    return path.startswith(_STDLIB) and not path.startswith(_SITE)


def _owner(value):
    if isinstance(value, types.ModuleType):
        return value.__name__
    return value.__module__ if isinstance(value, types.FunctionType) else type(value).__module__


def knows_kernels(function):
    """True when a function can name our vocabulary, so that it may hold parts of kernels."""
    for value in list(function.__globals__.values()):
        owner = _owner(value)
        if isinstance(owner, str) and owner.partition(".")[0] in ("tilec", "tilelang"):
            return True
    return False
