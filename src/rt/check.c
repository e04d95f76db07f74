#include "rt/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The checks run at every launch, so the paths without an error touch little and call nothing;
 * everything about messages is in functions of its own, marked cold. */
#if defined(__GNUC__)
#define COLD __attribute__((cold, noinline))
#else
#define COLD
#endif

uint32_t tc_rt_fail(tc_rt_error *error, uint32_t code, const char *fmt, ...) {
  if (error->code) return error->code;
  error->code = code;
  va_list args;
  va_start(args, fmt);
  vsnprintf(error->text, sizeof error->text, fmt, args);
  va_end(args);
  return code;
}

void tc_rt_shape_text(char *text, size_t size_b, const int64_t *shape, uint32_t rank) {
  size_t n = (size_t)snprintf(text, size_b, "[");
  for (uint32_t i = 0; i < rank && n < size_b; i++)
    n += (size_t)snprintf(text + n, size_b - n, "%s%" PRId64, i ? ", " : "", shape[i]);
  if (n < size_b) snprintf(text + n, size_b - n, "]");
}

static bool add_overflows(int64_t a, int64_t b, int64_t *sum) {
#if defined(__GNUC__)
  return __builtin_add_overflow(a, b, sum);
#else
  if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) return true;
  *sum = a + b;
  return false;
#endif
}

static bool sub_overflows(int64_t a, int64_t b, int64_t *difference) {
#if defined(__GNUC__)
  return __builtin_sub_overflow(a, b, difference);
#else
  if ((b < 0 && a > INT64_MAX + b) || (b > 0 && a < INT64_MIN + b)) return true;
  *difference = a - b;
  return false;
#endif
}

/* ---- one argument: kind, type, rank, scalar value ---- */

static const char *kind_text(uint32_t kind) {
  static const char *const TEXTS[] = {"nothing", "a tensor", "an integer", "a float"};
  return kind < sizeof TEXTS / sizeof *TEXTS ? TEXTS[kind] : "an unknown kind";
}

COLD static uint32_t fail_kind(const tc_rt_param *p, uint32_t kind, tc_rt_error *error) {
  const char *wanted = "a tensor";
  if (p->flags & TC_RT_SCALAR)
    wanted = p->dtype >= TILEC_FLOAT16 && p->dtype < TILEC_POINTER ? "a number" : "an integer";
  return tc_rt_fail(
      error, TC_RT_E_KIND, "argument '%s' is %s, expected %s%s", p->name, kind_text(kind), wanted,
      kind == TILEC_ARG_NONE ? ": only a parameter that is never touched may be left out" : "");
}

COLD static uint32_t fail_dtype(const tc_rt_param *p, uint32_t dtype, tc_rt_error *error) {
  char stored[160] = "";
  size_t n = 0;
  for (uint32_t code = 1; code < TILEC_DTYPE_COUNT && n < sizeof stored; code++)
    if (code != p->dtype && ((p->accepts | p->accepts_packed) >> code & 1))
      n += (size_t)snprintf(stored + n, sizeof stored - n, "%s%s", n ? " or " : " (stored as ",
                            tc_rt_dtype_name(code));
  return tc_rt_fail(error, TC_RT_E_DTYPE, "argument '%s' holds %s, expected %s%s%s", p->name,
                    tc_rt_dtype_name(dtype), tc_rt_dtype_name(p->dtype), stored, n ? ")" : "");
}

COLD static uint32_t fail_rank(const tc_rt_param *p, const tilec_tensor *t, tc_rt_error *error) {
  char shape[200] = "";
  if (t->rank <= TILEC_MAX_RANK && t->shape)
    tc_rt_shape_text(shape, sizeof shape, t->shape, t->rank);
  return tc_rt_fail(error, TC_RT_E_RANK, "argument '%s' has rank %u%s%s, expected rank %u", p->name,
                    t->rank, *shape ? " " : "", shape, p->rank);
}

