"""How products of matrices with zeros in half of their places are stored."""

from tilec._values import Name as _Name, dtype as _dtype

# Of so many neighbours so many are kept: what sparse matrix instructions take.
GROUP_CONFIG = {_dtype("float32"): (1, 2), **{_dtype(name): (2, 4) for name in (
    "float16", "bfloat16", "int8", "uint8", "float8_e4m3", "float8_e4m3fn", "float8_e5m2")}}

get_e_factor = _Name("tilelang.cuda.intrinsics.sparse_layout.get_e_factor")
get_e_replicate_factor = _Name("tilelang.cuda.intrinsics.sparse_layout.get_e_replicate_factor")
