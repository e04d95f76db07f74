#!/usr/bin/env python3
"""Runs the tests of the Python package: in a virtual environment that is made on first use, with
the library of a build.

usage: run.py [--build DIR] [--all]

  the package      tests/python
  conformance      tests/python/conformance, against our stand-in for libtvm_ffi and against the
                   real package
  --all            torch is installed as well, and a wheel is built, looked at, and tried with every
                   Python from 3.9 on that is found, and with old versions of tvm-ffi

Pythons are those on PATH (python3.9 ... python3.14, and python3.14t, which has no GIL), and those
that PYTILEC_PYTHONS names: paths, with colons between them.

Where the packages cannot be had, the tests that need none of them run with this Python and its
pytest: those of the package over the C interface, and those of conformance against the stand-in.

The last line is the counts of all: N passed, N failed, N skipped."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NEEDED = ["numpy", "pytest", "apache-tvm-ffi>=0.1.9,<0.2"]
PYTHONS = ["python3.%d" % minor for minor in range(9, 15)] + ["python3.14t"]
MATRIX = ["test_04_import_orders.py", "test_06_arg_kinds.py", "test_12_error_kinds.py",
          "test_16_object_api.py", "test_17_object_struct.py", "test_30_free_threaded.py",
          "test_31_free_threaded_stress.py"]
# One library serves all versions of tvm-ffi from the first that it knows.
TVM_FFI = ["0.1.9", "0.1.13"]
OF_EACH = MATRIX[1:4]
WHEEL_LIMIT_B = 2 << 20


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        print("%s: %d ok, %d bad, %d skipped" % (name, passed, failed, skipped), flush=True)

    def check(self, name, good, found=""):
        if not good:
            print("FAIL %s: %s" % (name, found))
        self.add(name, int(bool(good)), int(not good))


def run(*command, **environment):
    return subprocess.run([str(c) for c in command], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env=dict(os.environ, **environment))


def environment(folder, python, packages):
    """A Python with these packages; None when they cannot be had, and then it says why."""
    own = folder / "bin" / "python"
    stamp, wanted = folder / "packages.txt", "\n".join(map(str, packages))
    if own.exists() and stamp.exists() and stamp.read_text() == wanted:
        return own
    shutil.rmtree(folder, ignore_errors=True)
    made = run(python, "-m", "venv", folder)
    if made.returncode == 0:
        made = run(own, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)
    if made.returncode:
        print(made.stdout)
        return None
    stamp.write_text(wanted)
    return own


def pytest(counts, name, python, build, *args, **environ):
    report = build / "log" / (name + ".xml")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    done = run(python, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider",
               "--junitxml=%s" % report, *args, **environ)
    if not report.exists():
        print(done.stdout)
        counts.add(name, 0, 1)
        return
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if done.returncode and not failed:
        failed = 1
    if failed:
        print(done.stdout)
    counts.add(name, max(total - skipped - failed, 0), failed, skipped)


def try_source(counts, build, python, wanted):
    """The source distribution, and an installation that takes the files from where they are."""
    own = environment(build / "try-source", python, NEEDED + ["build", "scikit-build-core>=0.10"])
    if own is None:
        counts.add("source", 0, 0, 1)
        return
    folder = build / "source"
    shutil.rmtree(folder, ignore_errors=True)
    made = run(own, "-m", "build", "--sdist", "-o", folder, ROOT)
    files = sorted(folder.glob("*.tar.gz"))
    counts.check("source is packed", made.returncode == 0 and len(files) == 1, made.stdout)
    if files:
        made = run(own, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, files[0])
        wheels = sorted(folder.glob("*.whl"))
        names = zipfile.ZipFile(wheels[0]).namelist() if wheels else []
        counts.check("source makes the same wheel", sorted(names) == sorted(wanted), made.stdout)
    made = run(own, "-m", "pip", "install", "-q", "-e", ROOT)
    counts.check("editable install", made.returncode == 0, made.stdout)
    pytest(counts, "editable", own, build, *[HERE / "conformance" / f for f in MATRIX],
           "--installed", PYTHONPATH="")


def try_wheel(counts, build, python):
    """Builds a wheel, looks at it, and installs it for every Python there is."""
    folder = build / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    made = run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    wheels = sorted(folder.glob("*.whl"))
    counts.check("wheel is built", made.returncode == 0 and len(wheels) == 1, made.stdout)
    if not wheels:
        return
    names = zipfile.ZipFile(wheels[0]).namelist()
    libraries = [n for n in names if ".so" in n or ".dylib" in n]
    try_source(counts, build, python, names)
    counts.check("wheel tag", "-py3-none-" in wheels[0].name, wheels[0].name)
    counts.check("wheel size", wheels[0].stat().st_size <= WHEEL_LIMIT_B, wheels[0].stat().st_size)
    counts.check("wheel libraries", libraries == ["tilec/lib/libtilec_ffi.so"], libraries)
    counts.check("wheel stubs", "tilec/py.typed" in names, names)
    for version in TVM_FFI:
        try_version(counts, build, python, wheels[0], version)
    for name in pythons():
        try_python(counts, build, name, wheels[0])


def try_version(counts, build, python, wheel, version):
    """The same wheel over a version of tvm-ffi."""
    name = "tvm-ffi-" + version
    own = environment(build / ("try-" + name), python,
                      ["numpy", "pytest", "apache-tvm-ffi==" + version, wheel])
    if own is None:
        counts.add(name, 0, 0, 1)
        return
    pytest(counts, name, own, build, *[HERE / "conformance" / file for file in OF_EACH],
           "--installed")


def pythons():
    """The interpreters that are found and can make an environment."""
    named = [path for path in os.environ.get("PYTILEC_PYTHONS", "").split(":") if path]
    for name in PYTHONS + named:
        if not shutil.which(name) or run(name, "-c", "import venv").returncode:
            print("skipped: there is no %s here" % name)
            continue
        yield name


def try_python(counts, build, python, wheel):
    """The same wheel in another Python."""
    name = pathlib.Path(python).name
    own = environment(build / ("try-" + name), python, NEEDED + [wheel])
    if own is None:
        counts.add("wheel-" + name, 0, 0, 1)
        return
    library = run(own, "-c", "from tilec import _ffi; print(_ffi.LIBRARY)").stdout.strip()
    counts.check("wheel-%s finds its library" % name, "site-packages" in library, library)
    pytest(counts, "wheel-" + name, own, build, *[HERE / "conformance" / file for file in MATRIX],
           "--installed")


def try_without_packages(counts, build):
    """What needs nothing but NumPy and pytest of this Python."""
    if run(sys.executable, "-c", "import numpy, pytest").returncode:
        print("skipped: the packages cannot be had, and %s has no pytest" % sys.executable)
        counts.add("python", 0, 0, 1)
        return
    print("the packages cannot be had: only what needs none of them is tested")
    library = {"PYTILEC_NATIVE": "ctypes_native", "TILEC_LIBRARY": str(build / "libtilec.so")}
    pytest(counts, "package-without-ffi", sys.executable, build, HERE,
           "--ignore=%s" % (HERE / "conformance"), **library)
    pytest(counts, "conformance-double", sys.executable, build, HERE / "conformance",
           "--world=double", "--build=%s" % build)
    counts.add("conformance-real", 0, 0, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    build, counts = args.build.resolve(), Counts()
    python = environment(build / "python", sys.executable, NEEDED + ["torch"] * args.all)
    if python is None:
        try_without_packages(counts, build)
        print("%d passed, %d failed, %d skipped" % (counts.passed, counts.failed, counts.skipped))
        return 1 if counts.failed else 0
    library = {"PYTILEC_LIBRARY": str(build / "libtilec_ffi.so")}
    pytest(counts, "package", python, build, HERE, "--ignore=%s" % (HERE / "conformance"), **library)
    for world in ("double", "real"):
        pytest(counts, "conformance-" + world, python, build, HERE / "conformance",
               "--world=" + world, "--build=%s" % build)
    if args.all:
        try_wheel(counts, build, python)
    print("%d passed, %d failed, %d skipped" % (counts.passed, counts.failed, counts.skipped))
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
