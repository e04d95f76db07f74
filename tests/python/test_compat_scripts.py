"""Scripts as users of TileLang write them, run by `python -m tilec.compat` in a process each."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numpy")
PYTHON = pathlib.Path(__file__).resolve().parents[2] / "python"


def run(folder, text, *arguments, device="cpu", options=()):
    """What a script printed, and how it ended."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    where = ["--device", device] if device else []
    paths = [str(PYTHON), str(pathlib.Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "tilec.compat", *where, *options, str(script), *arguments],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)), capture_output=True, text=True,
        timeout=120, check=False)


def printed(folder, text, *arguments, **how):
    done = run(folder, text, *arguments, **how)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split("\n")[:-1]


ADD = """
    import numpy as np
    import tilelang
    import tilelang.language as T

    @tilelang.jit(out_idx=[-1], target="cuda")
    def add(N, block=32, dtype="float32"):
        @T.prim_func
        def main(A: T.Tensor((N,), dtype), B: T.Tensor((N,), dtype), C: T.Tensor((N,), dtype)):
            with T.Kernel(T.ceildiv(N, block), threads=block) as bx:
                for i in T.Parallel(block):
                    C[bx * block + i] = A[bx * block + i] + B[bx * block + i]
        return main

    a, b = np.arange(100, dtype=np.float32), np.ones(100, np.float32)
"""


# ---- kernels ----

def test_lazy_kernel(tmp_path):
    assert printed(tmp_path, ADD + """
    c = np.from_dlpack(add(100)(a, b))
    print((c == a + b).all(), __name__)
    """) == ["True __main__"]


def test_eager_kernel_and_names_of_several_modules(tmp_path):
    assert printed(tmp_path, """
    import numpy as np
    import tilelang as tl
    from tilelang import language as T
    from tilelang.tileop.base import GemmWarpPolicy
    from tvm import tirx

    @tl.jit
    def double(A, n=4):
        N = T.const("N")
        A: T.Tensor((N,), T.float32)
        B = T.empty((N,), T.float32)
        with T.Kernel(tl.cdiv(N, n), threads=n) as bx:
            for i in T.Parallel(n):
                B[bx * n + i] = A[bx * n + i] * tirx.const(2, "float32")
        return B

    @tl.jit(out_idx=[2])
    def product(M):
        @T.prim_func
        def main(A: T.Tensor((M, M), "float32"), B: T.Tensor((M, M), "float32"),
                 C: T.Tensor((M, M), "float32")):
            with T.Kernel(1, threads=128):
                a, b = T.alloc_shared((M, M), "float32"), T.alloc_shared((M, M), "float32")
                c = T.alloc_fragment((M, M), "float32")
                T.copy(A, a)
                T.copy(B, b)
                T.clear(c)
                T.gemm(a, b, c, policy=GemmWarpPolicy.FullRow)
                T.copy(c, C)
        return main

    x = np.arange(10, dtype=np.float32)
    print((np.from_dlpack(double(x)) == 2 * x).all())
    m = np.arange(256, dtype=np.float32).reshape(16, 16)
    print((np.from_dlpack(product(16)(m, m)) == m @ m).all())
    """) == ["True", "True"]


def test_targets_of_tvm(tmp_path):
    assert printed(tmp_path, ADD + """
    import tvm
    from tvm.target import Target

    target = Target("cuda -arch=sm_90a")
    print(target.kind.name, target.arch, target, Target({"kind": "cuda", "arch": "sm_80"}))
    with Target("cuda") as inner:
        print(tvm.target.Target.current() == inner)
        kernel = tilelang.compile(add.get_tir(100), out_idx=-1)
    print(kernel.target, tvm.target.Target.current(), (np.from_dlpack(kernel(a, b)) == a + b).all())
    """) == ["cuda sm_90a cuda -arch=sm_90a cuda -arch=sm_80", "True", "cpu None True"]


def test_without_a_device_targets_stay(tmp_path):
    assert printed(tmp_path, ADD + """
    from tvm.target import Target
    from tilelang.utils.target import determine_target
    with Target("cuda -arch=sm_80"):
        print(determine_target("auto"), determine_target("c"))
    """, device=None) == ["cuda:sm_80 cpu"]


