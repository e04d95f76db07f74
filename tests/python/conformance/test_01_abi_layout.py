"""The structs of src/ffi/abi.h are those of the installed headers, and of the stand-in's binding."""

import pathlib
import shutil
import subprocess

import pytest
from conftest import ROOT, before

real = pytest.mark.real

PAIRS = [
    ("TVMFFIAny", "tc_ffi_any", [("v_int64", "as")]),
    ("TVMFFIObject", "tc_ffi_header", [("type_index", "type_index"), ("deleter", "deleter")]),
    ("TVMFFIByteArray", "tc_ffi_bytes", [("size", "n")]),
    ("TVMFFIShapeCell", "tc_ffi_shape", [("size", "n")]),
    ("TVMFFISeqCell", "tc_ffi_seq", [("size", "n"), ("data_deleter", "data_deleter")]),
    ("DLTensor", "tc_dl_tensor", [("device", "device"), ("ndim", "ndim"), ("dtype", "dtype"),
                                  ("shape", "shape"), ("strides", "strides"),
                                  ("byte_offset", "byte_offset")]),
    ("DLManagedTensorVersioned", "tc_dl_managed", [("deleter", "deleter"), ("flags", "flags"),
                                                   ("dl_tensor", "tensor")]),
    ("TVMFFIFieldInfo", "tc_ffi_field", [("getter", "getter"), ("setter", "setter"),
                                         ("offset", "offset"), ("flags", "flags"),
                                         ("field_static_type_index", "static_type")]),
    ("TVMFFIMethodInfo", "tc_ffi_method", [("flags", "flags"), ("method", "method")]),
    ("TVMFFITypeMetadata", "tc_ffi_type_info", [("creator", "creator"), ("total_size", "size_b"),
                                                ("structural_eq_hash_kind", "structural")]),
]
NUMBERS = [("kTVMFFINone", "TC_FFI_NONE"), ("kTVMFFIInt", "TC_FFI_INT"),
           ("kTVMFFIBool", "TC_FFI_BOOL"), ("kTVMFFIFloat", "TC_FFI_FLOAT"),
           ("kTVMFFIOpaquePtr", "TC_FFI_POINTER"), ("kTVMFFIDLTensorPtr", "TC_FFI_DLTENSOR"),
           ("kTVMFFIRawStr", "TC_FFI_RAW_STR"), ("kTVMFFISmallStr", "TC_FFI_SMALL_STR"),
           ("kTVMFFIObject", "TC_FFI_OBJECT"), ("kTVMFFIStr", "TC_FFI_STR"),
           ("kTVMFFIFunction", "TC_FFI_FUNCTION"), ("kTVMFFIShape", "TC_FFI_SHAPE"),
           ("kTVMFFITensor", "TC_FFI_TENSOR"), ("kTVMFFIArray", "TC_FFI_ARRAY"),
           ("kTVMFFIOpaquePyObject", "TC_FFI_OPAQUE"), ("kTVMFFIList", "TC_FFI_LIST"),
           ("kTVMFFISEqHashKindTreeNode", "TC_FFI_TREE"),
           ("kTVMFFISEqHashKindUniqueInstance", "TC_FFI_UNIQUE")]


# Classes of double.py with the structs they are, and the fields whose names differ.
OF_THE_DOUBLE = [
    ("Any", "tc_ffi_any", {"index": "type_index", "n": "small_n", "bits": "as"}),
    ("Bytes", "tc_ffi_bytes", {}), ("Seq", "tc_ffi_seq", None),
    ("DLTensor", "tc_dl_tensor", {"device_type": "device.type", "device_id": "device.id",
                                  "code": "dtype.code", "bits": "dtype.bits",
                                  "lanes": "dtype.lanes"})]


def compiles(tmp_path, lines, *includes):
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines) + "\n")
    flags = [flag for folder in (*includes, ROOT / "src") for flag in ("-I", folder)]
    done = subprocess.run(["cc", "-fsyntax-only", "-std=gnu11", *flags, source],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_layout_of_the_double(tmp_path):
    import ctypes

    import double
    lines = ['#include "ffi/abi.h"',
             '_Static_assert(sizeof(tc_ffi_header) == %d, "");' % double.HEADER_B]
    for cls, struct, renamed in OF_THE_DOUBLE:
        theirs = getattr(double, cls)
        if renamed is None:  # the beginning of it
            lines += ['_Static_assert(offsetof(%s, at) == 0 && offsetof(%s, n) == %d, "");'
                      % (struct, struct, theirs.n.offset)]
            continue
        lines.append('_Static_assert(sizeof(%s) == %d, "");' % (struct, ctypes.sizeof(theirs)))
        lines += ['_Static_assert(offsetof(%s, %s) == %d, "");'
                  % (struct, renamed.get(name, name), getattr(theirs, name).offset)
                  for name, _ in theirs._fields_]
    lines += ['_Static_assert(TC_FFI_%s == %d, "");' % (name, getattr(double, name))
              for name in ("NONE", "INT", "BOOL", "FLOAT", "POINTER", "DLTENSOR", "SMALL_STR",
                           "OBJECT", "STR", "FUNCTION", "TENSOR", "ARRAY")]
    compiles(tmp_path, lines)


@real
def test_layout(tmp_path):
    tvm_ffi = pytest.importorskip("tvm_ffi")
    lines = ["#include <tvm/ffi/c_api.h>", '#include "ffi/abi.h"']
    for theirs, ours, members in PAIRS:
        lines.append('_Static_assert(sizeof(%s) == sizeof(%s), "%s");' % (theirs, ours, ours))
        lines += ['_Static_assert(offsetof(%s, %s) == offsetof(%s, %s), "%s.%s");'
                  % (theirs, a, ours, b, ours, b) for a, b in members]
    lines += ['_Static_assert((int)%s == (int)%s, "%s");' % (a, b, b) for a, b in NUMBERS]
    compiles(tmp_path, lines, pathlib.Path(tvm_ffi.libinfo.find_include_path()),
             pathlib.Path(tvm_ffi.libinfo.find_dlpack_include_path()))


def functions(need):
    import re
    table = (ROOT / "src/ffi/calls.def").read_text()
    return re.findall(r"^CALL\(%s, [^,]+, (\w+)," % need, table, re.M)


def assert_exist(names):
    import ctypes
    tvm_ffi = pytest.importorskip("tvm_ffi")
    library = ctypes.CDLL(tvm_ffi.libinfo.find_libtvm_ffi())
    for name in names:
        assert getattr(library, "TVMFFI" + name)


@real
def test_functions_exist():
    """Every function that the adapter cannot do without is in the installed library."""
    assert len(functions("REQUIRED")) > 15
    assert_exist(functions("REQUIRED"))


@real
@before(13, "lacks some")
def test_optional_functions_exist():
    assert len(functions("OPTIONAL")) > 1
    assert_exist(functions("OPTIONAL"))
