#include "rt/strand_private.h"

#include "rt/os.h"

#include <stdatomic.h>
#include <string.h>

/* Looks without any change before the clock is asked, and how long that may go on. Blocks of other
 * threads may take long over what a block looks for; within one machine nothing else happens. */
static const uint64_t STRAND_IDLE_LOOKS = UINT64_C(1) << 16;
static const uint64_t STRAND_PATIENCE_NS = UINT64_C(1000000000);
static const uint64_t STRAND_FOREIGN_PATIENCE_NS = UINT64_C(60000000000);
enum { STRAND_IDLE_ROUNDS = 1000, STRAND_RESULT_ERROR = -1 };
/* What a waiting strand takes, apart from its scratch: the pages of its stack that are touched. */
enum { STRAND_TOUCHED_B = 12 << 10 };

/* ---- lists ---- */

static void strand_list_clear(strand_list *list) {
  list->first = NULL;
  list->last = &list->first;
}

static void strand_push(strand_list *list, strand *s) {
  s->next = NULL;
  *list->last = s;
  list->last = &s->next;
}

static strand *strand_pop(strand_list *list) {
  strand *s = list->first;
  if (s && !(list->first = s->next)) list->last = &list->first;
  return s;
}

/* ---- the scheduler ---- */

static strand *strand_of(tc_strand *shown) {
  return (strand *)(void *)shown;
}

/* Something has changed that others may have looked for. */
static void strand_advance(strand_machine *m) {
  m->n_idle = 0;
}

static void strand_wake(strand_machine *m, strand *s) {
  s->state = STRAND_READY;
  strand_push(&m->queue, s);
}

static void strand_wake_all(strand_machine *m, strand_list *list) {
  strand *s = list->first;
  strand_list_clear(list);
  for (strand *next; s; s = next) {
    next = s->next;
    strand_wake(m, s);
  }
  strand_advance(m);
}

/* Gives way to the next in the queue, or to home when there is none. Returns when `s` has been put
 * into the queue again and its turn has come. */
static void strand_leave(strand_machine *m, strand *s) {
  strand *next = strand_pop(&m->queue);
  if (next == s) return;
  m->running = next;
  tc_rt_fiber_switch(m->fibers, next ? next->fiber : NULL);
}

static void strand_block_on(strand *s, enum strand_state state, uint32_t site) {
  s->state = state;
  s->site = site;
  strand_leave(s->block->machine, s);
}

/* Ends the launch: home does not come back to any strand. */
static void strand_stop(strand_machine *m, strand *s) {
  m->result = STRAND_RESULT_ERROR;
  m->running = NULL;
  for (;;)
    tc_rt_fiber_switch(m->fibers, NULL);
  (void)s;
}

#define STRAND_FAIL(m, s, code, ...) (tc_rt_fail(&(m)->error, code, __VA_ARGS__), strand_stop(m, s))

/* ---- meetings ---- */

/* The same for all sites at which threads only meet. */
static const uint32_t STRAND_ANY_SITE = UINT32_MAX;

/* True in the strand that comes last. One that comes to another site than the first one waits for
 * ever, and so do the others. */
static bool strand_meet(strand *s, uint32_t group, uint32_t key, uint32_t site) {
  strand_group *g = &s->block->groups[group];
  s->on.group = group;
  s->site = site;
  if (!g->n_came) g->key = key;
  if (g->key != key) {
    strand_block_on(s, STRAND_MEETS, site);
    return false;
  }
  if (++g->n_came == g->n) return true;
  strand_push(&g->waiting, s);
  strand_block_on(s, STRAND_MEETS, site);
  return false;
}

static void strand_met(strand *s, uint32_t group) {
  strand_group *g = &s->block->groups[group];
  g->n_came = 0;
  strand_wake_all(s->block->machine, &g->waiting);
}

static int32_t strand_op_meet(tc_strand *shown, uint32_t group, uint32_t site) {
  return strand_meet(strand_of(shown), group, site, site);
}

