"""tilec.compile, lower, pass configurations, targets, caches."""

import contextlib
import enum
import os
import threading

from .function import PrimFunc, guarded
from .kernel import JITKernel

_EFFECTS = {}


class PassConfigKey(str, enum.Enum):
    """Keys of pass_configs; see PASS_CONFIGS for what each does here."""

    TL_DISABLE_WARP_SPECIALIZED = "tl.disable_warp_specialized"
    TL_ENABLE_FAST_MATH = "tl.enable_fast_math"
    TL_DISABLE_FAST_MATH = "tl.disable_fast_math"
    TL_DISABLE_TMA_LOWER = "tl.disable_tma_lower"
    TL_DISABLE_THREAD_STORAGE_SYNC = "tl.disable_thread_storage_sync"
    TL_DISABLE_DATA_RACE_CHECK = "tl.disable_data_race_check"
    TL_PTXAS_REGISTER_USAGE_LEVEL = "tl.ptxas_register_usage_level"
    TL_ENABLE_PTXAS_VERBOSE_OUTPUT = "tl.enable_ptxas_verbose_output"
    TL_ENABLE_ASYNC_COPY = "tl.enable_async_copy"
    TL_PASS_PROFILE = "tl.pass_profile"
    TL_PASS_PROFILE_THRESHOLD_MS = "tl.pass_profile_threshold_ms"
    TL_DISABLE_WGMMA = "tl.disable_wgmma"
    TL_REDUCER_FORCE_BASELINE = "tl.reducer_force_baseline"
    TL_DISABLE_BUFFER_INIT_CHECK = "tl.disable_buffer_init_check"
    TL_ENABLE_AGGRESSIVE_SHARED_MEMORY_MERGE = "tl.enable_aggressive_shared_memory_merge"
    TL_LAYOUT_VISUALIZATION_ENABLE = "tl.layout_visualization_enable"
    TL_LAYOUT_VISUALIZATION_FORMATS = "tl.layout_visualization_formats"
    TL_LAYOUT_COST_MODEL = "tl.layout_cost_model"
    TL_DEVICE_COMPILE_FLAGS = "tl.device_compile_flags"
    TL_EMIT_LINE_DIRECTIVES = "tl.emit_line_directives"
    TL_CONFIG_INDEX_BITWIDTH = "tl.config_index_bitwidth"
    TL_STORAGE_REWRITE_DETECT_INPLACE = "tl.storage_rewrite_detect_inplace"
    TL_DISABLE_VECTORIZE_256 = "tl.disable_vectorize_256"
    TL_ENABLE_VECTORIZE_PLANNER_VERBOSE = "tl.enable_vectorize_planner_verbose"
    TL_DISABLE_SHARED_MEMORY_REUSE = "tl.disable_shared_memory_reuse"
    TL_IF_STMT_BINDING_INLINE_REPLAYABLE_BINDS = "tl.if_stmt_binding_inline_replayable_binds"
    TL_LOOP_UNSWITCHING_ALLOW_NON_TRIVIAL_ELSE = "tl.loop_unswitching_allow_non_trivial_else"
    TL_DISABLE_LOOP_UNSWITCHING = "tl.disable_loop_unswitching"
    TL_ENABLE_LOWER_LDGSTG = "tl.enable_lower_ldgstg"
    TL_ENABLE_LOWER_LDGSTG_PREDICATED = "tl.enable_lower_ldgstg_predicated"
    TL_SIMPLIFY = "tl.Simplify"
    TL_FORCE_LET_INLINE = "tl.force_let_inline"
    TL_DISABLE_SAFE_MEMORY_ACCESS = "tl.disable_safe_memory_legalize"
    TL_DISABLE_OUT_OF_BOUND_WARNING = "tl.disable_out_of_bound_warning"
    TL_DISABLE_PRELOWER_SEMANTIC_CHECK = "tl.disable_prelower_semantic_check"
    TL_AST_PRINT_ENABLE = "tl.ast_print_enable"
    TL_ENABLE_DUMP_IR = "tl.enable_dump_ir"
    TL_DUMP_IR_DIR = "tl.dump_ir_dir"
    TL_DEBUG_MERGE_SHARED_MEMORY_ALLOCATIONS = "tl.debug_merge_shared_memory_allocations"
    TL_DISABLE_SHUFFLE_ELECT = "tl.disable_shuffle_elect"
    TL_ENABLE_REDUCER_PLAN_VERBOSE = "tl.enable_reducer_plan_verbose"
    TIR_ENABLE_EQUIV_TERMS_IN_CSE = "tir.enable_equiv_terms_in_cse_tir"
    TIR_DISABLE_CSE = "tir.disable_cse_tir"
    TIR_SIMPLIFY = "tir.Simplify"
    TIR_DISABLE_STORAGE_REWRITE = "tir.disable_storage_rewrite"
    TIR_DISABLE_VECTORIZE = "tir.disable_vectorize"
    TIR_USE_ASYNC_COPY = "tir.use_async_copy"
    TIR_ENABLE_DEBUG = "tir.enable_debug"
    TIR_MERGE_STATIC_SMEM = "tir.merge_static_smem"
    TIR_ADD_LOWER_PASS = "tir.add_lower_pass"
    TIR_NOALIAS = "tir.noalias"
    CUDA_KERNELS_OUTPUT_DIR = "cuda.kernels_output_dir"

    def __str__(self):
        return self.value


