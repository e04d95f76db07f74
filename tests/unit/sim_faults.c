/* Faults planted in the IR that our own passes make are found by the simulator:
 * tests/sim/faults.def. Each kernel runs right first, as it is; a fault whose statement is not
 * there is a failure, too.
 *
 *   sim_faults [TEXT]   only the faults whose names have TEXT; TILEC_TEST_REPORTS shows reports
 */
#include "ir/build.h"
#include "ir/walk.h"
#include "lower_kit.h"

/* ---- the tables ---- */

typedef struct fault_kernel {
  const char *name, *file, *target;
  uint32_t sms;
} fault_kernel;

static const fault_kernel KERNELS[] = {
#define KERNEL(name, file, target, sms) {#name, file, target, sms},
#include "sim/faults.def"
};

/* Where a fault is planted. */
typedef struct spot {
  tc_region region, outer; /* outer: of the statement whose region it is */
  uint32_t at, outer_at;
} spot;

typedef struct fault fault;
typedef bool plant_fn(tc_ir *ir, const spot *s, const fault *f); /* false: cannot be done there */

enum which { FIRST, LAST, ALL };
enum { VALUE = 1000 }; /* found by wrong numbers; else a kind of report */
struct fault {
  const char *kernel, *name;
  enum tc_opcode opcode;
  enum tc_prim_row prim;
  const char *of; /* begins the name of a buffer that the statement uses, or "" */
  enum which which;
  plant_fn *plant;
  int64_t i, by; /* for `plant` */
  int found;
};

/* ---- finding ---- */

typedef TC_VEC(spot) spots;

static bool uses(const tc_ir *ir, tc_value stmt, const char *of) {
  const tc_op *op = tc_op_at(ir, stmt);
  size_t n = strlen(of);
  if (op->opcode == TC_OP_store)
    return strncmp(tc_name_of(ir, tc_buf_at(ir, tc_access_buf(ir, stmt))->name), of, n) == 0;
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value in = tc_input(ir, op, i);
    if (tc_is(ir, in, TC_OP_slice)
        && strncmp(tc_name_of(ir, tc_buf_at(ir, tc_slice_buf(ir, in))->name), of, n) == 0)
      return true;
  }
  return !n;
}

static void find(tc_ir *ir, const fault *f, tc_region region, const spot *outer, spots *found) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    spot s = {region, outer->region, i, outer->at};
    if (op->opcode == f->opcode && uses(ir, stmt, f->of)
        && (f->opcode != TC_OP_prim || tc_prim_of(ir, stmt)->row == f->prim))
      tc_vec_push(ir->arena, found, s);
    for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
      find(ir, f, tc_child(ir, op, r), &s, found);
  }
}

/* ---- planting ---- */

static tc_value stmt_at(const tc_ir *ir, const spot *s) {
  return tc_block_at(ir, s->region)->ops.at[s->at];
}

static tc_value take(tc_ir *ir, tc_region region, uint32_t at) {
  tc_block *block = tc_block_at(ir, region);
  tc_value stmt = block->ops.at[at];
  memmove(&block->ops.at[at], &block->ops.at[at + 1], (block->ops.n - at - 1) * sizeof stmt);
  block->ops.n--;
  return stmt;
}

static void put_input(tc_ir *ir, const spot *s, int64_t i, tc_value x) {
  tc_op *op = tc_op_at(ir, stmt_at(ir, s));
  tc_inputs_of(ir, op)[i] = x;
}

static tc_value plus(tc_ir *ir, tc_value x, int64_t by) {
  return tc_binary(ir, TC_OP_add, x, tc_const_int(ir, tc_value_type(ir, x), by));
}

static bool drop(tc_ir *ir, const spot *s, const fault *f) {
  (void)f;
  take(ir, s->region, s->at);
  return true;
}

/* Its number is `by` more. */
static bool number(tc_ir *ir, const spot *s, const fault *f) {
  tc_prim *prim = tc_prim_of(ir, stmt_at(ir, s));
  prim->n = (uint32_t)(prim->n + f->by);
  return true;
}

