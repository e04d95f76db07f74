/* Bulk copies by tensor map: boxes between global and shared memory, in rows of the innermost
 * dimension and chunks of 16 bytes, which the swizzle moves. */
#include "sim/sim_private.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK_B = 16, BOX_MOST = 256, SHARED_ALIGN_B = 128 };
static const uint64_t MAP_MAGIC = 0x74696c65632d6d70u;

/* What the 128 bytes hold here. */
typedef struct sim_map {
  uint64_t magic;
  unsigned char *base;
  uint64_t strides_b[TC_SIM_MAP_RANK]; /* [0] is the element's size */
  uint32_t dims[TC_SIM_MAP_RANK];
  uint16_t box[TC_SIM_MAP_RANK];
  uint8_t rank, element_b, swizzle, fill;
} sim_map;
_Static_assert(sizeof(sim_map) <= TC_SIM_MAP_B, "a tensor map has 128 bytes");

/* ---- making one ---- */

/* Bytes of an element by the encoder's type code; 0: not supported. */
static uint32_t element_bytes(uint32_t type) {
  static const uint8_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return type < sizeof bytes ? bytes[type] : 0;
}

static bool refuse(char *why, size_t why_b, const char *fmt, uint64_t a, uint64_t b) {
  snprintf(why, why_b, fmt, (unsigned long long)a, (unsigned long long)b);
  return false;
}

static bool check_dims(const tc_sim_map_spec *s, uint32_t element_b, char *why, size_t why_b) {
  for (uint32_t i = 0; i < s->rank; i++) {
    if (s->dims[i] == 0 || s->dims[i] > UINT32_MAX)
      return refuse(why, why_b, "dimension %llu has extent %llu", i, s->dims[i]);
    if (s->box[i] == 0 || s->box[i] > BOX_MOST)
      return refuse(why, why_b, "the box has extent %llu in dimension %llu: expected 1 to 256",
                    s->box[i], i);
    if (s->step[i] > 1)
      return refuse(why, why_b, "element stride %llu in dimension %llu is not simulated",
                    s->step[i], i);
    uint64_t stride = i + 1 < s->rank ? s->strides_b[i] : 0;
    if (stride % CHUNK_B || stride >= (uint64_t)1 << 40)
      return refuse(why, why_b, "stride %llu of dimension %llu is no multiple of 16 below 2^40",
                    stride, i + 1);
  }
  uint64_t row_b = (uint64_t)s->box[0] * element_b;
  uint64_t span = s->swizzle ? 16u << s->swizzle : row_b;
  if (row_b % CHUNK_B || row_b > span)
    return refuse(why, why_b,
                  "rows of the box have %llu bytes: expected multiples of 16 up to %llu", row_b,
                  span);
  return true;
}

bool tc_sim_map_encode(unsigned char map[TC_SIM_MAP_B], const tc_sim_map_spec *s, char *why,
                       size_t why_b) {
  uint32_t element_b = element_bytes(s->type);
  if (!element_b) return refuse(why, why_b, "element type %llu is not simulated", s->type, 0);
  if (s->rank < 1 || s->rank > TC_SIM_MAP_RANK)
    return refuse(why, why_b, "rank %llu: expected 1 to 5", s->rank, 0);
  if (s->interleave || s->swizzle > 3 || s->oob_fill > 1)
    return refuse(why, why_b, "interleave %llu or swizzle %llu is not simulated", s->interleave,
                  s->swizzle);
  if ((uintptr_t)s->base % CHUNK_B)
    return refuse(why, why_b, "the tensor's address is no multiple of 16", 0, 0);
  if (!check_dims(s, element_b, why, why_b)) return false;
  sim_map m = {.magic = MAP_MAGIC,
               .base = (unsigned char *)(uintptr_t)s->base,
               .rank = (uint8_t)s->rank,
               .element_b = (uint8_t)element_b,
               .swizzle = (uint8_t)s->swizzle,
               .fill = (uint8_t)s->oob_fill};
  for (uint32_t i = 0; i < TC_SIM_MAP_RANK; i++) {
    bool there = i < s->rank;
    m.dims[i] = there ? (uint32_t)s->dims[i] : 1;
    m.box[i] = (uint16_t)(there ? s->box[i] : 1);
    m.strides_b[i] = i == 0 ? element_b : there ? s->strides_b[i - 1] : 0;
  }
  memset(map, 0, TC_SIM_MAP_B);
  memcpy(map, &m, sizeof m);
  return true;
}

/* ---- walking a box ---- */

static uint32_t box_bytes(const sim_map *m) {
  uint32_t bytes = m->element_b;
  for (uint32_t i = 0; i < TC_SIM_MAP_RANK; i++)
    bytes *= m->box[i];
  return bytes;
}

static uint32_t swizzled(const sim_map *m, uint32_t addr) {
  const uint32_t masks[] = {0, 0x10, 0x30, 0x70};
  return addr ^ ((addr >> 3) & masks[m->swizzle]);
}

/* Of 16 bytes at `shared`, [lo, hi) lie in the tensor, at `global` + lo. */
typedef void chunk_fn(void *data, uint32_t shared, unsigned char *global, uint32_t lo, uint32_t hi);

