/* Groups, per-thread code, barriers and waits; see strands.h. */
#include "target/cpu/cpu_impl.h"

#include "ir/form.h"

#include <inttypes.h>

/* ---- places ---- */

uint32_t tc_cpu_site(tc_cpu *c, tc_value stmt, const char *what) {
  tc_cemit *e = c->e;
  tc_place place;
  tc_span span = tc_op_at(e->ir, stmt)->span;
  const tc_source *source = e->ir->diags->source;
  bool known = source && tc_source_place(source, span, &place);
  const char *text =
      known ? tc_ce_text(e, "%s:%u: %s", place.file, place.line, what) : tc_ce_text(e, "%s", what);
  tc_vec_push(e->arena, &c->threads->sites, text);
  return c->threads->sites.n - 1;
}

/* True when the statement is reached by several strands that must do something together. */
static bool is_crowd(const tc_cpu *c) {
  return c->threads->needed && !c->in_perthread && tc_strands_of(c->threads, c->group) > 1;
}

/* ---- meetings ---- */

/* What the iterations of a parallel loop write that outlives them. */
typedef struct writes {
  bool local, common;
} writes;

static void note_written(tc_ir *ir, tc_buf buf, writes *w) {
  enum tc_scope scope = tc_buf_at(ir, buf)->scope;
  if (scope == TC_SCOPE_local) w->local = true;
  if (scope != TC_SCOPE_local && scope != TC_SCOPE_var) w->common = true;
}

static bool note_writes(tc_ir *ir, tc_value stmt, void *data) {
  tc_buf buf = tc_written_buf(ir, stmt);
  if (buf.id) note_written(ir, buf, data);
  return true;
}

/* What strands do once. Buffers that each strand has for itself are written by each. */
static bool is_done_once(tc_cpu *c, tc_value stmt) {
  tc_ir *ir = c->e->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  writes w = {0};
  switch ((int)op->opcode) {
  case TC_OP_print:
    return true;
  case TC_OP_mbarrier:
    return tc_mbarrier_of(ir, stmt)->kind == TC_MBAR_INIT;
  case TC_OP_parallel:
    tc_walk(ir, tc_child(ir, op, 0), note_writes, &w);
    if (w.local && w.common)
      tc_ce_refuse(c->e, stmt, "a parallel loop that writes local and shared buffers");
    return !w.local;
  default:
    note_writes(ir, stmt, &w);
    return w.common;
  }
}

bool tc_cpu_open_meeting(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  if (e->in_parallel || !is_crowd(c) || !is_done_once(c, stmt)) return false;
  uint32_t site = tc_cpu_site(c, stmt, tc_op_row((enum tc_opcode)op->opcode)->name);
  tc_cw_open(&e->w, "if (strand->ops->meet(strand, %u, %u))",
             tc_strands_group(c->threads, c->group), site);
  return true;
}

void tc_cpu_close_meeting(tc_cpu *c) {
  tc_cw_line(&c->e->w, "strand->ops->met(strand, %u);", tc_strands_group(c->threads, c->group));
  tc_cw_close(&c->e->w);
}

/* ---- groups and threads ---- */

void tc_cpu_group(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  tc_rt_range outer = c->group, group = tc_strands_range(tc_group_of(e->ir, stmt));
  bool all = group.first == outer.first && group.end == outer.end;
  if (c->threads->needed && !all)
    tc_cw_open(&e->w, "if (first_thread >= %d && end_thread <= %d)", group.first, group.end);
  else
    tc_cw_open(&e->w, "%s", "");
  c->group = group;
  tc_ce_region(e, tc_child(e->ir, tc_op_at(e->ir, stmt), 0));
  c->group = outer;
  tc_cw_close(&e->w);
}

const char *tc_cpu_name_thread(tc_cpu *c, const tc_group *g) {
  tc_cemit *e = c->e;
  if (!g->thread.id) return "thread";
  const char *name = tc_ce_name_var(e, g->thread);
  tc_type type = tc_var_at(e->ir, g->thread)->type;
  e->var_wide[g->thread.id] = name;
  e->var_names[g->thread.id] = tc_ce_text(e, "((%s)%s)", tc_ce_type(type), name);
  return name;
}

