/* What is in flight. An asynchronous operation has done its work when it was issued; what is kept
 * is a record of the bytes it may not be disturbed in, with a count per byte of storage, and of the
 * threads that must still wait for it. */
#include "ir/interp_threads.h"

#include <string.h>

/* Per byte: the copies that write it, the matrix products that do, and who reads it. */
enum { READER = 1, PRODUCT = 1 << 16, WRITER = 1 << 24, READERS = 0xffff };
enum { PAGE_B = 4096 };

struct tc_marks {
  uint32_t **pages;
  uint64_t n_pages;
};

typedef struct span {
  tc_marks *marks;
  uint64_t first_b, end_b;
  uint32_t kind; /* READER, PRODUCT or WRITER */
} span;

enum waited { NOT_WAITED, WAITED_READ, WAITED };

struct tc_flight {
  tc_value stmt;
  uint64_t number;
  uint8_t queue;
  tc_mbar *signal; /* or NULL: waited for by the threads */
  int64_t bytes;
  tc_range threads;     /* that issued it */
  int64_t left, unread; /* of these: have not waited for it, nor for its reads */
  uint32_t *group;      /* by thread: the number of its group of the queue */
  uint8_t *waited;      /* by thread: enum waited */
  uint32_t cap;
  bool read; /* its reads have ended */
  TC_VEC(span) spans;
  tc_flight *next;
};

/* ---- marks ---- */

static uint32_t *mark_at(tc_machine *m, tc_marks *marks, uint64_t byte, tc_value stmt) {
  uint32_t **page = &marks->pages[byte / PAGE_B];
  if (!*page) {
    if (!stmt.id) return NULL;
    *page = tc_interp_room(m, PAGE_B, sizeof **page, stmt);
  }
  return *page + byte % PAGE_B;
}

static tc_marks *marks_of(tc_machine *m, tc_storage *s, tc_value stmt) {
  uint64_t size_b = s->cap_b > s->size_b ? s->cap_b : s->size_b;
  uint64_t n_pages = size_b / PAGE_B + 1;
  if (s->marks && s->marks->n_pages >= n_pages) return s->marks;
  s->marks = tc_interp_room(m, 1, sizeof *s->marks, stmt);
  s->marks->pages = tc_interp_room(m, n_pages, sizeof *s->marks->pages, stmt);
  s->marks->n_pages = n_pages;
  return s->marks;
}

static void add_marks(tc_machine *m, const span *s, bool add, tc_value stmt) {
  for (uint64_t b = s->first_b; b < s->end_b; b++) {
    uint32_t *mark = mark_at(m, s->marks, b, stmt);
    if (mark) *mark = add ? *mark + s->kind : *mark - s->kind;
  }
}

/* The element at `bit` belongs to the flight; neighbours become one span. */
static void add_bytes(tc_machine *m, tc_flight *f, tc_marks *marks, uint64_t bit, uint32_t bits,
                      uint32_t kind) {
  uint64_t first = bit / 8, end = (bit + bits + 7) / 8;
  span *last = f->spans.n ? &f->spans.at[f->spans.n - 1] : NULL;
  if (last && last->marks == marks && last->kind == kind && first <= last->end_b
      && first >= last->first_b) {
    if (end > last->end_b) last->end_b = end;
    return;
  }
  tc_vec_push(&m->arena, &f->spans, ((span){marks, first, end, kind}));
}

static void add_tile(tc_machine *m, tc_flight *f, const tc_slice_code *code, uint32_t kind) {
  tc_tile tile;
  tc_interp_tile(m, code, f->stmt, &tile);
  /* Arguments that are only read stay as they are for the whole launch. */
  if (kind == READER && tile.view->scope == TC_SCOPE_global) return;
  if (tile.view->storage->trusted) return; /* of unknown size */
  tc_marks *marks = marks_of(m, tile.view->storage, f->stmt);
  for (tc_odometer o = tc_odometer_in(tile.rank, tile.extent); o.more; tc_odometer_next(&o)) {
    uint64_t bit;
    if (tc_interp_locate(m, &tile, o.at, &bit))
      add_bytes(m, f, marks, bit, tile.view->elem_bits, kind);
  }
}

