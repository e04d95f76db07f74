"""Number formats that NumPy lacks, and the storage of all formats in .npy files.

A format is rounded to by scaling: between two powers of two its numbers are equally spaced, so
`rint(x / spacing) * spacing` in float64 is the nearest one, ties to even. Nothing is rounded twice
on the way. Storage follows `tilec run`: bfloat16 is uint16, 8-bit floats are uint8, 4-bit types sit
in uint8, two along the last dimension, the first in the low half.

Run as a script, the file checks every encoder against a search for the nearest number."""

from dataclasses import dataclass
import sys

import numpy as np


@dataclass(frozen=True)
class Float:
    """Sign, exponent and mantissa bits; `max` is the largest finite number. Without `inf`, numbers
    that are too large become `max`: the 8- and 4-bit casts of the language saturate."""

    exponent: int
    mantissa: int
    bias: int
    max: float
    inf: bool
    nan_code: int

    @property
    def bits(self):
        return 1 + self.exponent + self.mantissa


FLOATS = {
    "float16": Float(5, 10, 15, 65504.0, True, 0x7E00),
    "bfloat16": Float(8, 7, 127, float.fromhex("0x1.fep127"), True, 0x7FC0),
    "float8_e4m3fn": Float(4, 3, 7, 448.0, False, 0x7F),
    "float8_e5m2": Float(5, 2, 15, 57344.0, False, 0x7E),
    "float4_e2m1fn": Float(2, 1, 1, 6.0, False, 0x0),
}

NATIVE = {
    "bool": np.bool_,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}

EPS = {"float64": 2.0**-53, "float32": 2.0**-24} | {
    name: 2.0 ** -(f.mantissa + 1) for name, f in FLOATS.items()
}


def is_float(dtype):
    return dtype in EPS


def round_to(values, dtype):
    """The numbers of `dtype` nearest to `values`, as float64 (integers: int64, wrapped)."""
    if dtype == "bool":
        return np.asarray(values) != 0
    if dtype == "int4":
        return (np.asarray(values, np.int64) + 8) % 16 - 8
    if dtype in ("float32", "float64"):
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float64).astype(NATIVE[dtype]).astype(np.float64)
    if dtype not in FLOATS:
        return np.asarray(values).astype(np.int64).astype(NATIVE[dtype]).astype(np.int64)

    fmt = FLOATS[dtype]
    x = np.asarray(values, np.float64)
    finite = np.where(np.isfinite(x), x, 0.0)
    exponent = np.frexp(finite)[1] - 1
    spacing = np.ldexp(1.0, np.maximum(exponent, 1 - fmt.bias) - fmt.mantissa)
    r = np.rint(finite / spacing) * spacing
    r = np.where(np.isfinite(x), r, x)
    too_large = np.abs(r) > fmt.max
    r = np.where(too_large, np.copysign(np.inf if fmt.inf else fmt.max, r), r)
    return np.copysign(r, x) if fmt.bits > 4 else np.where(np.isnan(r), 0.0, r)


def _decode_codes(codes, fmt):
    codes = codes.astype(np.int64)
    exponent = codes >> fmt.mantissa & (1 << fmt.exponent) - 1
    fraction = codes & (1 << fmt.mantissa) - 1
    significand = np.where(exponent > 0, fraction + (1 << fmt.mantissa), fraction)
    value = np.ldexp(
        significand.astype(np.float64), np.maximum(exponent, 1) - fmt.bias - fmt.mantissa
    )
    ieee = fmt.exponent == 5 or fmt.exponent == 8
    top = exponent == (1 << fmt.exponent) - 1
    if ieee:
        value = np.where(top, np.where(fraction == 0, np.inf, np.nan), value)
    elif fmt.bits == 8:
        value = np.where(top & (fraction == (1 << fmt.mantissa) - 1), np.nan, value)
    return np.where(codes >> fmt.bits - 1 & 1, -value, value)


def _encode_codes(values, fmt):
    """Codes of numbers that the format has: their exponent and mantissa are read off."""
    x = np.abs(values)
    finite = np.where(np.isfinite(x), x, 0.0)
    lowest = 1 - fmt.bias
    exponent = np.where(finite > 0, np.maximum(np.frexp(finite)[1] - 1, lowest), lowest)
    significand = np.ldexp(finite, fmt.mantissa - exponent).astype(np.int64)
    # A subnormal has no leading one; adding the exponent field minus one covers both cases.
    code = ((exponent + fmt.bias - 1) << fmt.mantissa) + significand
    code = np.where(np.isinf(x), ((1 << fmt.exponent) - 1) << fmt.mantissa, code)
    code = np.where(np.isnan(x), fmt.nan_code, code)
    return code | np.signbit(values).astype(np.int64) << fmt.bits - 1


