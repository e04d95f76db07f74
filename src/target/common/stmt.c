#include "base/map.h"
#include "rt/check.h"
#include "target/common/cemit.h"

#include <inttypes.h>
#include <string.h>

tc_cemit *tc_cemit_new(tc_ir *ir, tc_region body, const tc_ctarget *target, void *own,
                       tc_arena *arena) {
  tc_cemit *e = TC_NEW(arena, tc_cemit);
  e->ir = ir;
  e->arena = arena;
  e->target = target;
  e->own = own;
  e->w = tc_cw_in(arena, ir->n_ops);
  e->placed =
      target->early ? tc_place_values_early(ir, body, arena) : tc_place_values(ir, body, arena);
  e->ranges = tc_ranges_new(ir, ir->body, arena);
  e->var_names = TC_NEW_ARRAY(arena, ir->vars.n, const char *);
  e->var_wide = TC_NEW_ARRAY(arena, ir->vars.n, const char *);
  e->buf_names = TC_NEW_ARRAY(arena, ir->bufs.n, const char *);
  e->aliases = TC_NEW_ARRAY(arena, ir->n_ops, const char *);
  e->wides = TC_NEW_ARRAY(arena, ir->n_ops, const char *);
  e->raw = TC_NEW_ARRAY(arena, ir->n_ops, const char *);
  e->known = TC_NEW_ARRAY(arena, ir->n_ops, uint16_t);
  e->defined = TC_NEW_ARRAY(arena, ir->n_ops, bool);
  return e;
}

const char *tc_ce_text(tc_cemit *e, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const char *text = tc_vformat(e->arena, fmt, args);
  va_end(args);
  return text;
}

const char *tc_ce_ident(tc_cemit *e, tc_name name, uint32_t id) {
  tc_str text = tc_names_text(e->ir->names, name);
  tc_sb sb = tc_sb_in(e->arena);
  for (uint32_t i = 0; i < text.n && i < 40; i++) {
    char c = text.at[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    bool digit = c >= '0' && c <= '9';
    if (letter || digit) tc_sb_char(&sb, c);
  }
  /* v<n> and t<n> are the names of values, and a digit cannot begin a name: a prefix keeps clear.
   */
  bool plain = sb.n && sb.at[0] != 'v' && sb.at[0] != 't' && !(sb.at[0] >= '0' && sb.at[0] <= '9');
  return tc_ce_text(e, "%s%s_%u", plain ? "" : "x_", sb.n ? sb.at : "", id);
}

const char *tc_ce_name_var(tc_cemit *e, tc_var var) {
  const char *name = tc_ce_ident(e, tc_var_at(e->ir, var)->name, var.id);
  /* Buffers have numbers of their own: one may have the same name and number. */
  if (var.id < e->ir->bufs.n) {
    tc_buf same = {var.id};
    const char *other = tc_ce_ident(e, tc_buf_at(e->ir, same)->name, same.id);
    if (!strcmp(name, other)) name = tc_ce_text(e, "%s_v", name);
  }
  return e->var_names[var.id] = name;
}

void tc_ce_at(tc_cemit *e, tc_span span) {
  tc_place place;
  if (e->ir->diags->source && tc_source_place(e->ir->diags->source, span, &place))
    e->w.note = place.line;
}

void tc_ce_refuse(tc_cemit *e, tc_value stmt, const char *what) {
  e->target->report(e->ir->diags, tc_op_at(e->ir, stmt)->span, what);
  tc_diag_stop(e->ir->diags);
}

/* ---- memory ---- */

/* One lane of a `var` buffer: a C variable, or an element of a C array. */
static const char *var_lane(tc_cemit *e, tc_buf buf, uint32_t lane) {
  uint32_t lanes = tc_buf_at(e->ir, buf)->elem.lanes;
  const char *name = e->buf_names[buf.id];
  return lanes == 1 ? name : tc_ce_text(e, "%s[%u]", name, lane);
}

static const tc_value *index_of(tc_cemit *e, tc_value stmt) {
  return tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
}

/* An element of a narrow float: its bits by themselves, so that moving it is no conversion. */
static bool load_bits(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  uint32_t bits = tc_type_bits(b->elem);
  bool narrow = tc_is_float(b->elem) && (bits == 8 || bits == 16);
  if (!narrow || b->scope == TC_SCOPE_var || tc_value_type(e->ir, stmt).lanes != 1) return false;
  const char *at = tc_ce_offset(e, buf, index_of(e, stmt), 0);
  const char *got = tc_ce_text(e, "%s[%s]", tc_ce_base(e, buf), at);
  const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), 0);
  tc_value other = tc_access_else(e->ir, stmt);
  const char *zero = tc_ce_const(e, b->elem, (tc_imm){.f = 0});
  if (cond)
    got = tc_ce_text(e, "%s ? %s : %s", cond, got,
                     tc_ce_encode(e, b->elem, other.id ? tc_ce_ref(e, other, 0) : zero));
  e->raw[stmt.id] = tc_cw_temp(&e->w, tc_ce_storage(b->elem), "%s", got);
  tc_cw_def(&e->w, stmt.id, "const float %s = %s;", tc_ce_ref(e, stmt, 0),
            tc_ce_decode(e, b->elem, e->raw[stmt.id]));
  return true;
}

