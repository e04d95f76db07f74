#!/usr/bin/python3
"""Calls a function made by `tilec build` with nothing but NAME.json and NAME.so.

usage: call.py NAME.json [--in PARAM=FILE.npy|NUMBER]... [--out PARAM=FILE.npy]...

Tensors go in as DLPack's DLTensor, in storage types as `tilec run` takes them. What is only
written is created: its shape follows from the expressions of the description."""

import ctypes
import json
from pathlib import Path
import re
import sys

import numpy as np


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
PACKED = {"int4": 2, "uint4": 2, "float4_e2m1fn": 2, "int2": 4, "uint2": 4}
SCALARS = {
    "bool": ctypes.c_int,
    "float64": ctypes.c_double,
    **{f"{u}int{n}": getattr(ctypes, f"c_{u}int{n}") for u in ("", "u") for n in (8, 16, 32, 64)},
}


def storage(dtype):
    """The NumPy type an element is stored as."""
    if dtype in ("bfloat16",):
        return np.dtype(np.uint16)
    if dtype in PACKED or dtype.startswith(("float8", "float6_")):
        return np.dtype(np.uint8)
    return np.dtype("float32" if dtype == "tfloat32" else "uint64" if dtype == "handle" else dtype)


def tensor(array):
    shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    strides = (ctypes.c_int64 * max(array.ndim, 1))(*(s // array.itemsize for s in array.strides))
    return Tensor(
        array.ctypes.data, 1, 0, array.ndim, CODES[array.dtype.kind], 8 * array.itemsize, 1, shape,
        strides, 0,
    )


def extents(param, array):
    """Of the declared type, from the array's."""
    shape = list(array.shape)
    if shape and param["dtype"] in PACKED and array.dtype == np.uint8:
        shape[-1] *= PACKED[param["dtype"]]
    return shape


def equations(description, arrays):
    """What shapes and strides say: (expression, number)."""
    for param in description["parameters"]:
        array = arrays.get(param["name"])
        if array is None or param["kind"] != "tensor":
            continue
        yield from zip(param["shape"], extents(param, array))
        yield from zip(param["strides"] or [], (s // array.itemsize for s in array.strides))


def bind(description, arrays, scalars):
    """The dimensions: every expression is linear in the one that is not known yet."""
    dims, names = dict(scalars), [d["name"] for d in description["dims"]]
    for _ in names:
        for text, x in equations(description, arrays):
            unknown = set(re.findall(r"[A-Za-z_]\w*", str(text))) & set(names) - set(dims)
            if len(unknown) == 1:
                (name,) = unknown
                at_0, at_1 = (value(text, {**dims, name: i}) for i in (0, 1))
                dims[name] = (x - at_0) // (at_1 - at_0)
    return dims


def value(text, dims):
    calls = {"min": min, "max": max, "abs": abs, "int32": int, "int64": int}
    return text if isinstance(text, int) else eval(text, {"__builtins__": {}}, {**calls, **dims})


def call(path, inputs, outputs):
    """Returns the written arrays; raises RuntimeError with the text of an error."""
    path = Path(path)
    description = json.loads(path.read_text())
    library = ctypes.CDLL(str(path.with_suffix(".so").resolve()))
    params = {p["name"]: p for p in description["parameters"]}
    arrays, scalars = {}, {}
    for name, text in inputs.items():
        if params[name]["kind"] == "scalar":
            scalars[name] = float(text) if "float" in params[name]["dtype"] else int(text, 0)
        else:
            arrays[name] = np.load(text)
    dims = bind(description, arrays, scalars)
    arguments = [ctypes.c_uint32(description["abi"])]
    for name, param in params.items():
        if param["kind"] == "scalar":
            arguments.append(SCALARS.get(param["dtype"], ctypes.c_float)(scalars[name]))
            continue
        if name not in arrays:
            shape = [value(x, dims) for x in param["shape"]]
            if shape and param["dtype"] in PACKED:
                shape[-1] //= PACKED[param["dtype"]]
            arrays[name] = np.zeros(shape, storage(param["dtype"]))
        if param["kind"] == "pointer":
            arguments.append(ctypes.c_void_p(arrays[name].ctypes.data))
        else:
            arguments.append(ctypes.byref(tensor(arrays[name])))
    code = getattr(library, description["symbols"]["call"])(*arguments)
    if code:
        text = getattr(library, description["symbols"]["error"])
        text.restype = ctypes.c_char_p
        raise RuntimeError(f"E{code:04}: {text().decode()}")
    for name, file in outputs.items():
        np.save(file, arrays[name])


def main():
    pairs = {"--in": {}, "--out": {}}
    for option, text in zip(sys.argv[2::2], sys.argv[3::2]):
        name, _, at = text.partition("=")
        pairs[option][name] = at
    try:
        call(sys.argv[1], pairs["--in"], pairs["--out"])
    except RuntimeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