static void strand_op_met(tc_strand *shown, uint32_t group) {
  strand_met(strand_of(shown), group);
}

/* ---- barriers ---- */

static void strand_op_barrier(tc_strand *shown, uint32_t group, uint32_t site) {
  strand *s = strand_of(shown);
  if (strand_meet(s, group, STRAND_ANY_SITE, site)) strand_met(s, group);
}

static void strand_op_named(tc_strand *shown, int32_t id, int32_t count, int32_t arrives,
                            uint32_t site) {
  strand *s = strand_of(shown);
  strand_machine *m = s->block->machine;
  strand_named *b = &s->block->named[id];
  s->site = site;
  s->on.id = id;
  if (!b->came) b->count = count;
  if (b->count != count)
    STRAND_FAIL(m, s, TC_RT_E_BARRIER, "%s: barrier %d for %d threads, while others use it for %d",
                tc_rt_strand_site(m, site), (int)id, (int)count, (int)b->count);
  b->came += shown->end - shown->first;
  if (b->came > count)
    STRAND_FAIL(m, s, TC_RT_E_BARRIER, "%s: %d threads come to barrier %d, which is for %d",
                tc_rt_strand_site(m, site), (int)b->came, (int)id, (int)count);
  if (b->came == count) {
    b->came = 0;
    strand_wake_all(m, &b->waiting);
  } else if (!arrives) {
    strand_push(&b->waiting, s);
    strand_block_on(s, STRAND_NAMED, site);
  }
}

static void strand_op_grid(tc_strand *shown, uint32_t site) {
  strand *s = strand_of(shown);
  strand_machine *m = s->block->machine;
  if (++m->n_on_grid == m->n_blocks * m->call->plan->n) {
    m->n_on_grid = 0;
    strand_wake_all(m, &m->on_grid);
    return;
  }
  strand_push(&m->on_grid, s);
  strand_block_on(s, STRAND_GRID, site);
}

/* ---- mbarriers ---- */

static void strand_want_set(strand *s, const tc_mbar *bar, uint32_t site) {
  strand_machine *m = s->block->machine;
  if (!bar->is_set)
    STRAND_FAIL(m, s, TC_RT_E_BARRIER, "%s: the mbarrier has not been initialised",
                tc_rt_strand_site(m, site));
}

/* Ends the phase when nothing is pending, and lets those go on who wait for that. */
static void strand_end_phase(strand *s, tc_mbar *bar) {
  strand_block *b = s->block;
  if (bar->pending || bar->bytes) return;
  bar->phase ^= 1;
  bar->pending = bar->expected;
  strand *waiting = b->on_mbar.first;
  strand_list_clear(&b->on_mbar);
  for (strand *next; waiting; waiting = next) {
    next = waiting->next;
    if (waiting->on.mbar.bar == bar && waiting->on.mbar.parity != bar->phase)
      strand_wake(b->machine, waiting);
    else
      strand_push(&b->on_mbar, waiting);
  }
  strand_advance(b->machine);
}

static void strand_op_init(tc_strand *shown, tc_mbar *bar, int64_t arrivals, uint32_t site) {
  strand *s = strand_of(shown);
  strand_machine *m = s->block->machine;
  if (arrivals < 1 || arrivals >= 1 << 20)
    STRAND_FAIL(m, s, TC_RT_E_BARRIER, "%s: an mbarrier of %lld arrivals",
                tc_rt_strand_site(m, site), (long long)arrivals);
  *bar = (tc_mbar){.expected = (int32_t)arrivals, .pending = (int32_t)arrivals, .is_set = 1};
}

static void strand_op_arrive(tc_strand *shown, tc_mbar *bar, int32_t n, int64_t arrivals,
                             int64_t bytes, uint32_t site) {
  strand *s = strand_of(shown);
  strand_machine *m = s->block->machine;
  strand_want_set(s, bar, site);
  for (int32_t i = 0; i < n; i++) {
    bar->bytes += bytes;
    if (arrivals < 0 || arrivals > bar->pending)
      STRAND_FAIL(m, s, TC_RT_E_BARRIER, "%s: %lld arrivals at an mbarrier of which %d are missing",
                  tc_rt_strand_site(m, site), (long long)arrivals, (int)bar->pending);
    bar->pending -= (int32_t)arrivals;
    if (arrivals) strand_end_phase(s, bar);
  }
}

