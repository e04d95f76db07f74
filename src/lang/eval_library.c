/* Parts of the language that are written in the language: classes that live at compile time and
 * emit IR by what their methods do. The text is a module like any other; its names are the PYLIB
 * rows of pybuiltins.def. */
#include "lang/eval_private.h"

#include <string.h>

/* Tile schedulers. A worker (a persistent block) walks through the tiles worker, worker + stride,
 * ...; coord() says where a tile lies. The tiles of the fast axis are swept for panels of
 * swizzle_size tiles of the slow one; with clusters, rows are counted in clusters. The state is
 * kept in run-time variables, which v[0] = x stores to. */
static const char TEXT[] =
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

static tc_module *library(tc_eval *ev) {
  static const char PATH[] = "tilec.language.library";
  for (uint32_t i = 0; i < ev->lang->modules.n; i++)
    if (strcmp(ev->lang->modules.at[i]->path, PATH) == 0) return ev->lang->modules.at[i];
  return tc_module_load(ev, PATH, "<tilec>", TC_STR(TEXT));
}

tc_val tc_library_get(tc_eval *ev, tc_name name) {
  tc_val value;
  const tc_ast *node = ev->node;
  if (!tc_module_get(ev, library(ev), name, &value))
    tc_bug(ev->arena->unwind, "the library has no '%s'", tc_eval_name(ev, name));
  ev->node = node;
  return value;
}
