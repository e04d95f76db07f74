"""Versions whose ABI we do not know are refused by number."""

import pathlib

import pytest
from conftest import adapter

SCRIPT = """
import ctypes, sys
double = ctypes.CDLL(sys.argv[1])
double.double_set_version(*map(int, sys.argv[3].split(".")))
text = ctypes.create_string_buffer(1024)
status = ctypes.CDLL(sys.argv[2]).tilec_ffi_attach(sys.argv[1].encode(), text, ctypes.c_size_t(1024))
print(status, text.value.decode())
"""


@pytest.mark.parametrize("version, status", [("0.2.0", 1), ("1.1.15", 1), ("0.1.8", 1), ("0.1.9", 0),
                                             ("0.1.99", 0)])
def test_gate(child, pytestconfig, version, status):
    double = pathlib.Path(pytestconfig.getoption("--build")).resolve() / "tests/ffi/double.so"
    code, out, err = child(SCRIPT, double, adapter(pytestconfig), version)
    assert code == 0, err
    assert out.startswith(str(status))
    if status:
        assert version in out and "0.1.9" in out


def test_attach_twice(child, pytestconfig):
    """Attaching to the same library again does nothing; to another, it is refused."""
    double = pathlib.Path(pytestconfig.getoption("--build")).resolve() / "tests/ffi/double.so"
    script = SCRIPT + """
attach = ctypes.CDLL(sys.argv[2]).tilec_ffi_attach
print(attach(sys.argv[1].encode(), text, ctypes.c_size_t(1024)))
import shutil, tempfile, os
with tempfile.TemporaryDirectory() as folder:
    other = shutil.copy(sys.argv[1], os.path.join(folder, "other.so"))
    print(attach(other.encode(), text, ctypes.c_size_t(1024)), text.value.decode())
"""
    code, out, err = child(script, double, adapter(pytestconfig), "0.1.15")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[1] == "0"
    assert lines[2].startswith("1 tilec is attached to another copy")
