/* Deferred reductions: T.alloc_reducer, T.reducer_init, T.reducer_update, T.finalize_reducer.
 *
 * In the IR a reducer is a fragment that holds one partial result per element: opening it is a fill
 * with the value to start from, a contribution is an atomic update without a result, closing it is
 * a copy. That says all a reducer promises: contributions combine in any order, each once. Who
 * keeps private copies (a GPU must, a CPU block is one thread) is the target's business.
 *
 * Between opening and closing an element has no value that a program may look at. Who does so, and
 * what comes in the wrong order, is refused here, in the order of the text.
 *
 * The older form (`replication=`) is an ordinary fragment but for the time from T.clear or T.fill
 * to T.finalize_reducer: there `acc[i] += v` and `acc[i] = T.max(acc[i], v)` are contributions. */
#include "lang/stage_private.h"

#include "ir/scalar.h"

enum reducer_state { R_NEW, R_OPEN, R_CLOSED };

/* A read of an open reducer of the older form; `sum` is the value it was used for. */
typedef struct reducer_read {
  tc_value load, sum;
  tc_span span;
} reducer_read;

struct stage_reducer {
  struct stage_reducer *next;
  tc_buf buf;
  tc_type elem; /* as declared; the buffer's may be wider */
  enum tc_atomic_kind kind;
  bool legacy;
  enum reducer_state state;
  tc_region region; /* where it was opened, at `opened` */
  tc_span opened;
  TC_VEC(reducer_read) reads;
};

/* ---- making one ---- */

static const struct {
  const char *name;
  enum tc_atomic_kind kind;
  bool bits;
} KINDS[] = {
    {"sum", TC_ATOMIC_ADD, false},   {"max", TC_ATOMIC_MAX, false}, {"min", TC_ATOMIC_MIN, false},
    {"bitand", TC_ATOMIC_AND, true}, {"bitor", TC_ATOMIC_OR, true}, {"bitxor", TC_ATOMIC_XOR, true},
};

static size_t kind_named(tc_eval *ev, const stage_args *a) {
  tc_str op = a->v[2].kind == TC_V_STR ? a->v[2].str->text : TC_STR("");
  for (size_t i = 0; i < TC_COUNT(KINDS); i++)
    if (tc_str_is(op, KINDS[i].name)) return i;
  STAGE_FAIL(ev, D_argument_value, a->at[2], a->row->name, "op",
             "sum, max, min, bitand, bitor or bitxor",
             a->v[2].kind == TC_V_STR ? tc_str_dup(ev->arena, op) : tc_val_kind_name(a->v[2]));
}

static bool is_legacy(tc_eval *ev, const stage_args *a, bool bits) {
  tc_str how = a->v[3].kind == TC_V_STR ? a->v[3].str->text : TC_STR("");
  if (a->v[3].kind == TC_V_NONE) return false;
  bool known = tc_str_is(how, "all") || tc_str_is(how, "none");
  if (!known || bits)
    STAGE_FAIL(ev, D_argument_value, a->at[3], a->row->name, "replication",
               bits ? "None for a bitwise reducer" : "\"all\", \"none\" or None",
               a->v[3].kind == TC_V_STR ? tc_str_dup(ev->arena, how) : tc_val_kind_name(a->v[3]));
  return true;
}

tc_val tc_do_alloc_reducer(tc_eval *ev, stage_args *a) {
  size_t kind = kind_named(ev, a);
  bool bits = KINDS[kind].bits, legacy = is_legacy(ev, a, bits);
  tc_type elem = tc_stage_dtype(ev, a->v[1], a->at[1]);
  bool ok = elem.lanes == 1 && (tc_is_int(elem) || (bits ? tc_is_bool(elem) : tc_is_float(elem)));
  if (!ok)
    STAGE_FAIL(ev, D_operator_type, a->at[1],
               tc_format(ev->arena, "a %s reducer", KINDS[kind].name),
               tc_type_name(ev->arena, elem));
  /* Nobody sees the partial results: short floats are added up in float32 and rounded once. */
  bool is_short = tc_is_float(elem) && tc_type_bits(elem) < 32 && !legacy;
  tc_type held = is_short ? tc_scalar_type(TC_DT_float32) : elem;
  tc_val made = tc_stage_alloc(ev, a, TC_SCOPE_fragment, held);
  struct stage_reducer *r = TC_NEW(ev->arena, struct stage_reducer);
  *r = (struct stage_reducer){.next = ev->reducers,
                              .buf = made.buf,
                              .elem = elem,
                              .kind = KINDS[kind].kind,
                              .legacy = legacy};
  ev->reducers = r;
  return made;
}

static struct stage_reducer *reducer_of(const tc_eval *ev, tc_buf buf) {
  struct stage_reducer *r = ev->reducers;
  while (r && r->buf.id != buf.id)
    r = r->next;
  return r;
}

