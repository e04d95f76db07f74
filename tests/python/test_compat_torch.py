"""`--device cpu`: scripts that use torch on a GPU, on a machine without one."""

import pytest

from test_compat_scripts import printed, run

pytest.importorskip("torch")


def test_tensors_on_cuda_are_on_the_cpu(tmp_path):
    assert printed(tmp_path, """
    import torch
    a = torch.randn(4, 4, device="cuda", dtype=torch.float16)
    b = torch.zeros(4).cuda()
    c = torch.ones(3, device=torch.device("cuda:0")).to("cuda").cuda(0).to(device="cuda", dtype=torch.int32)
    d = torch.empty_like(a, device="cuda:0").to(0)
    e = torch.arange(3, device=0).pin_memory()
    f = torch.nn.Linear(2, 2).cuda().to("cuda")
    print({x.device.type for x in (a, b, c, d, e, f.weight)}, b.is_cuda, b.get_device(), c.dtype)
    x = torch.ones(2, device="cuda", requires_grad=True)
    (x.cuda() * 3).sum().backward()
    print(x.is_leaf, x.grad.tolist())
    torch.set_default_device("cuda")
    print(torch.zeros(1).device, torch.tensor([1.0]).cpu().device)
    print(torch.device("cuda"), torch.device("cuda", 1), torch.device("cpu"), torch.device("meta"))
    """) == ["{'cpu'} True 0 torch.int32", "True [3.0, 3.0]", "cpu cpu", "cpu cpu cpu meta"]


def test_questions_about_the_gpu(tmp_path):
    assert printed(tmp_path, """
    import torch
    print(torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.current_device())
    print(torch.cuda.get_device_capability(), torch.cuda.get_device_properties(0).multi_processor_count > 0)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    end.record()
    end.synchronize()
    print(start.elapsed_time(end) > 0)
    with torch.cuda.stream(torch.cuda.Stream()), torch.cuda.device(0):
        torch.cuda.current_stream().wait_stream(torch.cuda.default_stream())
    """) == ["True 1 0", "(9, 0) True", "True"]


def test_extensions_for_cuda_are_out_of_reach(tmp_path):
    assert printed(tmp_path, """
    from torch.utils.cpp_extension import load, load_inline
    for build in (lambda: load(name="a", sources=["a.cpp", "b.cu"]), lambda: load("a", ["b.cu"]),
                  lambda: load_inline("a", "", cuda_sources="__global__ void f() {}")):
        try:
            build()
        except RuntimeError as error:
            print(error.code)
    """) == ["E0680"] * 3


def test_profiles_are_of_the_cpu(tmp_path):
    assert printed(tmp_path, """
    import torch
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        torch.ones(3, device="cuda") + 1
    print(len(profile.key_averages()) > 0)
    """) == ["True"]


def test_seeds_and_generators(tmp_path):
    assert printed(tmp_path, """
    import torch
    torch.cuda.manual_seed_all(3)
    first = torch.randn(5, device="cuda")
    torch.manual_seed(3)
    print(torch.equal(first, torch.randn(5, device="cuda")))
    own = torch.Generator(device="cuda")
    own.manual_seed(1)
    x = torch.randn(3, device="cuda", generator=own)
    print(torch.equal(x, torch.randn(3, generator=torch.Generator().manual_seed(1))))
    with torch.random.fork_rng(devices=[0]):
        torch.manual_seed(3)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        print((torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda")).dtype)
    """) == ["True", "True", "torch.bfloat16"]


def test_what_only_a_gpu_has(tmp_path):
    done = run(tmp_path, """
    import torch
    from tilec.compat import OutOfReach
    try:
        torch.cuda.CUDAGraph()
    except OutOfReach as error:
        print(error.code)
    with torch.cuda.graph(None):
        pass
    """)
    assert done.stdout == "E0680\n" and "error[E0680]: torch.cuda.graph" in done.stderr


