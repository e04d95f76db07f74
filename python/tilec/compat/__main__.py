"""python -m tilec.compat: see the package."""

import argparse
import os
import runpy
import sys

from . import install


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tilec.compat",
        description="Runs a script that was written for TileLang, as it is.")
    parser.add_argument("--device", choices=["cpu"],
                        help="where everything runs that the script sends to a GPU")
    parser.add_argument("-m", dest="module", action="store_true",
                        help="SCRIPT is the name of a module")
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script gets")
    options = parser.parse_args()
    install(options.device)
    sys.argv = [options.script] + options.arguments
    if options.module:
        runpy.run_module(options.script, run_name="__main__", alter_sys=True)
        return
    sys.path[0] = os.path.dirname(os.path.abspath(options.script))
    runpy.run_path(options.script, run_name="__main__")


if __name__ == "__main__":
    main()
