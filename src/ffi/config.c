/* Config objects, and what can be asked without a kernel: options, targets, diagnostics. */
#include "ffi/ffi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_warning(void *data, const char *text) {
  (void)data;
  fprintf(stderr, "tilec: %s\n", text);
}

/* ---- signals ---- */

/* Asked from time to time by a compilation: a function of the other side, where the handlers of
 * signals run, so that what one raises is an error like any other. */
static _Atomic(void *) signal_check;

int tc_ffi_on_signals(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  void *none = NULL;
  (void)self;
  (void)result;
  if (!tc_ffi_args_start(&a, "on_signals", args, n, 1, 1)) return -1;
  if (args[0].type_index != TC_FFI_FUNCTION)
    return tc_ffi_raise("TypeError", "tilec.on_signals: got %s, expected a function",
                        tc_ffi_what(args[0].type_index));
  tc_ffi.ObjectIncRef(args[0].as.ptr); /* for ever: a compilation may be about to call it */
  if (!atomic_compare_exchange_strong(&signal_check, &none, args[0].as.ptr))
    tc_ffi.ObjectDecRef(args[0].as.ptr); /* the first one stays */
  return 0;
}

/* Not 0 when a handler raised. The error stays set until the compilation has ended. */
static int check_signals(void *data) {
  (void)data;
  void *check = atomic_load(&signal_check);
  tc_ffi_any result = {0};
  if (!check) return 0;
  int status = tc_ffi.FunctionCall(check, NULL, 0, &result);
  tc_ffi_drop(&result);
  return status;
}

/* ---- contexts ---- */

/* Terminated copies of a pair of options, because the context takes C strings. */
static int set_option(tilec_context *context, const tc_ffi_any *pair) {
  tc_ffi_bytes name, text;
  tilec_error *error = NULL;
  tc_ffi_is_text(&pair[0], &name);
  tc_ffi_is_text(&pair[1], &text);
  char *copy = malloc(name.n + text.n + 2);
  if (!copy) return tc_ffi_no_memory();
  memcpy(copy, name.data, name.n);
  copy[name.n] = 0;
  memcpy(copy + name.n + 1, text.data, text.n);
  copy[name.n + 1 + text.n] = 0;
  tilec_status status = tilec_context_set(context, copy, copy + name.n + 1, &error);
  free(copy);
  return status == TILEC_OK ? 0 : tc_ffi_raise_launch(error, "tilec.config");
}

static int new_context(const tc_ffi_seq *options, tilec_context **out) {
  const tilec_context_options how = {.size = sizeof how,
                                     .read_environment = 1,
                                     .warn = print_warning,
                                     .interrupted = check_signals};
  tilec_error *error;
  if (tilec_context_new(&how, out, &error)) return tc_ffi_raise_launch(error, "tilec");
  for (int64_t i = 0; options && i + 1 < options->n; i += 2)
    if (set_option(*out, &options->at[i])) {
      tilec_context_release(*out);
      return -1;
    }
  return 0;
}

tilec_context *tc_ffi_context_of(const tc_ffi_any *config) {
  tc_ffi_instance *object = config->as.ptr;
  void *found = atomic_load(&object->handle);
  if (found) return found;
  const tc_ffi_seq *options = NULL;
  tilec_context *context;
  tc_ffi_is_list(&object->fields[TC_FFI_FIELD(Config, options)], &options);
  if (new_context(options, &context)) return NULL;
  if (atomic_compare_exchange_strong(&object->handle, &found, context)) return context;
  tilec_context_release(context); /* another thread was first */
  return found;
}

/* ---- making ---- */

static int check_options(const tc_ffi_seq *options) {
  tc_ffi_bytes text;
  for (int64_t i = 0; i < options->n; i++)
    if (!tc_ffi_is_text(&options->at[i], &text) || memchr(text.data, 0, text.n))
      return tc_ffi_raise("TypeError", "tilec.config: item %lld is %s, expected a str without NUL",
                          (long long)i, tc_ffi_what(options->at[i].type_index));
  if (options->n % 2)
    return tc_ffi_raise("ValueError", "tilec.config: the option '%s' has no value",
                        (tc_ffi_is_text(&options->at[options->n - 1], &text), text.data));
  return 0;
}

static int make_config(const tc_ffi_any *options, tc_ffi_any *out) {
  tc_ffi_instance *config;
  if (tc_ffi_new(TC_FFI_TYPE_Config, &config)) return -1;
  *out = tc_ffi_value(config);
  tc_ffi_any *field = &config->fields[TC_FFI_FIELD(Config, options)];
  int status = 0;
  if (!options || options->type_index == TC_FFI_ARRAY) {
    if (options) *field = tc_ffi_share(options);
    if (!options) status = tc_ffi_array(NULL, 0, field);
  } else {
    status = tc_ffi_raise("TypeError", "tilec.config: got %s, expected a list of str",
                          tc_ffi_what(options->type_index));
  }
  const tc_ffi_seq *list;
  if (!status && tc_ffi_is_list(field, &list)) status = check_options(list);
  if (!status && !tc_ffi_context_of(out)) status = -1; /* what is wrong with it shows now */
  if (status) tc_ffi_drop(out);
  return status;
}