static struct stage_reducer *reducer_arg(tc_eval *ev, const stage_args *a) {
  struct stage_reducer *r = a->v[0].kind == TC_V_BUFFER ? reducer_of(ev, a->v[0].buf) : NULL;
  if (!r)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "reducer", "what T.alloc_reducer gave",
               tc_val_kind_name(a->v[0]));
  return r;
}

/* ---- order ---- */

static void wrong_order(tc_eval *ev, const struct stage_reducer *r, const char *op, const char *why,
                        tc_span span) {
  TC_DIAG(ev->diags, D_reducer_order, span, op, tc_stage_buf_name(ev, r->buf), why);
  if (r->state == R_NEW)
    tc_stage_note_buf(ev, r->buf);
  else
    tc_diag_note(ev->diags, r->opened, "it was opened here");
  tc_diag_stop(ev->diags);
}

static void need_open(tc_eval *ev, const struct stage_reducer *r, const char *op, tc_span span) {
  const char *first = r->legacy ? "is not open yet: T.clear or T.fill comes first"
                                : "is not open yet: T.reducer_init comes first";
  if (r->state == R_NEW) wrong_order(ev, r, op, first, span);
  if (r->state == R_CLOSED) wrong_order(ev, r, op, "has been finalized", span);
}

/* Is `to` below `from`? Counts the loops on the way. */
static bool encloses(const tc_ir *ir, tc_region from, tc_region to, uint32_t *loops) {
  const tc_block *block = tc_block_at(ir, from);
  if (from.id == to.id) return true;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    bool repeats = op->opcode == TC_OP_for || op->opcode == TC_OP_while;
    for (uint32_t k = 0; k < n; k++) {
      if (!encloses(ir, tc_child(ir, op, k), to, loops)) continue;
      *loops += repeats;
      return true;
    }
  }
  return false;
}

/* An update may repeat; what closes a reducer happens at most once per opening. */
static void need_scope(tc_eval *ev, const struct stage_reducer *r, const char *op, bool once,
                       tc_span span) {
  uint32_t loops = 0;
  if (encloses(ev->ir, r->region, ev->cursor.at, &loops) && !(once && loops)) return;
  TC_DIAG(ev->diags, D_reducer_scope, span, op, tc_stage_buf_name(ev, r->buf));
  tc_diag_note(ev->diags, r->opened, "it was opened here");
  tc_diag_help(ev->diags, "put both into the same loop or branch");
  tc_diag_stop(ev->diags);
}

/* ---- opening, updating, closing ---- */

static tc_value identity(tc_eval *ev, const struct stage_reducer *r) {
  return tc_const_imm(ev->ir, r->elem,
                      tc_imm_neutral(tc_atomic_op((enum tc_atomic_kind)r->kind), r->elem));
}

static void open_reducer(tc_eval *ev, struct stage_reducer *r, tc_value start, const char *op,
                         tc_span span) {
  if (r->state == R_OPEN) wrong_order(ev, r, op, "is open already", span);
  start = tc_stage_cast(ev, start, tc_stage_buffer(ev, r->buf)->elem, span);
  tc_value in[2] = {tc_slice_whole(ev->ir, r->buf), start};
  tc_stage_tile_stmt(ev, TC_OP_fill, in, 2, 0, span);
  r->state = R_OPEN;
  r->region = ev->cursor.at;
  r->opened = span;
  r->reads.n = 0;
}

tc_val tc_do_reducer_init(tc_eval *ev, stage_args *a) {
  struct stage_reducer *r = reducer_arg(ev, a);
  if (r->legacy)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "reducer",
               "one made without replication", "one that T.clear or T.fill opens");
  tc_value start = a->v[1].kind == TC_V_NONE ? identity(ev, r)
                                             : tc_stage_convert(ev, a->v[1], r->elem, a->at[1]);
  open_reducer(ev, r, start, a->row->name, a->span);
  return tc_val_none();
}

static void contribute(tc_eval *ev, const struct stage_reducer *r, const tc_value *index,
                       tc_val value, const char *op, tc_span span) {
  need_open(ev, r, op, span);
  need_scope(ev, r, op, false, span);
  if (!tc_stage_frame(ev, F_PARALLEL)) {
    TC_DIAG(ev->diags, D_wrong_place, span, op,
            "inside T.Parallel: each iteration contributes once");
    tc_diag_stop(ev->diags);
  }
  tc_value x = tc_stage_convert(ev, value, r->elem, span);
  x = tc_stage_cast(ev, x, tc_stage_buffer(ev, r->buf)->elem, span);
  tc_atomic what = {.buf = r->buf,
                    .kind = (uint8_t)r->kind,
                    .order = TC_ORDER_RELAXED,
                    .sync_scope = TC_SYNC_BLOCK};
  tc_stage_effect(ev, span);
  tc_atomic_stmt(ev->ir, ev->cursor.at, what, index, x, (tc_value){0}, ev->cursor.pred, span);
}

