/* Atomic updates. Only global memory is shared by blocks that run at the same time; elsewhere a
 * block is a single thread and a plain update does. */
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>

static const char *order_name(uint8_t order) {
  switch ((enum tc_order)order) {
  case TC_ORDER_NONE:
  case TC_ORDER_RELAXED:
    return "__ATOMIC_RELAXED";
  case TC_ORDER_ACQUIRE:
    return "__ATOMIC_ACQUIRE";
  case TC_ORDER_RELEASE:
    return "__ATOMIC_RELEASE";
  case TC_ORDER_ACQ_REL:
    return "__ATOMIC_ACQ_REL";
  case TC_ORDER_SEQ_CST:
    break;
  }
  return "__ATOMIC_SEQ_CST";
}

/* One element: what is done to it, and where. Operands are names or literals of the compute type.
 */
typedef struct update {
  enum tc_atomic_kind kind;
  const char *order;
  tc_buf buf;
  tc_type elem;   /* one lane */
  const char *at; /* element number, a name */
  const char *value, *expected;
  const char *previous; /* variable that receives the old element, or NULL */
} update;

/* The new element for the old one, `x`. CAS compares bits, as hardware does. */
static const char *new_value(tc_cemit *e, const update *u, const char *x) {
  enum tc_opcode code = tc_atomic_op(u->kind);
  if (code != TC_OP_none) return tc_ce_binary(e, code, u->elem, x, u->value);
  if (u->kind == TC_ATOMIC_EXCHANGE) return u->value;
  return tc_ce_text(e, "%s == %s ? %s : %s", tc_ce_bits(e, u->elem, x),
                    tc_ce_bits(e, u->elem, u->expected), u->value, x);
}

static void plain_update(tc_cemit *e, const update *u) {
  const char *type = tc_ce_type(u->elem);
  const char *old = tc_cw_temp(&e->w, type, "%s", tc_ce_get(e, u->buf, u->at));
  const char *now = tc_cw_temp(&e->w, type, "%s", new_value(e, u, old));
  tc_cw_line(&e->w, "%s", tc_ce_put(e, u->buf, u->at, tc_ce_encode(e, u->elem, now)));
  if (u->previous) tc_cw_line(&e->w, "%s = %s;", u->previous, old);
}

/* What one machine instruction does: ints of whole bytes. */
static const char *builtin_of(enum tc_atomic_kind kind) {
  switch (kind) {
  case TC_ATOMIC_ADD:
    return "fetch_add";
  case TC_ATOMIC_AND:
    return "fetch_and";
  case TC_ATOMIC_OR:
    return "fetch_or";
  case TC_ATOMIC_XOR:
    return "fetch_xor";
  case TC_ATOMIC_EXCHANGE:
    return "exchange_n";
  case TC_ATOMIC_MIN:
  case TC_ATOMIC_MAX:
  case TC_ATOMIC_CAS:
    break;
  }
  return NULL;
}

/* The containing word is exchanged until nobody came between. */
static void exchange_loop(tc_cemit *e, const update *u) {
  uint32_t bits = tc_type_bits(u->elem), word = bits < 8 ? 8 : bits;
  const char *ptr = tc_ce_base(e, u->buf), *type = tc_ce_type(u->elem);
  bool packed = bits < 8;
  const char *at = packed ? tc_ce_text(e, "%s / %u", u->at, 8 / bits) : u->at;
  tc_cw_open(&e->w, "%s", "");
  tc_cw_line(&e->w, "tc_u%u *const word = (tc_u%u *)(%s + %s);", word, word, ptr, at);
  tc_cw_line(&e->w, "tc_u%u old = __atomic_load_n(word, __ATOMIC_RELAXED), now;", word);
  if (packed) tc_cw_line(&e->w, "const int shift = (int)(%s %% %u) * %u;", u->at, 8 / bits, bits);
  const char *part = packed ? tc_ce_text(e, "(old >> shift & %u)", (1u << bits) - 1) : "old";
  tc_cw_line(&e->w, "%s x;", type);
  tc_cw_open(&e->w, "do");
  tc_cw_line(&e->w, "x = %s;", tc_ce_of_bits(e, u->elem, part));
  tc_cw_line(&e->w, "const %s y = %s;", type, new_value(e, u, "x"));
  const char *set = tc_ce_bits(e, u->elem, "y");
  if (packed)
    tc_cw_line(&e->w, "now = (tc_u8)((old & ~(%u << shift)) | (int)(%s) << shift);",
               (1u << bits) - 1, set);
  else
    tc_cw_line(&e->w, "now = (tc_u%u)(%s);", word, set);
  tc_cw_close(&e->w);
  tc_cw_line(&e->w,
             "while (!__atomic_compare_exchange_n(word, &old, now, 0, %s, __ATOMIC_RELAXED));",
             u->order);
  if (u->previous) tc_cw_line(&e->w, "%s = x;", u->previous);
  tc_cw_close(&e->w);
}