void tc_cpu_threads_of(tc_cpu *c, const tc_group *g, const char **first, const char **end) {
  tc_cemit *e = c->e;
  tc_rt_range range = tc_strands_range(g);
  *first = tc_ce_text(e, "%d", range.first);
  *end = tc_ce_text(e, "%d", range.end);
  if (!c->threads->needed) return;
  bool all = range.first <= c->group.first && range.end >= c->group.end;
  *first = all ? "first_thread" : tc_ce_text(e, "tc_max64(first_thread, %d)", range.first);
  *end = all ? "end_thread" : tc_ce_text(e, "tc_min64(end_thread, %d)", range.end);
}

/* The region is a straight line of loads and stores: without data races between its threads, that
 * is a loop of independent iterations. */
static bool is_straight(const tc_ir *ir, tc_region region) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint16_t opcode = tc_op_at(ir, block->ops.at[i])->opcode;
    if (opcode == TC_OP_eval || opcode == TC_OP_assume) continue;
    if (opcode != TC_OP_load && opcode != TC_OP_store) return false;
    tc_type elem = tc_buf_at(ir, tc_access_buf(ir, block->ops.at[i]))->elem;
    if (tc_ce_is_packed(elem) || tc_access_of(ir, block->ops.at[i])->order != TC_ORDER_NONE)
      return false;
  }
  return true;
}

void tc_cpu_perthread(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_group *g = tc_group_of(e->ir, stmt);
  tc_region region = tc_child(e->ir, tc_op_at(e->ir, stmt), 0);
  bool outer_parallel = e->in_parallel;
  uint32_t cut = tc_strands_cut(e->ir, region);
  c->in_perthread = e->in_parallel = true;
  if (cut != UINT32_MAX && !c->threads->single) {
    tc_cpu_lockstep(c, stmt, cut);
  } else {
    const char *name = tc_cpu_name_thread(c, g), *first, *end;
    tc_cpu_threads_of(c, g, &first, &end);
    if (is_straight(e->ir, region)) tc_cw_prefix(&e->w, e->target->independent);
    tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, first, name, end, name);
    tc_cpu_open_own(c, region, name);
    tc_ce_region(e, region);
    tc_cpu_close_own(c);
    tc_cw_close(&e->w);
  }
  c->in_perthread = false;
  e->in_parallel = outer_parallel;
}

/* ---- barriers ---- */

/* The threads for which the strand stands at a statement. */
static const char *n_threads(const tc_cpu *c) {
  return c->in_perthread ? "1" : "(tc_i32)(end_thread - first_thread)";
}

static void numbered_barrier(tc_cpu *c, tc_value stmt, const tc_barrier *b) {
  int64_t count = b->count ? b->count : c->group.end - c->group.first;
  const char *what = tc_ce_text(c->e, "barrier %d", (int)b->id);
  tc_cw_line(&c->e->w, "strand->ops->named(strand, %d, %" PRId64 ", %d, %u);", (int)b->id, count,
             b->arrive, tc_cpu_site(c, stmt, what));
}

void tc_cpu_barrier(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_barrier *b = tc_barrier_of(e->ir, stmt);
  uint32_t group = tc_strands_group(c->threads, c->group);
  bool many = c->threads->needed && tc_strands_of(c->threads, c->group) > 1;
  switch ((enum tc_sync_scope)b->sync_scope) {
  case TC_SYNC_WARP:
    if (!c->in_perthread) return;
    tc_cw_open(&e->w, "%s", "");
    tc_cw_line(&e->w, "tc_u64 lanes[%d];", TC_WARP);
    tc_cw_line(&e->w, "strand->ops->warp(strand, 0, 0, lanes, %u);",
               tc_cpu_site(c, stmt, "barrier of a warp"));
    tc_cw_close(&e->w);
    return;
  case TC_SYNC_DEVICE:
  case TC_SYNC_SYSTEM:
    tc_cw_line(&e->w, "strand->ops->grid(strand, %u);",
               tc_cpu_site(c, stmt, "barrier of all blocks"));
    return;
  case TC_SYNC_CLUSTER:
    if (c->has_clusters) tc_ce_refuse(e, stmt, "a barrier of a cluster of blocks");
    break;
  case TC_SYNC_BLOCK:
    break;
  }
  if (b->id >= 0 && c->threads->needed)
    numbered_barrier(c, stmt, b);
  else if (many)
    tc_cw_line(&e->w, "strand->ops->barrier(strand, %u, %u);", group,
               tc_cpu_site(c, stmt, "barrier"));
}

