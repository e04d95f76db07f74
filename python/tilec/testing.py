"""What tests of kernels use."""

import random
import sys


def set_random_seed(seed=42):
    """Seeds Python's, NumPy's and torch's generators, as far as those packages are loaded."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def main():
    """Runs the tests of the calling file."""
    import inspect
    import pytest
    path = inspect.getsourcefile(sys._getframe(1))
    sys.exit(pytest.main([path] + sys.argv[1:]))


def torch_assert_close(actual, expected, rtol=1e-2, atol=1e-3, max_mismatched_ratio=0.001,
                       **ignored):
    """Few elements may differ by more than rtol * |expected| + atol."""
    from .profiler import assert_close
    assert_close(actual, expected, rtol=rtol, atol=atol,
                 max_mismatched_ratio=max_mismatched_ratio)