def test_a_kernel_and_its_reference(tmp_path):
    assert printed(tmp_path, """
    import argparse
    import torch
    import tilelang
    import tilelang.language as T
    from tilelang.profiler import do_bench

    @tilelang.jit(out_idx=[-1], pass_configs={tilelang.PassConfigKey.TL_ENABLE_FAST_MATH: False})
    def softmax(M, N, dtype=T.bfloat16):
        @T.prim_func
        def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((M, N), dtype)):
            with T.Kernel(M, threads=128) as bx:
                x = T.alloc_fragment((1, N), "float32")
                top, total = T.alloc_fragment((1,), "float32"), T.alloc_fragment((1,), "float32")
                T.copy(X[bx:bx + 1, :], x)
                T.reduce_max(x, top, dim=1)
                for i, j in T.Parallel(1, N):
                    x[i, j] = T.exp(x[i, j] - top[i])
                T.reduce_sum(x, total, dim=1)
                for i, j in T.Parallel(1, N):
                    x[i, j] = x[i, j] / total[i]
                T.copy(x, Y[bx:bx + 1, :])
        return main

    def reference(x):
        return torch.softmax(x.float(), dim=-1).to(x.dtype)

    kernel = softmax(32, 64)
    x = torch.randn(32, 64, device="cuda").bfloat16()
    torch.testing.assert_close(kernel(x), reference(x), rtol=1e-2, atol=1e-2)
    kernel.get_profiler().assert_allclose(reference, rtol=1e-2, atol=1e-2)
    print(do_bench(lambda: kernel(x), warmup=1, rep=1) > 0, kernel(x).dtype)
    """) == ["True torch.bfloat16"]


def test_an_eager_kernel_in_autograd(tmp_path):
    assert printed(tmp_path, """
    import torch
    import tilelang
    import tilelang.language as T

    @tilelang.jit
    def scaled(X, k: T.float32):
        N = T.dynamic("N")
        X: T.Tensor((N,), T.float32)
        Y = T.empty((N,), T.float32)
        with T.Kernel(T.ceildiv(N, 64), threads=64) as bx:
            for i in T.Parallel(64):
                Y[bx * 64 + i] = X[bx * 64 + i] * k
        return Y

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return scaled(x, 3.0)

        @staticmethod
        def backward(ctx, dy):
            return scaled(dy.contiguous(), torch.tensor(3.0, device="cuda").item())

    x = torch.randn(100, device="cuda", requires_grad=True)
    Scale.apply(x).sum().backward()
    print(torch.equal(x.grad, torch.full((100,), 3.0, device="cuda")))
    """) == ["True"]


def test_kernels_of_triton_are_interpreted(tmp_path):
    pytest.importorskip("triton")
    assert printed(tmp_path, """
    import torch
    import triton
    import triton.language as tl
    import triton.language.extra.libdevice as libdevice

    log = tl.log
    fast = libdevice.fast_expf

    @triton.jit
    def same(x, y, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(y + at, log(fast(tl.load(x + at, mask=at < n, other=0.0))), mask=at < n)

    x = torch.linspace(0, 1, 100, device="cuda")
    y = torch.empty_like(x)
    same[(triton.cdiv(100, 64),)](x, y, 100, BLOCK=64)
    print(torch.allclose(y, x, atol=1e-5), triton.runtime.driver.active.get_current_device())
    """) == ["True 0"]


def test_division_by_a_number_is_that_of_a_gpu(tmp_path):
    assert printed(tmp_path, """
    import torch
    x = torch.arange(1, 5000, device="cuda", dtype=torch.float32)
    by = torch.tensor(1 / 448.0)
    y = x.clone()
    y /= 448.0
    print(torch.equal(x / 448.0, x * by), torch.equal(torch.div(x, 448.0), x * by), torch.equal(y, x * by))
    print(torch.equal(x / torch.full_like(x, 448.0), x * by), (x.int() / 2)[:2].tolist(),
          torch.div(x, 2, rounding_mode="floor")[:3].tolist())
    """) == ["True True True", "False [0.5, 1.0] [0.0, 1.0, 1.0]"]