static bool is_packed(const tc_rt_param *p, const tilec_tensor *t) {
  return p->accepts_packed >> t->dtype & 1;
}

/* ---- devices ---- */

static const char *device_text(uint32_t device) {
  switch (device) {
  case TILEC_DEVICE_HOST:
    return "in host memory";
  case TILEC_DEVICE_CUDA:
    return "on a CUDA device";
  default:
    return "on a device of another kind";
  }
}

/* What both sides reach serves for either. Tensors of one launch lie on one device. */
static uint32_t check_device(const tc_rt_table *table, const tc_rt_param *p, const tilec_tensor *t,
                             const tilec_tensor **first, tc_rt_error *error) {
  uint32_t device = tc_rt_device_of(t), wanted = table->device ? table->device : TILEC_DEVICE_HOST;
  if (device == TILEC_DEVICE_CUDA_HOST || device == TILEC_DEVICE_CUDA_MANAGED) return TC_RT_OK;
  if (device != wanted)
    return tc_rt_fail(error, TC_RT_E_DEVICE,
                      "argument '%s' lies %s (DLPack type %" PRIu32
                      "), expected it %s (type %" PRIu32 ")",
                      p->name, device_text(device), device, device_text(wanted), wanted);
  if (wanted == TILEC_DEVICE_HOST) return TC_RT_OK;
  if (!*first) *first = t;
  if ((*first)->device_id == t->device_id) return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_DEVICE,
                    "argument '%s' lies on CUDA device %" PRId32 ", others on device %" PRId32,
                    p->name, t->device_id, (*first)->device_id);
}

uint32_t tc_rt_check_devices(const tc_rt_table *table, const tilec_arg *args, tc_rt_error *error) {
  const tilec_tensor *first = NULL;
  for (uint32_t i = 0; i < table->n_params; i++)
    if (args[i].kind == TILEC_ARG_TENSOR && args[i].as.tensor
        && check_device(table, &table->params[i], args[i].as.tensor, &first, error))
      return error->code;
  return TC_RT_OK;
}

static uint32_t check_kind(const tc_rt_param *p, const tilec_arg *arg, tc_rt_error *error) {
  if (arg->kind == TILEC_ARG_NONE && p->flags & TILEC_PARAM_NULLABLE) return TC_RT_OK;
  if (arg->kind != TILEC_ARG_TENSOR || !arg->as.tensor)
    return fail_kind(p, arg->kind == TILEC_ARG_TENSOR ? TILEC_ARG_NONE : arg->kind, error);
  const tilec_tensor *t = arg->as.tensor;
  if (t->dtype >= TILEC_DTYPE_COUNT || t->dtype == 0) return fail_dtype(p, t->dtype, error);
  if (p->flags & TILEC_PARAM_POINTER)
    return t->rank > TILEC_MAX_RANK || (t->rank && !t->shape) ? fail_rank(p, t, error) : TC_RT_OK;
  if (!((p->accepts | p->accepts_packed) >> t->dtype & 1)) return fail_dtype(p, t->dtype, error);
  if (t->rank != p->rank || (t->rank && !t->shape)) return fail_rank(p, t, error);
  return TC_RT_OK;
}

static uint32_t scalar_int(const tc_rt_param *p, int64_t x, tc_rt_error *error) {
  uint32_t bits = p->bits;
  bool is_signed = p->dtype >= TILEC_INT2 && p->dtype <= TILEC_INT64;
  if (p->dtype == TILEC_BOOL) bits = 1;
  if (bits >= 64) return TC_RT_OK; /* uint64 travels as its bits */
  int64_t lowest = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
  int64_t highest = (int64_t)((UINT64_C(1) << (is_signed ? bits - 1 : bits)) - 1);
  if (x >= lowest && x <= highest) return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_RANGE,
                    "argument '%s' is %" PRId64 ", which %s does not hold (%" PRId64 " to %" PRId64
                    ")",
                    p->name, x, tc_rt_dtype_name(p->dtype), lowest, highest);
}