def test_profiler_compares_with_a_reference(tmp_path):
    assert printed(tmp_path, ADD + """
    kernel = add(100)
    profiler = kernel.get_profiler(tensor_supply_type=tilelang.TensorSupplyType.Normal)
    profiler.assert_allclose(lambda x, y: x + y, rtol=0, atol=0)
    print(profiler.do_bench(warmup=1, rep=1) > 0, "for" in kernel.get_kernel_source())
    try:
        profiler.assert_allclose(lambda x, y: x - y)
    except AssertionError:
        print("differs")
    """) == ["True True", "differs"]


def test_autotune(tmp_path):
    out = printed(tmp_path, """
    import numpy as np
    import tilelang
    import tilelang.language as T
    from tilelang.autotuner import *

    @autotune(configs=[{"block": 8}, {"block": 16}], warmup=1, rep=1)
    @tilelang.jit(out_idx=[1])
    def twice(N, block=4):
        @T.prim_func
        def main(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
            with T.Kernel(T.ceildiv(N, block), threads=block) as bx:
                for i in T.Parallel(block):
                    B[bx * block + i] = A[bx * block + i] * 2
        return main

    x = np.arange(32, dtype=np.float32)
    with set_autotune_inputs(x):
        kernel = twice(32)
    print(kernel.config in ({"block": 8}, {"block": 16}), kernel.latency > 0)
    print((np.from_dlpack(kernel(x)) == 2 * x).all())
    """)
    assert out[-2:] == ["True True", "True"]


def test_an_error_of_a_kernel_shows_its_line(tmp_path):
    done = run(tmp_path, ADD.replace("C[bx * block + i] =", "C[bx * block + i, 0] ="))
    assert done.returncode == 0, done.stderr  # only defined
    done = run(tmp_path, ADD.replace("C[bx * block + i] =", "C[bx * block + i, 0] =") + """
    add(100)
    """)
    assert done.returncode == 1
    assert "script.py" in done.stderr and "error[E0" in done.stderr and "C[bx" in done.stderr


# ---- the script ----

def test_arguments_and_files_beside_the_script(tmp_path):
    (tmp_path / "helper.py").write_text("import tilelang\nWORD = tilelang.__name__\n")
    assert printed(tmp_path, """
    import argparse
    import helper
    parser = argparse.ArgumentParser()
    parser.add_argument("--m", type=int, default=1)
    print(parser.parse_args().m, helper.WORD, __file__.endswith("script.py"))
    """, "--m", "7") == ["7 tilelang True"]


def test_a_module_instead_of_a_file(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text("import sys, tilelang\nprint(sys.argv[1:])\n")
    paths = [str(PYTHON), str(pathlib.Path(__file__).parent), str(tmp_path),
             os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "tilec.compat", "--device", "cpu", "-m", "package", "x", "-y"],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)), capture_output=True, text=True,
        timeout=120, check=False)
    assert done.stdout == "['x', '-y']\n", done.stderr


def test_exit_status_is_the_scripts(tmp_path):
    assert run(tmp_path, "import sys; sys.exit(7)").returncode == 7


# ---- modules ----

def test_modules_are_those_of_tilec(tmp_path):
    assert printed(tmp_path, """
    import importlib
    import tilec, tilelang, tilelang.language, tilelang.jit, tilelang.layout
    from tilelang.backend.target import determine_target
    from tilelang.engine.lower import lower
    from tilelang.language.dtypes import float16, get_tvm_dtype
    from tilelang import tvm
    from tilelang.autotuner import autotune
    from tilelang.jit import jit
    from tilelang.transform import PassConfigKey
    from tilelang.utils.tensor import TensorSupplyType
    import tilec.autotuner
    print(tilelang.language is tilec.language, tilelang.jit is jit is tilec.jit)
    print(tilec.language.__spec__.name, tilelang.language.__name__)
    print(autotune is tilec.autotuner.autotune, PassConfigKey is tilec.PassConfigKey)
    print(TensorSupplyType is tilelang.TensorSupplyType, tvm.__name__)
    print(lower is tilec.lower, get_tvm_dtype("float16") == float16, determine_target("c"))
    """) == ["True True", "tilec.language tilec.language", "True True", "True tvm", "True True cpu"]


