"""Kernels built ahead of time, in programs without tvm-ffi."""

import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import AXPY

HERE = pathlib.Path(__file__).resolve().parent
SAID = ["axpy takes 3 arguments, not 2",
        "argument 'alpha' of axpy is a value of type index 0, expected float32", "shape [2]"]


def sh(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "%s\n%s%s" % (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def built(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    world.module(AXPY, "kernel.py", None).build("cpu", str(folder), None)
    return folder


@pytest.mark.parametrize("compiler, flags", [("cc", ["-std=c11"]), ("c++", ["-x", "c++"])])
@pytest.mark.parametrize("form", ["o", "so"])
def test_runs(built, tmp_path, compiler, flags, form):
    if not shutil.which(compiler):
        pytest.skip("no " + compiler)
    program = tmp_path / "host"
    sh(compiler, "-Wall", *flags, HERE / "aot_host.c", "-x", "none", built / ("axpy." + form),
       "-o", program, "-lm", "-pthread", "-Wl,-rpath," + str(built))
    lines = sh(program).splitlines()
    assert len(lines) == 3 and all(part in line for part, line in zip(SAID, lines)), lines


def test_imports(built):
    if not shutil.which("nm") or not shutil.which("readelf"):
        pytest.skip("no binutils")
    ffi = [line.split() for line in sh("nm", "-D", built / "axpy.so").splitlines()
           if "TVMFFI" in line]
    assert ffi and all(kind == "w" for kind, _ in ffi)
    needed = re.findall(r"NEEDED.*\[(.*?)\]", sh("readelf", "-d", built / "axpy.so"))
    assert all(re.match(r"lib(c|m|pthread)\.so|ld-linux", name) for name in needed), needed
    assert "PATH" not in sh("readelf", "-d", built / "axpy.so")
