"""Tensors that are made up, and compared."""

from tilec.utils import (TensorSupplyType, assert_close, get_tensor_supply, map_torch_type,
                         torch_assert_close)

__all__ = ["TensorSupplyType", "assert_close", "get_tensor_supply", "map_torch_type",
           "torch_assert_close"]