def test_a_name_that_is_nowhere(tmp_path):
    assert printed(tmp_path, """
    import tilelang
    for name in ("tilelang.nothing", "tvm.nothing"):
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            print(error.name)
    try:
        tilelang.nothing
    except AttributeError as error:
        print(error)
    """) == ["tilelang.nothing", "tvm.nothing", "module 'tilelang' has no attribute 'nothing'"]


def test_out_of_reach(tmp_path):
    """E0680: importing such a name is no error, using it is."""
    done = run(tmp_path, """
    from tilec.compat import OutOfReach
    from tilelang.carver.template import MatmulTemplate
    from tilelang.engine.callback import register_cuda_postproc_callback
    import tvm.relax
    print(MatmulTemplate)
    for use in (lambda: MatmulTemplate(M=1), lambda: tvm.relax.op.add, lambda: tvm.build()):
        try:
            use()
        except OutOfReach as error:
            print(error.code, "out of reach" in str(error), flush=True)
    MatmulTemplate(M=1)
    """)
    assert done.stdout.split("\n")[1:-1] == ["E0680 True"] * 3
    assert done.returncode == 1 and "error[E0680]" in done.stderr


def test_too_late(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import sys, types\nsys.modules['tilelang'] = types.ModuleType('x')\n"
         "import tilec.compat\ntilec.compat.install()"],
        env=dict(os.environ, PYTHONPATH=str(PYTHON) + os.pathsep + str(pathlib.Path(__file__).parent)),
        capture_output=True, text=True, timeout=60, check=False)
    assert "tilelang is imported already" in done.stderr


def test_marks_of_tools(tmp_path):
    assert printed(tmp_path, """
    import numpy as np
    import tilelang
    import tilelang.language as T
    from tilelang.tools.cuda import iket

    def kernel(n):
        @T.prim_func
        def main(A: T.Tensor((n,), "float32"), C: T.Tensor((n,), "float32")):
            with T.Kernel(1, threads=n):
                for i in T.Parallel(n):
                    iket.mark("store", payload=iket.payload(i, dtype="int32"))
                    C[i] = A[i] + 1
        return main

    with iket.session(output_dir="out"):
        made = tilelang.compile(kernel(8), out_idx=-1, target="cuda", execution_backend="cython")
        print(iket.event_table(), iket.output_dir())
    print(np.from_dlpack(made(np.zeros(8, np.float32))).sum())
    """) == ["[] out", "8.0"]


def test_parts_of_the_implementation_can_be_imported_but_not_used(tmp_path):
    assert printed(tmp_path, ADD + """
    import tilelang.utils.pass_diff
    from tilelang.jit.adapter import wrapper
    from tilelang.cache import _dispatch_map
    from tilelang.cuda.op.gemm import apply_simplify
    from tilelang.utils import pass_diff_hook
    from tvm import arith, tirx
    import tvm
    print((np.from_dlpack(add(100)(a, b)) == a + b).all(), tirx.const is not None)
    from tilelang.cuda.intrinsics.sparse_layout import GROUP_CONFIG, get_e_factor
    print(GROUP_CONFIG[T.float16], GROUP_CONFIG["float32"], get_e_factor is not None)

    uses = (lambda: tilelang.utils.pass_diff.run(), lambda: wrapper.Wrapper(), apply_simplify,
            lambda: _dispatch_map["cpu"], lambda: pass_diff_hook.on, lambda: arith.Analyzer(),
            lambda: tvm.IRModule({}), lambda: [x for x in apply_simplify],
            lambda: isinstance(1, wrapper.Wrapper))
    for use in uses:
        try:
            use()
        except RuntimeError as error:
            print(error.code)
    try:
        import tilelang.no_such_part
    except ImportError as error:
        print(error)
    """) == ["True True", "(2, 4) (1, 2) True"] + ["E0680"] * 9 + ["No module named 'tilelang.no_such_part'"]


def test_is_a_dimension_of_a_launch(tmp_path):
    assert printed(tmp_path, """
    import tilelang.language as T
    M, (N, K) = T.dynamic("M"), T.dynamic("N K")
    print([isinstance(x, T.Var) for x in (M, N, K, T.symbolic("L", "int64"), M + 1, 3, "M")])
    try:
        isinstance(M, T.Kernel)
    except TypeError as error:
        print(error)
    """) == ["[True, True, True, True, False, False, False]",
             "T.Kernel is not a class: no value can be an instance of it"]
