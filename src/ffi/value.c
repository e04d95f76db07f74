/* Values of kernels as objects: what is put off until a kernel is evaluated is its fields; what
 * belongs to an evaluation is a number in it, and holds its Trace. Operators on the latter go to
 * the evaluation at once. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

/* Objects that hold each other more deeply than this would end by too many calls in each other. */
enum { FIELDS = TC_FFI_VALUE_FIELDS, FEW = 8, MAX_DEPTH = 5000 };

/* Of values: their kinds to the other side, by the type of the object. */
static const struct kind_row {
  uint32_t kind;
  enum tc_ffi_type type;
} KINDS[] = {{TILEC_VALUE_STAGED, TC_FFI_TYPE_Value},
             {TILEC_VALUE_VAR, TC_FFI_TYPE_Var},
             {TILEC_VALUE_EXPR, TC_FFI_TYPE_Expr},
             {TILEC_VALUE_BUFFER, TC_FFI_TYPE_Buffer}};

static enum tc_ffi_type type_of(uint32_t kind) {
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
    if (KINDS[i].kind == kind) return KINDS[i].type;
  return TC_FFI_TYPE_Value;
}

static bool is_staged(uint32_t kind) {
  return kind >= TILEC_VALUE_STAGED;
}

static bool has_text(uint32_t kind) {
  return kind == TILEC_VALUE_TEXT || kind == TILEC_VALUE_NAME;
}

static bool has_int(uint32_t kind) {
  return kind == TILEC_VALUE_BOOL || kind == TILEC_VALUE_INT || kind == TILEC_VALUE_FUNCTION;
}

/* ---- objects ---- */

void tc_ffi_value_release(void *handle) {
  tc_ffi.ObjectDecRef(handle);
}

/* Takes the arguments over. */
static int make(uint32_t kind, const char *op, tc_ffi_any *items, int32_t n,
                tc_ffi_instance **out) {
  tc_ffi_any list;
  *out = NULL;
  if (tc_ffi_array(items, n, &list)) return -1;
  if (tc_ffi_new(type_of(kind), out)) return tc_ffi_drop(&list), -1;
  tc_ffi_any *f = (*out)->fields;
  f[TC_FFI_FIELD(Value, args)] = list;
  f[TC_FFI_FIELD(Value, number)] = f[TC_FFI_FIELD(Value, evaluation)] = tc_ffi_int(0);
  if (tc_ffi_string(op, strlen(op), &f[TC_FFI_FIELD(Value, op)]) == 0) return 0;
  tc_ffi.ObjectDecRef(*out);
  return -1;
}

static int make_staged(tc_ffi_instance *trace, const tilec_value *value, tc_ffi_any *out) {
  tc_ffi_instance *object;
  if (make(value->kind, "staged", NULL, 0, &object)) return -1;
  object->fields[TC_FFI_FIELD(Value, number)] = tc_ffi_int((int64_t)value->object);
  object->fields[TC_FFI_FIELD(Value, evaluation)] = trace->fields[TC_FFI_FIELD(Trace, evaluation)];
  tc_ffi.ObjectIncRef(trace);
  atomic_store(&object->handle, trace);
  *out = tc_ffi_value(object);
  return 0;
}

/* The object a value is when it belongs to an evaluation, that of `trace` unless it is NULL. */
static tc_ffi_instance *staged_of(const tc_ffi_any *value, const tc_ffi_instance *trace) {
  if (!tc_ffi_is(value, TC_FFI_TYPE_Value)) return NULL;
  tc_ffi_instance *object = value->as.ptr;
  const tc_ffi_instance *its = atomic_load(&object->handle);
  return its && (!trace || its == trace) ? object : NULL;
}

static tilec_value staged_value(const tc_ffi_instance *object) {
  return (tilec_value){.kind = TILEC_VALUE_STAGED,
                       .as.text = "",
                       .object = (uint64_t)object->fields[TC_FFI_FIELD(Value, number)].as.i};
}

/* ---- as four fields ---- */

