"""Without the adapter to tvm-ffi the package runs over ctypes (ctypes_native.py)."""

import importlib.util
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "python"), str(HERE)]
if "PYTILEC_NATIVE" not in os.environ and importlib.util.find_spec("tvm_ffi") is None:
    os.environ["PYTILEC_NATIVE"] = "ctypes_native"
