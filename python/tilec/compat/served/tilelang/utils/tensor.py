"""Tensors that are made up, and compared."""

from tilec.profiler import TensorSupplyType, assert_close
from tilec.profiler import _make_torch, _numpy
from tilec.testing import torch_assert_close  # noqa: F401

__all__ = ["TensorSupplyType", "assert_close", "get_tensor_supply", "map_torch_type",
           "torch_assert_close"]


def map_torch_type(intype):
    """The type of torch with this name."""
    import torch
    return getattr(torch, str(intype))


def get_tensor_supply(supply_type=TensorSupplyType.Integer):
    """A function that makes a tensor for a parameter of a kernel that has a fixed shape."""
    import torch
    rng = _numpy().random.default_rng(0)

    def make(param):
        return _make_torch(torch, supply_type, [int(n) for n in param.shape], str(param.dtype),
                           "cuda", rng)

    return make