/* ---- mbarriers ---- */

static const char *mbar_at(tc_cpu *c, tc_buf buf, const tc_value *index) {
  tc_cemit *e = c->e;
  return tc_ce_text(e, "&%s[%s]", tc_ce_base(e, buf), tc_ce_offset(e, buf, index, 0));
}

void tc_cpu_mbarrier(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_mbarrier *x = tc_mbarrier_of(e->ir, stmt);
  const char *at = mbar_at(c, x->buf, tc_inputs_of(e->ir, tc_op_at(e->ir, stmt)));
  tc_value given = tc_mbarrier_operand(e->ir, stmt);
  const char *operand = given.id ? tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, given, 0)) : "1";
  const char *what = tc_ce_text(e, "mbarrier %s", tc_word(TC_WORDS_mbarrier, x->kind));
  uint32_t site = tc_cpu_site(c, stmt, what);
  const char *arrivals = "0", *bytes = "0";
  switch ((enum tc_mbarrier_kind)x->kind) {
  case TC_MBAR_INIT:
    tc_cw_line(&e->w, "strand->ops->init(strand, %s, %s, %u);", at, operand, site);
    return;
  case TC_MBAR_WAIT:
    tc_cw_line(&e->w, "strand->ops->wait(strand, %s, %s, %u);", at, operand, site);
    return;
  case TC_MBAR_ARRIVE:
  case TC_MBAR_ASYNC_ARRIVE: /* copies are done where they are issued */
    arrivals = operand;
    break;
  case TC_MBAR_EXPECT_TX:
    bytes = operand;
    break;
  case TC_MBAR_ARRIVE_EXPECT_TX:
    arrivals = "1";
    bytes = operand;
    break;
  }
  tc_cw_line(&e->w, "strand->ops->arrive(strand, %s, %s, %s, %s, %u);", at, n_threads(c), arrivals,
             bytes, site);
}

/* ---- waiting for memory ---- */

void tc_cpu_look(tc_cpu *c, tc_value stmt, const char *at, const char *bits) {
  if (!c->threads->needed || !c->threads->looks[stmt.id]) return;
  tc_cw_line(&c->e->w, "strand->ops->look(strand, %s, (tc_u64)%s, 0, %u);", at, bits,
             tc_cpu_site(c, stmt, "a loop that waits for memory"));
}

static const char *relation_of(tc_cemit *e, enum tc_relation relation, const char *x,
                               const char *y) {
  static const char *const signs[] = {
      [TC_REL_EQ] = "==", [TC_REL_NE] = "!=", [TC_REL_GE] = ">=",
      [TC_REL_GT] = ">",  [TC_REL_LE] = "<=", [TC_REL_LT] = "<",
  };
  return tc_ce_text(e, "%s %s %s", x, signs[relation], y);
}

void tc_cpu_wait(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_wait *x = tc_wait_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, x->buf);
  const tc_value *index = tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
  uint32_t bits = tc_type_bits((tc_type){b->elem.dtype, 0, 1});
  if (b->elem.lanes != 1 || bits < 8)
    tc_ce_refuse(e, stmt, "a wait for several elements or for part of a byte");
  tc_cw_open(&e->w, "for (;;)");
  tc_cw_line(&e->w, "const tc_u%u *const word = (const tc_u%u *)(%s + (%s));", bits, bits,
             tc_ce_base(e, x->buf), tc_ce_offset(e, x->buf, index, 0));
  tc_cw_line(&e->w, "const tc_u%u bits = __atomic_load_n(word, __ATOMIC_ACQUIRE);", bits);
  const char *seen =
      tc_cw_temp(&e->w, tc_ce_type(b->elem), "%s", tc_ce_of_bits(e, b->elem, "bits"));
  tc_cw_line(&e->w, "if (%s) break;",
             relation_of(e, (enum tc_relation)x->relation, seen, tc_ce_ref(e, index[b->rank], 0)));
  tc_cw_line(&e->w, "strand->ops->look(strand, word, bits, %" PRId64 ", %u);", x->deadline_ns,
             tc_cpu_site(c, stmt, "wait"));
  tc_cw_close(&e->w);
}
