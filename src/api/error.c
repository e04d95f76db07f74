/* Statuses, errors and text. */
#include "api/api_impl.h"

#include "rt/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One block of memory: the struct, then its strings. The allocator is a copy, because an error may
 * outlive its context. */
struct tilec_error {
  tilec_status status;
  bool hooked, is_static;
  tilec_allocator hooks;
  size_t size_b;
  const char *code, *text, *form[TC_N_FORMATS];
};

struct tilec_text {
  bool hooked;
  tilec_allocator hooks;
  size_t size_b, n;
  char data[];
};

/* For when there is no memory to say so; const, so it can be shared by everybody. */
static const tilec_error NO_MEMORY = {
    .status = TILEC_MEMORY,
    .is_static = true,
    .code = "E0901",
    .text = "out of memory",
    .form =
        {"error[E0901]: out of memory\n", "error[E0901]: out of memory\n",
         "{\"code\":\"E0901\",\"severity\":\"error\",\"message\":\"out of memory\",\"spans\":[],"
         "\"notes\":[],\"help\":\"\"}\n"},
};

tilec_status tc_api_no_memory(tilec_error **error) {
  /* The cast is undone by tilec_error_release, which does not free static errors. */
  union {
    const tilec_error *as_const;
    tilec_error *plain;
  } it = {.as_const = &NO_MEMORY};
  if (error) *error = it.plain;
  return TILEC_MEMORY;
}

/* Texts that were cut to fit may end inside a character, and names may hold any bytes; whoever
 * reads an error as UTF-8 can. */
static const char *put(char **at, const char *text, size_t n) {
  char *start = *at;
  if (n) memcpy(start, text, n);
  start[n] = 0;
  for (size_t i = 0, size; i < n; i += size ? size : 1) {
    size = tc_utf8_size((tc_str){start + i, (uint32_t)(n - i)});
    if (!size) start[i] = '?';
  }
  *at += n + 1;
  return start;
}

void tc_api_make_error(tilec_error **error, const tilec_context *context, tilec_status status,
                       const char *code, const char *text, const tc_str form[TC_N_FORMATS]) {
  if (!error) return;
  size_t size_b = sizeof(tilec_error) + strlen(code) + strlen(text) + 2 + TC_N_FORMATS;
  for (int f = 0; f < TC_N_FORMATS; f++)
    size_b += form[f].n;
  const tilec_allocator *hooks = context ? tc_api_hooks(context) : NULL;
  tilec_error *e = tc_rt_alloc(hooks, size_b, _Alignof(max_align_t));
  if (!e) {
    tc_api_no_memory(error);
    return;
  }
  *e = (tilec_error){.status = status, .hooked = hooks != NULL, .size_b = size_b};
  if (hooks) e->hooks = *hooks;
  char *at = (char *)(e + 1);
  e->code = put(&at, code, strlen(code));
  e->text = put(&at, text, strlen(text));
  for (int f = 0; f < TC_N_FORMATS; f++)
    e->form[f] = put(&at, form[f].at, form[f].n);
  *error = e;
}

/* Escapes for JSON without an arena. */
static size_t json_escape(char *out, size_t size_b, const char *text) {
  size_t n = 0;
  for (; *text && n + 7 < size_b; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      out[n++] = '\\';
      out[n++] = (char)c;
    } else if (c < 0x20) {
      n += (size_t)snprintf(out + n, size_b - n, "\\u%04x", c);
    } else {
      out[n++] = (char)c;
    }
  }
  out[n] = 0;
  return n;
}

static tilec_status fail_line(tilec_error **error, const tilec_context *context,
                              tilec_status status, const char *code, const char *text) {
  char plain[1200], color[1200], json[2600], escaped[2048];
  bool coded = *code != 0;
  snprintf(plain, sizeof plain, "error%s%s%s: %s\n", coded ? "[" : "", code, coded ? "]" : "",
           text);
  snprintf(color, sizeof color, "\033[1;31merror%s%s%s\033[0m: %s\n", coded ? "[" : "", code,
           coded ? "]" : "", text);
  json_escape(escaped, sizeof escaped, text);
  snprintf(json, sizeof json,
           "{\"code\":\"%s\",\"severity\":\"error\",\"message\":\"%s\",\"spans\":[],\"notes\":[],"
           "\"help\":\"\"}\n",
           code, escaped);
  tc_str form[TC_N_FORMATS] = {tc_str_of(plain), tc_str_of(color), tc_str_of(json)};
  tc_api_make_error(error, context, status, code, text, form);
  return status;
}