static void strand_op_wait(tc_strand *shown, const tc_mbar *bar, int64_t parity, uint32_t site) {
  strand *s = strand_of(shown);
  strand_want_set(s, bar, site);
  if (bar->phase != (parity & 1)) return;
  s->on.mbar.bar = bar;
  s->on.mbar.parity = (uint32_t)(parity & 1);
  strand_push(&s->block->on_mbar, s);
  strand_block_on(s, STRAND_MBAR, site);
}

/* ---- warps ---- */

/* The strands of the warp in which `s` is, each of one thread. */
static strand *strand_warp_of(const strand *s, uint32_t *n) {
  uint32_t first = (uint32_t)s->shown.first / STRAND_LANES * STRAND_LANES;
  uint32_t left = s->block->machine->call->plan->n - first;
  *n = left < STRAND_LANES ? left : STRAND_LANES;
  return &s->block->strands[first];
}

/* They take part in one exchange. */
static bool strand_is_with(const strand *a, const strand *b) {
  return a->state == STRAND_WARP && a->site == b->site && a->on.warp.mask == b->on.warp.mask;
}

/* Hands the values of all that take part with the running strand to each of them. */
static void strand_exchange(strand *warp, uint32_t n, const strand *running) {
  strand_machine *m = running->block->machine;
  uint32_t came = 0;
  for (uint32_t i = 0; i < n; i++)
    if (strand_is_with(&warp[i], running)) came |= UINT32_C(1) << i;
  for (uint32_t i = 0; i < n; i++) {
    if (!(came >> i & 1)) continue;
    for (uint32_t k = 0; k < STRAND_LANES; k++)
      warp[i].on.warp.lanes[k] = came >> k & 1 ? warp[k].on.warp.value : 0;
    warp[i].on.warp.came = came;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (!(came >> i & 1)) continue;
    warp[i].state = STRAND_READY;
    if (&warp[i] != running) strand_wake(m, &warp[i]);
  }
  strand_advance(m);
}

/* Everybody whom `s` waits for takes part with it. */
static bool strand_warp_is_full(const strand *warp, uint32_t n, const strand *s) {
  for (uint32_t i = 0; i < n; i++)
    if ((s->on.warp.mask >> i & 1) && !strand_is_with(&warp[i], s)) return false;
  return true;
}

static uint32_t strand_op_warp(tc_strand *shown, uint64_t value, uint32_t mask, uint64_t *lanes,
                               uint32_t site) {
  strand *s = strand_of(shown);
  uint32_t n;
  strand *warp = strand_warp_of(s, &n);
  if (!mask) mask = UINT32_MAX;
  if (!(mask >> (shown->first % STRAND_LANES) & 1)) return 0;
  s->site = site;
  s->state = STRAND_WARP;
  s->on.warp.value = value;
  s->on.warp.lanes = lanes;
  s->on.warp.mask = mask;
  if (strand_warp_is_full(warp, n, s))
    strand_exchange(warp, n, s);
  else
    strand_leave(s->block->machine, s);
  return s->on.warp.came;
}

/* ---- looking ---- */

