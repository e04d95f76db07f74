"""Kernels for GPUs built ahead of time, called by a process that has tvm-ffi and nothing of ours."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import tilec
import tilec.language as T
from standin import OnGpu, gpus, zeros  # noqa: F401
from test_gpu import axpy, events

HERE = pathlib.Path(__file__).resolve().parent
pytestmark = pytest.mark.over_ffi


def in_a_process(script, *args, **environment):
    """What a script prints in a process of its own, which finds neither tilec nor these tests."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTILEC")}
    done = subprocess.run([sys.executable, "-c", script, *map(str, args)], text=True,
                          env=dict(env, **environment), capture_output=True, timeout=300,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---- with a stand-in ----

@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def library(gpus, built, tmp_path):
    """(stand-in, path of a library built for its GPUs, which no other test has loaded)"""
    driver = gpus(2)
    if not (built / "axpy.so").exists():
        axpy().export_library(built)
    driver.calls()
    for file in built.iterdir():
        shutil.copy(file, tmp_path)
    return driver, str(tmp_path / "axpy.so")


def test_ahead_of_time(library):
    import tvm_ffi
    driver, path = library
    function = tvm_ffi.load_module(path).axpy
    driver.controls.set_current(0)
    watched = "cuCtxPushCurrent", "cuModuleLoadData", "cuLaunchKernelEx", "cuCtxPopCurrent"
    in_1 = [("cuCtxPushCurrent", "1"), ("cuLaunchKernelEx", "axpy_0"), ("cuCtxPopCurrent", "")]
    function(zeros(300, 1), zeros(300, 1), 2)
    assert events(driver, *watched) == in_1[:1] + [("cuModuleLoadData", "")] + in_1[1:]
    function(zeros(300, 1), zeros(300, 1), 2.0)
    assert events(driver, *watched) == in_1 and driver.current() == 0
    function(zeros(300), zeros(300), 2.0)
    launched = [rest for symbol, rest in driver.calls() if symbol == "cuLaunchKernelEx"]
    assert launched == ["axpy_0 grid 2 1 1 block 128 1 1 shared 0 stream (nil)"]


def test_ahead_of_time_on_streams(library):
    import tvm_ffi
    driver, path = library
    function = tvm_ffi.load_module(path).axpy

    def streams():
        return [int(rest.split("stream ")[1].replace("(nil)", "0"), 16)
                for symbol, rest in driver.calls() if symbol == "cuLaunchKernelEx"]

    with tvm_ffi.use_raw_stream(tvm_ffi.device("cuda:1"), 0x5150):
        function(zeros(8, 1), zeros(8, 1), 1.0)
        function(zeros(8, 0), zeros(8, 0), 1.0)
        driver.controls.fail(b"cuLaunchKernelEx", 1, 719)
        with pytest.raises(RuntimeError, match="CUDA_ERROR_LAUNCH_FAILED"):
            function(zeros(8, 1), zeros(8, 1), 1.0)
    function(zeros(8, 1), zeros(8, 1), 1.0)
    assert streams() == [0x5150, 0, 0x5150, 0]
    plain = ctypes.CDLL(path)
    plain.axpy_use_stream.argtypes = [ctypes.c_void_p]
    plain.axpy_use_stream(0x7770)
    x = np.zeros(8, np.float32)
    facts = json.loads(pathlib.Path(path).with_name("axpy.json").read_text())
    assert facts["symbols"]["use_stream"] == "axpy_use_stream"
    assert facts["kernels"][0]["threads"] == [128, 1, 1]
    call = plain.axpy_raw_call
    call.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_float,
                     ctypes.c_int64]
    assert call(facts["abi"], x.ctypes.data, x.ctypes.data + 16, 1.0, 4) == 0 and streams() == [0x7770]
    plain.axpy_use_stream(None)


def test_ahead_of_time_refuses(library):
    import tvm_ffi
    driver, path = library
    function = tvm_ffi.load_module(path).axpy
    x = zeros(8)
    for error, text, args in (
            (TypeError, "takes 3 arguments, not 2", (x, x)),
            (TypeError, "'X'", ("x", x, 1.0)),
            (TypeError, "'X'", (OnGpu(np.zeros(8, np.int32)), x, 1.0)),
            (ValueError, "shape", (zeros(7), x, 1.0)),
            (ValueError, "memory", (x, x, 1.0)),
            (ValueError, "'Y' lies on CUDA device 1, others on device 0", (x, zeros(8, 1), 1.0)),
            (ValueError, "host memory", (np.zeros(8, np.float32), zeros(8), 1.0))):
        with pytest.raises(error, match=text):
            function(*args)
    assert not events(driver, "cuLaunchKernelEx")


def test_ahead_of_time_needs_a_driver(library):
    script = """
import sys, numpy as np, tvm_ffi
sys.path.append(sys.argv[2])
from standin import zeros
function = tvm_ffi.load_module(sys.argv[1]).axpy
for _ in range(2):
    try:
        function(zeros(8), zeros(8), 1.0)
    except RuntimeError as error:
        print("no CUDA driver" in str(error), "tilec" in sys.modules)
"""
    out = in_a_process(script, library[1], HERE, TILEC_LIBCUDA="/nowhere/libcuda.so")
    assert out.split() == ["True", "False"] * 2