# Keys with an effect: (option, its text for a value). The others are accepted: what they switch is
# decided by the compiler itself, and no value of theirs changes results here.
_EFFECTS = {
    "tl.enable_dump_ir": ("dump", lambda value: "./dump_ir" if value else None),
    "tl.dump_ir_dir": ("dump", lambda value: str(value) if value else None),
    "tl.pass_profile": ("time_report", lambda value: "1" if value else None),
}


def options_of(pass_configs=None):
    """The compiler's options that pass_configs mean. Unknown keys are refused."""
    known = {key.value for key in PassConfigKey}
    options = {}
    for key, value in (pass_configs or {}).items():
        text = str(key)
        if text.startswith("tirx."):
            text = "tir." + text[len("tirx."):]
        if text not in known:
            raise ValueError("pass_configs has no key %r" % text)
        name, effect = _EFFECTS.get(text, (None, None))
        option = effect(value) if effect else None
        if option is not None:
            options[name] = option
    if not is_cache_enabled():
        options["cache"] = "off"
    return options


# ---- targets ----

_TARGETS = {"auto": None, "c": "cpu", "llvm": "cpu", "cpu": "cpu", "cuda": "cuda"}
_current = threading.local()


@contextlib.contextmanager
def default_target(target):
    """Kernels compiled in this `with` block without a target are for this one."""
    before = getattr(_current, "target", None)
    _current.target = target
    try:
        yield
    finally:
        _current.target = before


def target_name(target=None):
    """The compiler's name for a target in any spelling, None for its own choice."""
    if target is None or target == "auto":
        target = getattr(_current, "target", None) or os.environ.get("TILELANG_DEFAULT_TARGET")
    if target is None:
        return None
    if isinstance(target, dict):
        arch = target.get("arch")
        target = target.get("kind", "") + (":" + arch if arch else "")
    text = str(target)
    if text.startswith("cuda -arch="):
        text = "cuda:" + text[len("cuda -arch="):].split()[0]
    text = text.split(" ")[0]
    return _TARGETS.get(text, text)


# ---- caches ----

_cache_enabled = os.environ.get("TILELANG_DISABLE_CACHE", "0").lower() not in ("1", "true", "on")


def enable_cache():
    """Compiled kernels are kept on disk; the default."""
    global _cache_enabled
    _cache_enabled = True


def disable_cache():
    """Kernels are compiled anew by each process."""
    global _cache_enabled
    _cache_enabled = False


def is_cache_enabled():
    return _cache_enabled


# ---- compiling ----

def compile(func, out_idx=None, execution_backend=None, target=None, target_host=None,
            verbose=None, pass_configs=None, compile_flags=None):
    """Compiles a T.prim_func; gives a callable kernel."""
    if not isinstance(func, PrimFunc):
        raise TypeError("tilec.compile takes a T.prim_func, found %s" % type(func).__name__)
    world, module = func.module(options_of(pass_configs))
    name = target_name(target)
    native_kernel = guarded(world, lambda: module.compile(name))
    given = func.out_idx if out_idx is None else out_idx
    return JITKernel(native_kernel, module, func, given, name, world)


def par_compile(funcs, *args, num_workers=None, ignore_error=False, **kwargs):
    """Compiles several functions at once; with ignore_error a failed one gives None."""
    from concurrent.futures import ThreadPoolExecutor

    def one(func):
        try:
            return compile(func, *args, **kwargs)
        except Exception:
            if not ignore_error:
                raise
            return None

    with ThreadPoolExecutor(num_workers or os.cpu_count()) as pool:
        return list(pool.map(one, funcs))


class CompiledArtifact:
    """What lower gives."""

    def __init__(self, func, kernel_source, target):
        self.host_mod = self.device_mod = self.rt_mod = None
        self.prim_func = func
        self.kernel_source = kernel_source
        self.target = self.target_host = target


def lower(func, target="auto", target_host=None, runtime_only=False, enable_host_codegen=False,
          enable_device_compile=False, pass_configs=None):
    """The text that a function becomes for a target, without compiling it."""
    name = target_name(target)
    options = options_of(pass_configs)
    if name:
        options["target"] = name
    is_cuda = (name or "cpu").startswith(("cuda", "sim:cuda"))
    return CompiledArtifact(func, func.emit("cuda" if is_cuda else "c", options), name)
