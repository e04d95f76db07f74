"""One libtvm_ffi in a process; a second one is named before it is loaded."""

import shutil

import pytest

pytestmark = pytest.mark.real


def test_one_mapping(child):
    pytest.importorskip("tvm_ffi")
    status, out, err = child("import tilec\nfrom tilec import _ffi\nprint(len(_ffi._mapped_copies()))")
    assert status == 0, err
    assert out.strip() == "1"


def test_planted_copy(child, tmp_path):
    tvm_ffi = pytest.importorskip("tvm_ffi")
    planted = tmp_path / "libtvm_ffi.so"
    shutil.copy(tvm_ffi.libinfo.find_libtvm_ffi(), planted)
    status, _, err = child("import ctypes, sys\nctypes.CDLL(sys.argv[1])\nimport tilec", planted)
    assert status == 1, err
    assert "ImportError: two copies of libtvm_ffi" in err
    assert str(planted) in err and tvm_ffi.libinfo.find_libtvm_ffi() in err
