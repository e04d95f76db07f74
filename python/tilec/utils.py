"""Small helpers that scripts import."""

import sys

from ._values import dtype
from .profiler import TensorSupplyType, assert_close, get_tensor_supply, make_input
from .target import determine_target
from .testing import torch_assert_close

__all__ = ["TensorSupplyType", "assert_close", "determine_target", "get_tensor_supply",
           "make_input", "map_torch_type", "torch_assert_close"]


def map_torch_type(name):
    """The type of torch for an element type; a type of torch is given back."""
    torch = sys.modules.get("torch")
    if torch is None:
        raise RuntimeError("map_torch_type needs torch: import it first")
    if isinstance(name, torch.dtype):
        return name
    name = str(dtype(name))
    found = getattr(torch, {"tfloat32": "float32"}.get(name, name), None)
    if found is None:
        raise ValueError("torch has no type for %s" % name)
    return found
