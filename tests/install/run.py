#!/usr/bin/python3
"""Installs the build into an empty directory and uses what is there, as other projects do: by
CMake's find_package, by pkg-config, and the command alone."""

import argparse
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONSUMER = HERE / "consumer"


def sh(*command, cwd=None, env=None):
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, errors="replace", timeout=300,
        cwd=cwd, env={**os.environ, **(env or {})},
    )
    if done.returncode:
        text = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{text}")
    return done.stdout


def find(folder, name):
    found = list(folder.rglob(name))
    if not found:
        raise RuntimeError(f"{name} was not installed")
    return found[0]


def test_install(build, folder):
    prefix = folder / "prefix"
    sh("cmake", "--install", build, "--prefix", prefix)
    for name in ("tilec.h", "libtilec.so", "libtilec.a", "tilec", "tilec.pc", "tilecConfig.cmake"):
        find(prefix, name)


def test_destdir(build, folder):
    sh("cmake", "--install", build, "--prefix", "/opt/x", env={"DESTDIR": str(folder / "stage")})
    find(folder / "stage" / "opt" / "x", "tilec.pc")


def test_command(build, folder):
    """The program finds its library, and builds a kernel far from the sources."""
    tilec = folder / "prefix" / "bin" / "tilec"
    shutil.copy(CONSUMER / "double.py", folder)
    sh(tilec, "build", "double.py", "-o", "out", "--name=double_all", "-D", "factor=2", cwd=folder)
    sh("cc", "-Iout", CONSUMER / "ships.c", "out/double_all.o", "-lm", "-pthread", "-o", "ships",
       cwd=folder)
    sh("./ships", cwd=folder)
    for file in (tilec, find(folder / "prefix", "libtilec.so")):
        sh("strip", file, "-o", folder / "stripped")  # debug information may name them
        if str(ROOT).encode() in (folder / "stripped").read_bytes():
            raise RuntimeError(f"{file.name} knows the path of its sources")


def test_cmake(build, folder):
    out = folder / "consumer"
    sh("cmake", "-G", "Ninja", "-S", CONSUMER, "-B", out,
       f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}")
    sh("cmake", "--build", out)
    for name in ("compiles_c", "compiles_cpp"):
        sh(out / name, CONSUMER / "double.py", env={"TILEC_CACHE": "off"})
    sh(out / "ships")


def test_pkg_config(build, folder):
    pc = find(folder / "prefix", "tilec.pc").parent
    env = {"PKG_CONFIG_PATH": str(pc)}
    if not shutil.which("pkg-config"):  # the file itself, as pkg-config reads it
        text = (pc / "tilec.pc").read_text()
        names = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        names = {k: v.replace("${pcfiledir}", str(pc)) for k, v in names.items()}
        flags = ["-I" + names["includedir"].replace("${prefix}", names["prefix"]),
                 "-L" + names["libdir"], "-ltilec"]
    else:
        flags = sh("pkg-config", "--cflags", "--libs", "tilec", env=env).split()
    library = find(folder / "prefix", "libtilec.so").parent
    for cc, source in (("cc", "compiles.c"), ("g++", "compiles.cpp")):
        sh(cc, CONSUMER / source, *flags, f"-Wl,-rpath,{library}", "-o", folder / "by_pc")
        sh(folder / "by_pc", CONSUMER / "double.py", env={"TILEC_CACHE": "off"})


TESTS = [test_install, test_destdir, test_command, test_cmake, test_pkg_config]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="what is installed")
    build = parser.parse_args().build.resolve()
    folder = Path(tempfile.mkdtemp(prefix="tilec-install-"))
    failed = 0
    for test in TESTS:
        try:
            test(build, folder)
        except (RuntimeError, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"FAIL {test.__name__[5:]}: {problem}", flush=True)
    shutil.rmtree(folder)
    print(f"install: {len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