/* ---- issue ---- */

static tc_flight *new_flight(tc_machine *m, const tc_insn *p, tc_range threads, uint8_t queue) {
  tc_crew *crew = m->crew;
  tc_gang *gang = crew->now->gang;
  tc_flight *f = crew->free_flights;
  if (f) {
    crew->free_flights = f->next;
  } else {
    f = tc_interp_room(m, 1, sizeof *f, p->at);
  }
  if (threads.count > f->cap) {
    f->cap = (uint32_t)threads.count;
    f->group = tc_interp_room(m, f->cap, sizeof *f->group, p->at);
    f->waited = tc_interp_room(m, f->cap, sizeof *f->waited, p->at);
  }
  f->stmt = p->at;
  f->number = crew->next_flight++;
  f->queue = queue;
  f->signal = NULL;
  f->threads = threads;
  f->left = f->unread = threads.count;
  f->read = false;
  f->spans.n = 0;
  f->next = NULL;
  for (int64_t i = 0; i < threads.count; i++) {
    f->group[i] = gang->commits[queue * crew->plan->threads + threads.first + i];
    f->waited[i] = NOT_WAITED;
  }
  *gang->last_flight = f;
  gang->last_flight = &f->next;
  crew->n_flights++;
  return f;
}

/* Who issues a statement: one thread, the running strand, or its team. */
static tc_range issuers(const tc_machine *m, const tc_slice_code *to) {
  const tc_crew *crew = m->crew;
  enum tc_scope scope = m->views[to->buf.id].scope;
  bool local = scope == TC_SCOPE_local || scope == TC_SCOPE_var;
  if (crew->single >= 0 || crew->now->parent || local) return tc_interp_threads(m);
  return crew->now->team->range;
}

static void fly_copy(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  const tc_copy *copy = tc_copy_of(m->ir, p->at);
  tc_flight *f = new_flight(m, p, issuers(m, &code->slice[1]), copy->queue);
  add_tile(m, f, &code->slice[0], READER);
  add_tile(m, f, &code->slice[1], WRITER);
  for (uint32_t i = 0; i < f->spans.n; i++)
    add_marks(m, &f->spans.at[i], true, p->at);
  if (!(copy->flags & TC_COPY_SIGNAL)) return;
  tc_tile to;
  tc_interp_tile(m, &code->slice[1], p->at, &to);
  f->bytes = (to.view->elem_bits + 7) / 8;
  for (uint32_t d = 0; d < to.rank; d++)
    f->bytes *= to.extent[d];
  tc_mbar *bar = tc_interp_mbar(m, &code->slice[2], p->at);
  if (!bar->live)
    tc_interp_bad_mbarrier(m, p->at, code->slice[2].buf, "it has not been set up yet");
  f->signal = bar;
  if (!(copy->flags & TC_COPY_EXPECTED)) bar->bytes += f->bytes;
  bar->in_flight_b += f->bytes;
  tc_interp_poke(m->crew, bar);
}

static void fly_gemm(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  tc_flight *f = new_flight(m, p, issuers(m, &code->slice[2]), TC_ASYNC_MMA);
  add_tile(m, f, &code->slice[0], READER);
  add_tile(m, f, &code->slice[1], READER);
  add_tile(m, f, &code->slice[2], PRODUCT);
  for (uint32_t i = 0; i < f->spans.n; i++)
    add_marks(m, &f->spans.at[i], true, p->at);
}

void tc_interp_fly(tc_machine *m, const tc_insn *p) {
  if (tc_is(m->ir, p->at, TC_OP_copy)) {
    fly_copy(m, p);
  } else {
    fly_gemm(m, p);
  }
}

/* ---- the end of a flight ---- */

static void end_reads(tc_machine *m, tc_flight *f) {
  for (uint32_t i = 0; i < f->spans.n && !f->read; i++)
    if (f->spans.at[i].kind == READER) add_marks(m, &f->spans.at[i], false, (tc_value){0});
  f->read = true;
}

