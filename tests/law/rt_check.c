/* The short way through the checks accepts a part of what the long way accepts, with the same
 * values, and so every refusal has the same words: random plain tables with random arguments, of
 * which most are a little wrong, by either way. */
#include "check_kit.h"
#include "rt/check.h"

#include <stdlib.h>

enum { DIMS = 3, PARAMS = 4, RANK = 3, STEPS = 200000 };

typedef struct world {
  uint64_t seed;
  /* the table */
  tc_rt_number shapes[PARAMS][RANK];
  tc_rt_param params[PARAMS];
  tc_rt_step steps[DIMS];
  tc_rt_instr code[2];
  tc_rt_dim dims[DIMS];
  tc_rt_assert asserts[1];
  tc_rt_table table;
  /* the arguments */
  int64_t extents[PARAMS][RANK], strides[PARAMS][RANK];
  tilec_tensor tensors[PARAMS];
  tilec_arg args[PARAMS];
} world;

static _Alignas(64) unsigned char memory[1 << 16];

static uint32_t roll(world *w, uint32_t below) {
  w->seed ^= w->seed << 13, w->seed ^= w->seed >> 7, w->seed ^= w->seed << 17;
  return (uint32_t)((w->seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* ---- tables ---- */

static void make_shape(world *w, uint32_t i, bool *bound) {
  tc_rt_param *p = &w->params[i];
  p->shape = w->shapes[i];
  for (uint32_t axis = 0; axis < p->rank; axis++) {
    tc_rt_number *x = &w->shapes[i][axis];
    uint32_t d = roll(w, DIMS + 1);
    *x = (tc_rt_number){.constant = roll(w, 5), .is_constant = d == DIMS};
    if (d == DIMS) continue;
    x->value = d;
    if (bound[d]) continue;
    bound[d] = true;
    w->steps[w->table.n_steps++] = (tc_rt_step){.word = d,
                                                .param = (uint16_t)i,
                                                .axis = (uint8_t)axis,
                                                .factor = 1,
                                                .highest = roll(w, 4) ? INT32_MAX : INT64_MAX};
  }
}

static void make_param(world *w, uint32_t i, bool *bound) {
  static const char *const NAMES[PARAMS] = {"A", "B", "C", "D"};
  tc_rt_param *p = &w->params[i];
  *p = (tc_rt_param){.name = NAMES[i], .pack = 1};
  if (roll(w, 5) == 0) {
    bool is_float = roll(w, 2);
    p->flags = TC_RT_SCALAR;
    p->dtype = is_float ? TILEC_FLOAT32 : TILEC_INT8;
    p->bits = is_float ? 32 : 8;
    p->word = DIMS + i;
    return;
  }
  p->flags = roll(w, 2) ? TILEC_PARAM_READ : TILEC_PARAM_WRITTEN;
  p->rank = (uint8_t)roll(w, RANK + 1);
  p->dtype = TILEC_FLOAT32;
  p->bits = 32;
  p->align_b = roll(w, 2) ? 4 : 16;
  p->accepts = UINT32_C(1) << TILEC_FLOAT32;
  w->table.n_tensors++;
  make_shape(w, i, bound);
}

/* Dimensions that no tensor binds are not used, so their words are 0 by either way. */
static void make_table(world *w) {
  bool bound[DIMS] = {false};
  static const char *const NAMES[DIMS] = {"m", "n", "k"};
  w->table = (tc_rt_table){.version = TC_RT_VERSION,
                           .name = "law",
                           .params = w->params,
                           .steps = w->steps,
                           .code = w->code,
                           .dims = w->dims,
                           .asserts = w->asserts,
                           .n_params = 1 + roll(w, PARAMS),
                           .n_words = DIMS + PARAMS,
                           .device = roll(w, 3) ? 0 : TILEC_DEVICE_CUDA};
  for (uint32_t i = 0; i < w->table.n_params; i++)
    make_param(w, i, bound);
  for (uint32_t i = 0; i < w->table.n_steps; i++) {
    const tc_rt_step *step = &w->steps[i];
    w->dims[w->table.n_dims++] =
        (tc_rt_dim){NAMES[step->word], step->word,
                    step->highest == INT32_MAX ? (uint8_t)TILEC_INT32 : (uint8_t)TILEC_INT64};
  }
  if (!w->table.n_steps || roll(w, 2)) return;
  uint32_t word = w->steps[0].word; /* 7: 4 / word, 8: 7 == word */
  w->code[0] = (tc_rt_instr){.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 4};
  w->code[1] = (tc_rt_instr){.op = roll(w, 2) ? TC_RT_OP_floordiv : TC_RT_OP_le,
                             .type = TILEC_INT32,
                             .a = DIMS + PARAMS,
                             .as.of = {word, 0}};
  w->asserts[0] = (tc_rt_assert){"law.py:1: assert", DIMS + PARAMS + 1};
  w->table.n_code = 2;
  w->table.n_asserts = roll(w, 2);
}

/* ---- arguments ---- */

static void make_strides(world *w, uint32_t i) {
  int64_t stride = 1;
  for (uint32_t axis = w->params[i].rank; axis-- > 0;) {
    w->strides[i][axis] = stride;
    if (w->extents[i][axis] > 0) stride *= w->extents[i][axis];
  }
}

static void good_args(world *w) {
  int64_t sizes[DIMS];
  for (int d = 0; d < DIMS; d++)
    sizes[d] = roll(w, 8) ? 1 + roll(w, 6) : 0;
  for (uint32_t i = 0; i < w->table.n_params; i++) {
    const tc_rt_param *p = &w->params[i];
    if (p->flags & TC_RT_SCALAR) {
      bool is_float = p->dtype == TILEC_FLOAT32 && roll(w, 2);
      w->args[i] = is_float ? (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = 0.1}
                            : (tilec_arg){.kind = TILEC_ARG_INT, .as.i = (int64_t)roll(w, 100)};
      continue;
    }
    for (uint32_t axis = 0; axis < p->rank; axis++) {
      const tc_rt_number *x = &p->shape[axis];
      w->extents[i][axis] = x->is_constant ? x->constant : sizes[x->value];
    }
    make_strides(w, i);
    w->tensors[i] = (tilec_tensor){.size = sizeof(tilec_tensor),
                                   .data = memory + ((size_t)i << 13),
                                   .shape = w->extents[i],
                                   .strides = roll(w, 3) ? w->strides[i] : NULL,
                                   .byte_offset = 16 * roll(w, 2),
                                   .rank = p->rank,
                                   .dtype = p->dtype,
                                   .device_type = (int32_t)w->table.device};
    w->args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &w->tensors[i]};
  }
}

static int64_t odd_number(world *w, int64_t x) {
  static const int64_t FAR[] = {
      0, 1, -1, INT32_MAX, (int64_t)INT32_MAX + 1, INT64_MAX, INT64_MIN, INT64_MAX / 4};
  if (roll(w, 2)) return (int64_t)((uint64_t)x + roll(w, 5) - 2); /* around the ends, too */
  return FAR[roll(w, sizeof FAR / sizeof *FAR)];
}

/* One thing about one argument; it may stay right. */
static void change(world *w) { /* table */
  uint32_t i = roll(w, w->table.n_params), axis = roll(w, RANK);
  tilec_tensor *t = &w->tensors[i];
  switch (roll(w, 14)) {
  case 0:
    w->args[i].kind = roll(w, 5);
    break;
  case 1:
    if (w->args[i].kind == TILEC_ARG_TENSOR) w->args[i].as.tensor = NULL;
    break;
  case 2:
    w->args[i].as.i = w->args[i].kind == TILEC_ARG_INT ? odd_number(w, 127) : w->args[i].as.i;
    break;
  case 3:
    t->dtype = (uint16_t)roll(w, TILEC_DTYPE_COUNT + 2);
    break;
  case 4:
    t->rank = roll(w, RANK + 2);
    break;
  case 5:
    t->shape = NULL;
    break;
  case 6:
    t->data = NULL;
    break;
  case 7:
    t->byte_offset = roll(w, 2) ? roll(w, 40) : UINT64_MAX - roll(w, 40);
    break;
  case 8:
    t->device_type = (int32_t)roll(w, 4);
    break;
  case 9:
    t->device_id = (int32_t)roll(w, 2);
    break;
  case 10:
    t->data = w->tensors[0].data;
    break;
  case 11:
    t->size = offsetof(tilec_tensor, device_type); /* of a program built long ago */
    break;
  case 12:
    w->extents[i][axis] = odd_number(w, w->extents[i][axis]);
    break;
  default:
    w->strides[i][axis] = odd_number(w, w->strides[i][axis]);
    break;
  }
}

/* ---- the law ---- */

enum { VALUES = DIMS + PARAMS + 2 };
typedef struct outcome {
  int64_t values[VALUES];
  unsigned char bad[VALUES];
  void *ptr[PARAMS];
  tc_rt_error error;
  uint32_t code;
} outcome;

static void check(world *w, bool is_plain, outcome *out) {
  tc_rt_frame frame = {out->values, out->bad, out->ptr};
  memset(out, 0, sizeof *out);
  w->table.is_plain = is_plain;
  out->code = tc_rt_check(&w->table, w->args, w->table.n_params, &frame, &out->error);
}

/* Where a tensor without elements lies does not matter. */
static bool same_places(const world *w, const outcome *a, const outcome *b) {
  uint32_t slot = 0;
  for (uint32_t i = 0; i < w->table.n_params; i++) {
    if (w->params[i].flags & TC_RT_SCALAR) continue;
    bool empty = false;
    for (uint32_t axis = 0; axis < w->params[i].rank; axis++)
      empty |= w->extents[i][axis] == 0;
    if (!empty && a->ptr[slot] != b->ptr[slot]) return false;
    slot++;
  }
  return true;
}

static bool same(const world *w, const outcome *a, const outcome *b) {
  if (a->code != b->code) return false;
  if (a->code) return strcmp(a->error.text, b->error.text) == 0;
  return memcmp(a->values, b->values, sizeof a->values) == 0
         && memcmp(a->bad, b->bad, sizeof a->bad) == 0 && same_places(w, a, b);
}

static void either_way_is_the_same(void) {
  world *w = calloc(1, sizeof *w);
  if (!w) abort();
  w->seed = UINT64_C(0x9e3779b97f4a7c15);
  uint32_t n_right = 0, n_wrong = 0, n_quick = 0;
  for (int step = 0; step < STEPS; step++) {
    outcome brief, whole, quick;
    tc_rt_frame frame = {quick.values, quick.bad, quick.ptr};
    if (step % 20 == 0) make_table(w);
    good_args(w);
    for (uint32_t n = roll(w, 3); n > 0; n--)
      change(w);
    check(w, true, &brief);
    check(w, false, &whole);
    if (!CHECK(same(w, &brief, &whole)))
      printf("step %d: %u %s, or %u %s\n", step, brief.code, brief.error.text, whole.code,
             whole.error.text);
    memset(&quick, 0, sizeof quick);
    w->table.is_plain = true;
    n_quick += tc_rt_check_quick(&w->table, w->args, w->table.n_params, &frame);
    *(whole.code ? &n_wrong : &n_right) += 1;
  }
  printf("%u right, of which %u the short way, %u wrong\n", n_right, n_quick, n_wrong);
  CHECK(n_right > STEPS / 10 && n_wrong > STEPS / 10 && n_quick > n_right / 2);
  free(w);
}

int main(void) {
  either_way_is_the_same();
  return check_report();
}