uint32_t tc_rt_check_scalar(const tc_rt_param *p, const tilec_arg *arg, int64_t *word,
                            tc_rt_error *error) {
  bool wants_float = p->dtype >= TILEC_FLOAT16 && p->dtype < TILEC_POINTER;
  if (arg->kind == TILEC_ARG_INT && !wants_float) {
    *word = arg->as.i;
    return scalar_int(p, arg->as.i, error);
  }
  if (!wants_float || (arg->kind != TILEC_ARG_FLOAT && arg->kind != TILEC_ARG_INT))
    return fail_kind(p, arg->kind, error);
  double x = arg->kind == TILEC_ARG_FLOAT ? arg->as.f : (double)arg->as.i;
  if (p->dtype == TILEC_FLOAT32) x = (double)(float)x;
  memcpy(word, &x, sizeof x);
  return TC_RT_OK;
}

static uint32_t check_kinds(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                            bool partial, const tc_rt_frame *frame, tc_rt_error *error) {
  if (n_args != table->n_params)
    return tc_rt_fail(error, TC_RT_E_COUNT, "%s takes %u arguments, got %zu", table->name,
                      table->n_params, n_args);
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    if (partial && args[i].kind == TILEC_ARG_NONE) continue;
    if (p->flags & TC_RT_SCALAR) {
      if (tc_rt_check_scalar(p, &args[i], &frame->values[p->word], error)) return error->code;
      frame->bad[p->word] = 0;
    } else if (check_kind(p, &args[i], error)) {
      return error->code;
    }
  }
  return TC_RT_OK;
}

/* ---- dimensions ---- */

static int64_t extent_of(const tc_rt_param *p, const tilec_tensor *t, uint32_t axis) {
  int64_t extent = t->shape[axis];
  if (p->pack == 1 || axis + 1 != t->rank || !is_packed(p, t)) return extent;
  int64_t elements;
  return tc_rt_mul_overflows(extent, p->pack, &elements) ? INT64_MAX : elements;
}

/* In elements of the declared type; row-major where the caller gave none. */
static int64_t stride_of(const tc_rt_param *p, const tilec_tensor *t, uint32_t axis) {
  int64_t stride = 1;
  if (t->strides) {
    stride = t->strides[axis];
    if (p->pack > 1 && axis + 1 != t->rank && is_packed(p, t))
      return tc_rt_mul_overflows(stride, p->pack, &stride) ? INT64_MAX : stride;
    return stride;
  }
  for (uint32_t i = t->rank; i-- > axis + 1;)
    if (tc_rt_mul_overflows(stride, extent_of(p, t, i), &stride)) return INT64_MAX;
  return stride;
}

COLD static const char *name_of(const tc_rt_table *table, const tc_rt_step *step) {
  const char *name = "?";
  for (uint32_t i = 0; i < table->n_dims; i++)
    if (table->dims[i].word == step->word) name = table->dims[i].name;
  return name;
}

COLD static uint32_t fail_solve(const tc_rt_table *table, const tc_rt_step *step, int64_t found,
                                int64_t rest, tc_rt_error *error) {
  const char *name = name_of(table, step);
  return tc_rt_fail(error, TC_RT_E_SHAPE,
                    "argument '%s': %s %u is %" PRId64 ", but no %s >= 0 makes %" PRId64
                    " * %s + %" PRId64 " equal to it",
                    table->params[step->param].name, step->is_stride ? "stride" : "dimension",
                    step->axis, found, name, step->factor, name, rest);
}

static uint32_t solve(const tc_rt_table *table, const tc_rt_step *step, const tilec_tensor *t,
                      const tc_rt_frame *frame, tc_rt_error *error) {
  const tc_rt_param *p = &table->params[step->param];
  int64_t found = step->is_stride ? stride_of(p, t, step->axis) : extent_of(p, t, step->axis);
  int64_t x = found, rest = step->has_rest ? frame->values[step->rest] : 0;
  if (step->factor != 1 || step->has_rest) {
    int64_t left;
    bool fits = !sub_overflows(found, rest, &left) && left != INT64_MIN; /* no -1 divides that */
    if (!fits || left % step->factor) return fail_solve(table, step, found, rest, error);
    x = left / step->factor;
  }
  if (x < 0) return fail_solve(table, step, found, rest, error);
  frame->values[step->word] = x;
  frame->bad[step->word] = 0;
  return TC_RT_OK;
}