static void print_update(tc_cpu *c, tc_value stmt, const update *u) {
  tc_cemit *e = c->e;
  if (tc_buf_at(e->ir, u->buf)->scope != TC_SCOPE_global) {
    plain_update(e, u);
    return;
  }
  uint32_t bits = tc_type_bits(u->elem);
  if (bits == 6) tc_ce_refuse(e, stmt, "an atomic update of 6-bit elements");
  const char *builtin = tc_is_int(u->elem) && bits >= 8 ? builtin_of(u->kind) : NULL;
  if (!builtin) {
    exchange_loop(e, u);
    return;
  }
  const char *call = tc_ce_text(e, "__atomic_%s(%s + %s, %s, %s);", builtin, tc_ce_base(e, u->buf),
                                u->at, u->value, u->order);
  tc_cw_line(&e->w, u->previous ? "%s = %s" : "%s%s", u->previous ? u->previous : "", call);
}

/* ---- one element, or the lanes of one ---- */

/* An iteration's part of a sum that nest_sums.c keeps in lanes. */
static void update_sum(tc_cpu *c, const update *u, const char *cell) {
  const char *now = new_value(c->e, u, cell);
  tc_cw_line(&c->e->w, "%s = %s;", cell, now);
}

static void update_lane(tc_cpu *c, tc_value stmt, const update *plan, uint32_t lane) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, plan->buf);
  const tc_value *index = tc_inputs_of(e->ir, op);
  tc_value value = index[b->rank];
  update u = *plan;
  u.value = tc_ce_ref(e, value, lane % tc_value_type(e->ir, value).lanes);
  if (c->sum_lanes[stmt.id]) {
    update_sum(c, &u, c->sum_lanes[stmt.id]);
    return;
  }
  if (u.kind == TC_ATOMIC_CAS) {
    tc_value expected = index[b->rank + 1];
    u.expected = tc_ce_ref(e, expected, lane % tc_value_type(e->ir, expected).lanes);
  }
  if (e->placed.uses[stmt.id]) {
    u.previous = tc_ce_ref(e, stmt, lane);
    tc_cw_line(&e->w, "%s %s = 0;", tc_ce_type(u.elem), u.previous);
  }
  bool together = tc_cpu_open_meeting(c, stmt);
  const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), lane / b->elem.lanes);
  tc_cw_open(&e->w, "%s", cond ? tc_ce_text(e, "if (%s)", cond) : "");
  u.at = b->scope == TC_SCOPE_var
             ? "0"
             : tc_cw_temp(&e->w, "tc_i64", "%s", tc_ce_offset(e, u.buf, index, lane));
  print_update(c, stmt, &u);
  if (u.previous && b->scope != TC_SCOPE_var)
    tc_cpu_look(c, stmt, tc_ce_text(e, "%s + %s", tc_ce_base(e, u.buf), u.at),
                tc_ce_bits(e, u.elem, u.previous));
  tc_cw_close(&e->w);
  if (!together) return;
  const char *all = u.previous ? tc_cpu_common(c, tc_ce_type(u.elem), 8) : NULL;
  if (all) tc_cw_line(&e->w, "*%s = %s;", all, u.previous);
  tc_cpu_close_meeting(c);
  if (all) tc_cw_line(&e->w, "%s = *%s;", u.previous, all);
}

void tc_cpu_atomic(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, a->buf);
  if (b->scope == TC_SCOPE_var && b->elem.lanes > 1)
    tc_ce_refuse(e, stmt, "an atomic update of a vector variable");
  update plan = {.kind = (enum tc_atomic_kind)a->kind,
                 .order = order_name(a->order),
                 .buf = a->buf,
                 .elem = {b->elem.dtype, 0, 1}};
  uint32_t lanes = tc_ce_points(e, b, tc_inputs_of(e->ir, tc_op_at(e->ir, stmt))) * b->elem.lanes;
  for (uint32_t lane = 0; lane < lanes; lane++)
    update_lane(c, stmt, &plan, lane);
}

/* ---- a tile ---- */

/* The element of the source for the current point, in the destination's type. */
static const char *tile_value(tc_cpu *c, const tc_side *from, const char *const *at, tc_type to) {
  tc_cemit *e = c->e;
  tc_type elem = {from->b->elem.dtype, 0, 1};
  const char *x = tc_ce_cast(e, elem, to, tc_ce_get(e, from->buf, tc_cpu_point(c, from, at)));
  const char *in = tc_cpu_inside(c, from, at);
  return in ? tc_ce_text(e, "(%s ? %s : 0)", in, x) : x;
}

