/* Data races, when the caller asks for them. Every thread of a block has a vector clock: what it
 * knows of each other thread's progress. Those who meet learn from each other; so do, through the
 * barrier or the element in question, who arrives at a barrier in memory and who waits for it, and
 * who touches an element atomically. Per element of memory that is not a thread's own the last
 * write and the last reads are kept; an access that conflicts with one of them and does not know of
 * it is a race, in whatever order this run happened to do them.
 *
 * Several threads may write the same value: that is how code for all of them sets something.
 *
 * Two things are taken to order more than hardware promises, so that what is reported is real: a
 * collective of a warp orders its lanes, and every atomic access orders like acquire and release.
 * Blocks are not ordered at all, unless they run together: then only their own threads are
 * compared.
 */
#include "ir/interp_threads.h"

#include <inttypes.h>
#include <string.h>

enum { TRACE_PAGE = 256, READS = 2 };

typedef struct visit { /* an access */
  uint32_t stmt;       /* 0: none */
  uint32_t thread, tick;
  uint32_t loop, iteration; /* of a parallel loop, or 0 */
  uint32_t block, number;   /* serial number of the gang's run, and which block it was */
  bool atomic;
  bool same; /* a write of what is there already: it races with no write */
} visit;

typedef struct history { /* of an element */
  visit write, read[READS];
} history;

struct tc_trace {
  history **pages;
  uint64_t n_pages;
  uint32_t granule_b; /* what one history is of: the smallest element accessed */
};

/* ---- clocks ---- */

static uint32_t *clock_of(const tc_crew *crew, const tc_gang *gang, int64_t thread) {
  return gang->clocks + (uint64_t)thread * (uint64_t)crew->plan->threads;
}

static void learn(uint32_t *to, const uint32_t *from, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (from[i] > to[i]) to[i] = from[i];
}

void tc_interp_clocks_start(tc_crew *crew, tc_gang *gang) {
  uint64_t n = (uint64_t)crew->plan->threads;
  if (!crew->m->races) return;
  gang->serial = ++crew->m->n_gangs;
  if (!crew->first_serial) crew->first_serial = gang->serial;
  if (!gang->clocks)
    gang->clocks = tc_interp_room(crew->m, n * n, sizeof *gang->clocks, crew->stmt);
  memset(gang->clocks, 0, n * n * sizeof *gang->clocks);
  for (uint64_t t = 0; t < n; t++)
    gang->clocks[t * n + t] = 1;
}

void tc_interp_release(tc_crew *crew, uint32_t **clock, tc_range threads) {
  const tc_gang *gang = crew->now->gang;
  int64_t n = crew->plan->threads;
  if (!crew->m->races) return;
  if (!*clock) *clock = tc_interp_room(crew->m, (uint64_t)n, sizeof **clock, crew->stmt);
  for (int64_t t = threads.first; t < threads.first + threads.count; t++) {
    learn(*clock, clock_of(crew, gang, t), n);
    clock_of(crew, gang, t)[t]++;
  }
}

void tc_interp_acquire(tc_crew *crew, uint32_t *const *clock, tc_range threads) {
  if (!crew->m->races || !*clock) return;
  for (int64_t t = threads.first; t < threads.first + threads.count; t++)
    learn(clock_of(crew, crew->now->gang, t), *clock, crew->plan->threads);
}

void tc_interp_join(tc_crew *crew, tc_range threads, uint32_t mask) {
  if (!crew->m->races) return;
  uint32_t **sum = &crew->sum;
  if (*sum) memset(*sum, 0, (size_t)crew->plan->threads * sizeof **sum);
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < threads.count; i++) {
      tc_range one = {threads.first + i, 1};
      if (!(mask >> i % TC_WARP & 1)) continue;
      if (pass == 0) {
        tc_interp_release(crew, sum, one);
      } else {
        tc_interp_acquire(crew, sum, one);
      }
    }
}

/* The clock of an element that threads touch atomically. */
static uint32_t **clock_at(tc_crew *crew, const tc_view *view, uint64_t bit) {
  uint64_t key = (uint64_t)(uintptr_t)view->storage->data + bit / 8;
  uint32_t at;
  if (!tc_map_get(&crew->atomics, key, &at)) {
    at = crew->atomic_clocks.n;
    tc_vec_push(&crew->m->arena, &crew->atomic_clocks, NULL);
    tc_map_put(&crew->atomics, key, at);
  }
  return &crew->atomic_clocks.at[at];
}

void tc_interp_touch_atomic(tc_machine *m, const tc_view *view, uint64_t bit) {
  tc_crew *crew = m->crew;
  if (!m->races) return;
  uint32_t **clock = clock_at(crew, view, bit);
  tc_interp_acquire(crew, clock, tc_interp_threads(m));
  tc_interp_release(crew, clock, tc_interp_threads(m));
}

/* ---- histories ---- */

static history *history_at(tc_machine *m, const tc_view *view, uint64_t granule, tc_value stmt) {
  tc_trace *trace = view->storage->trace;
  history **page = &trace->pages[granule / TRACE_PAGE];
  if (!*page) *page = tc_interp_room(m, TRACE_PAGE, sizeof **page, stmt);
  return *page + granule % TRACE_PAGE;
}