static uint32_t check_dims(const tc_rt_table *table, const tc_rt_frame *frame, tc_rt_error *error) {
  for (uint32_t i = 0; i < table->n_dims; i++) {
    const tc_rt_dim *dim = &table->dims[i];
    int64_t x = frame->values[dim->word];
    if (dim->dtype == TILEC_INT32 && (uint64_t)x > INT32_MAX)
      return tc_rt_fail(error, TC_RT_E_RANGE,
                        "dimension '%s' is %" PRId64
                        ", which int32 does not hold: declare it with dtype int64",
                        dim->name, x);
  }
  return TC_RT_OK;
}

/* The next step finds the same word, in another argument. */
static bool has_alternative(const tc_rt_table *table, uint32_t step) {
  return step + 1 < table->n_steps && table->steps[step + 1].word == table->steps[step].word;
}

static uint32_t bind_all(const tc_rt_table *table, const tilec_arg *args, const tc_rt_frame *frame,
                         tc_rt_error *error) {
  uint32_t done = 0;
  for (uint32_t i = 0; i < table->n_steps; i++) {
    const tc_rt_step *step = &table->steps[i];
    if (step->code_end > done) tc_rt_run_code(table, frame, done, step->code_end);
    if (step->code_end > done) done = step->code_end;
    if (args[step->param].kind == TILEC_ARG_NONE) {
      if (has_alternative(table, i)) continue;
      if (!step->optional)
        return tc_rt_fail(error, TC_RT_E_DIM,
                          "argument '%s' was left out, but its shape is needed to know '%s'",
                          table->params[step->param].name, name_of(table, step));
      frame->values[step->word] = 0;
      frame->bad[step->word] = 0;
      continue;
    }
    if (solve(table, step, args[step->param].as.tensor, frame, error)) return error->code;
    while (has_alternative(table, i))
      i++;
  }
  if (check_dims(table, frame, error)) return error->code;
  tc_rt_run_code(table, frame, done, table->n_code);
  return TC_RT_OK;
}

/* ---- shape, strides and memory of one tensor ---- */

typedef struct span {
  uintptr_t lo, end; /* bytes [lo, end) that may be touched */
} span;

COLD static uint32_t fail_extent(const tc_rt_param *p, const tilec_tensor *t, uint32_t axis,
                                 int64_t wanted, bool known, tc_rt_error *error) {
  char shape[200];
  tc_rt_shape_text(shape, sizeof shape, t->shape, t->rank);
  const char *note = p->pack > 1 && is_packed(p, t) ? " (the last dimension counts bytes)" : "";
  if (t->shape[axis] < 0 || !known)
    return tc_rt_fail(error, TC_RT_E_SHAPE, "argument '%s': dimension %u of shape %s%s %s", p->name,
                      axis, shape, note,
                      known ? "is negative" : "should be a number that cannot be computed");
  return tc_rt_fail(error, TC_RT_E_SHAPE,
                    "argument '%s': dimension %u of shape %s%s is %" PRId64 ", expected %" PRId64,
                    p->name, axis, shape, note, extent_of(p, t, axis), wanted);
}

COLD static uint32_t fail_stride(const tc_rt_param *p, const tilec_tensor *t, uint32_t axis,
                                 int64_t wanted, tc_rt_error *error) {
  char strides[200];
  tc_rt_shape_text(strides, sizeof strides, t->strides, t->rank);
  return tc_rt_fail(error, TC_RT_E_STRIDE,
                    "argument '%s': stride %u of strides %s is %" PRId64 ", expected %" PRId64 "%s",
                    p->name, axis, strides, stride_of(p, t, axis), wanted,
                    p->strides ? "" : ": the tensor must be row-major without holes");
}