def encode(values, dtype):
    """The array to store in a .npy file for `values`, which are rounded to `dtype` first."""
    values = round_to(values, dtype)
    if dtype == "int4":
        return _pack(values & 15)
    if dtype == "float4_e2m1fn":
        return _pack(_encode_codes(values, FLOATS[dtype]))
    if dtype in NATIVE:
        return values.astype(NATIVE[dtype])
    fmt = FLOATS[dtype]
    return _encode_codes(values, fmt).astype(np.uint16 if fmt.bits == 16 else np.uint8)


def decode(stored, dtype):
    """The numbers in a stored array: float64 for floats, int64 for integers."""
    if dtype == "int4":
        return (_unpack(stored) + 8) % 16 - 8
    if dtype == "float4_e2m1fn":
        return _decode_codes(_unpack(stored), FLOATS[dtype])
    if dtype in NATIVE:
        if stored.dtype != NATIVE[dtype]:
            raise ValueError(f"stored as {stored.dtype}, expected {dtype}")
        return stored.astype(np.float64 if is_float(dtype) else np.int64)
    fmt = FLOATS[dtype]
    if stored.dtype != (np.uint16 if fmt.bits == 16 else np.uint8):
        raise ValueError(f"stored as {stored.dtype}, expected the bits of {dtype}")
    return _decode_codes(stored, fmt)


def _pack(codes):
    if codes.shape[-1] % 2:
        raise ValueError("4-bit types need an even last dimension")
    return (codes[..., 0::2] | codes[..., 1::2] << 4).astype(np.uint8)


def _unpack(stored):
    pair = np.stack([stored & 15, stored >> 4], axis=-1).astype(np.int64)
    return pair.reshape(*stored.shape[:-1], -1)


class Array:
    """Numbers that `dtype` can represent, and how they are stored."""

    def __init__(self, values, dtype):
        self.values = round_to(values, dtype)
        self.dtype = dtype

    @property
    def stored(self):
        return encode(self.values, self.dtype)


def _self_check():
    rng = np.random.default_rng(0)
    for name, fmt in FLOATS.items():
        stored = np.arange(1 << fmt.bits).astype(np.uint16 if fmt.bits == 16 else np.uint8)
        numbers = _decode_codes(stored, fmt)
        finite = np.unique(np.abs(numbers[np.isfinite(numbers)]))
        assert finite[-1] == fmt.max, (name, finite[-1])

        # All codes but the NaNs survive a round trip; saturating formats have no way to infinity.
        keep = np.isfinite(numbers) | (np.isinf(numbers) & fmt.inf)
        assert np.array_equal(_encode_codes(round_to(numbers, name), fmt)[keep], stored[keep]), name
        if name == "float16":
            assert np.array_equal(numbers, stored.view(np.float16).astype(float), equal_nan=True)

        # Midpoints, their neighbours in float64, and random numbers against a search.
        middle = (finite[:-1] + finite[1:]) / 2
        x = np.concatenate([middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)])
        top = finite[rng.integers(1, len(finite), 20000)]
        x = np.concatenate([x, rng.uniform(0, 1, 20000) * top])
        right = np.clip(np.searchsorted(finite, x), 1, len(finite) - 1)
        low, high = finite[right - 1], finite[right]
        tie_to_low = (right - 1) % 2 == 0
        want = np.where(x - low < high - x, low, high)
        want = np.where((x - low == high - x) & tie_to_low, low, want)
        assert np.array_equal(round_to(x, name), want), name
        assert np.array_equal(round_to(-x, name), -want), name

    # float32 to bfloat16 and float16 the way hardware does it, on raw bits.
    bits = rng.integers(0, 1 << 32, 200000, dtype=np.uint64).astype(np.uint32)
    bits = bits[(bits & 0x7F800000) != 0x7F800000]
    bf16 = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    with np.errstate(over="ignore"):
        assert np.array_equal(encode(bits.view(np.float32), "bfloat16"), bf16)
        assert np.array_equal(
            encode(bits.view(np.float32), "float16"), bits.view(np.float32).astype(np.float16)
        )

    codes = rng.integers(0, 256, (5, 7)).astype(np.uint8)
    for name in ("int4", "float4_e2m1fn"):
        again = encode(decode(codes, name), name)
        assert np.array_equal(again, codes), name
    assert decode(np.array([0x8F], np.uint8), "int4").tolist() == [-1, -8]
    print("formats: all checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(_self_check())
