"""The 8-bit floats of the target."""

from tilec._values import Name as _Name

determine_fp8_type = _Name("tilelang.language.fp8.determine_fp8_type")


def determine_torch_fp8_type(fp8_format="e4m3"):
    """The same as a type of torch."""
    from tilelang.utils import map_torch_type
    return map_torch_type(determine_fp8_type(fp8_format))
