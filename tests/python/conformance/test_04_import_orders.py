"""Any order of imports works and says nothing."""

import importlib.util
import itertools

import pytest

pytestmark = pytest.mark.real
MODULES = [m for m in ("numpy", "tvm_ffi", "tilec", "torch")
           if m in ("tilec",) or importlib.util.find_spec(m)]


@pytest.mark.parametrize("order", list(itertools.permutations(MODULES)), ids="-".join)
def test_order(child, order):
    pytest.importorskip("tvm_ffi")
    status, out, err = child("".join("import %s\n" % m for m in order))
    assert (status, out, err) == (0, "", "")
