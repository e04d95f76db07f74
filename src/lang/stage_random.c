/* Random numbers: Philox 4x32-10 (Salmon et al. 2011) made of ordinary integer operations, so that
 * every target draws the same ones. Number i of a sequence is word i % 4 of the block whose counter
 * is (i / 4, sequence) and whose key is the seed; a state is the number of the next draw. A draw
 * inside T.Parallel takes one number per iteration, in row-major order of the loop. */
#include "lang/stage_private.h"

struct stage_rng {
  tc_buf seed, sequence, next; /* variables, uint64 */
  const tc_frame *parallel;    /* the innermost T.Parallel around T.rng_init, or NULL */
  uint32_t loops;              /* run-time loops around it */
  uint32_t used;               /* numbers per iteration of the T.Parallel being evaluated */
};

static tc_type u32_type(void) {
  return tc_scalar_type(TC_DT_uint32);
}

static tc_type u64_type(void) {
  return tc_scalar_type(TC_DT_uint64);
}

static tc_value u64_of(tc_eval *ev, int64_t x) {
  return tc_const_int(ev->ir, u64_type(), x);
}

/* ---- the state ---- */

static tc_buf new_variable(tc_eval *ev, tc_val init, tc_span span) {
  tc_buf buf = tc_buf_new(ev->ir, "rng", u64_type(), TC_SCOPE_var, 0, NULL, span);
  tc_value x = tc_stage_value(ev, init, span);
  if (!tc_is_int(tc_value_type(ev->ir, x)))
    STAGE_FAIL(ev, D_argument_value, span, "rng_init", "seed, seq and off", "integers",
               tc_type_name(ev->arena, tc_value_type(ev->ir, x)));
  tc_alloc(ev->ir, ev->cursor.at, buf, span);
  tc_store(ev->ir, ev->cursor.at, buf, NULL, tc_cast(ev->ir, x, u64_type()), (tc_value){0}, span);
  return buf;
}

/* The number of this thread in the launch, along the first dimension of block and thread. */
static tc_val global_thread(tc_eval *ev, tc_span span) {
  const tc_frame *kernel = tc_stage_frame(ev, F_KERNEL);
  tc_val block = tc_val_expr(kernel->at[0]), threads = tc_val_int(kernel->threads[0]);
  tc_val first = tc_stage_binary(ev, TC_BINOP_MUL, block, threads, span);
  if (kernel->threads[0] == 1) return first;
  tc_val thread =
      tc_eval_apply(ev, tc_stage_vocabulary(ev, TC_STR("get_thread_binding"), span), NULL, 0);
  return tc_stage_binary(ev, TC_BINOP_ADD, first, thread, span);
}

tc_val tc_do_rng_init(tc_eval *ev, stage_args *a) {
  tc_str generator = a->v[3].kind == TC_V_STR ? a->v[3].str->text : TC_STR("");
  if (!tc_str_is(generator, "curandStatePhilox4_32_10_t"))
    STAGE_FAIL(ev, D_argument_value, a->at[3], a->row->name, "generator",
               "\"curandStatePhilox4_32_10_t\"", "another one");
  if (ev->cursor.pred.id) STAGE_FAIL(ev, D_lazy_statement, a->span, "T.rng_init");
  tc_val sequence = a->v[1].kind == TC_V_NONE ? global_thread(ev, a->span) : a->v[1];
  tc_stage_effect(ev, a->span);
  stage_rng *rng = TC_NEW(ev->arena, stage_rng);
  *rng = (stage_rng){.seed = new_variable(ev, a->v[0], a->at[0]),
                     .sequence = new_variable(ev, sequence, a->at[1]),
                     .next = new_variable(ev, a->v[2], a->at[2]),
                     .parallel = tc_stage_frame(ev, F_PARALLEL),
                     .loops = ev->cursor.loops};
  ev->cursor.rng = rng;
  return tc_val_none();
}

/* ---- Philox ---- */

static tc_value half_of(tc_eval *ev, tc_value x, bool high) {
  if (high) x = tc_binary(ev->ir, TC_OP_shr, x, u64_of(ev, 32));
  return tc_cast(ev->ir, x, u32_type());
}