static void strand_op_look(tc_strand *shown, const void *at, uint64_t bits, int64_t deadline_ns,
                           uint32_t site) {
  strand *s = strand_of(shown);
  strand_machine *m = s->block->machine;
  bool same = s->seen.at == at && s->seen.bits == bits && s->seen.site == site;
  s->site = site;
  if (!same) {
    s->seen.at = at;
    s->seen.bits = bits;
    s->seen.site = site;
    s->seen.since_ns = deadline_ns ? tc_rt_now_ns() : 0;
    strand_advance(m);
  } else if (deadline_ns && tc_rt_now_ns() - s->seen.since_ns > (uint64_t)deadline_ns) {
    STRAND_FAIL(m, s, TC_RT_E_DEADLINE, "%s: nothing has come for %lld ns",
                tc_rt_strand_site(m, site), (long long)deadline_ns);
  }
  s->state = STRAND_LOOKS;
  if (++m->n_idle % STRAND_IDLE_LOOKS == 0) {
    uint64_t now_ns = tc_rt_now_ns();
    if (m->n_idle == STRAND_IDLE_LOOKS) m->idle_since_ns = now_ns;
    uint64_t patience_ns =
        m->call->plan->resident ? STRAND_PATIENCE_NS : STRAND_FOREIGN_PATIENCE_NS;
    bool rounds = m->n_idle / STRAND_IDLE_ROUNDS >= m->n_live;
    if (rounds && now_ns - m->idle_since_ns > patience_ns) {
      tc_rt_strand_report(m, TC_RT_E_DEADLOCK, "the kernel is stuck");
      strand_stop(m, s);
    }
  }
  strand_push(&m->queue, s);
  strand_leave(m, s);
  s->state = STRAND_READY;
}

/* ---- one strand ---- */

static const tc_strand_ops strand_ops = {
    .meet = strand_op_meet,
    .met = strand_op_met,
    .barrier = strand_op_barrier,
    .named = strand_op_named,
    .grid = strand_op_grid,
    .arrive = strand_op_arrive,
    .init = strand_op_init,
    .wait = strand_op_wait,
    .warp = strand_op_warp,
    .look = strand_op_look,
};

static tc_rt_fiber *strand_main(void *data) {
  strand *s = data;
  strand_block *b = s->block;
  strand_machine *m = b->machine;
  const tc_rt_strand_call *call = m->call;
  int32_t result =
      call->fn(call->ptr, call->word, b->at, call->grid, b->scratch, &m->env, &s->shown);
  s->state = STRAND_ENDED;
  m->n_live--;
  strand_advance(m);
  if (result) {
    m->result = result;
    m->running = NULL;
    return NULL;
  }
  m->running = strand_pop(&m->queue);
  return m->running ? m->running->fiber : NULL;
}

/* Printing is done at home: what the program does there may need more stack than a strand has. */
static void strand_print(void *ctx, const char *text, uint64_t n) {
  strand_machine *m = ctx;
  m->print.text = text;
  m->print.n = n;
  m->print.asked = true;
  tc_rt_fiber_switch(m->fibers, NULL);
}

/* ---- a machine ---- */

static uint32_t strand_index_of(const tc_rt_strands *plan, int32_t thread) {
  uint32_t i = 0;
  if (!plan->ranges) return (uint32_t)thread;
  while (i < plan->n && plan->ranges[i].first < thread)
    i++;
  return i;
}

static void strand_set_up(strand_machine *m, uint32_t k, int64_t number, unsigned char *scratch) {
  const tc_rt_strands *plan = m->call->plan;
  const int32_t *grid = m->call->grid;
  strand_block *b = &m->blocks[k];
  strand *strands = b->strands;
  strand_group *groups = b->groups;
  *b = (strand_block){.machine = m, .scratch = scratch, .strands = strands, .groups = groups};
  b->at[0] = (int32_t)(number % grid[0]);
  b->at[1] = (int32_t)(number / grid[0] % grid[1]);
  b->at[2] = (int32_t)(number / grid[0] / grid[1]);
  strand_list_clear(&b->on_mbar);
  for (int i = 0; i < STRAND_NAMED_BARRIERS; i++)
    strand_list_clear(&b->named[i].waiting);
  for (uint32_t i = 0; i < plan->n_groups; i++) {
    uint32_t first = strand_index_of(plan, plan->groups[i].first);
    groups[i] =
        (strand_group){first, strand_index_of(plan, plan->groups[i].end) - first, 0, 0, {0}};
    strand_list_clear(&groups[i].waiting);
  }
  for (uint32_t i = 0; i < plan->n; i++) {
    tc_rt_range range = {(int32_t)i, (int32_t)i + 1};
    if (plan->ranges) range = plan->ranges[i];
    strands[i] = (strand){.shown = {&strand_ops, range.first, range.end, (int32_t)i}, .block = b};
  }
  memset(scratch, 0, (size_t)plan->zeroed_b);
}

