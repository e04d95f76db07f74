"""Arithmetic of sizes."""

from ._values import Name

cdiv = Name("tilelang.math.cdiv")
next_power_of_2 = Name("tilelang.math.next_power_of_2")
