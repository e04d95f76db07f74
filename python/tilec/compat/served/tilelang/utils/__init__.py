"""Helpers around tensors."""

from .tensor import TensorSupplyType, get_tensor_supply, map_torch_type  # noqa: F401