static tc_value product(tc_eval *ev, int64_t by, tc_value x) {
  return tc_binary(ev->ir, TC_OP_mul, u64_of(ev, by), tc_cast(ev->ir, x, u64_type()));
}

static tc_value mix(tc_eval *ev, tc_value product, tc_value word, tc_value key) {
  tc_value x = tc_binary(ev->ir, TC_OP_xor, half_of(ev, product, true), word);
  return tc_binary(ev->ir, TC_OP_xor, x, key);
}

/* Number `at` of the sequence. */
static tc_value number_at(tc_eval *ev, tc_value seed, tc_value sequence, tc_value at) {
  tc_value block = tc_binary(ev->ir, TC_OP_shr, at, u64_of(ev, 2));
  tc_value c[4] = {half_of(ev, block, false), half_of(ev, block, true),
                   half_of(ev, sequence, false), half_of(ev, sequence, true)};
  tc_value k[2] = {half_of(ev, seed, false), half_of(ev, seed, true)};
  static const int64_t BUMP[2] = {0x9E3779B9, 0xBB67AE85};
  for (int round = 0; round < 10; round++) {
    tc_value p = product(ev, 0xD2511F53, c[0]), q = product(ev, 0xCD9E8D57, c[2]);
    tc_value next[4] = {mix(ev, q, c[1], k[0]), half_of(ev, q, false), mix(ev, p, c[3], k[1]),
                        half_of(ev, p, false)};
    for (int i = 0; i < 4; i++)
      c[i] = next[i];
    for (int i = 0; i < 2; i++)
      k[i] = tc_binary(ev->ir, TC_OP_add, k[i], tc_const_int(ev->ir, u32_type(), BUMP[i]));
  }
  tc_value word = tc_binary(ev->ir, TC_OP_and, at, u64_of(ev, 3)), r = c[3];
  for (int i = 2; i >= 0; i--)
    r = tc_select(ev->ir, tc_binary(ev->ir, TC_OP_eq, word, u64_of(ev, i)), c[i], r);
  return r;
}

/* ---- draws ---- */

static tc_value load_of(tc_eval *ev, tc_buf buf, tc_span span) {
  return tc_load(ev->ir, ev->cursor.at, buf, NULL, (tc_value){0}, (tc_value){0}, span);
}

/* Place of this iteration among those of the T.Parallel loops inside the state's, and their count
 * (both uint64). */
static void place_in_parallel(tc_eval *ev, const stage_rng *rng, tc_value *place, tc_value *count) {
  *place = u64_of(ev, 0);
  *count = u64_of(ev, 1);
  for (const tc_frame *f = ev->cursor.frames; f && f != rng->parallel; f = f->outer) {
    if (f->kind != F_PARALLEL) continue;
    for (uint32_t d = f->n; d-- > 0;) {
      tc_value index = tc_cast(ev->ir, f->at[d], u64_type());
      *place = tc_binary(ev->ir, TC_OP_add, *place, tc_binary(ev->ir, TC_OP_mul, index, *count));
      *count = tc_binary(ev->ir, TC_OP_mul, *count, tc_cast(ev->ir, f->extent[d], u64_type()));
    }
  }
}

static const tc_frame *outermost_parallel(const tc_eval *ev, const stage_rng *rng) {
  const tc_frame *found = NULL;
  for (const tc_frame *f = ev->cursor.frames; f && f != rng->parallel; f = f->outer)
    if (f->kind == F_PARALLEL) found = f;
  return found;
}

/* `n` numbers, and the state moved on. */
static void draw(tc_eval *ev, const stage_args *a, tc_value *out, uint32_t n) {
  stage_rng *rng = ev->cursor.rng;
  if (!rng) STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name, "after T.rng_init, in its block");
  const tc_frame *parallel = outermost_parallel(ev, rng);
  if (parallel && ev->cursor.loops != parallel->loops)
    STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name, "outside loops inside a T.Parallel");
  tc_value seed = load_of(ev, rng->seed, a->span), sequence = load_of(ev, rng->sequence, a->span);
  tc_value at = load_of(ev, rng->next, a->span), place, count;
  place_in_parallel(ev, rng, &place, &count);
  for (uint32_t i = 0; i < n; i++) {
    tc_value turn = tc_binary(ev->ir, TC_OP_mul, u64_of(ev, rng->used + i), count);
    tc_value shift = tc_binary(ev->ir, TC_OP_add, turn, place);
    out[i] = number_at(ev, seed, sequence, tc_binary(ev->ir, TC_OP_add, at, shift));
  }
  if (parallel) {
    rng->used += n;
    return;
  }
  tc_value next = tc_binary(ev->ir, TC_OP_add, at, u64_of(ev, n));
  tc_store(ev->ir, ev->cursor.at, rng->next, NULL, next, ev->cursor.pred, a->span);
}