int tc_ffi_give(tc_ffi_instance *trace, const tilec_value *value, tc_ffi_any fields[FIELDS]) {
  int64_t object;
  memcpy(&object, &value->object, sizeof object);
  fields[0] = tc_ffi_int(value->kind);
  fields[1] = tc_ffi_int(value->n);
  fields[2] = (tc_ffi_any){0};
  fields[3] = tc_ffi_int(object);
  if (is_staged(value->kind)) return make_staged(trace, value, &fields[2]);
  if (has_text(value->kind))
    return tc_ffi_string(value->as.text ? value->as.text : "", value->as.text ? value->n : 0,
                         &fields[2]);
  if (has_int(value->kind)) fields[2] = tc_ffi_int(value->as.i);
  if (value->kind == TILEC_VALUE_FLOAT) fields[2] = (tc_ffi_any){TC_FFI_FLOAT, 0, {value->as.i}};
  return 0;
}

bool tc_ffi_take_fields(const tc_ffi_instance *trace, const tc_ffi_any fields[FIELDS],
                        tilec_value *value) {
  tc_ffi_bytes text;
  const tc_ffi_any *payload = &fields[2];
  *value = (tilec_value){0};
  for (int i = 0; i < FIELDS; i++)
    if (i != 2 && fields[i].type_index != TC_FFI_INT && fields[i].type_index != TC_FFI_BOOL)
      return false;
  value->kind = (uint32_t)fields[0].as.i;
  value->n = (uint32_t)fields[1].as.i;
  memcpy(&value->object, &fields[3].as.i, sizeof value->object);
  if (is_staged(value->kind)) {
    const tc_ffi_instance *object = trace ? staged_of(payload, trace) : NULL;
    if (object) *value = staged_value(object);
    return object != NULL;
  }
  if (tc_ffi_is_text(payload, &text)) {
    value->as.text = text.data;
    value->n = (uint32_t)text.n;
    return has_text(value->kind);
  }
  if (payload->type_index == TC_FFI_INT || payload->type_index == TC_FFI_BOOL)
    value->as.i = payload->as.i;
  if (payload->type_index == TC_FFI_FLOAT) value->as.f = payload->as.f;
  return !has_text(value->kind);
}

/* ---- as they are ---- */

/* A value that only the other side knows: it says its four fields, which go to `keep`. */
static int encode(tc_ffi_instance *trace, const tc_ffi_any *from, tilec_value *to,
                  tc_ffi_any *keep) {
  const tc_ffi_trace *t = atomic_load(&trace->handle);
  const tc_ffi_any args[3] = {tc_ffi_value(trace), tc_ffi_int(TC_FFI_OP_ENCODE), *from};
  const tc_ffi_seq *list;
  if (tc_ffi.FunctionCall(t->function, args, 3, keep)) return -1;
  if (tc_ffi_is_list(keep, &list) && list->n == FIELDS && tc_ffi_take_fields(trace, list->at, to))
    return 0;
  return tc_ffi_raise("TypeError", "tilec: %s cannot be used in a kernel",
                      tc_ffi_what(from->type_index));
}

static int read_plain(tc_ffi_instance *trace, const tc_ffi_any *from, tilec_value *to,
                      tc_ffi_any *keep) {
  tc_ffi_bytes text;
  const tc_ffi_instance *object;
  *to = (tilec_value){.kind = TILEC_VALUE_NONE};
  switch (from->type_index) {
  case TC_FFI_NONE:
    return 0;
  case TC_FFI_BOOL:
  case TC_FFI_INT:
    to->kind = from->type_index == TC_FFI_BOOL ? TILEC_VALUE_BOOL : TILEC_VALUE_INT;
    to->as.i = from->as.i;
    return 0;
  case TC_FFI_FLOAT:
    to->kind = TILEC_VALUE_FLOAT;
    to->as.f = from->as.f;
    return 0;
  default:
    break;
  }
  if (tc_ffi_is_text(from, &text)) {
    *to = (tilec_value){
        .kind = TILEC_VALUE_TEXT, .n = (uint32_t)text.n, .as.text = text.n ? text.data : ""};
    return 0;
  }
  object = staged_of(from, NULL);
  if (!object) return encode(trace, from, to, keep);
  if (object != staged_of(from, trace))
    return tc_ffi_raise("RuntimeError", "tilec: a value belongs to another kernel");
  *to = staged_value(object);
  return 0;
}

