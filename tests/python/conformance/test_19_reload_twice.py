"""A second copy of our library uses the first one's registration."""

import shutil

import pytest
from conftest import adapter

pytestmark = pytest.mark.real


def test_second_path(child, tmp_path, pytestconfig):
    pytest.importorskip("tvm_ffi")
    copy = shutil.copy(adapter(pytestconfig), tmp_path / "libtilec_ffi_copy.so")
    status, out, err = child("""
import ctypes, sys
from tilec import _ffi
import tvm_ffi
index = tvm_ffi.core._object_type_key_to_index("tilec.Kernel")
_ffi._attach(ctypes.CDLL(sys.argv[1]))
assert tvm_ffi.core._object_type_key_to_index("tilec.Kernel") == index
print(_ffi.targets()[0].name, _ffi.version())
""", copy)
    assert status == 0, err
    assert out.startswith("cpu ")
