/* Parts of the language that are written in the language: classes that live at compile time and
 * emit IR by what their methods do. The text is a module like any other; its names are the PYLIB
 * rows of pybuiltins.def. */
#include "lang/eval_private.h"

#include <string.h>

/* Tile schedulers. A worker (a persistent block) walks through the tiles worker, worker + stride,
 * ...; coord() says where a tile lies. The tiles of the fast axis are swept for panels of
 * swizzle_size tiles of the slow one; with clusters, rows are counted in clusters. The state is
 * kept in run-time variables, which v[0] = x stores to. */
static const char SCHEDULERS[] =
    "import tilelang.language as T\n"
    "from tilelang.carver.arch import driver\n"
    "\n"
    "class BaseTileScheduler:\n"
    "    def __init__(self, stateful=True, name=None):\n"
    "        self._total_tiles = 0\n"
    "        self._stateful = stateful\n"
    "        if stateful:\n"
    "            self._m_idx = T.alloc_var('int32')\n"
    "            self._n_idx = T.alloc_var('int32')\n"
    "            self._linear_idx = T.alloc_var('int32')\n"
    "            self._current_iter = T.alloc_var('int32')\n"
    "\n"
    "    @property\n"
    "    def m_idx(self): return self._m_idx[0]\n"
    "    @property\n"
    "    def n_idx(self): return self._n_idx[0]\n"
    "    @property\n"
    "    def linear_idx(self): return self._linear_idx[0]\n"
    "    @property\n"
    "    def current_iter(self): return self._current_iter[0]\n"
    "\n"
    "    def update_current_idx(self, linear_idx):\n"
    "        raise NotImplementedError('a tile scheduler defines update_current_idx')\n"
    "\n"
    "    def _go_to(self, turn, linear_idx):\n"
    "        self._current_iter[0] = turn\n"
    "        self._linear_idx[0] = linear_idx\n"
    "        self.update_current_idx(self._linear_idx[0])\n"
    "\n"
    "    def init(self, linear_init):\n"
    "        self._go_to(0, linear_init)\n"
    "    def next_tile(self, step):\n"
    "        self._go_to(self.current_iter + 1, self.linear_idx + step)\n"
    "    def valid(self):\n"
    "        return self.linear_idx < self._total_tiles\n"
    "\n"
    "class PersistentTileScheduler(BaseTileScheduler):\n"
    "    def __init__(self, num_m_tiles, num_n_tiles, num_workers=None, swizzle_size=1,\n"
    "                 column_major=True, cluster_size=1, stateful=True, name=None):\n"
    "        super().__init__(stateful, name)\n"
    "        rows = T.ceildiv(num_m_tiles, cluster_size)\n"
    "        if num_workers is None:\n"
    "            num_workers = driver.get_num_sms() // cluster_size\n"
    "        self.num_workers = num_workers\n"
    "        self.swizzle_size = swizzle_size\n"
    "        self.cluster_size = cluster_size\n"
    "        self._column_major = column_major\n"
    "        self._total_tiles = rows * num_n_tiles\n"
    "        self._fast, self._slow = (rows, num_n_tiles) if column_major else (num_n_tiles, "
    "rows)\n"
    "\n"
    "    def coord(self, tile_id):\n"
    "        panel = self._fast * self.swizzle_size\n"
    "        first = tile_id // panel * self.swizzle_size\n"
    "        width = T.max(1, T.min(self.swizzle_size, self._slow - first))\n"
    "        fast = tile_id % panel // width\n"
    "        slow = first + tile_id % panel % width\n"
    "        return (fast, slow) if self._column_major else (slow, fast)\n"
    "\n"
    "    def update_current_idx(self, linear_idx):\n"
    "        m, n = self.coord(linear_idx)\n"
    "        self._m_idx[0] = m\n"
    "        self._n_idx[0] = n\n"
    "    def next_tile(self):\n"
    "        self._go_to(self.current_iter + 1, self.linear_idx + self.num_workers)\n";