/* Numbers, texts and values of the kernel as they are, others as the list of their four fields. */
static int write_plain(tc_ffi_instance *trace, const tilec_value *from, tc_ffi_any *to) {
  tc_ffi_any fields[FIELDS];
  *to = (tc_ffi_any){0};
  if (from->kind == TILEC_VALUE_NONE) return 0;
  if (tc_ffi_give(trace, from, fields)) return -1;
  bool plain =
      is_staged(from->kind) || (from->kind >= TILEC_VALUE_BOOL && from->kind <= TILEC_VALUE_TEXT);
  if (!plain) return tc_ffi_array(fields, FIELDS, to);
  *to = from->kind == TILEC_VALUE_BOOL ? tc_ffi_bool(from->as.i != 0) : fields[2];
  return 0;
}

/* ---- operations of a kernel that is being evaluated ---- */

/* Whether a callback of it runs here; else an error. */
static int check_open(const tc_ffi_trace *t) {
  if (t->trace && t->depth && pthread_equal(t->thread, pthread_self())) return 0;
  return tc_ffi_raise("RuntimeError", "tilec: a value belongs to another kernel, which %s",
                      t->trace ? "is not calling here" : "was compiled");
}

static int run(tc_ffi_instance *trace, tilec_op op, const tilec_value *values, int32_t n,
               tilec_value *given) {
  const tc_ffi_trace *t = atomic_load(&trace->handle);
  tilec_status status = tilec_trace_do(t->trace, op, values, (size_t)n, given);
  return status ? tc_ffi_raise_status(status, tilec_trace_text(t->trace)) : 0;
}

static int do_staged(tc_ffi_instance *trace, tilec_op op, const tc_ffi_any *args, int32_t n,
                     tc_ffi_any *result) {
  tilec_value few[FEW], *values = few, given;
  tc_ffi_any few_kept[FEW] = {{0}}, *kept = few_kept;
  if (check_open(atomic_load(&trace->handle))) return -1;
  if (n > FEW) {
    values = calloc((size_t)n, sizeof *values);
    kept = calloc((size_t)n, sizeof *kept);
  }
  int status = values && kept ? 0 : tc_ffi_no_memory();
  for (int32_t i = 0; i < n && !status; i++)
    status = read_plain(trace, &args[i], &values[i], &kept[i]);
  if (!status) status = run(trace, op, values, n, &given);
  for (int32_t i = 0; kept && i < n; i++)
    tc_ffi_drop(&kept[i]);
  if (values != few) free(values);
  if (kept != few_kept) free(kept);
  if (status) return status;
  if (given.kind == TILEC_VALUE_UNBOUND && op == TILEC_OP_GETATTR) {
    tc_ffi_bytes name = {"", 0};
    (void)tc_ffi_is_text(&args[1], &name);
    return tc_ffi_raise("AttributeError", "tilec: no attribute '%.*s'", (int)name.n, name.data);
  }
  return write_plain(trace, &given, result);
}

/* ---- operations that are put off ---- */

static const char *const NAMES[] = {
#define X(name, what) #name,
    TILEC_OPS(X)
#undef X
};

static void small_letters(const char *name, char out[16]) {
  size_t i = 0;
  for (; name[i] && i < 15; i++)
    out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
  out[i] = 0;
}

static int share_all(const tc_ffi_any *args, int32_t n, tc_ffi_any **out) {
  *out = calloc((size_t)n + 1, sizeof **out);
  if (!*out) return tc_ffi_no_memory();
  int status = 0;
  for (int32_t i = 0; i < n && !status; i++)
    status = tc_ffi.AnyViewToOwnedAny(&args[i], &(*out)[i]);
  for (int32_t i = 0; i < n && status; i++)
    tc_ffi_drop(&(*out)[i]);
  if (status) free(*out);
  return status;
}