COLD static uint32_t fail_size(const tc_rt_param *p, tc_rt_error *error) {
  return tc_rt_fail(error, TC_RT_E_SIZE, "argument '%s': its size in bytes does not fit 64 bits",
                    p->name);
}

static uint32_t check_extents(const tc_rt_param *p, const tilec_tensor *t, const tc_rt_frame *frame,
                              int64_t *n_elements, tc_rt_error *error) {
  int64_t n = 1;
  bool overflow = false, empty = false;
  for (uint32_t axis = 0; axis < p->rank; axis++) {
    int64_t wanted, extent = extent_of(p, t, axis);
    bool known = tc_rt_number_of(frame, &p->shape[axis], &wanted);
    if (!known || extent != wanted || extent < 0)
      return fail_extent(p, t, axis, wanted, known, error);
    empty |= extent == 0;
    overflow |= tc_rt_mul_overflows(n, extent, &n);
  }
  if (overflow && !empty) return fail_size(p, error);
  *n_elements = empty ? 0 : n;
  return TC_RT_OK;
}

static uint32_t check_row_major(const tc_rt_param *p, const tilec_tensor *t, tc_rt_error *error) {
  int64_t wanted = 1; /* products were checked by check_extents */
  for (uint32_t axis = p->rank; axis-- > 0;) {
    int64_t extent = extent_of(p, t, axis);
    if (extent != 1 && stride_of(p, t, axis) != wanted)
      return fail_stride(p, t, axis, wanted, error);
    wanted *= extent;
  }
  return TC_RT_OK;
}

/* Strided: elements lie in [0, *n_span). */
static uint32_t check_strides(const tc_rt_param *p, const tilec_tensor *t, const tc_rt_frame *frame,
                              int64_t *n_span, tc_rt_error *error) {
  int64_t last = 0;
  for (uint32_t axis = 0; axis < p->rank; axis++) {
    int64_t wanted, extent = extent_of(p, t, axis), stride = stride_of(p, t, axis), reach;
    bool known = tc_rt_number_of(frame, &p->strides[axis], &wanted);
    if (extent <= 1) continue;
    if (!known || stride != wanted || stride < 0) {
      int64_t row_major[TILEC_MAX_RANK];
      tilec_tensor shown = *t;
      for (uint32_t i = 0; i < p->rank; i++)
        row_major[i] = stride_of(p, t, i);
      if (!t->strides) shown.strides = row_major;
      return fail_stride(p, &shown, axis, stride < 0 ? 0 : wanted, error);
    }
    if (tc_rt_mul_overflows(extent - 1, stride, &reach) || add_overflows(last, reach, &last))
      return fail_size(p, error);
  }
  *n_span = last + 1;
  return TC_RT_OK;
}

/* A written tensor must not fold onto itself: ordered by stride, each axis must step over all the
 * axes below it. */
static uint32_t check_fold(const tc_rt_param *p, const tilec_tensor *t, tc_rt_error *error) {
  bool taken[TILEC_MAX_RANK] = {false};
  int64_t reach = 0; /* index of the last element of the axes taken so far */
  for (uint32_t n = 0; n < p->rank; n++) {
    uint32_t at = p->rank;
    for (uint32_t axis = 0; axis < p->rank; axis++)
      if (!taken[axis] && (at == p->rank || stride_of(p, t, axis) < stride_of(p, t, at))) at = axis;
    taken[at] = true;
    int64_t extent = extent_of(p, t, at);
    if (extent <= 1) continue;
    if (stride_of(p, t, at) <= reach)
      return tc_rt_fail(error, TC_RT_E_OVERLAP,
                        "argument '%s' is written, but its strides make elements share memory",
                        p->name);
    reach += (extent - 1) * stride_of(p, t, at); /* check_strides added the same numbers */
  }
  return TC_RT_OK;
}