def output(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def test_ahead_of_time_imports(library):
    if not shutil.which("nm") or not shutil.which("readelf"):
        pytest.skip("no binutils")
    symbols = [line.split() for line in output("nm", "-D", library[1]).splitlines()]
    ffi = [kind for *_, kind, name in symbols if "TVMFFI" in name]
    assert ffi and set(ffi) == {"w"}
    assert not [name for *_, kind, name in symbols if kind == "U" and name.startswith("cu")]
    needed = re.findall(r"NEEDED.*\[(.*?)\]", output("readelf", "-d", library[1]))
    assert all(re.match(r"lib(c|m|dl|pthread)\.so|ld-linux", name) for name in needed), needed


def test_ahead_of_time_on_another_gpu(library):
    """The binary is for one architecture, and says so on a GPU of another."""
    import tvm_ffi
    driver, path = library
    driver.controls.reset(1, 80)
    with pytest.raises(RuntimeError, match="compiled for sm_90a.*8.0"):
        tvm_ffi.load_module(path).axpy(zeros(8), zeros(8), 1.0)


def test_ahead_of_time_needs_no_gpu(monkeypatch, tmp_path, gpus):
    """Where it is built there need not be a driver; then the architecture must be named."""
    gpus(1)
    kernel = axpy()
    monkeypatch.setenv("TILEC_LIBCUDA", "/nowhere/libcuda.so")
    monkeypatch.setenv("TILEC_CACHE_DIR", str(tmp_path / "other"))
    world, module = kernel.prim_func.module({"cache": "off"})
    assert [str(p) for p in module.build("cuda:sm_90a", str(tmp_path / "built"), "f")]
    with pytest.raises(tilec.TargetError, match="no CUDA driver"):
        module.build("cuda", str(tmp_path / "built"), "f")
    with pytest.raises(tilec.TargetError, match="no CUDA architecture 'sm_1'"):
        module.build("cuda:sm_1", str(tmp_path / "built"), "f")
    with pytest.raises(tilec.TargetError, match="ahead of time"):
        module.build("sim:cuda:sm_90a", str(tmp_path / "built"), "f")
    assert world


# ---- on a GPU ----

@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch


def product():
    @T.prim_func
    def product(A: T.Tensor((512, 256), "float16"), B: T.Tensor((256, 384), "float16"),
                C: T.Tensor((512, 384), "float16")):
        with T.Kernel(3, 4, threads=128) as (bx, by):
            A_shared = T.alloc_shared((128, 64), "float16")
            B_shared = T.alloc_shared((64, 128), "float16")
            C_local = T.alloc_fragment((128, 128), "float32")
            T.clear(C_local)
            for k in T.Pipelined(4, num_stages=3):
                T.copy(A[by * 128, k * 64], A_shared)
                T.copy(B[k * 64, bx * 128], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            T.copy(C_local, C[by * 128, bx * 128])

    return tilec.compile(product, target="cuda")


def test_ahead_of_time_with_torch(torch, tmp_path):
    script = """
import sys, torch, tvm_ffi
function = tvm_ffi.load_module(sys.argv[1]).axpy
for device in range(torch.cuda.device_count()):
    x, y = (torch.zeros(1 << 20, device="cuda:%d" % device) for _ in range(2))
    function(x, y, 2.0)  # the first call loads the binary, which may take its time
    torch.cuda.synchronize(device)
    stream = torch.cuda.Stream(device)
    with torch.cuda.stream(stream):
        torch.cuda._sleep(100_000_000)
        x.fill_(3)
        function(x, y, 2.0)
    assert not stream.query()
    stream.synchronize()
    assert (y == 6).all()
torch.cuda.set_device(0)
x, y = torch.ones(64, device="cuda"), torch.zeros(64, device="cuda")
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    function(x, y, 2.0)
for _ in range(3):
    graph.replay()
torch.cuda.synchronize()
assert (y == 6).all() and "tilec" not in sys.modules
print("right")
"""
    path = axpy("cuda").export_library(tmp_path / "axpy.so")
    assert in_a_process(script, path).strip() == "right"


def test_ahead_of_time_first_call_in_a_graph(torch, tmp_path):
    """Of a product, which has tensor maps and shared memory that must be asked for."""
    script = """
import sys, torch, tvm_ffi
function = tvm_ffi.load_module(sys.argv[1]).product
a = torch.randn(512, 256, device="cuda", dtype=torch.float16)
b = torch.randn(256, 384, device="cuda", dtype=torch.float16)
c = torch.zeros(512, 384, device="cuda", dtype=torch.float16)
torch.cuda.synchronize()
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    function(a, b, c)
graph.replay()
torch.cuda.synchronize()
assert torch.allclose(c, a @ b, atol=0.1, rtol=0.01)
c.zero_()
function(a, b, c)
assert torch.allclose(c, a @ b, atol=0.1, rtol=0.01)
print("right")
"""
    path = product().export_library(tmp_path / "product.so")
    assert in_a_process(script, path).strip() == "right"