/* How deeply values hold each other in these, also in lists among them; -1: too deeply. */
static int64_t depth_of(const tc_ffi_any *args, int64_t n, uint32_t lists) {
  int64_t most = 0;
  for (int64_t i = 0; i < n && most >= 0; i++) {
    const tc_ffi_seq *list;
    int64_t depth = 0;
    if (tc_ffi_is(&args[i], TC_FFI_TYPE_Value)) {
      const tc_ffi_instance *object = args[i].as.ptr;
      depth = object->fields[TC_FFI_FIELD(Value, number)].as.i;
    } else if (tc_ffi_is_list(&args[i], &list)) {
      depth = lists < 64 ? depth_of(list->at, list->n, lists + 1) : -1;
    }
    most = depth < 0 || depth >= MAX_DEPTH ? -1 : depth > most ? depth : most;
  }
  return most;
}

static int put_off(uint32_t kind, const char *op, const tc_ffi_any *args, int32_t n,
                   tc_ffi_any *result) {
  tc_ffi_any *own;
  tc_ffi_instance *object;
  for (int32_t i = 0; i < n; i++)
    if (staged_of(&args[i], NULL))
      return tc_ffi_raise("RuntimeError", "tilec: a value is used outside of its kernel");
  int64_t depth = depth_of(args, n, 0);
  if (depth < 0)
    return tc_ffi_raise("ValueError", "tilec: more than %d operations in each other", MAX_DEPTH);
  if (share_all(args, n, &own)) return -1;
  int status = make(kind, op, own, n, &object);
  free(own);
  if (status) return status;
  object->fields[TC_FFI_FIELD(Value, number)] = tc_ffi_int(depth + 1);
  *result = tc_ffi_value(object);
  return 0;
}

int tc_ffi_value_new(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  (void)self;
  if (!tc_ffi_args_start(&a, "value", args, n, 2, INT32_MAX)) return -1;
  int64_t kind = tc_ffi_take_int(&a, TILEC_VALUE_STAGED);
  const char *op = tc_ffi_take_text(&a, false, small);
  if (a.failed) return -1;
  return put_off((uint32_t)kind, op, args + 2, n - 2, result);
}

/* ---- operators ---- */

static int perform(tilec_op op, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  char name[16];
  for (int32_t i = 0; i < n; i++) {
    tc_ffi_instance *object = staged_of(&args[i], NULL);
    if (object) return do_staged(atomic_load(&object->handle), op, args, n, result);
  }
  small_letters(NAMES[op], name);
  bool is_number = op == TILEC_OP_BINARY || op == TILEC_OP_UNARY || op == TILEC_OP_COMPARE;
  if (is_number || op == TILEC_OP_GETATTR || op == TILEC_OP_GETITEM || op == TILEC_OP_CALL)
    return put_off(is_number ? TILEC_VALUE_EXPR : TILEC_VALUE_STAGED, name, args, n, result);
  return tc_ffi_raise("TypeError", "tilec: %s of a value that is known only in a kernel", name);
}

int tc_ffi_value_do(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "value_do", args, n, 2, INT32_MAX)) return -1;
  int64_t op = tc_ffi_take_int(&a, -1);
  if (a.failed) return -1;
  if (op < TILEC_OP_ITEM || op >= TILEC_OP_COUNT)
    return tc_ffi_raise("ValueError", "tilec.value_do: there is no operation %lld", (long long)op);
  return perform((tilec_op)op, args + 1, n - 1, result);
}

/* A method: the object comes first, while an operator stands before its operands. */
static int method(const char *name, tilec_op op, const tc_ffi_any *args, int32_t n, int32_t least,
                  int32_t most, tc_ffi_any *result) {
  tc_ffi_args a;
  bool swapped = op == TILEC_OP_BINARY || op == TILEC_OP_UNARY || op == TILEC_OP_COMPARE;
  if (!tc_ffi_args_start(&a, name, args, n, least, most)) return -1;
  if (!tc_ffi_instance_of(&args[0], TC_FFI_TYPE_Value, name)) return -1;
  if (!swapped) return perform(op, args, n, result);
  const tc_ffi_any turned[3] = {args[1], args[0], n > 2 ? args[2] : (tc_ffi_any){0}};
  return perform(op, turned, n, result);
}