static uint32_t locate(const tc_rt_param *p, const tilec_tensor *t, int64_t n_span, void **ptr,
                       span *where, tc_rt_error *error) {
  uintptr_t base = (uintptr_t)t->data, at = base + t->byte_offset;
  *where = (span){at, at};
  if (!n_span) {
    *ptr = t->data;
    return TC_RT_OK;
  }
  if (!t->data) {
    if (p->flags & TILEC_PARAM_NULLABLE) return *ptr = NULL, TC_RT_OK;
    return tc_rt_fail(error, TC_RT_E_NULL,
                      "argument '%s' is a null pointer, expected memory for %" PRId64 " elements",
                      p->name, n_span);
  }
  int64_t size_b = n_span;
  if (p->pack > 1) {
    size_b = n_span / p->pack + (n_span % p->pack != 0);
  } else if (tc_rt_mul_overflows(n_span, p->bits / 8, &size_b)) {
    return fail_size(p, error);
  }
  if (at < base || at + (uint64_t)size_b < at) return fail_size(p, error);
  if (at & (p->align_b - 1u))
    return tc_rt_fail(error, TC_RT_E_ALIGN,
                      "argument '%s' starts at address 0x%" PRIxPTR
                      ", expected a multiple of %u bytes",
                      p->name, at, (unsigned)p->align_b);
  where->end = at + (uintptr_t)size_b;
  *ptr = (char *)t->data + t->byte_offset;
  return TC_RT_OK;
}

static uint32_t check_tensor(const tc_rt_param *p, const tilec_tensor *t, const tc_rt_frame *frame,
                             void **ptr, span *where, tc_rt_error *error) {
  int64_t n_span = 0;
  if (p->flags & TILEC_PARAM_POINTER) { /* nothing is declared about it */
    *ptr = t->data ? (char *)t->data + t->byte_offset : NULL;
    *where = (span){0, 0};
    return TC_RT_OK;
  }
  if (check_extents(p, t, frame, &n_span, error)) return error->code;
  if (p->strides && n_span) {
    if (check_strides(p, t, frame, &n_span, error)) return error->code;
    if (p->flags & TILEC_PARAM_WRITTEN && check_fold(p, t, error)) return error->code;
  } else if (t->strides && n_span && check_row_major(p, t, error)) {
    return error->code;
  }
  return locate(p, t, n_span, ptr, where, error);
}

/* ---- overlap ---- */

/* True for two tensors that interleave: rows of the same pitch that lie beside each other, like two
 * halves of the columns of one matrix. The pitch is the greatest stride; all else must fit in it.
 */
static bool rows_apart(const tc_rt_param *p, const tilec_tensor *t, span a, const tc_rt_param *q,
                       const tilec_tensor *v, span b) {
  if (!p->strides || !q->strides || p->pack > 1 || q->pack > 1) return false;
  int64_t pitch_b = 0, width_b[2], pitch[2];
  for (int k = 0; k < 2; k++) {
    const tc_rt_param *x = k ? q : p;
    const tilec_tensor *y = k ? v : t;
    int64_t greatest = 0, reach = 0;
    uint32_t at = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++)
      if (extent_of(x, y, axis) > 1 && stride_of(x, y, axis) > greatest)
        greatest = stride_of(x, y, at = axis);
    for (uint32_t axis = 0; axis < x->rank; axis++)
      if (axis != at) reach += (extent_of(x, y, axis) - 1) * stride_of(x, y, axis);
    pitch[k] = greatest * (x->bits / 8);
    width_b[k] = (reach + 1) * (x->bits / 8);
  }
  pitch_b = pitch[0];
  if (pitch_b <= 0 || pitch[1] != pitch_b) return false;
  int64_t gap = (int64_t)(b.lo - a.lo) % pitch_b;
  if (gap < 0) gap += pitch_b;
  return gap >= width_b[0] && gap + width_b[1] <= pitch_b;
}

