/* Reductions of fragments: each thread combines what it holds, then threads that hold parts of one
 * line exchange theirs, lanes of a warp by shuffles and warps through shared memory.
 *
 * All that share a line end with the same bits: partners combine the same two numbers. */
#include "pass/lower.h"

#include "ir/form.h"
#include "ir/scalar.h"
#include "ir/typing.h"

typedef struct reduction {
  tc_lower *lw;
  tc_reduce how;
  tc_lower_buf *from, *to;
  tc_type type; /* in which elements are combined */
  enum tc_opcode op;
  const tc_layout *lines; /* of what is left of the source */
  tc_value *part;         /* by slot of `lines`; 0: nothing */
} reduction;

static tc_value neutral(const reduction *r) {
  return tc_const_imm(r->lw->ir, r->type,
                      tc_reduce_neutral((enum tc_reduce_kind)r->how.kind, r->type));
}

static tc_value combine(reduction *r, tc_value a, tc_value b) {
  if (!a.id) return b;
  return b.id ? tc_binary(r->lw->ir, r->op, a, b) : a;
}

static tc_value slot_value(reduction *r, tc_lower_buf *b, int64_t slot) {
  tc_lower_access a = {.n = 1, .rank = 1};
  int64_t index;
  a.buf = tc_lower_slot(r->lw, b, slot, &index);
  a.index[0][0] = tc_i32(r->lw->ir, index);
  tc_lower_load(r->lw, &a);
  return tc_cast(r->lw->ir, a.value[0], r->type);
}

/* What pads the source does not count. */
static tc_value source_value(reduction *r, int64_t slot) {
  tc_lower *lw = r->lw;
  tc_ir *ir = lw->ir;
  const tc_layout *l = r->from->layout;
  tc_value x = slot_value(r, r->from, slot), valid = {0};
  bool size = r->how.kind == TC_RED_ABSMAX || r->how.kind == TC_RED_ABSSUM;
  if (size && !tc_is_bool(r->type)) x = tc_unary(ir, TC_OP_abs, x);
  for (uint32_t d = 0; d < l->n_dims; d++)
    if (tc_layout_box(l, d) > l->bound[d])
      valid = tc_and(
          ir, valid,
          tc_binary(ir, TC_OP_lt, tc_lower_coordinate(lw, l, d, slot), tc_i32(ir, l->bound[d])));
  return valid.id ? tc_select(ir, valid, x, neutral(r)) : x;
}

static void combine_slots(reduction *r) {
  const tc_layout *l = r->from->layout;
  for (int64_t s = 0; s < l->size[TC_SPACE_slot]; s++) {
    int64_t line = tc_layout_same_slot(r->lines, l, s, (int)r->how.dim);
    if (line == -2) continue;
    if (line < 0) tc_lower_refuse(r->lw, "a reduction of a fragment with this layout");
    r->part[line] = combine(r, r->part[line], source_value(r, s));
  }
}

/* ---- between threads ---- */

static void by_shuffles(reduction *r, int64_t from, int64_t to) {
  for (int64_t i = 0; i < r->lines->size[TC_SPACE_slot]; i++)
    for (int64_t away = from; away < to && r->part[i].id; away *= 2) {
      tc_value other = tc_lower_shuffle_xor(r->lw, r->part[i], away);
      r->part[i] = combine(r, r->part[i], other);
    }
}

/* Through an array with a place for each thread: digit (thread / div) % mod runs over partners. */
static void by_memory(reduction *r, int64_t div, int64_t mod) {
  tc_lower *lw = r->lw;
  tc_ir *ir = lw->ir;
  tc_value local = tc_lower_local(lw), mine = tc_lower_div(lw, local, div);
  if (div * mod < lw->count) mine = tc_lower_mod(lw, mine, mod);
  tc_value first = tc_lower_add(lw, local, tc_lower_mul(lw, mine, -div));
  tc_buf array = tc_lower_scratch(lw, r->type);
  for (int64_t i = 0; i < r->lines->size[TC_SPACE_slot]; i++) {
    tc_lower_access put = {.buf = array, .n = 1, .rank = 1};
    tc_value all = {0};
    if (!r->part[i].id) continue;
    put.index[0][0] = local;
    put.value[0] = r->part[i];
    tc_lower_store(lw, &put);
    tc_lower_meet(lw, "all threads have put their parts of the result");
    for (int64_t k = 0; k < mod; k++) {
      tc_lower_access get = {.buf = array, .n = 1, .rank = 1};
      get.index[0][0] = tc_lower_add(lw, first, tc_i32(ir, k * div));
      tc_lower_load(lw, &get);
      all = combine(r, all, get.value[0]);
    }
    r->part[i] = all;
    tc_lower_meet(lw, "all threads have read the parts, whose place is used again");
  }
}

static bool is_power(int64_t x) {
  return x > 0 && (x & (x - 1)) == 0;
}

static int64_t count_of(const tc_layout_term *t, int64_t threads) {
  return t->mod ? t->mod : threads / t->div;
}

/* Threads [div, div * mod) apart hold parts: lanes by shuffles, warps through memory. */
static void combine_digit(reduction *r, int64_t div, int64_t mod) {
  int64_t lanes = div >= TC_WARP || !is_power(div) || !is_power(mod) ? 1 : TC_WARP / div;
  if (lanes > mod) lanes = mod;
  by_shuffles(r, div, div * lanes);
  if (mod > lanes) by_memory(r, div * lanes, mod / lanes);
}

/* How far from thread `at` on, up to `end`, threads hold copies of the source's elements (*copied),
 * or parts of a line: a factor. 0: it cannot be said. */
