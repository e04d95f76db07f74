/* The short way through the checks.
 *
 * Nearly all launches pass whole row-major tensors to plain tables, and nothing is wrong with them.
 * These functions see just that, in about two hundred instructions for three tensors. Anything
 * else, right or wrong, they leave to check.c, which says what it is: so what they accept must be
 * a part of what is accepted there, with the same values, and that is all they have to know. */
#include "rt/check.h"

/* More parameters than this take the long way; ranges of memory are kept on the stack. */
enum { QUICK_PARAMS = 32 };

typedef struct quick_range {
  uintptr_t lo, end; /* bytes [lo, end) that may be touched */
} quick_range;

/* Scalars into their words; tensors with memory, of the declared type and rank, where the kernel
 * runs. (Loops walk with pointers of their own: what is written may lie where the table does, for
 * all that the compiler knows, and it would read its counts again.) */
static inline bool quick_kinds(const tc_rt_table *table, const tilec_arg *arg, int64_t *values) {
  const uint32_t on_device = table->device, device = on_device ? on_device : TILEC_DEVICE_HOST;
  const tilec_tensor *first = NULL;
  const tc_rt_param *p = table->params, *end = table->n_params ? p + table->n_params : p;
  for (; p < end; p++, arg++) {
    if (p->flags & TC_RT_SCALAR) {
      tc_rt_error ignored;
      ignored.code = 0;
      if (tc_rt_check_scalar(p, arg, &values[p->word], &ignored)) return false;
      continue;
    }
    const tilec_tensor *t = arg->as.tensor;
    if (arg->kind != TILEC_ARG_TENSOR || !t || !t->data || !t->shape) return false;
    if (t->rank != p->rank || t->dtype > 31 || !(p->accepts >> t->dtype & 1)) return false;
    if (tc_rt_device_of(t) != device) return false;
    if (!on_device) continue;
    if (!first) first = t;
    if (t->device_id != first->device_id) return false;
  }
  return true;
}

static inline bool quick_dims(const tc_rt_table *table, const tilec_arg *args, int64_t *values) {
  const tc_rt_step *step = table->steps, *end = table->n_steps ? step + table->n_steps : step;
  for (; step < end; step++) {
    int64_t x = args[step->param].as.tensor->shape[step->axis];
    if ((uint64_t)x > (uint64_t)step->highest) return false;
    values[step->word] = x;
  }
  return true;
}

/* True and *size_b the bytes of the elements, when the shape is as wanted and there are no holes.
 */
static inline bool quick_shape(const tc_rt_param *p, const tilec_tensor *t, const int64_t *values,
                               int64_t *size_b) {
  const int64_t *shape = t->shape, *strides = t->strides;
  int64_t n = 1;
  for (uint32_t axis = p->rank; axis-- > 0;) {
    const tc_rt_number *wanted = &p->shape[axis];
    int64_t x = wanted->is_constant ? wanted->constant : values[wanted->value];
    if (shape[axis] != x || x < 0) return false;
    if (strides && strides[axis] != n && x != 1) return false;
    if (tc_rt_mul_overflows(n, x, &n)) return false;
  }
  return !tc_rt_mul_overflows(n, p->bits / 8, size_b);
}

static inline bool quick_tensors(const tc_rt_table *table, const tilec_arg *arg,
                                 const int64_t *values, void **ptr, quick_range *range) {
  const tc_rt_param *p = table->params, *end = table->n_params ? p + table->n_params : p;
  for (; p < end; p++, arg++, range++) {
    *range = (quick_range){0, 0};
    if (p->flags & TC_RT_SCALAR) continue;
    const tilec_tensor *t = arg->as.tensor;
    int64_t size_b;
    if (!quick_shape(p, t, values, &size_b)) return false;
    uintptr_t offset_b = t->byte_offset, lo = (uintptr_t)t->data + offset_b;
    *range = (quick_range){lo, lo + (uintptr_t)size_b};
    if (lo < offset_b || range->end < lo || lo & (p->align_b - 1u)) return false;
    *ptr++ = (char *)t->data + offset_b;
  }
  return true;
}

static inline bool quick_overlap(const tc_rt_table *table, const quick_range *ranges) {
  const tc_rt_param *params = table->params;
  const quick_range *end = ranges + table->n_params;
  for (const quick_range *a = ranges; a < end; a++, params++) {
    if (!(params->flags & TILEC_PARAM_WRITTEN)) continue;
    for (const quick_range *b = ranges; b < end; b++)
      if (b->lo < a->end && a->lo < b->end && a != b) return true;
  }
  return false;
}

bool tc_rt_check_quick(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                       const tc_rt_frame *frame) {
  quick_range ranges[QUICK_PARAMS];
  if (!table->is_plain || n_args != table->n_params || n_args > QUICK_PARAMS) return false;
  if (!quick_kinds(table, args, frame->values) || !quick_dims(table, args, frame->values))
    return false;
  if (table->n_code) tc_rt_run_code(table, frame, 0, table->n_code);
  if (!quick_tensors(table, args, frame->values, frame->ptr, ranges)
      || quick_overlap(table, ranges))
    return false;
  for (uint32_t i = 0; i < table->n_asserts; i++) {
    uint32_t value = table->asserts[i].value;
    if (frame->bad[value] || !frame->values[value]) return false;
  }
  return true;
}