static uint32_t check_overlap(const tc_rt_table *table, const tilec_arg *args, const span *spans,
                              tc_rt_error *error) {
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    if (!(p->flags & TILEC_PARAM_WRITTEN) || spans[i].lo == spans[i].end) continue;
    for (uint32_t k = 0; k < table->n_params; k++) {
      const tc_rt_param *q = &table->params[k];
      if (k == i || spans[k].lo == spans[k].end) continue;
      if (spans[k].lo >= spans[i].end || spans[i].lo >= spans[k].end) continue;
      if (rows_apart(p, args[i].as.tensor, spans[i], q, args[k].as.tensor, spans[k])) continue;
      return tc_rt_fail(error, TC_RT_E_OVERLAP,
                        "argument '%s' is written and shares memory with argument '%s': pass a "
                        "copy of one of them",
                        p->name, q->name);
    }
  }
  return TC_RT_OK;
}

static uint32_t check_asserts(const tc_rt_table *table, const tc_rt_frame *frame,
                              tc_rt_error *error) {
  for (uint32_t i = 0; i < table->n_asserts; i++) {
    const tc_rt_assert *a = &table->asserts[i];
    if (frame->bad[a->value])
      return tc_rt_fail(error, TC_RT_E_ASSERT, "%s: has no value (division by zero?)", a->text);
    if (!frame->values[a->value]) return tc_rt_fail(error, TC_RT_E_ASSERT, "%s", a->text);
  }
  return TC_RT_OK;
}

static uint32_t check_tensors(const tc_rt_table *table, const tilec_arg *args,
                              const tc_rt_frame *frame, span *spans, tc_rt_error *error) {
  uint32_t slot = 0;
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    spans[i] = (span){0, 0};
    if (p->flags & TC_RT_SCALAR) continue;
    void **ptr = &frame->ptr[slot++];
    *ptr = NULL;
    if (args[i].kind == TILEC_ARG_NONE) continue; /* allowed by check_kinds */
    if (check_tensor(p, args[i].as.tensor, frame, ptr, &spans[i], error)) return error->code;
  }
  return TC_RT_OK;
}

/* ---- entries ---- */

static uint32_t check_all(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                          const tc_rt_frame *frame, tc_rt_error *error) {
  span spans[TC_RT_MAX_PARAMS];
  for (uint32_t i = 0; i < table->n_words; i++)
    frame->values[i] = 0;
  if (check_kinds(table, args, n_args, false, frame, error)) return error->code;
  if (tc_rt_check_devices(table, args, error)) return error->code;
  if (bind_all(table, args, frame, error)) return error->code;
  if (check_tensors(table, args, frame, spans, error)) return error->code;
  if (check_overlap(table, args, spans, error)) return error->code;
  return check_asserts(table, frame, error);
}

uint32_t tc_rt_check(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                     const tc_rt_frame *frame, tc_rt_error *error) {
  for (uint32_t i = 0; i < table->n_words; i++)
    frame->bad[i] = 0;
  if (tc_rt_check_quick(table, args, n_args, frame)) return TC_RT_OK;
  return check_all(table, args, n_args, frame, error);
}

static void bind_known(const tc_rt_table *table, const tilec_dim *known, size_t n_known,
                       const tc_rt_frame *frame) {
  for (uint32_t d = 0; d < table->n_dims; d++)
    for (size_t i = 0; i < n_known; i++)
      if (strcmp(known[i].name, table->dims[d].name) == 0) {
        frame->values[table->dims[d].word] = known[i].value;
        frame->bad[table->dims[d].word] = 0;
      }
}

