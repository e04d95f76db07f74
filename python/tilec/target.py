"""Targets in all the ways that scripts spell them."""

import contextlib
import functools
import json
import threading
import weakref

_NAMES = {"auto": None, "c": "cpu", "llvm": "cpu", "cpu": "cpu", "cuda": "cuda"}
_current = threading.local()
_users = weakref.WeakSet()  # functions that are compiled when they are called
_were_told = []             # something, once a default was chosen


def current_default():
    """The target of the `with default_target` block that this thread is in, or None."""
    return getattr(_current, "target", None)


def tell_of_defaults(user):
    """Calls user.follow_defaults() once, when the first default of the process is chosen. Till then a
    call need not ask for it."""
    _users.add(user)
    if _were_told:
        user.follow_defaults()


def with_this_default(function):
    """A function for another thread, in which the default target is what it is here."""
    wanted = current_default()
    if wanted is None:
        return function

    @functools.wraps(function)
    def call(*args, **kwargs):
        with default_target(wanted):
            return function(*args, **kwargs)

    return call


def _tell():
    _were_told.append(True)
    for user in list(_users):
        user.follow_defaults()


@contextlib.contextmanager
def default_target(target):
    """Kernels compiled in this `with` block without a target are for this one."""
    if not _were_told:
        _tell()
    before = current_default()
    _current.target = target
    try:
        yield
    finally:
        _current.target = before


def _read(target):
    """`auto` is decided later; JSON in the variable stands for a dict."""
    from .env import env
    if target is None or target == "auto":
        target = current_default() or env.TILELANG_DEFAULT_TARGET
    if isinstance(target, str) and target.lstrip().startswith("{"):
        try:
            return json.loads(target)
        except (ValueError, RecursionError):
            raise _no_target(target) from None
    return target


def _no_target(target):
    text = str(target)
    return ValueError("%s is no target: give a name such as 'cuda:sm_90a', or kind and arch, both "
                      "texts" % (text if len(text) <= 100 else text[:100] + "..."))


_redirected = []


def redirect_targets(name):
    """From now on every kernel of this process is compiled for `name`, whatever it asks for; None
    ends that."""
    _redirected[:] = [name] if name else []


def redirected():
    """That name, or None."""
    return _redirected[0] if _redirected else None


def target_name(target=None):
    """The compiler's name for a target, None for its own choice."""
    if _redirected:
        return redirected()
    target = _read(target)
    if target is None:
        return None
    if isinstance(target, dict):
        kind, arch = target.get("kind"), target.get("arch") or target.get("mcpu")
        if not kind or not isinstance(kind, str) or not isinstance(arch or "", str):
            raise _no_target(target)
        target = kind + (":" + arch if arch else "")
    text = str(target)
    if text.startswith("cuda -arch="):
        text = "cuda:" + text[len("cuda -arch="):]
    text = text.split(" ")[0]
    return _NAMES.get(text, text)


def determine_target(target="auto", return_object=False):
    """The name of the target that a compilation would have; the object is its name, too."""
    return target_name(target) or "cpu"