static void load(tc_cemit *e, tc_value stmt) {
  if (load_bits(e, stmt)) return;
  tc_type type = tc_value_type(e->ir, stmt);
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_value pred = tc_access_pred(e->ir, stmt), other = tc_access_else(e->ir, stmt);
  for (uint32_t lane = 0; lane < type.lanes; lane++) {
    const char *got = b->scope == TC_SCOPE_var ? var_lane(e, buf, lane)
                                               : tc_ce_get_at(e, buf, index_of(e, stmt), lane);
    const char *cond = tc_ce_pred(e, pred, lane / b->elem.lanes);
    if (cond)
      got = tc_ce_text(e, "%s ? %s : %s", cond, got,
                       other.id            ? tc_ce_ref(e, other, lane)
                       : tc_is_float(type) ? "0.0f"
                                           : "0");
    tc_cw_def(&e->w, stmt.id, "const %s %s = %s;", tc_ce_type(type), tc_ce_ref(e, stmt, lane), got);
  }
}

static void store(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_value value = tc_access_value(e->ir, stmt), pred = tc_access_pred(e->ir, stmt);
  uint32_t lanes = tc_ce_points(e, b, index_of(e, stmt)) * b->elem.lanes;
  uint32_t value_lanes = tc_value_type(e->ir, value).lanes;
  tc_type elem = {b->elem.dtype, 0, 1};
  for (uint32_t lane = 0; lane < lanes; lane++) {
    uint32_t from = lane % value_lanes;
    const char *set =
        b->scope == TC_SCOPE_var
            ? tc_ce_text(e, "%s = %s;", var_lane(e, buf, lane), tc_ce_ref(e, value, from))
            : tc_ce_put(e, buf, tc_ce_offset(e, buf, index_of(e, stmt), lane),
                        tc_ce_stored(e, elem, value, from));
    const char *cond = tc_ce_pred(e, pred, lane / b->elem.lanes);
    if (cond)
      tc_cw_line(&e->w, "if (%s) %s", cond, set);
    else
      tc_cw_line(&e->w, "%s", set);
  }
}

/* ---- control ---- */

static const char *wide_value(tc_cemit *e, tc_value v) {
  int64_t x;
  if (tc_const_of(e->ir, v, &x)) return tc_ce_text(e, "%" PRId64, x);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
}

/* A loop over int32 whose counter cannot pass the greatest int32, and a target that cares. */
static bool fits_narrow(tc_cemit *e, tc_value stmt, int64_t step) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_type type = tc_var_at(e->ir, tc_loop_of(e->ir, stmt)->var)->type;
  if (!e->target->narrow || type.dtype != TC_DT_int32 || step <= 0) return false;
  return tc_range_of(&e->ranges, tc_input(e->ir, op, 1)).hi <= INT32_MAX - step;
}

static void narrow_loop(tc_cemit *e, tc_value stmt, int64_t step) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  const char *name = tc_ce_name_var(e, tc_loop_of(e->ir, stmt)->var);
  tc_cw_open(&e->w, "for (tc_i32 %s = %s; %s < %s; %s += %" PRId64 ")", name,
             tc_ce_ref(e, tc_input(e->ir, op, 0), 0), name, tc_ce_ref(e, tc_input(e->ir, op, 1), 0),
             name, step);
}

/* The counter has 64 bits: it reaches `hi` of any int32 loop without wrapping. */
static void wide_loop(tc_cemit *e, tc_value stmt, int64_t step) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_loop *loop = tc_loop_of(e->ir, stmt);
  tc_type type = tc_var_at(e->ir, loop->var)->type;
  const char *lo = wide_value(e, tc_input(e->ir, op, 0)),
             *hi = wide_value(e, tc_input(e->ir, op, 1));
  const char *name = tc_ce_name_var(e, loop->var);
  e->var_wide[loop->var.id] = name;
  if (type.dtype != TC_DT_int64)
    e->var_names[loop->var.id] = tc_ce_text(e, "((%s)%s)", tc_ce_type(type), name);
  if (step == 1) {
    tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, lo, name, hi, name);
  } else if (type.dtype != TC_DT_int64) {
    tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s %c %s; %s += %" PRId64 ")", name, lo, name,
               step > 0 ? '<' : '>', hi, name, step);
  } else { /* a 64-bit counter could step over the end of its type */
    tc_cw_open(&e->w,
               "for (tc_i64 %s = %s, n_%s = tc_trips(%s, %s, %" PRId64
               "ll); n_%s-- > 0; %s += %" PRId64 "ll)",
               name, lo, name, lo, hi, step, name, name, step);
  }
}