/* Takes the flight at *link out of the list. */
static void end_flight(tc_crew *crew, tc_gang *gang, tc_flight **link) {
  tc_flight *f = *link;
  end_reads(crew->m, f);
  for (uint32_t i = 0; i < f->spans.n; i++)
    if (f->spans.at[i].kind != READER) add_marks(crew->m, &f->spans.at[i], false, (tc_value){0});
  if (f->signal) {
    f->signal->bytes -= f->bytes;
    f->signal->in_flight_b -= f->bytes;
  }
  *link = f->next;
  if (gang->last_flight == &f->next) gang->last_flight = link;
  f->next = crew->free_flights;
  crew->free_flights = f;
  crew->n_flights--;
}

/* Thread number `i` of the flight's has waited for it. */
static void wait_once(tc_flight *f, int64_t i, enum waited how) {
  if (f->waited[i] < WAITED_READ && how >= WAITED_READ) f->unread--;
  if (f->waited[i] < WAITED && how == WAITED) f->left--;
  if (f->waited[i] < how) f->waited[i] = (uint8_t)how;
}

typedef struct waiter {
  tc_range threads;
  uint8_t queue;
  const uint32_t *commits; /* by thread of the block; NULL: `before` decides */
  uint32_t pending;
  uint64_t before;
  enum waited how;
} waiter;

static void wait_for(tc_crew *crew, tc_gang *gang, const waiter *w) {
  tc_flight **link = &gang->flights;
  while (*link) {
    tc_flight *f = *link;
    int64_t lo = f->threads.first > w->threads.first ? f->threads.first : w->threads.first;
    int64_t f_end = f->threads.first + f->threads.count, end = w->threads.first + w->threads.count;
    if (f_end < end) end = f_end;
    for (int64_t t = lo; t < end && !f->signal && f->queue == w->queue; t++) {
      uint32_t group = f->group[t - f->threads.first];
      bool late =
          w->commits ? group + (uint64_t)w->pending >= w->commits[t] : f->number >= w->before;
      if (!late) wait_once(f, t - f->threads.first, w->how);
    }
    if (!f->unread) end_reads(crew->m, f);
    if (!f->left) {
      end_flight(crew, gang, link);
    } else {
      link = &f->next;
    }
  }
}

void tc_interp_async(tc_machine *m, const tc_insn *p) {
  const tc_async *async = tc_async_of(m->ir, p->at);
  tc_gang *gang = m->crew->now->gang;
  tc_range threads = tc_interp_threads(m);
  uint32_t *commits = gang->commits + async->queue * m->crew->plan->threads;
  if (tc_is(m->ir, p->at, TC_OP_async_commit)) {
    for (int64_t t = threads.first; t < threads.first + threads.count; t++)
      commits[t]++;
    return;
  }
  wait_for(m->crew, gang,
           &(waiter){.threads = threads,
                     .queue = async->queue,
                     .commits = commits,
                     .pending = async->pending,
                     .how = async->read ? WAITED_READ : WAITED});
}

/* ---- barriers ---- */

tc_mbar *tc_interp_mbar(tc_machine *m, const tc_slice_code *place, tc_value stmt) {
  tc_view *v = tc_interp_view(m, place->buf, stmt);
  uint64_t at = (uint64_t)v->offset, n = v->storage->size_b * 8 / v->elem_bits;
  for (uint32_t d = 0; d < place->rank; d++) {
    int64_t i = tc_interp_int(m, place->base[d], stmt, "the index of the barrier");
    if ((uint64_t)i >= (uint64_t)v->shape[d]) tc_interp_out_of_bounds(m, stmt, v, d, i);
    at += (uint64_t)i * (uint64_t)v->stride[d];
  }
  if (at >= n) tc_interp_outside(m, stmt, v);
  if (v->storage->n_bars < n) {
    v->storage->bars = tc_interp_room(m, n, sizeof *v->storage->bars, stmt);
    v->storage->n_bars = (uint32_t)n;
  }
  return &v->storage->bars[at];
}