static uint32_t clip(int64_t x) {
  return x < 0 ? 0 : x > CHUNK_B ? CHUNK_B : (uint32_t)x;
}

static void walk_row(const sim_map *m, const int *at, bool inside, int64_t offset_b,
                     uint32_t shared, chunk_fn *fn, void *data) {
  uint32_t row_b = (uint32_t)m->box[0] * m->element_b;
  int64_t start_b = (int64_t)at[0] * m->element_b, end_b = (int64_t)m->dims[0] * m->element_b;
  for (uint32_t b = 0; b < row_b; b += CHUNK_B) {
    int64_t x = start_b + b;
    uint32_t lo = inside ? clip(-x) : 0, hi = inside ? clip(end_b - x) : 0;
    if (hi <= lo) lo = hi = 0;
    fn(data, swizzled(m, shared + b), m->base + (hi ? offset_b + x : 0), lo, hi);
  }
}

static void walk_box(const sim_map *m, const int *at, uint32_t shared, chunk_fn *fn, void *data) {
  uint32_t row_b = (uint32_t)m->box[0] * m->element_b, rows = box_bytes(m) / row_b;
  for (uint32_t row = 0; row < rows; row++) {
    bool inside = true;
    int64_t offset_b = 0;
    uint32_t rest = row;
    for (uint32_t d = 1; d < m->rank; d++) {
      int64_t x = at[d] + (int64_t)(rest % m->box[d]);
      rest /= m->box[d];
      inside = inside && x >= 0 && x < (int64_t)m->dims[d];
      offset_b += x * (int64_t)m->strides_b[d];
    }
    walk_row(m, at, inside, inside ? offset_b : 0, shared + row * row_b, fn, data);
  }
}

/* ---- checks ---- */

/* The map, when the box may be copied. */
static const sim_map *checked_map(tc_sim_thread *t, const char *what, uint32_t rank,
                                  const void *map, uint32_t shared, bool writes_global) {
  const sim_map *m = map;
  if (!map || (uintptr_t)map % 8 || m->magic != MAP_MAGIC)
    tc_sim_fault(t, TC_SIM_KIND_copy, 0, "%s: this is no tensor map", what);
  if (m->rank != rank)
    tc_sim_fault(t, TC_SIM_KIND_copy, 0, "%s with %u coordinates: the tensor map has %u dimensions",
                 what, rank, m->rank);
  (void)tc_sim_shared_at(t, what, shared, box_bytes(m), SHARED_ALIGN_B);
  tc_sim_check_no_barrier(t, shared, box_bytes(m));
  uint64_t size_b = (uint64_t)m->dims[0] * m->element_b;
  for (uint32_t d = 1; d < rank; d++)
    size_b += (m->dims[d] - 1) * m->strides_b[d];
  tc_sim_check_global(t, what, m->base, size_b, writes_global);
  return m;
}

static sim_bulk *new_bulk(tc_sim_thread *t, int line, uint32_t rank, const int *at) {
  sim_team *team = t->block->team;
  sim_bulk *b = team->free_bulk;
  if (b) team->free_bulk = b->next;
  if (!b) b = tc_sim_need(t, sizeof *b);
  *b = (sim_bulk){.thread = t, .line = line};
  memcpy(b->at, at, rank * sizeof *at);
  return b;
}

static bool at_once(sim_team *team) {
  enum tc_sim_delivery delivery = team->run->options->delivery;
  return delivery == TC_SIM_EARLY || (delivery == TC_SIM_RANDOM && tc_sim_random(team, 4) == 0);
}

/* ---- loads ---- */

typedef struct load_place {
  sim_block *block;
  uint8_t fill;
} load_place;

static void load_chunk(void *data, uint32_t shared, unsigned char *global, uint32_t lo,
                       uint32_t hi) {
  const load_place *p = data;
  unsigned char *to = p->block->shared + (shared - TC_SIM_SHARED_BASE);
  if (hi - lo < CHUNK_B) memset(to, p->fill, CHUNK_B);
  if (hi > lo) memcpy(to + lo, global + lo, hi - lo);
}

static void finish_load(sim_bulk *b) {
  sim_block *block = b->thread->block;
  const sim_map *m = (const sim_map *)b->map;
  load_place place = {block, m->fill ? 0xff : 0};
  walk_box(m, b->at, b->shared, load_chunk, &place);
  uint16_t index = block->barrier_at[(b->bar - TC_SIM_SHARED_BASE) / 8];
  tc_sim_mbarrier_bytes(b->thread, &block->barriers[index - 1], box_bytes(m));
}

bool tc_sim_deliver(sim_team *team) {
  sim_bulk **at = &team->loads;
  if (!*at) return false;
  if (team->run->options->delivery == TC_SIM_RANDOM) {
    uint32_t n = 0;
    for (sim_bulk *b = *at; b; b = b->next)
      n++;
    for (uint32_t skip = tc_sim_random(team, n); skip; skip--)
      at = &(*at)->next;
  }
  sim_bulk *b = *at;
  *at = b->next;
  if (!*at) team->loads_end = at;
  b->next = team->free_bulk;
  team->free_bulk = b;
  finish_load(b);
  return true;
}