tc_val tc_do_reducer_update(tc_eval *ev, stage_args *a) {
  const tc_element *target = a->v[0].kind == TC_V_ELEMENT ? a->v[0].element : NULL;
  struct stage_reducer *r = target ? reducer_of(ev, target->buf) : NULL;
  if (!r || r->legacy || target->n != tc_stage_buffer(ev, r->buf)->rank)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "target",
               "an element, acc[i], of a reducer", tc_val_kind_name(a->v[0]));
  contribute(ev, r, target->index, a->v[1], a->row->name, a->span);
  return tc_val_none();
}

static void copy_result(tc_eval *ev, const struct stage_reducer *r, const stage_args *a) {
  tc_value want[STAGE_MAX_RANK], have[STAGE_MAX_RANK];
  stage_box dst = tc_stage_box(ev, a->v[1], "dst", a->at[1]);
  const tc_buffer *b = tc_stage_buffer(ev, r->buf);
  stage_box src = {.buf = r->buf, .rank = b->rank};
  for (uint32_t d = 0; d < b->rank; d++)
    src.extent[d] = b->shape[d];
  uint32_t n = tc_stage_box_dims(ev, &src, want, NULL);
  bool same = tc_stage_box_dims(ev, &dst, have, NULL) == n;
  for (uint32_t d = 0; same && d < n; d++)
    same = want[d].id == have[d].id;
  if (!same) {
    TC_DIAG(ev->diags, D_copy_extents, a->span, tc_stage_show_shape(ev, src.extent, src.rank),
            tc_stage_show_shape(ev, dst.extent, dst.rank));
    tc_stage_note_buf(ev, r->buf);
    tc_stage_note_buf(ev, dst.buf);
    tc_diag_stop(ev->diags);
  }
  tc_value in[2] = {tc_slice_whole(ev->ir, r->buf), tc_stage_box_slice(ev, &dst)};
  tc_stage_tile_stmt(ev, TC_OP_copy, in, 2, tc_pl_copy(ev->ir, (tc_copy){0}), a->span);
}

static void check_reads(tc_eval *ev, const struct stage_reducer *r);

tc_val tc_do_finalize_reducer(tc_eval *ev, stage_args *a) {
  struct stage_reducer *r = reducer_arg(ev, a);
  if (tc_stage_int(ev, a->v[2], "batch", a->at[2]) < 1)
    STAGE_FAIL(ev, D_argument_value, a->at[2], a->row->name, "batch", "1 or more", "less");
  need_open(ev, r, a->row->name, a->span);
  need_scope(ev, r, a->row->name, true, a->span);
  bool has_dst = a->v[1].kind != TC_V_NONE;
  if (has_dst == r->legacy)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "dst",
               has_dst ? "nothing when the reducer was made with replication"
                       : "the tile that receives the result",
               tc_val_kind_name(a->v[1]));
  if (has_dst) copy_result(ev, r, a);
  check_reads(ev, r);
  r->state = R_CLOSED;
  return tc_val_none();
}

void tc_stage_check_reducers(tc_eval *ev) {
  for (const struct stage_reducer *r = ev->reducers; r; r = r->next) {
    const tc_buffer *b = tc_stage_buffer(ev, r->buf);
    if (r->state == R_CLOSED) continue;
    STAGE_FAIL(ev, D_reducer_unfinished, r->state == R_OPEN ? r->opened : b->span,
               tc_stage_buf_name(ev, r->buf), r->state == R_OPEN ? "finalized" : "opened");
  }
}

/* ---- other uses of the buffer ---- */

static void refuse_use(tc_eval *ev, const struct stage_reducer *r, const char *what, tc_span span) {
  TC_DIAG(ev->diags, D_reducer_use, span, tc_stage_buf_name(ev, r->buf), what);
  tc_stage_note_buf(ev, r->buf);
  if (r->legacy)
    tc_diag_help(ev->diags, "open it with T.clear or T.fill, contribute with acc[i] += x inside "
                            "T.Parallel, and read it after T.finalize_reducer(acc)");
  else
    tc_diag_help(ev->diags, "contribute with T.reducer_update(acc[i], x), and read what "
                            "T.finalize_reducer(acc, dst) puts into dst");
  tc_diag_stop(ev->diags);
}

void tc_stage_not_reducer(tc_eval *ev, tc_buf buf, const char *what, tc_span span) {
  const struct stage_reducer *r = ev->reducers ? reducer_of(ev, buf) : NULL;
  if (r && !(r->legacy && r->state == R_CLOSED)) refuse_use(ev, r, what, span);
}