void tc_interp_async_arrive(tc_machine *m, const tc_insn *p, tc_mbar *bar) {
  tc_crew *crew = m->crew;
  tc_range threads = tc_interp_threads(m);
  if (threads.count > bar->pending - bar->n_async)
    tc_interp_bad_mbarrier(m, p->at, bar->buf, "more threads arrive than its phase lacks");
  tc_async_arrival *a = crew->free_arrivals;
  if (a) {
    crew->free_arrivals = a->next;
  } else {
    a = tc_interp_room(m, 1, sizeof *a, p->at);
  }
  *a = (tc_async_arrival){bar, threads, crew->next_flight, crew->now->gang->arrivals};
  crew->now->gang->arrivals = a;
  bar->n_async += threads.count;
  tc_interp_release(crew, &bar->clock, threads);
  tc_interp_poke(crew, bar);
}

void tc_interp_deliver(tc_crew *crew, tc_gang *gang, tc_mbar *bar) {
  for (tc_flight **link = &gang->flights; *link;) {
    if ((*link)->signal == bar) {
      end_flight(crew, gang, link);
    } else {
      link = &(*link)->next;
    }
  }
  for (tc_async_arrival **link = &gang->arrivals; *link;) {
    tc_async_arrival *a = *link;
    if (a->bar != bar) {
      link = &a->next;
      continue;
    }
    wait_for(
        crew, gang,
        &(waiter){.threads = a->threads, .queue = TC_ASYNC_CP, .before = a->before, .how = WAITED});
    bar->pending -= a->threads.count;
    bar->n_async -= a->threads.count;
    *link = a->next;
    a->next = crew->free_arrivals;
    crew->free_arrivals = a;
  }
}

void tc_interp_land(tc_crew *crew, tc_gang *gang) {
  while (gang->flights)
    end_flight(crew, gang, &gang->flights);
  while (gang->arrivals) {
    tc_async_arrival *a = gang->arrivals;
    gang->arrivals = a->next;
    a->next = crew->free_arrivals;
    crew->free_arrivals = a;
  }
  memset(gang->commits, 0, TC_QUEUES * (size_t)crew->plan->threads * sizeof *gang->commits);
}

/* ---- who touches it ---- */

static const tc_flight *flight_over(const tc_crew *crew, const tc_marks *marks, uint64_t byte,
                                    bool writes) {
  for (uint32_t g = 0; g < crew->n_gangs; g++)
    for (const tc_flight *f = crew->gangs[g].flights; f; f = f->next)
      for (uint32_t i = 0; i < f->spans.n; i++) {
        const span *s = &f->spans.at[i];
        if (s->marks != marks || byte < s->first_b || byte >= s->end_b) continue;
        if (writes || s->kind != READER) return f;
      }
  return NULL;
}

typedef struct touch {
  const tc_insn *at;
  const tc_view *view;
  bool reads, writes, atomic;
  bool product; /* an asynchronous one, which may follow others on the same accumulator */
  bool async;
  bool same; /* writes what is there already */
} touch;

static void check_bytes(tc_machine *m, const touch *t, uint64_t bit) {
  tc_marks *marks = t->view->storage->marks;
  for (uint64_t b = bit / 8; marks && b < (bit + t->view->elem_bits + 7) / 8; b++) {
    if (b / PAGE_B >= marks->n_pages) return;
    const uint32_t *mark = mark_at(m, marks, b, (tc_value){0});
    uint32_t x = mark ? *mark : 0u;
    if (t->product) x &= ~(uint32_t)(WRITER - PRODUCT);
    if (!t->writes) x &= ~(uint32_t)READERS;
    if (!x) continue;
    const tc_flight *f = flight_over(m->crew, marks, b, t->writes);
    tc_interp_in_flight(m, t->at->at, t->view->buf, t->writes, f ? f->stmt : (tc_value){0},
                        f && f->signal);
  }
}

static void touch_element(tc_machine *m, const touch *t, uint64_t bit, const int64_t *index) {
  check_bytes(m, t, bit);
  if (!m->races) return;
  if (t->atomic) tc_interp_touch_atomic(m, t->view, bit);
  const tc_seen_access how = {t->writes, t->atomic, t->same, t->async};
  tc_interp_visit(m, t->view, bit, index, t->at->at, &how);
}