/* Makes the fibers. False when there is no memory for all of them. */
static bool strand_start_all(strand_machine *m) {
  m->n_live = m->n_on_grid = 0;
  m->n_idle = 0;
  m->result = 0;
  strand_list_clear(&m->queue);
  strand_list_clear(&m->on_grid);
  uint32_t n = m->n_blocks * m->call->plan->n;
  strand *all = m->blocks[0].strands;
  for (; m->n_live < n; m->n_live++) {
    strand *s = &all[m->n_live];
    s->fiber = tc_rt_fiber_new(m->fibers, strand_main, s);
    if (!s->fiber) return false;
    strand_push(&m->queue, s);
  }
  return true;
}

/* From home, until all strands have ended or one has failed. */
static void strand_run_all(strand_machine *m) {
  while (m->n_live && !m->result) {
    if (m->print.asked) {
      m->print.asked = false;
      m->call->env->print(m->call->env->ctx, m->print.text, m->print.n);
    } else if (!(m->running = strand_pop(&m->queue))) {
      tc_rt_strand_report(m, TC_RT_E_DEADLOCK, "the kernel is stuck");
      m->result = STRAND_RESULT_ERROR;
      return;
    }
    tc_rt_fiber_switch(m->fibers, m->running->fiber);
  }
}

static void strand_run_blocks(strand_machine *m, int64_t first, unsigned char *scratch) {
  for (uint32_t k = 0; k < m->n_blocks; k++)
    strand_set_up(m, k, first + k, scratch + k * m->call->scratch_b);
  if (strand_start_all(m)) {
    strand_run_all(m);
  } else {
    m->result = STRAND_RESULT_ERROR;
    tc_rt_fail(&m->error, TC_RT_E_RESIDENT,
               "no memory for the stacks of %u x %u threads that wait for each other", m->n_blocks,
               m->call->plan->n);
  }
  strand *all = m->blocks[0].strands;
  for (uint32_t i = 0; i < m->n_blocks * m->call->plan->n; i++)
    tc_rt_fiber_free(all[i].fiber);
}

static strand_machine *strand_machine_new(const tc_rt_strand_call *call, uint32_t n_blocks) {
  const tc_rt_strands *plan = call->plan;
  size_t block_b =
      sizeof(strand_block) + plan->n_groups * sizeof(strand_group) + plan->n * sizeof(strand);
  size_t size_b = sizeof(strand_machine) + n_blocks * block_b;
  strand_machine *m = tc_rt_alloc(call->allocator, size_b, _Alignof(max_align_t));
  if (!m) return NULL;
  *m = (strand_machine){.call = call, .n_blocks = n_blocks, .size_b = size_b};
  m->env = (tc_env){m, strand_print};
  m->blocks = (strand_block *)(void *)(m + 1);
  strand_group *groups = (strand_group *)(void *)(m->blocks + n_blocks);
  strand *strands = (strand *)(void *)(groups + n_blocks * plan->n_groups);
  for (uint32_t k = 0; k < n_blocks; k++) {
    m->blocks[k].groups = groups + k * plan->n_groups;
    m->blocks[k].strands = strands + k * plan->n;
  }
  m->fibers = tc_rt_fibers_new(call->allocator, plan->stack_b);
  if (m->fibers) return m;
  tc_rt_free(call->allocator, m, size_b);
  return NULL;
}

static void strand_machine_free(strand_machine *m) {
  tc_rt_fibers_free(m->fibers);
  tc_rt_free(m->call->allocator, m, m->size_b);
}

/* ---- a grid ---- */