bool tc_stage_reducer_fill(tc_eval *ev, tc_buf buf, tc_val value, const char *op, tc_span span) {
  struct stage_reducer *r = reducer_of(ev, buf);
  if (!r || !r->legacy) return false;
  open_reducer(ev, r, tc_stage_convert(ev, value, tc_stage_buffer(ev, buf)->elem, span), op, span);
  return true;
}

/* ---- the older form: loads and stores that mean a contribution ---- */

void tc_stage_reducer_read(tc_eval *ev, tc_buf buf, tc_value load, tc_span span) {
  struct stage_reducer *r = ev->reducers ? reducer_of(ev, buf) : NULL;
  if (!r || (r->legacy && r->state == R_CLOSED)) return;
  if (!r->legacy || r->state == R_NEW) refuse_use(ev, r, "read", span);
  reducer_read read = {.load = load, .span = span};
  tc_vec_push(ev->arena, &r->reads, read);
}

static tc_value without_casts(const tc_ir *ir, tc_value v) {
  while (tc_is(ir, v, TC_OP_cast))
    v = tc_input(ir, tc_op_at(ir, v), 0);
  return v;
}

/* The recorded read of this element that `v` is, if it stands in the current block; it leaves the
 * block. */
static reducer_read *take_read(tc_eval *ev, struct stage_reducer *r, tc_value v,
                               const tc_value *index) {
  tc_block *block = tc_block_at(ev->ir, ev->cursor.at);
  v = without_casts(ev->ir, v);
  for (uint32_t i = r->reads.n; i-- > 0;) {
    reducer_read *read = &r->reads.at[i];
    if (read->load.id != v.id || read->sum.id) continue;
    for (uint32_t d = 0; d < tc_stage_buffer(ev, r->buf)->rank; d++)
      if (tc_input(ev->ir, tc_op_at(ev->ir, v), d).id != index[d].id) return NULL;
    uint32_t at = block->ops.n;
    while (at-- > 0 && block->ops.at[at].id != v.id) {
    }
    if (at == UINT32_MAX) return NULL;
    for (; at + 1 < block->ops.n; at++)
      block->ops.at[at] = block->ops.at[at + 1];
    block->ops.n--;
    return read;
  }
  return NULL;
}

static bool combines(const struct stage_reducer *r, const tc_op *op) {
  if (r->kind == TC_ATOMIC_ADD) return op->opcode == TC_OP_add || op->opcode == TC_OP_sub;
  return op->opcode == (r->kind == TC_ATOMIC_MAX ? TC_OP_max : TC_OP_min);
}

bool tc_stage_reducer_store(tc_eval *ev, tc_buf buf, const tc_value *index, tc_val value,
                            tc_span span) {
  struct stage_reducer *r = ev->reducers ? reducer_of(ev, buf) : NULL;
  if (!r || (r->legacy && r->state == R_CLOSED)) return false;
  if (!r->legacy) refuse_use(ev, r, "stored to", span);
  tc_value sum = without_casts(ev->ir, tc_stage_value(ev, value, span));
  const tc_op *op = tc_op_at(ev->ir, sum);
  if (!combines(r, op)) refuse_use(ev, r, "stored to", span);
  bool minus = op->opcode == TC_OP_sub;
  for (uint32_t i = 0; i < (minus ? 1u : 2u); i++) {
    tc_value other = tc_input(ev->ir, op, 1 - i);
    reducer_read *read = take_read(ev, r, tc_input(ev->ir, op, i), index);
    if (!read) continue;
    read->sum = sum;
    if (minus) other = tc_unary(ev->ir, TC_OP_neg, other);
    contribute(ev, r, index, tc_val_expr(other), "reducer_update", span);
    return true;
  }
  refuse_use(ev, r, "stored to", span);
  return false;
}

/* Does any op made after `v` use it, or a conversion of it? `sum` may. */
static bool is_used(const tc_ir *ir, tc_value v, tc_value sum) {
  for (uint32_t id = v.id + 1; id < ir->n_ops; id++) {
    const tc_op *op = tc_op_at(ir, (tc_value){id});
    bool uses = false;
    for (uint32_t k = 0; k < op->n_in; k++)
      uses |= tc_input(ir, op, k).id == v.id;
    if (!uses || id == sum.id) continue;
    if (op->opcode != TC_OP_cast || is_used(ir, (tc_value){id}, sum)) return true;
  }
  return false;
}

/* What was read may have gone into its contribution and nowhere else. */
static void check_reads(tc_eval *ev, const struct stage_reducer *r) {
  for (uint32_t i = 0; i < r->reads.n; i++) {
    const reducer_read *read = &r->reads.at[i];
    bool ok = read->sum.id && !is_used(ev->ir, read->load, read->sum)
              && !is_used(ev->ir, read->sum, (tc_value){0});
    if (!ok) refuse_use(ev, r, "read", read->span);
  }
}