/* An access that memory orders: it cannot race with another one. */
static bool is_atomic(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_atomic) || tc_is(ir, stmt, TC_OP_atomic_tile)
         || tc_access_of(ir, stmt)->order != TC_ORDER_NONE;
}

static bool is_there(const tc_machine *m, const tc_access_code *a, const tc_view *v, uint64_t bit,
                     uint32_t j) {
  uint32_t from = a->value + (a->wide_value ? j * v->lanes : 0);
  for (uint32_t l = 0; l < v->lanes; l++) {
    tc_reg old = tc_interp_get(v, bit + (uint64_t)l * v->lane_bits, (tc_value){1});
    tc_reg x = m->regs[from + l];
    if (old.poison || x.poison || tc_imm_to_bits(v->lane, old.x) != tc_imm_to_bits(v->lane, x.x))
      return false;
  }
  return true;
}

static void watch_access(tc_machine *m, const tc_insn *p) {
  const tc_access_code *a = p->record;
  bool store = tc_is(m->ir, p->at, TC_OP_store), load = tc_is(m->ir, p->at, TC_OP_load);
  touch t = {.at = p, .reads = !store, .writes = !load, .atomic = is_atomic(m->ir, p->at)};
  for (uint32_t j = 0; j < a->n; j++) {
    int64_t index[TC_INTERP_RANK] = {0};
    uint64_t bit;
    if (!tc_interp_wanted(m, p, a, j)) continue;
    if (!t.view) t.view = tc_interp_view(m, a->buf, p->at);
    if (!t.view->storage->marks && !m->races) return;
    if (!tc_interp_place(m, p, a, t.view, j, &bit)) continue;
    for (uint32_t d = 0; d < a->rank; d++)
      index[d] = m->regs[a->index[d] + (a->wide[d] ? j : 0)].x.i;
    t.same = store && m->races && is_there(m, a, t.view, bit, j);
    touch_element(m, &t, bit, index);
  }
}

static void watch_tile(tc_machine *m, const tc_insn *p, const tc_slice_code *code, touch t) {
  tc_tile tile;
  tc_interp_tile(m, code, p->at, &tile);
  t.at = p;
  t.view = tile.view;
  if (!t.view->storage->marks && !m->races) return;
  for (tc_odometer o = tc_odometer_in(tile.rank, tile.extent); o.more; tc_odometer_next(&o)) {
    int64_t index[TC_INTERP_RANK] = {0};
    uint64_t bit;
    for (uint32_t d = 0; d < tile.rank; d++)
      index[d] = (int64_t)((uint64_t)tile.base[d] + (uint64_t)o.at[d]);
    if (tc_interp_locate(m, &tile, o.at, &bit)) touch_element(m, &t, bit, index);
  }
}

/* The slice that a tile operation writes. */
static uint32_t target_of(uint16_t opcode) {
  if (opcode == TC_OP_gemm) return 2;
  return opcode == TC_OP_fill || opcode == TC_OP_atomic_tile ? 0 : 1;
}

static bool is_async(const tc_ir *ir, tc_value stmt) {
  if (tc_is(ir, stmt, TC_OP_copy)) return tc_copy_of(ir, stmt)->flags & TC_COPY_ASYNC;
  return tc_is(ir, stmt, TC_OP_gemm) && tc_gemm_of(ir, stmt)->async;
}

void tc_interp_watch(tc_machine *m, const tc_insn *p) {
  uint16_t opcode = tc_op_at(m->ir, p->at)->opcode;
  if (!m->crew->n_flights && !m->races) return;
  if (opcode == TC_OP_load || opcode == TC_OP_store || opcode == TC_OP_atomic) {
    watch_access(m, p);
    return;
  }
  const tc_tile_code *code = p->record;
  uint32_t out = target_of(opcode);
  bool async = is_async(m->ir, p->at);
  for (uint32_t k = 0; k < code->n && k <= (out ? out : 1); k++) {
    touch t = {.reads = k != out, .writes = k == out, .async = async};
    t.atomic = opcode == TC_OP_atomic_tile && k == out;
    t.product = async && k == out && opcode == TC_OP_gemm;
    watch_tile(m, p, &code->slice[k], t);
  }
}