tilec_status tc_api_fail(tilec_error **error, const tilec_context *context, tilec_status status,
                         const char *code, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return fail_line(error, context, status, code, text);
}

tilec_status tc_api_usage(tilec_error **error, const tilec_context *context, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return fail_line(error, context, TILEC_USAGE, "", text);
}

const char *tc_api_code_text(uint32_t number, char out[TC_CODE_B]) {
  snprintf(out, TC_CODE_B, "E%04u", number % 10000);
  return out;
}

tilec_status tc_api_status_of_rt(uint32_t code) {
  switch (code) {
  case TC_RT_E_WORKSPACE:
  case TC_RT_E_THREAD:
    return TILEC_MEMORY;
  case TC_RT_E_OUTSIDE:
  case TC_RT_E_UNDEFINED:
  case TC_RT_E_DIVISION:
    return TILEC_CHECK_FAILED;
  case TC_RT_E_NO_CUDA:
  case TC_RT_E_LIMIT:
  case TC_RT_E_GPU:
    return TILEC_NO_TARGET;
  case TC_RT_E_CUDA:
  case TC_RT_E_CAPTURE:
  case TC_RT_E_PEER:
    return TILEC_ENVIRONMENT;
  default:
    return TILEC_ARGUMENT;
  }
}

tilec_status tc_api_fail_rt(tilec_error **error, const tilec_context *context,
                            const tc_rt_error *rt) {
  char code[TC_CODE_B];
  tc_api_code_text(rt->code, code);
  return fail_line(error, context, tc_api_status_of_rt(rt->code), code, rt->text);
}

/* ---- public ---- */

const char *tilec_status_name(tilec_status status) {
  switch (status) {
  case TILEC_OK:
    return "ok";
  case TILEC_ERROR:
    return "error";
  case TILEC_USAGE:
    return "usage";
  case TILEC_CHECK_FAILED:
    return "check failed";
  case TILEC_NO_TARGET:
    return "no target";
  case TILEC_BUDGET:
    return "budget exhausted";
  case TILEC_ARGUMENT:
    return "argument";
  case TILEC_MEMORY:
    return "out of memory";
  case TILEC_ENVIRONMENT:
    return "environment";
  case TILEC_INTERRUPTED:
    return "interrupted";
  case TILEC_RAISED:
    return "raised";
  case TILEC_BUG:
    return "internal error";
  }
  return "unknown";
}

const char *tilec_version(void) {
  return TILEC_VERSION_STRING;
}

tilec_status tilec_error_status(const tilec_error *error) {
  return error ? error->status : TILEC_OK;
}
const char *tilec_error_code(const tilec_error *error) {
  return error ? error->code : "";
}
const char *tilec_error_text(const tilec_error *error) {
  return error ? error->text : "";
}
const char *tilec_error_diagnostics(const tilec_error *error, tilec_format format) {
  if (!error || (unsigned)format >= TC_N_FORMATS) return "";
  return error->form[format];
}

void tilec_error_release(tilec_error *error) {
  if (!error || error->is_static) return;
  tilec_allocator hooks = error->hooks;
  tc_rt_free(error->hooked ? &hooks : NULL, error, error->size_b);
}

tilec_text *tc_api_text(const tilec_context *context, const char *data, size_t n) {
  size_t size_b = sizeof(tilec_text) + n + 1;
  const tilec_allocator *hooks = tc_api_hooks(context);
  tilec_text *text = tc_rt_alloc(hooks, size_b, _Alignof(max_align_t));
  if (!text) return NULL;
  *text = (tilec_text){.hooked = hooks != NULL, .size_b = size_b, .n = n};
  if (hooks) text->hooks = *hooks;
  if (n) memcpy(text->data, data, n);
  text->data[n] = 0;
  return text;
}

const char *tilec_text_data(const tilec_text *text) {
  return text ? text->data : "";
}
size_t tilec_text_size(const tilec_text *text) {
  return text ? text->n : 0;
}
void tilec_text_release(tilec_text *text) {
  if (!text) return;
  tilec_allocator hooks = text->hooks;
  tc_rt_free(text->hooked ? &hooks : NULL, text, text->size_b);
}