static bool transpose(tc_ir *ir, const spot *s, const fault *f) {
  tc_prim *prim = tc_prim_of(ir, stmt_at(ir, s));
  (void)f;
  prim->trans_a = !prim->trans_a;
  return true;
}

/* Operand i is `by` more; of a slice, where its last dimension begins. */
static bool more(tc_ir *ir, const spot *s, const fault *f) {
  tc_value x = tc_input(ir, tc_op_at(ir, stmt_at(ir, s)), (uint32_t)f->i);
  if (!tc_is(ir, x, TC_OP_slice)) {
    put_input(ir, s, f->i, plus(ir, x, f->by));
    return true;
  }
  tc_buf buf = tc_slice_buf(ir, x);
  uint32_t rank = tc_buf_at(ir, buf)->rank;
  tc_value base[MAX_RANK], extent[MAX_RANK];
  for (uint32_t d = 0; d < rank; d++) {
    base[d] = tc_slice_base(ir, x, d);
    extent[d] = tc_slice_extent(ir, x, d);
  }
  base[rank - 1] = plus(ir, base[rank - 1], f->by);
  put_input(ir, s, f->i, tc_slice(ir, buf, base, extent, tc_slice_in_bounds(ir, x)));
  return true;
}

/* Operand i is `by`. */
static bool instead(tc_ir *ir, const spot *s, const fault *f) {
  tc_value x = tc_input(ir, tc_op_at(ir, stmt_at(ir, s)), (uint32_t)f->i);
  tc_type type = tc_value_type(ir, x);
  put_input(ir, s, f->i,
            tc_is_bool(type) ? tc_const_bool(ir, f->by) : tc_const_int(ir, type, f->by));
  return true;
}

/* Operand i, a parity, is the other one. */
static bool flip(tc_ir *ir, const spot *s, const fault *f) {
  tc_value x = tc_input(ir, tc_op_at(ir, stmt_at(ir, s)), (uint32_t)f->i);
  tc_value one = tc_const_int(ir, tc_value_type(ir, x), 1);
  put_input(ir, s, f->i, tc_binary(ir, TC_OP_xor, x, one));
  return true;
}

/* A store without its guard. */
static bool unguard(tc_ir *ir, const spot *s, const fault *f) {
  tc_value stmt = stmt_at(ir, s), in[MAX_RANK + 2];
  const tc_op *op = tc_op_at(ir, stmt);
  (void)f;
  if (!tc_access_pred(ir, stmt).id) return false;
  memcpy(in, tc_inputs_of(ir, op), op->n_in * sizeof *in);
  tc_set_inputs(ir, stmt, in, op->n_in - 1u);
  tc_access_of(ir, stmt)->flags &= (uint8_t)~TC_ACCESS_PRED;
  return true;
}

/* slot = select(slot == last, 0, slot + 1): the last one is `by` more. */
static bool wrap(tc_ir *ir, const spot *s, const fault *f) {
  tc_value stmt = stmt_at(ir, s), x = tc_access_value(ir, stmt);
  if (!tc_is(ir, x, TC_OP_select)) return false;
  const tc_op *op = tc_op_at(ir, x);
  tc_value is_last = tc_input(ir, op, 0), zero = tc_input(ir, op, 1), next = tc_input(ir, op, 2);
  int64_t last;
  if (!tc_is(ir, is_last, TC_OP_eq)) return false;
  op = tc_op_at(ir, is_last);
  tc_value slot = tc_input(ir, op, 0);
  if (!tc_const_of(ir, tc_input(ir, op, 1), &last)) return false;
  is_last = tc_binary(ir, TC_OP_eq, slot, tc_const_int(ir, tc_value_type(ir, slot), last + f->by));
  put_input(ir, s, tc_buf_at(ir, tc_access_buf(ir, stmt))->rank,
            tc_select(ir, is_last, zero, next));
  return true;
}

/* slot = select(..): it stays. */
static bool stay(tc_ir *ir, const spot *s, const fault *f) {
  if (!tc_is(ir, tc_access_value(ir, stmt_at(ir, s)), TC_OP_select)) return false;
  return drop(ir, s, f);
}

