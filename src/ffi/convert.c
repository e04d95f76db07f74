/* Values of the other side and of C. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

tc_ffi_bytes tc_ffi_text(const char *text) {
  return (tc_ffi_bytes){text, strlen(text)};
}

tc_ffi_any tc_ffi_value(void *object) {
  if (!object) return (tc_ffi_any){0};
  tc_ffi_header *header = object;
  return (tc_ffi_any){header->type_index, 0, {.obj = header}};
}

void tc_ffi_drop(tc_ffi_any *value) {
  tc_ffi_any old = *value;
  *value = (tc_ffi_any){0};
  if (old.type_index >= TC_FFI_OBJECT) tc_ffi.ObjectDecRef(old.as.ptr);
}

tc_ffi_any tc_ffi_share(const tc_ffi_any *value) {
  if (value->type_index >= TC_FFI_OBJECT) tc_ffi.ObjectIncRef(value->as.ptr);
  return *value;
}

int tc_ffi_string(const char *text, size_t n, tc_ffi_any *out) {
  const tc_ffi_bytes bytes = {text, n};
  *out = (tc_ffi_any){0};
  return tc_ffi.StringFromByteArray(&bytes, out);
}

int tc_ffi_array(tc_ffi_any *items, int32_t n, tc_ffi_any *out) {
  tc_ffi_any result = {0};
  int status = tc_ffi.FunctionCall(tc_ffi.make_array, items, n, &result);
  for (int32_t i = 0; i < n; i++)
    tc_ffi_drop(&items[i]);
  *out = result;
  return status;
}

bool tc_ffi_is_text(const tc_ffi_any *value, tc_ffi_bytes *text) {
  switch (value->type_index) {
  case TC_FFI_SMALL_STR:
    *text = tc_ffi_bytes_of(value->as.small, value->small_n);
    return true;
  case TC_FFI_STR:
    *text = *(const tc_ffi_bytes *)tc_ffi_body(value->as.ptr);
    return true;
  case TC_FFI_RAW_STR:
    *text = tc_ffi_text(value->as.str);
    return true;
  default:
    return false;
  }
}

bool tc_ffi_is_list(const tc_ffi_any *value, const tc_ffi_seq **list) {
  if (value->type_index != TC_FFI_ARRAY && value->type_index != TC_FFI_LIST) return false;
  *list = tc_ffi_body(value->as.ptr);
  return true;
}

const char *tc_ffi_what(int32_t type_index) { /* table */
  switch (type_index) {
  case TC_FFI_NONE:
    return "None";
  case TC_FFI_INT:
    return "an int";
  case TC_FFI_BOOL:
    return "a bool";
  case TC_FFI_FLOAT:
    return "a float";
  case TC_FFI_POINTER:
    return "a bare pointer";
  case TC_FFI_DTYPE:
    return "a dtype";
  case TC_FFI_DEVICE:
    return "a device";
  case TC_FFI_DLTENSOR:
  case TC_FFI_TENSOR:
    return "a tensor";
  case TC_FFI_RAW_STR:
  case TC_FFI_SMALL_STR:
  case TC_FFI_STR:
    return "a str";
  case 12:
  case 66:
    return "bytes";
  case 67:
    return "an exception";
  case TC_FFI_FUNCTION:
    return "a function";
  case TC_FFI_SHAPE:
    return "a shape";
  case TC_FFI_ARRAY:
  case TC_FFI_LIST:
    return "a list";
  case 72:
  case 76:
    return "a dict";
  case TC_FFI_OPAQUE:
    return "a Python object that is no array and no number (numpy.bool_ is one: use bool(x))";
  case TC_FFI_BIGINT:
    return "an int of more than 64 bits";
  default:
    return "an object of another type";
  }
}

/* ---- arguments ---- */

bool tc_ffi_args_start(tc_ffi_args *args, const char *function, const tc_ffi_any *at, int32_t n,
                       int32_t least, int32_t most) {
  *args = (tc_ffi_args){.function = function, .at = at, .n = n};
  if (n >= least && n <= most) return true;
  if (least == most) {
    tc_ffi_raise("TypeError", "tilec.%s takes %d arguments, got %d", function, least, n);
  } else {
    tc_ffi_raise("TypeError", "tilec.%s takes %d to %d arguments, got %d", function, least, most,
                 n);
  }
  args->failed = true;
  return false;
}

const tc_ffi_any *tc_ffi_take(tc_ffi_args *args) {
  const tc_ffi_any *value = args->next < args->n ? &args->at[args->next] : NULL;
  args->next++;
  return value && value->type_index != TC_FFI_NONE ? value : NULL;
}

static void fail_kind(tc_ffi_args *args, const tc_ffi_any *value, const char *wanted) {
  if (!args->failed)
    tc_ffi_raise("TypeError", "tilec.%s: argument %d is %s, expected %s", args->function,
                 args->next - 1, tc_ffi_what(value ? value->type_index : TC_FFI_NONE), wanted);
  args->failed = true;
}

const char *tc_ffi_take_text(tc_ffi_args *args, bool may_lack, char small[8]) {
  const tc_ffi_any *value = tc_ffi_take(args);
  tc_ffi_bytes text;
  if (!value && may_lack) return NULL;
  if (!value || !tc_ffi_is_text(value, &text)) return fail_kind(args, value, "a str"), "";
  if (memchr(text.data, 0, text.n)) return fail_kind(args, value, "a str without NUL"), "";
  if (value->type_index != TC_FFI_SMALL_STR) return text.data; /* these are terminated */
  memcpy(small, text.data, text.n);
  small[text.n] = 0;
  return small;
}

int64_t tc_ffi_take_int(tc_ffi_args *args, int64_t initial) {
  const tc_ffi_any *value = tc_ffi_take(args);
  if (!value) return initial;
  if (value->type_index == TC_FFI_INT || value->type_index == TC_FFI_BOOL) return value->as.i;
  fail_kind(args, value, "an int");
  return initial;
}

const tc_ffi_seq *tc_ffi_take_list(tc_ffi_args *args) {
  const tc_ffi_any *value = tc_ffi_take(args);
  const tc_ffi_seq *list;
  if (!value) return NULL;
  if (tc_ffi_is_list(value, &list)) return list;
  fail_kind(args, value, "a list");
  return NULL;
}