struct strand_grid {
  const tc_rt_strand_call *call;
  int64_t n_blocks;
  pthread_mutex_t lock;
  strand_machine *idle; /* one for each thread that has run blocks */
  atomic_bool failed;
  tc_rt_error error; /* of the first that failed */
};

static int32_t strand_fail_grid(strand_grid *g, const tc_rt_error *error) {
  if (!atomic_exchange(&g->failed, true)) g->error = *error;
  return STRAND_RESULT_ERROR;
}

static int32_t strand_fail_memory(strand_grid *g) {
  tc_rt_error error = {0};
  tc_rt_fail(&error, TC_RT_E_WORKSPACE, "out of memory for the threads of a kernel");
  return strand_fail_grid(g, &error);
}

static int32_t strand_finish(strand_grid *g, strand_machine *m) {
  int32_t result = m->result;
  if (result == STRAND_RESULT_ERROR) strand_fail_grid(g, &m->error);
  return result;
}

static int32_t strand_one_block(void *data, int64_t block, unsigned char *scratch) {
  strand_grid *g = data;
  pthread_mutex_lock(&g->lock);
  strand_machine *m = g->idle;
  if (m) g->idle = m->next;
  pthread_mutex_unlock(&g->lock);
  if (!m && !(m = strand_machine_new(g->call, 1))) return strand_fail_memory(g);
  strand_run_blocks(m, block, scratch);
  int32_t result = strand_finish(g, m);
  pthread_mutex_lock(&g->lock);
  m->next = g->idle;
  g->idle = m;
  pthread_mutex_unlock(&g->lock);
  return result;
}

static int32_t strand_whole_grid(void *data, int64_t block, unsigned char *scratch) {
  strand_grid *g = data;
  (void)block;
  strand_machine *m = strand_machine_new(g->call, (uint32_t)g->n_blocks);
  if (!m) return strand_fail_memory(g);
  strand_run_blocks(m, 0, scratch);
  int32_t result = strand_finish(g, m);
  strand_machine_free(m);
  return result;
}

/* The system grants more memory than there is, so what a resident grid needs is measured. */
static uint32_t strand_measure(const tc_rt_strand_call *call, int64_t n_blocks,
                               tc_rt_error *error) {
  uint64_t of_block_b = call->scratch_b + (uint64_t)call->plan->n * STRAND_TOUCHED_B;
  uint64_t limit_b = tc_rt_memory_b("") / 4 * 3;
  if ((uint64_t)n_blocks <= limit_b / of_block_b && n_blocks <= INT32_MAX / call->plan->n)
    return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_RESIDENT,
                    "the blocks wait for each other, so that all %lld must run at once, and this "
                    "machine has memory for %llu",
                    (long long)n_blocks, (unsigned long long)(limit_b / of_block_b));
}

uint32_t tc_rt_strand_run(tc_rt_run_fn *run, void *pool, const tc_rt_strand_call *call,
                          int32_t *result, tc_rt_error *error) {
  int64_t n_blocks = (int64_t)call->grid[0] * call->grid[1] * call->grid[2];
  strand_grid g = {.call = call, .n_blocks = n_blocks};
  bool resident = call->plan->resident;
  if (resident && strand_measure(call, n_blocks, error)) return error->code;
  if (pthread_mutex_init(&g.lock, NULL))
    return tc_rt_fail(error, TC_RT_E_THREAD, "no lock for the threads of a kernel");
  uint64_t scratch_b = resident ? call->scratch_b * (uint64_t)n_blocks : call->scratch_b;
  uint32_t code = run(pool, resident ? strand_whole_grid : strand_one_block, &g,
                      resident ? 1 : n_blocks, scratch_b, result, error);
  for (strand_machine *m = g.idle, *next; m; m = next) {
    next = m->next;
    strand_machine_free(m);
  }
  pthread_mutex_destroy(&g.lock);
  if (code || !atomic_load(&g.failed)) return code;
  *error = g.error;
  return error->code;
}