static void serial_loop(tc_cemit *e, tc_value stmt) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  int64_t step = 1;
  tc_const_of(e->ir, tc_input(e->ir, op, 2), &step);
  if (tc_loop_of(e->ir, stmt)->kind == TC_LOOP_UNROLL) tc_cw_prefix(&e->w, "TC_UNROLL");
  if (fits_narrow(e, stmt, step))
    narrow_loop(e, stmt, step);
  else
    wide_loop(e, stmt, step);
  bool outer = e->in_parallel;
  e->in_parallel = false;
  tc_ce_region(e, tc_child(e->ir, op, 0));
  e->in_parallel = outer;
  tc_cw_close(&e->w);
}

static void while_loop(tc_cemit *e, tc_value stmt) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  bool outer = e->in_parallel;
  e->in_parallel = false;
  tc_cw_open(&e->w, "for (;;)");
  tc_ce_region(e, tc_child(e->ir, op, 0));
  tc_ce_region(e, tc_child(e->ir, op, 1));
  tc_cw_close(&e->w);
  e->in_parallel = outer;
}

/* A staged condition; inside its branches it is known. */
static void branch(tc_cemit *e, tc_value stmt) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_value cond = tc_input(e->ir, op, 0);
  const char *text = tc_ce_pred(e, cond, 0);
  tc_cw_open(&e->w, "if (%s)", text ? text : "1");
  tc_value_vec parts = {0};
  tc_ce_conjuncts(e, cond, &parts);
  for (uint32_t i = 0; i < parts.n; i++)
    e->known[parts.at[i].id]++;
  tc_ce_region(e, tc_child(e->ir, op, 0));
  for (uint32_t i = 0; i < parts.n; i++)
    e->known[parts.at[i].id]--;
  if (tc_block_at(e->ir, tc_child(e->ir, op, 1))->ops.n) {
    tc_cw_else(&e->w);
    tc_ce_region(e, tc_child(e->ir, op, 1));
  }
  tc_cw_close(&e->w);
}

static void leave(tc_cemit *e, tc_value stmt, const char *word) {
  if (e->in_parallel)
    tc_ce_refuse(e, stmt, "a break or continue that leaves a parallel loop's iteration");
  tc_cw_line(&e->w, "%s;", word);
}

const char *tc_ce_site(tc_cemit *e, tc_value stmt, uint32_t code, const char *text) {
  tc_place place;
  tc_span span = tc_op_at(e->ir, stmt)->span;
  const tc_source *source = e->ir->diags->source;
  if (source && tc_source_place(source, span, &place))
    text = tc_ce_text(e, "%s:%u: %s", place.file, place.line, text);
  tc_vec_push(e->arena, &e->sites, ((tc_rt_site){text, code}));
  return tc_ce_text(e, "%u", e->sites.n);
}

static void check(tc_cemit *e, tc_value stmt) {
  const char *cond = tc_ce_pred(e, tc_input(e->ir, tc_op_at(e->ir, stmt), 0), 0);
  const char *text = tc_text_of(e->ir, stmt);
  uint32_t code;
  if (!cond) return;
  if (!e->site_codes || !tc_map_get(e->site_codes, stmt.id, &code)) {
    code = TC_RT_E_DEVICE_ASSERT;
    text = tc_ce_text(e, "assertion failed%s%s", *text ? ": " : "", text);
  }
  const char *number = tc_ce_site(e, stmt, code, text);
  tc_cw_line(&e->w, "if (!(%s)) %s%s%s;", cond, e->target->fail, number, e->target->fail_end);
}

void tc_ce_placed(tc_cemit *e, tc_region at, uint32_t index) {
  uint32_t first, n = tc_placed_before(&e->placed, at, index, &first);
  for (uint32_t i = 0; i < n; i++) {
    tc_value v = e->placed.at[first + i].value;
    if (!e->defined[v.id]) tc_ce_define(e, v);
  }
}

void tc_ce_region(tc_cemit *e, tc_region at) {
  const tc_block *block = tc_block_at(e->ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_ce_placed(e, at, i);
    if (!e->defined[block->ops.at[i].id]) tc_ce_statement(e, block->ops.at[i]);
  }
}

/* table */
void tc_ce_statement(tc_cemit *e, tc_value stmt) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_ce_at(e, op->span);
  if (e->target->statement(e, stmt)) return;
  switch ((int)op->opcode) {
  case TC_OP_load:
    load(e, stmt);
    return;
  case TC_OP_store:
    store(e, stmt);
    return;
  case TC_OP_for:
    serial_loop(e, stmt);
    return;
  case TC_OP_while:
    while_loop(e, stmt);
    return;
  case TC_OP_if:
    branch(e, stmt);
    return;
  case TC_OP_break:
    leave(e, stmt, "break");
    return;
  case TC_OP_continue:
    leave(e, stmt, "continue");
    return;
  case TC_OP_yield:
    tc_cw_line(&e->w, "if (!%s) break;", tc_ce_ref(e, tc_input(e->ir, op, 0), 0));
    return;
  case TC_OP_assert:
    check(e, stmt);
    return;
  case TC_OP_assume: /* facts, requests and dropped values: nothing to run */
  case TC_OP_eval:
  case TC_OP_hint:
    return;
  default:
    tc_ce_refuse(e, stmt, tc_op_row((enum tc_opcode)op->opcode)->name);
  }
}
