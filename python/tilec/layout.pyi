"""Printed by tools/doc.py from python/tilec/layout.py. Do not edit."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import enum
from typing import Any, NoReturn

def __getattr__(name: Any) -> Any: ...