uint32_t tc_rt_bind(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                    const tilec_dim *known, size_t n_known, const tc_rt_frame *frame,
                    tc_rt_error *error) {
  memset(frame->values, 0, table->n_words * sizeof *frame->values);
  memset(frame->bad, 1, table->n_words);
  if (check_kinds(table, args, n_args, true, frame, error)) return error->code;
  bind_known(table, known, n_known, frame);
  tc_rt_run_code(table, frame, 0, table->n_code);
  for (bool again = true; again;) {
    again = false;
    for (uint32_t i = 0; i < table->n_steps + table->n_more; i++) {
      const tc_rt_step *step = &table->steps[i];
      const tilec_arg *arg = &args[step->param];
      if (!frame->bad[step->word] || arg->kind == TILEC_ARG_NONE) continue;
      if (step->has_rest && frame->bad[step->rest]) continue;
      if (solve(table, step, arg->as.tensor, frame, error)) return error->code;
      tc_rt_run_code(table, frame, 0, table->n_code);
      again = true;
    }
  }
  return check_dims(table, frame, error);
}

uint64_t tc_rt_gpu_scalar(const tc_rt_frame *frame, const tc_rt_gpu_arg *arg) {
  int64_t word = frame->bad[arg->index] ? 0 : frame->values[arg->index];
  uint64_t bits = (uint64_t)word;
  if (arg->kind != TC_RT_GPU_F32) return bits; /* little-endian: an int32 is its first half */
  double x;
  memcpy(&x, &word, sizeof x);
  float narrow = (float)x;
  bits = 0;
  memcpy(&bits, &narrow, sizeof narrow);
  return bits;
}

COLD static uint32_t fail_grid(const tc_rt_kernel *kernel, uint32_t i, bool known, int64_t x,
                               tc_rt_error *error) {
  const int least = kernel->gpu ? 0 : 1;
  if (!known)
    return tc_rt_fail(error, TC_RT_E_GRID, "grid extent %u of kernel '%s' has no value", i,
                      kernel->name);
  if (x < least || x > INT32_MAX)
    return tc_rt_fail(error, TC_RT_E_GRID,
                      "grid extent %u of kernel '%s' is %" PRId64 ", expected %d to 2147483647", i,
                      kernel->name, x, least);
  return tc_rt_fail(error, TC_RT_E_GRID, "the grid of kernel '%s' has more than 2^63 blocks",
                    kernel->name);
}

uint32_t tc_rt_grid(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t k, int32_t grid[3],
                    tc_rt_error *error) {
  const tc_rt_kernel *kernel = &table->kernels[k];
  const int64_t least = kernel->gpu ? 0 : 1; /* an empty grid of a GPU is not launched */
  int64_t total = 1, x;
  grid[0] = grid[1] = grid[2] = 1;
  for (uint32_t i = 0; i < kernel->n_grid; i++) {
    bool known = tc_rt_number_of(frame, &kernel->grid[i], &x);
    if (!known || x < least || x > INT32_MAX || tc_rt_mul_overflows(total, x, &total))
      return fail_grid(kernel, i, known, x, error);
    grid[i] = (int32_t)x;
  }
  return TC_RT_OK;
}

uint32_t tc_rt_workspace_size(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t w,
                              uint64_t *size_b, tc_rt_error *error) {
  const tc_rt_workspace *space = &table->workspaces[w];
  int64_t n = 1, x;
  for (uint32_t i = 0; i < space->rank; i++) {
    if (!tc_rt_number_of(frame, &space->shape[i], &x) || x < 0)
      return tc_rt_fail(error, TC_RT_E_SIZE,
                        "extent %u of the global buffer '%s' is %" PRId64 ", expected 0 or more", i,
                        space->name, x);
    if (tc_rt_mul_overflows(n, x, &n))
      return tc_rt_fail(error, TC_RT_E_SIZE,
                        "the size of the global buffer '%s' does not fit 64 bits", space->name);
  }
  uint64_t per_byte = space->bits < 8 ? 8 / space->bits : 1;
  if (per_byte > 1) return *size_b = (uint64_t)n / per_byte + ((uint64_t)n % per_byte != 0), 0;
  if (tc_rt_mul_overflows(n, space->bits / 8, &x))
    return tc_rt_fail(error, TC_RT_E_SIZE,
                      "the size of the global buffer '%s' does not fit 64 bits", space->name);
  *size_b = (uint64_t)x;
  return TC_RT_OK;
}
