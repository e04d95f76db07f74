"""Printed by tools/doc.py from python/tilec/utils.py. Do not edit."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import enum
from typing import Any, NoReturn

from .profiler import TensorSupplyType as TensorSupplyType, assert_close as assert_close, get_tensor_supply as get_tensor_supply, make_input as make_input
from .target import determine_target as determine_target
from .testing import torch_assert_close as torch_assert_close
def map_torch_type(name: Any) -> Any: ...
