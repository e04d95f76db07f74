"""Printed by tools/doc.py from python/tilec/math.py. Do not edit."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import enum
from typing import Any, NoReturn

cdiv: Any
next_power_of_2: Any
