"""The stream is the calling thread's. The driver is a stand-in that records what is launched."""

import ctypes
import pathlib
import threading

import numpy as np
import pytest
from conftest import AXPY


class FakeCuda(ctypes.Structure):
    _fields_ = [("log", ctypes.CFUNCTYPE(ctypes.c_char_p)), ("clear_log", ctypes.CFUNCTYPE(None)),
                ("reset", ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int)),
                ("fail", ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_int))]


@pytest.fixture(scope="module")
def gpu(world, pytestconfig):
    if world.name != "double":
        pytest.skip("tensors on a device that is not there need the double")
    return gpu_of(world, pytestconfig, AXPY)


def gpu_of(world, pytestconfig, text, failing=None):
    """The stand-in for a driver, and a kernel compiled for it; calls of `failing` fail once."""
    folder = pathlib.Path(pytestconfig.getoption("--build")).resolve() / "tests/fake"
    if not (folder / "cuda.so").exists():
        pytest.skip("build target fake_cuda")
    library = ctypes.CDLL(str(folder / "cuda.so"))
    library.fake_cuda_get.restype = ctypes.POINTER(FakeCuda)
    fake = library.fake_cuda_get()[0]
    fake.reset(1, 90)
    if failing:
        fake.fail(failing.encode(), 1, 700)
    config = world.config({"libcuda": folder / "cuda.so", "nvrtc": folder / "nvrtc.so",
                           "cache": "off"})
    module = world.module(text, "kernel.py", None, [], [], config)
    return fake, module.compile("cuda:sm_90a")


def launches(fake):
    """The streams of the launches since the last look."""
    lines = fake.log().decode().splitlines()
    fake.clear_log()
    return [int(line.split("stream ")[1].replace("(nil)", "0"), 16) for line in lines
            if line.startswith("cuLaunchKernelEx")]


def set_stream(world, number):
    world.lib.TVMFFIEnvSetStream(2, 0, ctypes.c_void_p(number), None)


def on_gpu(n):
    from double import OnDevice
    return [OnDevice(np.zeros(n, np.float32)) for _ in range(2)] + [1.0]


def test_launches_on_the_callers_stream(world, gpu):
    fake, kernel = gpu
    kernel.function(*on_gpu(8))
    assert launches(fake) == [0]
    set_stream(world, 0x5150)
    try:
        kernel.function(*on_gpu(8))
        kernel.function(*on_gpu(300))
        assert launches(fake) == [0x5150, 0x5150]
    finally:
        set_stream(world, 0)
    kernel.function(*on_gpu(8))
    assert launches(fake) == [0]


def test_another_threads_stream_is_not_seen(world, gpu):
    fake, kernel = gpu
    set_stream(world, 0x1110)
    found = []

    def other():
        kernel.function(*on_gpu(8))
        found.extend(launches(fake))
        set_stream(world, 0x2220)
        kernel.function(*on_gpu(8))
        found.extend(launches(fake))

    thread = threading.Thread(target=other)
    try:
        thread.start()
        thread.join()
        kernel.function(*on_gpu(8))
    finally:
        set_stream(world, 0)
    assert found == [0, 0x2220] and launches(fake) == [0x1110]


def test_stays_after_an_error(world, gpu):
    fake, kernel = gpu
    set_stream(world, 0x3330)
    try:
        with pytest.raises(ValueError):  # not on the device
            kernel.function(np.zeros(8, np.float32), np.zeros(8, np.float32), 1.0)
        fake.fail(b"cuLaunchKernelEx", 1, 700)
        with pytest.raises(RuntimeError):
            kernel.function(*on_gpu(8))
        launches(fake)
        kernel.function(*on_gpu(8))
        assert launches(fake) == [0x3330]
    finally:
        set_stream(world, 0)


def test_another_device(world, gpu):
    """A tensor of another GPU, or tensors of two, are refused before anything is launched."""
    from double import OnDevice
    fake, kernel = gpu
    launches(fake)
    for devices in ((1, 1), (0, 1), (1, 0)):
        x, y = (OnDevice(np.zeros(8, np.float32), (2, d)) for d in devices)
        with pytest.raises(ValueError, match="device"):
            kernel.function(x, y, 1.0)
    assert launches(fake) == []