int tc_ffi_config(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "config", args, n, 0, 1)) return -1;
  return make_config(tc_ffi_take(&a), result);
}

int tc_ffi_config_or_empty(const tc_ffi_any *config, const char *function, tc_ffi_any *out) {
  if (!config) return make_config(NULL, out);
  if (!tc_ffi_instance_of(config, TC_FFI_TYPE_Config, function)) return -1;
  *out = tc_ffi_share(config);
  return 0;
}

int tc_ffi_config_get(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  (void)self;
  if (!tc_ffi_args_start(&a, "Config.get", args, n, 2, 2)) return -1;
  const tc_ffi_any *config = tc_ffi_take(&a);
  const char *name = tc_ffi_take_text(&a, false, small);
  if (a.failed || !config)
    return a.failed ? -1 : tc_ffi_raise("TypeError", "Config.get: no Config");
  if (!tc_ffi_instance_of(config, TC_FFI_TYPE_Config, "Config.get")) return -1;
  tilec_context *context = tc_ffi_context_of(config);
  tilec_text *text;
  tilec_error *error;
  if (!context) return -1;
  if (tilec_context_get(context, name, &text, &error)) return tc_ffi_raise_launch(error, "tilec");
  int status = tc_ffi_string(tilec_text_data(text), tilec_text_size(text), result);
  tilec_text_release(text);
  return status;
}

/* ---- tables ---- */

int tc_ffi_version_text(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "version", args, n, 0, 0)) return -1;
  return tc_ffi_string(tilec_version(), strlen(tilec_version()), result);
}

static void end_items(tc_ffi_any *items, size_t n) {
  for (size_t i = 0; i < n; i++)
    tc_ffi_drop(&items[i]);
  free(items);
}

static int add_target(tilec_context *context, size_t i, tc_ffi_any *out) {
  tilec_target row = {.size = sizeof row};
  tc_ffi_instance *target;
  tilec_target_at(context, i, &row);
  if (tc_ffi_new(TC_FFI_TYPE_Target, &target)) return -1;
  *out = tc_ffi_value(target);
  target->fields[TC_FFI_FIELD(Target, available)] = tc_ffi_bool(row.available);
  return tc_ffi_string(row.name, strlen(row.name), &target->fields[TC_FFI_FIELD(Target, name)])
             ? -1
             : tc_ffi_string(row.help, strlen(row.help),
                             &target->fields[TC_FFI_FIELD(Target, help)]);
}

int tc_ffi_targets(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tc_ffi_any config = {0};
  (void)self;
  if (!tc_ffi_args_start(&a, "targets", args, n, 0, 1)
      || tc_ffi_config_or_empty(tc_ffi_take(&a), "targets", &config))
    return -1;
  tilec_context *context = tc_ffi_context_of(&config);
  size_t count = tilec_target_count();
  tc_ffi_any *items = calloc(count ? count : 1, sizeof *items);
  int status = !context ? -1 : items ? 0 : tc_ffi_no_memory();
  for (size_t i = 0; !status && i < count; i++)
    status = add_target(context, i, &items[i]);
  if (!status) status = tc_ffi_array(items, (int32_t)count, result);
  if (items) end_items(items, count);
  tc_ffi_drop(&config);
  return status;
}

int tc_ffi_options(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "options", args, n, 0, 0)) return -1;
  size_t count = tilec_option_count() * 5;
  tc_ffi_any *items = calloc(count ? count : 1, sizeof *items);
  if (!items) return tc_ffi_no_memory();
  int status = 0;
  for (size_t i = 0; !status && i < count; i++) {
    tilec_option row = {.size = sizeof row};
    tilec_option_at(i / 5, &row);
    const char *const texts[] = {row.name, row.variable, row.values, row.initial, row.help};
    status = tc_ffi_string(texts[i % 5], strlen(texts[i % 5]), &items[i]);
  }
  if (!status) status = tc_ffi_array(items, (int32_t)count, result);
  end_items(items, count);
  return status;
}

int tc_ffi_cache(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  tc_ffi_any config = {0};
  tilec_text *text;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "cache", args, n, 1, 2)) return -1;
  const char *verb = tc_ffi_take_text(&a, false, small);
  if (a.failed || tc_ffi_config_or_empty(tc_ffi_take(&a), "cache", &config)) return -1;
  tilec_context *context = tc_ffi_context_of(&config);
  int status = context ? 0 : -1;
  if (context && tilec_cache_run(context, verb, TILEC_FORMAT_JSON, &text, &error))
    status = tc_ffi_raise_launch(error, "tilec.cache");
  else if (context) {
    status = tc_ffi_string(tilec_text_data(text), tilec_text_size(text), result);
    tilec_text_release(text);
  }
  tc_ffi_drop(&config);
  return status;
}

int tc_ffi_explain(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  (void)self;
  if (!tc_ffi_args_start(&a, "explain", args, n, 1, 1)) return -1;
  const char *code = tc_ffi_take_text(&a, false, small);
  if (a.failed) return -1;
  tilec_diagnostic row = {.size = sizeof row};
  if (tilec_diagnostic_find(code, &row))
    return tc_ffi_raise("KeyError", "there is no diagnostic '%s'", code);
  return tc_ffi_string(row.explanation, strlen(row.explanation), result);
}
