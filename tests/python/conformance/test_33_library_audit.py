"""What the native library needs and shows."""

import subprocess

import pytest
from conftest import adapter


@pytest.fixture(scope="module")
def library(pytestconfig):
    return str(adapter(pytestconfig))


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_exports(library):
    lines = tool("nm", "-D", "--defined-only", library).splitlines()
    assert [line.split()[-1] for line in lines if line.split()[-2] != "A"] == ["tilec_ffi_attach"]


def test_needs(library):
    import re
    dynamic = tool("readelf", "-d", library)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert all(re.fullmatch(r"(libc|libm|libpthread|libdl|ld-linux[\w-]*)\.so\.\d+", n) for n in needed)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic and "NODELETE" in dynamic


def test_undefined(library):
    assert "TVMFFI" not in tool("nm", "-D", "--undefined-only", library)
    assert "Py" not in [line.split()[-1][:2] for line in
                        tool("nm", "-D", "--undefined-only", library).splitlines()]
