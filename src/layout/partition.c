/* Sharing a loop nest out over threads. */
#include "layout/layout_private.h"

/* ---- row-major over the threads, where that comes out even ---- */

static const tc_layout *flat_partition(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                       int64_t n_threads, int64_t vector, bool copies) {
  int64_t total = 1, round;
  for (uint32_t d = 0; d < n_dims; d++)
    if (!tc_mul_fits(total, extents[d], &total)) return NULL;
  if (!tc_mul_fits(n_threads, vector, &round) || total % vector != 0) return NULL;
  int64_t n_vectors = total / vector, used = n_threads;
  if (n_vectors < n_threads && copies) used = n_vectors;
  if (n_vectors % used != 0 || n_threads % used != 0) return NULL;
  tc_draft *draft = tc_draft_new(arena, 1, &total);
  tc_draft_step(draft, TC_SPACE_slot, 0, vector, 1);
  tc_draft_step(draft, TC_SPACE_slot, 0, n_vectors / used, used * vector);
  tc_draft_step(draft, TC_SPACE_thread, 0, used, vector);
  tc_draft_step(draft, TC_SPACE_thread, 0, n_threads / used, 0);
  const tc_layout *flat = tc_draft_finish(draft);
  return flat ? tc_layout_reshape(arena, flat, n_dims, extents) : NULL;
}

/* ---- dim by dim ---- */

/* threads[d] of the group's threads lie along dim d, and the rest are copies. */
typedef struct sharing {
  int64_t threads[TC_LAYOUT_DIMS];
  double slots; /* product of the counts: only compared, so rounding is harmless */
  int64_t used; /* product of the threads */
} sharing;

typedef struct share_search {
  uint32_t n_dims;
  const int64_t *units; /* vectors along each dim */
  int64_t n_threads;
  bool copies;
  sharing now, best;
} share_search;

/* Fewer slots; then fewer threads (more copies); then more threads along the fastest dim. */
static bool is_better(const share_search *s) {
  if (s->best.used == 0) return true;
  if (s->now.slots != s->best.slots) return s->now.slots < s->best.slots;
  if (s->now.used != s->best.used) return s->now.used < s->best.used;
  for (uint32_t d = s->n_dims; d-- > 0;)
    if (s->now.threads[d] != s->best.threads[d]) return s->now.threads[d] > s->best.threads[d];
  return false;
}

static void search(share_search *s, uint32_t dim) {
  if (dim == s->n_dims) {
    if ((s->copies || s->now.used == s->n_threads) && is_better(s)) s->best = s->now;
    return;
  }
  const sharing before = s->now;
  int64_t left = s->n_threads / before.used;
  for (int64_t t = 1; t <= left; t++) {
    if (left % t != 0) continue;
    s->now = before;
    s->now.threads[dim] = t;
    s->now.used *= t;
    s->now.slots *= (double)((s->units[dim] - 1) / t + 1);
    search(s, dim + 1);
  }
  s->now = before;
}

static const tc_layout *dim_partition(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                      int64_t n_threads, int64_t vector, bool copies) {
  int64_t units[TC_LAYOUT_DIMS] = {0};
  for (uint32_t d = 0; d < n_dims; d++)
    units[d] = d + 1 == n_dims ? extents[d] / vector : extents[d];
  share_search s = {.n_dims = n_dims, .units = units, .n_threads = n_threads};
  s.copies = copies || n_dims == 0;
  s.now.used = 1, s.now.slots = 1;
  search(&s, 0);
  tc_draft *draft = tc_draft_new(arena, n_dims, extents);
  if (n_dims) tc_draft_step(draft, TC_SPACE_slot, n_dims - 1, vector, 1);
  for (uint32_t d = n_dims; d-- > 0;) {
    int64_t unit = d + 1 == n_dims ? vector : 1, t = s.best.threads[d];
    tc_draft_step(draft, TC_SPACE_thread, d, t, unit);
    tc_draft_step(draft, TC_SPACE_slot, d, (units[d] - 1) / t + 1, unit * t);
  }
  tc_draft_step(draft, TC_SPACE_thread, 0, n_threads / s.best.used, 0);
  return tc_draft_finish(draft);
}

const tc_layout *tc_layout_partition(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                     int64_t n_threads, int64_t vector, bool copies) {
  enum { MOST_THREADS = 1 << 12 };
  if (n_dims > TC_LAYOUT_DIMS || n_threads < 1 || n_threads > MOST_THREADS || vector < 1)
    return NULL;
  for (uint32_t d = 0; d < n_dims; d++)
    if (extents[d] < 1 || extents[d] > TC_LAYOUT_MOST >> 20) return NULL;
  if (n_dims == 0 ? vector != 1 : extents[n_dims - 1] % vector != 0) return NULL;
  const tc_layout *flat = flat_partition(arena, n_dims, extents, n_threads, vector, copies);
  return flat ? flat : dim_partition(arena, n_dims, extents, n_threads, vector, copies);
}