/* The branch around it comes before the last primitive `by` before it. */
static bool earlier(tc_ir *ir, const spot *s, const fault *f) {
  tc_block *block = tc_block_at(ir, s->outer);
  uint32_t to = s->outer_at;
  while (to-- > 0) {
    tc_value stmt = block->ops.at[to];
    if (tc_is(ir, stmt, TC_OP_prim) && tc_prim_of(ir, stmt)->row == f->by) break;
  }
  if (to == UINT32_MAX) return false;
  tc_value moved = take(ir, s->outer, s->outer_at);
  memmove(&block->ops.at[to + 1], &block->ops.at[to], (block->ops.n - to) * sizeof moved);
  block->ops.at[to] = moved;
  block->ops.n++;
  return true;
}

static const fault FAULTS[] = {
#define PRIM(name) TC_OP_prim, TC_PRIM_##name
#define STMT(name) TC_OP_##name, (enum tc_prim_row)0
#define KIND(name) TC_SIM_KIND_##name
#define FAULT(kernel, name, at, of, which, plant, i, by, found)                                    \
  {#kernel, name, at, of, which, plant, i, by, found},
#include "sim/faults.def"
};

static void plant(tc_ir *ir, void *data) {
  const fault *f = data;
  spots found = {0};
  const spot top = {{0}, {0}, 0, 0};
  uint32_t n = 0;
  find(ir, f, ir->body, &top, &found);
  for (uint32_t i = found.n; i-- > 0;) { /* backwards: the places before stay what they are */
    spot *s = &found.at[f->which == FIRST ? found.n - 1 - i : i];
    if (n && f->which != ALL) break;
    n += f->plant(ir, s, f);
  }
  if (!CHECK(n > 0)) printf("%s: %s: the statement is not there\n", f->kernel, f->name);
}

/* ---- running ---- */

static void expect_right(test *t) {
  for (size_t i = 0; i < TC_COUNT(WAYS); i++)
    if (!CHECK(run_once(t, &WAYS[i]) && compare(t, false) == 0))
      printf("%s for %s, way %zu: %s\n", t->file, t->target, i, t->report.text);
}

static void expect_found(test *t, const fault *f) {
  /* Blocks in step with each other do the same in every run when one thread runs both. */
  const tc_sim_options options = {
      .delivery = TC_SIM_LATE, .race = f->found == TC_SIM_KIND_race, .resident = 2};
  uint64_t wrong = 0;
  t->report = (tc_sim_report){0};
  bool ran = run_once(t, &options);
  if (ran) wrong = compare(t, true);
  bool as_said = f->found == VALUE ? ran && wrong : !ran && (int)t->report.kind == f->found;
  if (CHECK(as_said) && !getenv("TILEC_TEST_REPORTS")) return;
  printf("%s: %s: %s%s, %" PRIu64 " wrong: %s\n", f->kernel, f->name,
         as_said ? "" : "NOT FOUND: ", tc_sim_kind_word(t->report.kind), wrong, t->report.text);
}

static void run_kernel_faults(const fault_kernel *k, const char *only) {
  char path[256];
  snprintf(path, sizeof path, "tests/sim/kernels/%s.tir", k->file);
  test *t = test_new(path, k->target);
  t->sms = k->sms;
  bool fine = guarded(t, prepare) && guarded(t, lower_and_compile) && CHECK(t->module != NULL);
  if (fine) expect_right(t);
  for (size_t i = 0; fine && i < TC_COUNT(FAULTS); i++) {
    fault f = FAULTS[i];
    if (strcmp(f.kernel, k->name) != 0 || !strstr(f.name, only)) continue;
    t->change = plant;
    t->data = &f;
    if (guarded(t, lower_and_compile) && CHECK(t->module != NULL)) expect_found(t, &f);
  }
  test_free(t);
}

int main(int argc, char **argv) {
  pool = tc_rt_pool_new(NULL, 2);
  for (size_t i = 0; i < TC_COUNT(KERNELS); i++)
    run_kernel_faults(&KERNELS[i], argc > 1 ? argv[1] : "");
  tc_rt_pool_free(pool);
  return check_report();
}