typedef struct race_place {
  tc_sim_thread *t;
  uint32_t agent, clock;
  bool to_global;
  int line;
} race_place;

static void race_chunk(void *data, uint32_t shared, unsigned char *global, uint32_t lo,
                       uint32_t hi) {
  const race_place *p = data;
  tc_sim_race_agent_access(p->t, &p->t->clocks, p->to_global, p->agent, p->clock, shared, CHUNK_B,
                           !p->to_global, p->line);
  if (hi > lo)
    tc_sim_race_global_agent(p->t, &p->t->clocks, p->agent, p->clock, global + lo, hi - lo,
                             p->to_global, p->line);
}

void tc_sim_tma_load(tc_sim_thread *t, int line, unsigned rank, unsigned to, const void *map,
                     unsigned bar_addr, const int *at) {
  sim_block *block = t->block;
  t->line = line;
  const sim_map *m = checked_map(t, "tma_load", rank, map, to, false);
  sim_mbarrier *bar = tc_sim_mbarrier(t, bar_addr);
  if (!bar->fenced)
    tc_sim_fault(t, TC_SIM_KIND_proxy, bar->line,
                 "the mbarrier of a tma_load was initialised without a mbarrier_fence since");
  sim_bulk *b = new_bulk(t, line, rank, at);
  memcpy(b->map, m, sizeof *m);
  b->shared = to;
  b->bar = bar_addr;
  if (tc_sim_races(block)) {
    race_place place = {t, bar->agent, bar->phase + 1, false, line};
    walk_box(m, b->at, to, race_chunk, &place);
  }
  tc_sim_async_wrote(block, to, box_bytes(m));
  if (at_once(block->team)) {
    b->next = block->team->free_bulk;
    block->team->free_bulk = b;
    finish_load(b);
  } else {
    tc_sim_poison(block, to, box_bytes(m));
    *block->team->loads_end = b;
    block->team->loads_end = &b->next;
  }
  tc_sim_maybe_yield(t, line);
}

/* ---- stores ---- */

static void store_chunk(void *data, uint32_t shared, unsigned char *global, uint32_t lo,
                        uint32_t hi) {
  const sim_block *block = data;
  if (hi > lo) memcpy(global + lo, block->shared + (shared - TC_SIM_SHARED_BASE) + lo, hi - lo);
}

static void finish_store(sim_bulk *b) {
  if (!b->done) walk_box((const sim_map *)b->map, b->at, b->shared, store_chunk, b->thread->block);
  b->done = true;
}

void tc_sim_tma_store(tc_sim_thread *t, int line, unsigned rank, const void *map, unsigned from,
                      const int *at) {
  sim_block *block = t->block;
  t->line = line;
  const sim_map *m = checked_map(t, "tma_store", rank, map, from, true);
  tc_sim_async_reads(t, "tma_store", from, box_bytes(m));
  sim_bulk *b = new_bulk(t, line, rank, at);
  memcpy(b->map, m, sizeof *m);
  b->shared = from;
  b->group = t->bulk_groups;
  if (tc_sim_races(block)) {
    if (!t->bulk_agent) t->bulk_agent = tc_sim_race_agent(block);
    race_place place = {t, t->bulk_agent, b->group + 1, true, line};
    walk_box(m, b->at, from, race_chunk, &place);
  }
  *t->stores_end = b;
  t->stores_end = &b->next;
  if (at_once(block->team)) finish_store(b);
}

void tc_sim_bulk_commit(tc_sim_thread *t, int line) {
  t->line = line;
  t->bulk_groups++;
}

void tc_sim_bulk_wait(tc_sim_thread *t, int line, int reads_only, unsigned n) {
  (void)reads_only; /* what has been read is written at once */
  sim_team *team = t->block->team;
  t->line = line;
  uint32_t end = t->bulk_groups > n ? t->bulk_groups - n : 0;
  while (t->stores && t->stores->group < end) {
    sim_bulk *b = t->stores;
    finish_store(b);
    t->stores = b->next;
    b->next = team->free_bulk;
    team->free_bulk = b;
  }
  if (!t->stores) t->stores_end = &t->stores;
  if (!tc_sim_races(t->block) || !t->bulk_agent) return;
  if (t->clocks.seen[t->bulk_agent] < end) t->clocks.seen[t->bulk_agent] = end;
}

void tc_sim_copies_at_end(sim_block *block) {
  sim_team *team = block->team;
  for (const sim_bulk *b = team->loads; b; b = b->next)
    if (b->thread->block == block)
      tc_sim_found(team, TC_SIM_KIND_copy, b->line, 0,
                   "the block ends while a tma_load into its shared memory is on its way");
  for (uint32_t i = 0; i < block->n_threads && !team->failed; i++) {
    const sim_bulk *b = block->threads[i].stores;
    if (b)
      tc_sim_found(
          team, TC_SIM_KIND_copy, b->line, 0,
          "the block ends before thread %u waits for the tma_store out of its shared memory", i);
  }
}