static tc_trace *trace_of(tc_machine *m, const tc_view *view, tc_value stmt) {
  tc_storage *s = view->storage;
  uint64_t size_b = s->cap_b > s->size_b ? s->cap_b : s->size_b;
  uint32_t elem_b = view->elem_bits < 8 ? 1 : view->elem_bits / 8;
  if (s->trace && s->trace->granule_b <= elem_b
      && s->trace->n_pages * TRACE_PAGE * s->trace->granule_b >= size_b)
    return s->trace;
  s->trace = tc_interp_room(m, 1, sizeof *s->trace, stmt);
  s->trace->granule_b = elem_b;
  s->trace->n_pages = size_b / elem_b / TRACE_PAGE + 1;
  s->trace->pages = tc_interp_room(m, s->trace->n_pages, sizeof *s->trace->pages, stmt);
  return s->trace;
}

/* True when `now` need not know of `before` although one of them writes. */
static bool conflict(const tc_crew *crew, const visit *before, const visit *now,
                     enum tc_scope scope) {
  if (!before->stmt || before->block < crew->first_serial || (before->atomic && now->atomic))
    return false;
  if (before->block != now->block) return scope == TC_SCOPE_global && !crew->plan->coresident;
  if (now->loop && before->loop == now->loop) return before->iteration != now->iteration;
  if (before->thread == now->thread) return false;
  return before->tick > clock_of(crew, crew->now->gang, now->thread)[before->thread];
}

static const char *who(const tc_machine *m, const visit *v, bool block) {
  tc_arena *arena = m->ir->diags->arena;
  if (block) return tc_format(arena, "block %u", v->number);
  if (v->loop) return tc_format(arena, "iteration %u of the loop", v->iteration);
  return tc_format(arena, "thread %u", v->thread);
}

TC_NORETURN static void report(tc_machine *m, const tc_view *view, const int64_t *index,
                               const visit *before, bool wrote, const visit *now, bool writes) {
  tc_arena *arena = m->ir->diags->arena;
  tc_sb at = tc_sb_in(arena);
  bool blocks = before->block != now->block;
  for (uint32_t d = 0; d < view->rank; d++)
    tc_sb_printf(&at, "%s%" PRId64, d ? ", " : "", index[d]);
  const char *me = who(m, now, blocks), *other = who(m, before, blocks);
  TC_DIAG(m->ir->diags, D_data_race, tc_op_at(m->ir, (tc_value){now->stmt})->span,
          tc_interp_name(m, view->buf), at.at ? at.at : "", me, writes ? "writes" : "reads", other,
          wrote ? "wrote" : "read");
  tc_diag_note(m->ir->diags, tc_op_at(m->ir, (tc_value){before->stmt})->span, "%s %s it here",
               other, wrote ? "wrote" : "read");
  tc_interp_stop(m);
}

static visit visit_now(const tc_machine *m, tc_value stmt, bool atomic) {
  const tc_crew *crew = m->crew;
  int64_t thread = tc_interp_threads(m).first;
  bool alone = crew->single >= 0 || crew->now->parent;
  return (visit){.stmt = stmt.id,
                 .thread = (uint32_t)thread,
                 .tick = clock_of(crew, crew->now->gang, thread)[thread],
                 .loop = alone ? 0 : m->loop,
                 .iteration = m->iteration,
                 .block = crew->now->gang->serial,
                 .number = (uint32_t)crew->now->gang->number,
                 .atomic = atomic};
}

static void keep_read(const tc_crew *crew, history *h, const visit *now, enum tc_scope scope) {
  uint32_t at = READS - 1;
  for (uint32_t i = READS; i-- > 0;)
    if (!conflict(crew, &h->read[i], now, scope)) at = i;
  h->read[at] = *now;
}

void tc_interp_visit(tc_machine *m, const tc_view *view, uint64_t bit, const int64_t *index,
                     tc_value stmt, const tc_seen_access *how) {
  const tc_crew *crew = m->crew;
  enum tc_scope scope = view->scope;
  bool local = scope == TC_SCOPE_local || scope == TC_SCOPE_var;
  if (local || view->storage->trusted) return;
  const tc_trace *trace = trace_of(m, view, stmt);
  bool writes = how->writes;
  visit now = visit_now(m, stmt, how->atomic);
  now.same = how->same;
  uint64_t end = (bit + view->elem_bits + 7) / 8;
  for (uint64_t g = bit / 8 / trace->granule_b; g * trace->granule_b < end; g++) {
    history *h = history_at(m, view, g, stmt);
    if (!now.same && conflict(crew, &h->write, &now, scope))
      report(m, view, index, &h->write, true, &now, writes);
    for (uint32_t i = 0; i < READS && writes; i++)
      if (conflict(crew, &h->read[i], &now, scope))
        report(m, view, index, &h->read[i], false, &now, writes);
    if (how->unseen) continue;
    if (writes) {
      *h = (history){.write = now};
    } else {
      keep_read(crew, h, &now, scope);
    }
  }
}