void tc_stage_rng_leave(tc_eval *ev, const tc_frame *frame) {
  stage_rng *rng = ev->cursor.rng;
  if (!rng || !rng->used || frame->kind != F_PARALLEL || outermost_parallel(ev, rng)) return;
  tc_value count = u64_of(ev, rng->used), at = load_of(ev, rng->next, frame->span);
  for (const tc_frame *f = frame; f; f = f->inner)
    for (uint32_t d = 0; d < f->n; d++)
      count = tc_binary(ev->ir, TC_OP_mul, count, tc_cast(ev->ir, f->extent[d], u64_type()));
  rng->used = 0;
  tc_store(ev->ir, ev->cursor.at, rng->next, NULL, tc_binary(ev->ir, TC_OP_add, at, count),
           (tc_value){0}, frame->span);
}

tc_val tc_do_rng_rand(tc_eval *ev, stage_args *a) {
  tc_value x;
  draw(ev, a, &x, 1);
  return tc_val_expr(x);
}

/* ---- floats ---- */

/* In (0, 1]: the middle of one of 2^32 or 2^53 equal parts. */
static tc_value uniform(tc_eval *ev, const tc_value *x, bool wide) {
  tc_type type = tc_scalar_type(wide ? TC_DT_float64 : TC_DT_float32);
  tc_value bits = x[0];
  if (wide) {
    tc_value high = tc_binary(ev->ir, TC_OP_shl, tc_cast(ev->ir, x[1], u64_type()), u64_of(ev, 21));
    bits = tc_binary(ev->ir, TC_OP_xor, tc_cast(ev->ir, x[0], u64_type()), high);
  }
  double step = wide ? 0x1p-53 : 0x1p-32;
  tc_value scaled =
      tc_binary(ev->ir, TC_OP_mul, tc_cast(ev->ir, bits, type), tc_const_float(ev->ir, type, step));
  return tc_binary(ev->ir, TC_OP_add, scaled, tc_const_float(ev->ir, type, step / 2));
}

/* Box and Muller: sqrt(-2 ln u) sin(2 pi v). The cosine, a second number, is not kept. */
static tc_value normal(tc_eval *ev, const tc_value *x, bool wide) {
  tc_value u = uniform(ev, x, wide), v = uniform(ev, x + (wide ? 2 : 1), wide);
  tc_type type = tc_value_type(ev->ir, u);
  tc_value angle =
      tc_binary(ev->ir, TC_OP_mul, v, tc_const_float(ev->ir, type, 6.28318530717958647692));
  tc_value log = tc_math(ev->ir, TC_MATH_log, &u, 1);
  tc_value square = tc_binary(ev->ir, TC_OP_mul, log, tc_const_float(ev->ir, type, -2.0));
  return tc_binary(ev->ir, TC_OP_mul, tc_math(ev->ir, TC_MATH_sqrt, &square, 1),
                   tc_math(ev->ir, TC_MATH_sin, &angle, 1));
}

tc_val tc_do_rng_rand_float(tc_eval *ev, stage_args *a) {
  int64_t bits = tc_stage_int(ev, a->v[0], "bit", a->at[0]);
  tc_str dist = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  bool wide = bits == 64, is_normal = tc_str_is(dist, "normal");
  if (bits != 32 && bits != 64)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "bit", "32 or 64", "another number");
  if (!is_normal && !tc_str_is(dist, "uniform"))
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "dist", "\"uniform\" or \"normal\"",
               "another one");
  tc_value x[4];
  draw(ev, a, x, (wide ? 2u : 1u) * (is_normal ? 2u : 1u));
  return tc_val_expr(is_normal ? normal(ev, x, wide) : uniform(ev, x, wide));
}
