"""Without the adapter to tvm-ffi the package runs over ctypes (ctypes_native.py)."""

import importlib.util
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "python"), str(HERE)]


def pytest_configure(config):
    config.addinivalue_line("markers", "over_ffi: needs the adapter to tvm-ffi")


def pytest_collection_modifyitems(config, items):
    if os.environ.get("PYTILEC_NATIVE"):
        import pytest
        for item in items:
            if item.get_closest_marker("over_ffi"):
                item.add_marker(pytest.mark.skip(reason="needs the adapter to tvm-ffi"))


if "PYTILEC_NATIVE" not in os.environ and importlib.util.find_spec("tvm_ffi") is None:
    os.environ["PYTILEC_NATIVE"] = "ctypes_native"