#define VALUE_METHOD(name, op, least, most)                                                        \
  int tc_ffi_value_##name(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {     \
    (void)self;                                                                                    \
    return method("Value." #name, TILEC_OP_##op, args, n, least, most, result);                    \
  }
VALUE_METHOD(getattr, GETATTR, 2, 2)
VALUE_METHOD(setattr, SETATTR, 3, 3)
VALUE_METHOD(getitem, GETITEM, 2, 2)
VALUE_METHOD(setitem, SETITEM, 3, 3)
VALUE_METHOD(call, CALL, 2, INT32_MAX)
VALUE_METHOD(contains, CONTAINS, 2, 2)
VALUE_METHOD(truth, TRUTH, 1, 1)
VALUE_METHOD(len, LEN, 1, 1)
VALUE_METHOD(binary, BINARY, 3, 3)
VALUE_METHOD(unary, UNARY, 2, 2)
VALUE_METHOD(compare, COMPARE, 3, 3)
VALUE_METHOD(text, STR, 1, 1)
VALUE_METHOD(repr, REPR, 1, 1)
#undef VALUE_METHOD

/* ---- by fields ---- */

/* The values behind the fixed arguments; NULL with an error. */
static tilec_value *take_values(const tc_ffi_instance *trace, const char *function,
                                const tc_ffi_any *at, int32_t n) {
  tilec_value *values = calloc((size_t)n / FIELDS + 1, sizeof *values);
  if (!values) return tc_ffi_no_memory(), NULL;
  bool fits = n % FIELDS == 0;
  for (int32_t i = 0; fits && i < n / FIELDS; i++)
    fits = tc_ffi_take_fields(trace, &at[(ptrdiff_t)i * FIELDS], &values[i]);
  if (fits) return values;
  free(values);
  tc_ffi_raise("TypeError", "tilec.%s: arguments are kinds, numbers, payloads and objects",
               function);
  return NULL;
}

int tc_ffi_trace_do(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tilec_value given;
  tc_ffi_any fields[FIELDS];
  (void)self;
  if (!tc_ffi_args_start(&a, "trace_do", args, n, 2, INT32_MAX)) return -1;
  tc_ffi_instance *trace = tc_ffi_instance_of(&args[0], TC_FFI_TYPE_Trace, "tilec.trace_do");
  if (!trace) return -1;
  a.next++;
  int64_t op = tc_ffi_take_int(&a, -1);
  if (a.failed || check_open(atomic_load(&trace->handle))) return -1;
  if (op < 0 || op >= TILEC_OP_COUNT)
    return tc_ffi_raise("ValueError", "tilec.trace_do: there is no operation %lld", (long long)op);
  tilec_value *values = take_values(trace, "trace_do", args + 2, n - 2);
  if (!values) return -1;
  int status = run(trace, (tilec_op)op, values, (n - 2) / FIELDS, &given);
  free(values);
  if (status) return -1;
  return tc_ffi_give(trace, &given, fields) ? -1 : tc_ffi_array(fields, FIELDS, result);
}

/* ---- outside of kernels ---- */

int tc_ffi_evaluate(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tilec_resolver resolver;
  tc_ffi_any config = {0};
  tilec_error *error;
  (void)self;
  (void)result;
  if (!tc_ffi_args_start(&a, "evaluate", args, n, 2, INT32_MAX)) return -1;
  const tc_ffi_any *function = tc_ffi_take(&a), none = {0};
  int64_t op = tc_ffi_take_int(&a, -1);
  if (a.failed || tc_ffi_resolver(function ? function : &none, NULL, &resolver)) return -1;
  tilec_value *values = take_values(NULL, "evaluate", args + 2, n - 2);
  int status = !values || tc_ffi_config_or_empty(NULL, "evaluate", &config) ? -1 : 0;
  tilec_context *context = status ? NULL : tc_ffi_context_of(&config);
  if (!context) status = -1;
  if (!status
      && tilec_evaluate(context, &resolver, (tilec_op)op, values, (size_t)(n - 2) / FIELDS, &error))
    status = tc_ffi_raise_compile(error, "");
  resolver.release(resolver.data);
  free(values);
  tc_ffi_drop(&config);
  return status;
}
