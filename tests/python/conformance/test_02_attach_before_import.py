"""Opening our library before tvm_ffi gives an error of ours, not one of the loader."""

import pytest
from conftest import adapter

SCRIPT = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
text = ctypes.create_string_buffer(1024)
status = library.tilec_ffi_attach(None, text, ctypes.c_size_t(len(text)))
print(status, text.value.decode())
tiny = ctypes.create_string_buffer(4)
print(library.tilec_ffi_attach(b"/no/such/file", tiny, ctypes.c_size_t(4)), len(tiny.value))
print(library.tilec_ffi_attach(b"/no/such/file", None, ctypes.c_size_t(0)))
"""

NO_PACKAGE = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name == "tvm_ffi" else self.finder.find_spec(name, *rest)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import tilec
"""


def test_before_import(child, pytestconfig):
    status, out, err = child(SCRIPT, adapter(pytestconfig))
    lines = out.splitlines()
    assert status == 0, err
    assert lines[0].startswith("1 ") and "import tvm_ffi" in lines[0]
    assert lines[1:] == ["1 3", "1"]


@pytest.mark.real
def test_library_missing(child, tmp_path):
    pytest.importorskip("tvm_ffi")
    status, _, err = child("import tilec", PYTILEC_LIBRARY=str(tmp_path / "none.so"))
    assert status == 1
    assert "ImportError: the native library of tilec is missing" in err


def test_without_the_package(child):
    status, _, err = child(NO_PACKAGE)
    assert status == 1
    assert err.splitlines()[-1].startswith("ImportError: tilec needs the package apache-tvm-ffi")
