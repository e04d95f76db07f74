"""Runs one script in compatibility mode and says what its own checks found; compat_run.py starts it.

usage: compat_child.py REPORT SCRIPT CALL [ARGUMENT ...]

The script runs as `python -m tilec.compat --device cpu SCRIPT ARGUMENT ...` would, or, where CALL is
not empty, as a module in which CALL is then evaluated. Its benchmarks measure one run, and tuning
tries two configurations. REPORT gets
JSON: how many comparisons with a reference held and did not, and the exception that ended it."""

import functools
import importlib.util
import json
import os
import runpy
import sys
import traceback

import compat_error

REPORT, SCRIPT, CALL = sys.argv[1:4]
found = {"held": 0, "differ": [], "error": "", "text": "", "code": "", "where": ""}
depth = []
CONFIGURATIONS = 2


def counted(owner, name):
    """Counts what a comparison says, unless another one uses it."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def compare(*args, **kwargs):
        depth.append(name)
        said, good = name, None
        try:
            result = function(*args, **kwargs)
            good = result is None or bool(result)
            return result
        except AssertionError as error:
            said, good = "%s: %s" % (name, " ".join(str(error).split())[:160]), False
            raise
        finally:
            depth.pop()
            if not depth and good:
                found["held"] += 1
            elif not depth and good is False:
                found["differ"].append(said)

    setattr(owner, name, compare)


def watch():
    import numpy
    import torch
    import tilec.profiler
    import tilec.testing
    for owner, names in ((torch, ("allclose",)), (torch.testing, ("assert_close",)),
                         (numpy.testing, ("assert_allclose",)), (tilec.profiler, ("assert_close",)),
                         (tilec.testing, ("torch_assert_close",))):
        for name in names:
            counted(owner, name)


def seed():
    """Most files do not, and results near a tolerance should be the same each time."""
    import tilec.testing
    tilec.testing.set_random_seed(0)


def limit_work():
    import tilec.autotuner
    import tilec.profiler
    tilec.profiler.set_limits(repeat=1)
    tilec.autotuner.set_limits(configurations=CONFIGURATIONS)


def run():
    sys.argv = [SCRIPT] + sys.argv[4:]
    sys.path[0] = os.path.dirname(os.path.abspath(SCRIPT))
    if not CALL:
        runpy.run_path(SCRIPT, run_name="__main__")
        return
    name = os.path.basename(SCRIPT)[:-3]
    spec = importlib.util.spec_from_file_location(name, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    eval(CALL, vars(module))


def describe(error):
    said = compat_error.describe(error)
    found.update({name: said[name] for name in ("error", "text", "code", "where")})


def main():
    from tilec.compat import install
    install("cpu")
    watch()
    seed()
    limit_work()
    try:
        run()
    except SystemExit as error:
        if error.code not in (None, 0):
            describe(error)
    except BaseException as error:  # pylint: disable=broad-except
        traceback.print_exc()
        describe(error)
    with open(REPORT, "w", encoding="utf-8") as out:
        json.dump(found, out)
    sys.stdout.flush()
    os._exit(0)


main()
