"""Python without the GIL. (That one wheel serves all versions is run.py's --all.)"""

import sys
import sysconfig

import pytest

pytestmark = pytest.mark.real


def test_the_gil_stays_off(child):
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs a free-threaded Python")
    code, out, err = child("import sys, tilec; print(sys._is_gil_enabled())")
    assert code == 0 and out.strip() == "False", err


def test_nothing_is_built_for_one_python():
    from tilec import _ffi
    assert ".cpython-" not in str(_ffi.LIBRARY) and sys.version_info >= (3, 9)