static void update_tile(tc_cpu *c, tc_value stmt, const tc_side *to, const tc_side *from,
                        update *u) {
  tc_cemit *e = c->e;
  int map[TC_CPU_RANK];
  const char *at[TC_CPU_RANK] = {0}, *from_at[TC_CPU_RANK] = {0};
  if (from) tc_cpu_match(c, stmt, to, from, map);
  uint32_t opened = 0;
  for (uint32_t d = 0; d < to->rank; d++) {
    if (to->d[d].extent_k == 1) continue;
    at[d] = tc_ce_text(e, "i%u", d);
    tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", at[d], at[d], to->d[d].extent, at[d]);
    opened++;
    if (from && map[d] >= 0) from_at[map[d]] = at[d];
  }
  const char *in = tc_cpu_inside(c, to, at);
  tc_cw_open(&e->w, "%s", in ? tc_ce_text(e, "if (%s)", in) : "");
  u->at = tc_cw_temp(&e->w, "tc_i64", "%s", tc_cpu_point(c, to, at));
  if (from)
    u->value = tc_cw_temp(&e->w, tc_ce_type(u->elem), "%s", tile_value(c, from, from_at, u->elem));
  print_update(c, stmt, u);
  for (uint32_t k = 0; k <= opened; k++)
    tc_cw_close(&e->w);
}

void tc_cpu_atomic_tile(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  if (a->kind == TC_ATOMIC_CAS) tc_ce_refuse(e, stmt, "compare-and-swap of a tile");
  tc_cw_open(&e->w, "%s", "");
  tc_side to = tc_cpu_side(c, tc_input(e->ir, op, 0)), from = {0};
  tc_value source = tc_input(e->ir, op, 1);
  bool is_tile = tc_is(e->ir, source, TC_OP_slice);
  if (is_tile) from = tc_cpu_side(c, source);
  if (to.b->elem.lanes != 1 || (is_tile && from.b->elem.lanes != 1))
    tc_ce_refuse(e, stmt, "this operation on a buffer of vectors");
  update u = {.kind = (enum tc_atomic_kind)a->kind,
              .order = order_name(a->order),
              .buf = to.buf,
              .elem = {to.b->elem.dtype, 0, 1}};
  if (!is_tile) {
    tc_type type = {tc_value_type(e->ir, source).dtype, 0, 1};
    u.value = tc_cw_temp(&e->w, tc_ce_type(u.elem), "%s",
                         tc_ce_cast(e, type, u.elem, tc_ce_ref(e, source, 0)));
  }
  update_tile(c, stmt, &to, is_tile ? &from : NULL, &u);
  tc_cw_close(&e->w);
}

/* ---- loads and stores with an order ---- */

static const char *side_order(uint8_t order, bool is_load) {
  if (order == TC_ORDER_RELAXED) return "__ATOMIC_RELAXED";
  if (is_load && (order == TC_ORDER_ACQUIRE || order == TC_ORDER_ACQ_REL))
    return "__ATOMIC_ACQUIRE";
  if (!is_load && (order == TC_ORDER_RELEASE || order == TC_ORDER_ACQ_REL))
    return "__ATOMIC_RELEASE";
  return "__ATOMIC_SEQ_CST";
}

bool tc_cpu_ordered_access(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_access *a = tc_access_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, a->buf);
  bool looks = c->threads->needed && c->threads->looks[stmt.id];
  if (a->order == TC_ORDER_NONE || (b->scope != TC_SCOPE_global && !looks)) return false;
  bool is_load = tc_is(e->ir, stmt, TC_OP_load);
  uint32_t bits = tc_type_bits((tc_type){b->elem.dtype, 0, 1});
  const tc_value *index = tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
  if (b->elem.lanes != 1 || tc_ce_points(e, b, index) != 1 || bits < 8)
    tc_ce_refuse(e, stmt, "an ordered access of several elements or of part of a byte");
  const char *order = side_order(a->order, is_load),
             *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), 0);
  const char *at = tc_ce_offset(e, a->buf, index, 0);
  const char *word = tc_ce_text(e, "(tc_u%u *)(%s + (%s))", bits, tc_ce_base(e, a->buf), at);
  if (is_load) {
    tc_value other = tc_access_else(e->ir, stmt);
    const char *type = tc_ce_type(tc_value_type(e->ir, stmt)), *name = tc_ce_ref(e, stmt, 0);
    tc_cw_line(&e->w, "%s %s = %s;", type, name, other.id ? tc_ce_ref(e, other, 0) : "0");
    const char *got =
        tc_ce_of_bits(e, b->elem, tc_ce_text(e, "__atomic_load_n(%s, %s)", word, order));
    tc_cw_line(&e->w, cond ? "if (%s) %s = %s;" : "%s%s = %s;", cond ? cond : "", name, got);
    tc_cpu_look(c, stmt, tc_ce_text(e, "%s + (%s)", tc_ce_base(e, a->buf), at),
                tc_ce_bits(e, b->elem, name));
    return true;
  }
  const char *set = tc_ce_bits(e, b->elem, tc_ce_ref(e, tc_access_value(e->ir, stmt), 0));
  tc_cw_line(&e->w,
             cond ? "if (%s) __atomic_store_n(%s, (tc_u%u)(%s), %s);"
                  : "%s__atomic_store_n(%s, (tc_u%u)(%s), %s);",
             cond ? cond : "", word, bits, set, order);
  return true;
}