/* Keys of pass configurations: the names that the dialect gives them. */
static const char KEYS[] =
    "\n"
    "class PassConfigKey:\n"
    "    TL_DISABLE_WARP_SPECIALIZED = 'tl.disable_warp_specialized'\n"
    "    TL_ENABLE_FAST_MATH = 'tl.enable_fast_math'\n"
    "    TL_DISABLE_FAST_MATH = 'tl.disable_fast_math'\n"
    "    TL_DISABLE_TMA_LOWER = 'tl.disable_tma_lower'\n"
    "    TL_DISABLE_THREAD_STORAGE_SYNC = 'tl.disable_thread_storage_sync'\n"
    "    TL_DISABLE_DATA_RACE_CHECK = 'tl.disable_data_race_check'\n"
    "    TL_PTXAS_REGISTER_USAGE_LEVEL = 'tl.ptxas_register_usage_level'\n"
    "    TL_ENABLE_ASYNC_COPY = 'tl.enable_async_copy'\n"
    "    TL_PASS_PROFILE = 'tl.pass_profile'\n"
    "    TL_PASS_PROFILE_THRESHOLD_MS = 'tl.pass_profile_threshold_ms'\n"
    "    TL_DISABLE_WGMMA = 'tl.disable_wgmma'\n"
    "    TL_REDUCER_FORCE_BASELINE = 'tl.reducer_force_baseline'\n"
    "    TL_DISABLE_BUFFER_INIT_CHECK = 'tl.disable_buffer_init_check'\n"
    "    TL_ENABLE_AGGRESSIVE_SHARED_MEMORY_MERGE = 'tl.enable_aggressive_shared_memory_merge'\n"
    "    TL_LAYOUT_VISUALIZATION_ENABLE = 'tl.layout_visualization_enable'\n"
    "    TL_LAYOUT_VISUALIZATION_FORMATS = 'tl.layout_visualization_formats'\n"
    "    TL_LAYOUT_COST_MODEL = 'tl.layout_cost_model'\n"
    "    TL_DEVICE_COMPILE_FLAGS = 'tl.device_compile_flags'\n"
    "    TL_EMIT_LINE_DIRECTIVES = 'tl.emit_line_directives'\n"
    "    TL_CONFIG_INDEX_BITWIDTH = 'tl.config_index_bitwidth'\n"
    "    TL_STORAGE_REWRITE_DETECT_INPLACE = 'tl.storage_rewrite_detect_inplace'\n"
    "    TL_DISABLE_VECTORIZE_256 = 'tl.disable_vectorize_256'\n"
    "    TL_ENABLE_VECTORIZE_PLANNER_VERBOSE = 'tl.enable_vectorize_planner_verbose'\n"
    "    TL_DISABLE_SHARED_MEMORY_REUSE = 'tl.disable_shared_memory_reuse'\n"
    "    TL_IF_STMT_BINDING_INLINE_REPLAYABLE_BINDS = "
    "'tl.if_stmt_binding_inline_replayable_binds'\n"
    "    TL_LOOP_UNSWITCHING_ALLOW_NON_TRIVIAL_ELSE = "
    "'tl.loop_unswitching_allow_non_trivial_else'\n"
    "    TL_DISABLE_LOOP_UNSWITCHING = 'tl.disable_loop_unswitching'\n"
    "    TL_ENABLE_LOWER_LDGSTG = 'tl.enable_lower_ldgstg'\n"
    "    TL_ENABLE_LOWER_LDGSTG_PREDICATED = 'tl.enable_lower_ldgstg_predicated'\n"
    "    TL_FORCE_LET_INLINE = 'tl.force_let_inline'\n"
    "    TL_DISABLE_OUT_OF_BOUND_WARNING = 'tl.disable_out_of_bound_warning'\n"
    "    TL_DISABLE_PRELOWER_SEMANTIC_CHECK = 'tl.disable_prelower_semantic_check'\n"
    "    TL_AST_PRINT_ENABLE = 'tl.ast_print_enable'\n"
    "    TL_ENABLE_DUMP_IR = 'tl.enable_dump_ir'\n"
    "    TL_DUMP_IR_DIR = 'tl.dump_ir_dir'\n"
    "    TL_DEBUG_MERGE_SHARED_MEMORY_ALLOCATIONS = 'tl.debug_merge_shared_memory_allocations'\n"
    "    TL_DISABLE_SHUFFLE_ELECT = 'tl.disable_shuffle_elect'\n"
    "    TL_ENABLE_REDUCER_PLAN_VERBOSE = 'tl.enable_reducer_plan_verbose'\n"
    "    TL_ENABLE_PTXAS_VERBOSE_OUTPUT = 'tl.enable_ptxas_verbose_output'\n"
    "    TL_SIMPLIFY = 'tl.Simplify'\n"
    "    TL_DISABLE_SAFE_MEMORY_ACCESS = 'tl.disable_safe_memory_legalize'\n"
    "    TIR_ENABLE_EQUIV_TERMS_IN_CSE = 'tir.enable_equiv_terms_in_cse'\n"
    "    TIR_DISABLE_CSE = 'tir.disable_cse'\n"
    "    TIR_SIMPLIFY = 'tir.simplify'\n"
    "    TIR_DISABLE_STORAGE_REWRITE = 'tir.disable_storage_rewrite'\n"
    "    TIR_DISABLE_VECTORIZE = 'tir.disable_vectorize'\n"
    "    TIR_USE_ASYNC_COPY = 'tir.use_async_copy'\n"
    "    TIR_ENABLE_DEBUG = 'tir.enable_debug'\n"
    "    TIR_MERGE_STATIC_SMEM = 'tir.merge_static_smem'\n"
    "    TIR_ADD_LOWER_PASS = 'tir.add_lower_pass'\n"
    "    TIR_NOALIAS = 'tir.noalias'\n"
    "    CUDA_KERNELS_OUTPUT_DIR = 'cuda.kernels_output_dir'\n";

static tc_module *library(tc_eval *ev) {
  static const char PATH[] = "tilec.language.library";
  for (uint32_t i = 0; i < ev->lang->modules.n; i++)
    if (strcmp(ev->lang->modules.at[i]->path, PATH) == 0) return ev->lang->modules.at[i];
  return tc_module_load(ev, PATH, "<tilec>",
                        tc_str_of(tc_format(ev->arena, "%s%s", SCHEDULERS, KEYS)));
}

tc_val tc_library_get(tc_eval *ev, tc_name name) {
  tc_val value;
  const tc_ast *node = ev->node;
  if (!tc_module_get(ev, library(ev), name, &value))
    tc_bug(ev->arena->unwind, "the library has no '%s'", tc_eval_name(ev, name));
  ev->node = node;
  return value;
}