static int64_t next_factor(const reduction *r, const tc_layout_digits *copies, int64_t at,
                           int64_t end, bool *copied) {
  int64_t to = end;
  *copied = false;
  for (uint32_t i = 0; i < copies->n_terms && !*copied; i++) {
    const tc_layout_term *t = &copies->terms[i];
    int64_t first = t->div, last = t->div * count_of(t, r->lines->size[TC_SPACE_thread]);
    if (t->space != TC_SPACE_thread || t->inner_mod) return 0;
    if (first > at && first < to) to = first;
    if (first > at || last <= at) continue;
    *copied = true;
    to = last < end ? last : end;
  }
  return to % at == 0 && end % to == 0 ? to / at : 0;
}

/* Of the threads [div, div * mod) apart, those that do not hold the same elements. */
static bool combine_term(reduction *r, const tc_layout_digits *copies, int64_t div, int64_t mod) {
  bool copied;
  if (r->lw->count % (div * mod)) return false;
  for (int64_t at = div, n; at < div * mod; at *= n) {
    n = next_factor(r, copies, at, div * mod, &copied);
    if (!n) return false;
    if (!copied) combine_digit(r, at, n);
  }
  return true;
}

/* Threads that hold copies of a line, but not of the source's elements, hold parts of it. */
static void combine_threads(reduction *r) {
  tc_lower *lw = r->lw;
  const tc_layout_digits *lines = tc_layout_copy(lw->arena, r->lines);
  const tc_layout_digits *copies = tc_layout_copy(lw->arena, r->from->layout);
  bool fits = lines && copies;
  for (uint32_t i = 0; fits && i < lines->n_terms; i++) {
    const tc_layout_term *t = &lines->terms[i];
    fits = t->space == TC_SPACE_thread && !t->inner_mod
           && combine_term(r, copies, t->div, count_of(t, r->lines->size[TC_SPACE_thread]));
  }
  if (!fits) tc_lower_refuse(lw, "a reduction of a fragment with this layout");
}

/* ---- the result ---- */

static void put(reduction *r) {
  tc_lower *lw = r->lw;
  const tc_layout *lines = r->lines;
  if (r->to->layout->n_dims == lines->n_dims + 1)
    lines = tc_layout_add_dim(lw->arena, lines, r->how.dim);
  for (int64_t i = 0; i < lines->size[TC_SPACE_slot]; i++) {
    int64_t slot = tc_layout_same_slot(r->to->layout, lines, i, -1), index;
    if (slot == -2 || !r->part[i].id) continue;
    if (slot < 0) tc_lower_refuse(lw, "a reduction into a fragment with this layout");
    tc_value x = r->part[i];
    if (!r->how.clear) x = combine(r, slot_value(r, r->to, slot), x);
    tc_lower_access a = {.n = 1, .rank = 1};
    a.buf = tc_lower_slot(lw, r->to, slot, &index);
    a.index[0][0] = tc_i32(lw->ir, index);
    a.value[0] = tc_cast(lw->ir, x, tc_buf_at(lw->ir, a.buf)->elem);
    tc_lower_store(lw, &a);
  }
}

static tc_lower_buf *whole_fragment(tc_lower *lw, tc_value slice, tc_type *elem) {
  tc_buf buf = tc_slice_buf(lw->ir, slice);
  const tc_buffer *b = tc_buf_at(lw->ir, buf);
  if (b->scope != TC_SCOPE_fragment) tc_lower_refuse(lw, "a reduction of what is no fragment");
  tc_lower_buf *r = tc_lower_buffer(lw, buf);
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t base, extent;
    if (!tc_const_of(lw->ir, tc_slice_base(lw->ir, slice, d), &base) || base
        || !tc_const_of(lw->ir, tc_slice_extent(lw->ir, slice, d), &extent)
        || extent != r->layout->bound[d])
      tc_lower_refuse(lw, "a reduction of a part of a fragment");
  }
  *elem = b->elem;
  return r;
}

static tc_type type_of_sum(tc_type a, tc_type b) {
  if (!tc_is_float(a) && !tc_is_float(b)) return b;
  bool wide = a.dtype == TC_DT_float64 || b.dtype == TC_DT_float64;
  return tc_scalar_type(wide ? TC_DT_float64 : TC_DT_float32);
}

void tc_lower_reduce(tc_lower *lw, tc_value stmt) {
  const tc_op *op = tc_op_at(lw->ir, stmt);
  tc_type from, to;
  reduction r = {.lw = lw, .how = *tc_reduce_of(lw->ir, stmt)};
  if (lw->single)
    tc_lower_refuse_help(
        lw, "a reduction inside the code of one thread",
        "combine the elements in a loop, or reduce outside of the threads' own code");
  r.from = whole_fragment(lw, tc_input(lw->ir, op, 0), &from);
  r.to = whole_fragment(lw, tc_input(lw->ir, op, 1), &to);
  r.type = type_of_sum(from, to);
  r.op = tc_reduce_op((enum tc_reduce_kind)r.how.kind, r.type);
  if (tc_is_bool(r.type)) /* the greater of two is their or, the lesser their and */
    r.op = r.op == TC_OP_max ? TC_OP_or : r.op == TC_OP_min ? TC_OP_and : r.op;
  if (r.how.nan_propagate && tc_is_float(r.type))
    tc_lower_refuse_help(lw, "a reduction that passes NaN on",
                         "leave nan_propagate out, and look for NaN with a reduction of its own");
  r.lines = tc_layout_reduce(lw->arena, r.from->layout, r.how.dim);
  if (!r.lines || r.lines->table) tc_lower_refuse(lw, "a reduction of a fragment with this layout");
  r.part = TC_NEW_ARRAY(lw->arena, (size_t)r.lines->size[TC_SPACE_slot], tc_value);
  tc_lower_pin(lw, r.from);
  combine_slots(&r);
  combine_threads(&r);
  put(&r);
}
