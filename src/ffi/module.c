/* Modules: programs that are not compiled yet. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a program is made of ---- */

/* Copies of strings, terminated, in one block. */
typedef struct strings {
  char *at, *next;
} strings;

static const char *keep(strings *s, const tc_ffi_any *value) {
  tc_ffi_bytes text;
  tc_ffi_is_text(value, &text);
  char *start = s->next;
  memcpy(start, text.data, text.n);
  start[text.n] = 0;
  s->next += text.n + 1;
  return start;
}

static bool measure(const tc_ffi_any *value, size_t *size_b) {
  tc_ffi_bytes text;
  if (!tc_ffi_is_text(value, &text) || memchr(text.data, 0, text.n)) return false;
  *size_b += text.n + 1;
  return true;
}

typedef struct parts {
  strings names;
  tilec_define *defines, *configs;
  tilec_shape *shapes;
  int64_t *extents;
  size_t n_defines, n_configs, n_shapes;
} parts;

static void end_parts(parts *p) {
  free(p->names.at);
  free(p->defines);
  free(p->configs);
  free(p->shapes);
  free(p->extents);
}

/* A tuple arrives as a list or as a shape. */
static bool is_extents(const tc_ffi_any *value, size_t *n) {
  const tc_ffi_seq *list;
  if (value->type_index == TC_FFI_SHAPE) {
    *n = ((const tc_ffi_shape *)tc_ffi_body(value->as.ptr))->n;
    return *n <= TILEC_MAX_RANK;
  }
  if (!tc_ffi_is_list(value, &list) || list->n > TILEC_MAX_RANK) return false;
  for (int64_t i = 0; i < list->n; i++)
    if (list->at[i].type_index != TC_FFI_INT) return false;
  *n = (size_t)list->n;
  return true;
}

static void copy_extents(const tc_ffi_any *value, int64_t *to) {
  const tc_ffi_seq *list;
  if (value->type_index == TC_FFI_SHAPE) {
    const tc_ffi_shape *shape = tc_ffi_body(value->as.ptr);
    if (shape->n) memcpy(to, shape->at, shape->n * sizeof *to);
  } else if (tc_ffi_is_list(value, &list)) {
    for (int64_t i = 0; i < list->n; i++)
      to[i] = list->at[i].as.i;
  }
}

static int check_pairs(const tc_ffi_seq *pairs, const char *what, size_t *size_b) {
  if (pairs && pairs->n % 2) return tc_ffi_raise("ValueError", "tilec.module: a name has no value");
  for (int64_t i = 0; pairs && i < pairs->n; i++)
    if (!measure(&pairs->at[i], size_b))
      return tc_ffi_raise("TypeError", "tilec.module: %s are names and texts, item %lld is %s",
                          what, (long long)i, tc_ffi_what(pairs->at[i].type_index));
  return 0;
}

static int check_shapes(const tc_ffi_seq *shapes, size_t *size_b) {
  size_t rank;
  if (shapes && shapes->n % 2)
    return tc_ffi_raise("ValueError", "tilec.module: a name has no value");
  for (int64_t i = 0; shapes && i < shapes->n; i += 2)
    if (!measure(&shapes->at[i], size_b) || !is_extents(&shapes->at[i + 1], &rank))
      return tc_ffi_raise("TypeError",
                          "tilec.module: shapes are names and tuples of at most %d ints",
                          TILEC_MAX_RANK);
  return 0;
}

static void keep_pairs(parts *p, const tc_ffi_seq *from, tilec_define *to, size_t n) {
  for (size_t i = 0; i < n; i++)
    to[i] =
        (tilec_define){keep(&p->names, &from->at[2 * i]), keep(&p->names, &from->at[2 * i + 1])};
}

static int read_parts(const tc_ffi_seq *defines, const tc_ffi_seq *configs,
                      const tc_ffi_seq *shapes, parts *p) {
  size_t size_b = 1;
  *p = (parts){.n_defines = defines ? (size_t)defines->n / 2 : 0,
               .n_configs = configs ? (size_t)configs->n / 2 : 0,
               .n_shapes = shapes ? (size_t)shapes->n / 2 : 0};
  if (check_pairs(defines, "defines", &size_b) || check_pairs(configs, "configs", &size_b)
      || check_shapes(shapes, &size_b))
    return -1;
  p->names.at = p->names.next = malloc(size_b);
  p->defines = calloc(p->n_defines + 1, sizeof *p->defines);
  p->configs = calloc(p->n_configs + 1, sizeof *p->configs);
  p->shapes = calloc(p->n_shapes + 1, sizeof *p->shapes);
  p->extents = calloc(p->n_shapes + 1, TILEC_MAX_RANK * sizeof *p->extents);
  if (!p->names.at || !p->defines || !p->configs || !p->shapes || !p->extents) {
    end_parts(p);
    return tc_ffi_no_memory();
  }
  keep_pairs(p, defines, p->defines, p->n_defines);
  keep_pairs(p, configs, p->configs, p->n_configs);
  for (size_t i = 0; i < p->n_shapes; i++) {
    size_t rank = 0;
    int64_t *extents = p->extents + i * TILEC_MAX_RANK;
    is_extents(&shapes->at[2 * i + 1], &rank);
    copy_extents(&shapes->at[2 * i + 1], extents);
    p->shapes[i] = (tilec_shape){keep(&p->names, &shapes->at[2 * i]), (uint32_t)rank, extents};
  }
  return 0;
}

/* ---- making ---- */

static int make_module(tilec_program *program, const tilec_program_options *o, tc_ffi_any *config,
                       tc_ffi_any *out) {
  tc_ffi_instance *module;
  const char *entry = o->entry ? o->entry : "";
  if (tc_ffi_new(TC_FFI_TYPE_Module, &module)) return tilec_program_release(program), -1;
  atomic_store(&module->handle, program);
  *out = tc_ffi_value(module);
  module->fields[TC_FFI_FIELD(Module, config)] = tc_ffi_share(config);
  if (tc_ffi_string(o->path, strlen(o->path), &module->fields[TC_FFI_FIELD(Module, path)])
      || tc_ffi_string(entry, strlen(entry), &module->fields[TC_FFI_FIELD(Module, entry)])) {
    tc_ffi_drop(out);
    return -1;
  }
  return 0;
}

static int new_module(const tilec_program_options *o, tc_ffi_any *config, tc_ffi_any *result) {
  tilec_context *context = tc_ffi_context_of(config);
  tilec_program *program;
  tilec_error *error;
  if (!context) return -1;
  if (tilec_program_new(context, o, &program, &error)) return tc_ffi_raise_compile(error, o->entry);
  return make_module(program, o, config, result);
}

/* The program takes the resolver over, if it can be made. */
static int new_resolved(tilec_program_options *o, const tc_ffi_any *function,
                        const tc_ffi_any *history, tc_ffi_any *config, tc_ffi_any *result) {
  tilec_resolver resolver;
  if (!function) return new_module(o, config, result);
  if (tc_ffi_resolver(function, history, &resolver)) return -1;
  o->resolver = &resolver;
  tilec_context *context = tc_ffi_context_of(config);
  tilec_program *program;
  tilec_error *error;
  if (context && tilec_program_new(context, o, &program, &error) == TILEC_OK)
    return make_module(program, o, config, result);
  resolver.release(resolver.data);
  return context ? tc_ffi_raise_compile(error, o->entry) : -1;
}

int tc_ffi_module(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[3][8];
  parts p;
  tc_ffi_any config = {0};
  (void)self;
  if (!tc_ffi_args_start(&a, "module", args, n, 2, 9)) return -1;
  const char *source = tc_ffi_take_text(&a, true, small[0]);
  const char *path = tc_ffi_take_text(&a, false, small[1]);
  const char *entry = tc_ffi_take_text(&a, true, small[2]);
  const tc_ffi_seq *defines = tc_ffi_take_list(&a), *shapes = tc_ffi_take_list(&a);
  if (a.failed || tc_ffi_config_or_empty(tc_ffi_take(&a), "module", &config)) return -1;
  const tc_ffi_any *world = tc_ffi_take(&a);
  const tc_ffi_seq *configs = tc_ffi_take_list(&a);
  const tc_ffi_any *history = tc_ffi_take(&a);
  int status = a.failed ? -1 : read_parts(defines, configs, shapes, &p);
  if (!status) {
    tilec_program_options options = {.size = sizeof options,
                                     .path = path,
                                     .text = source,
                                     .text_size = source ? strlen(source) : 0,
                                     .entry = entry,
                                     .defines = p.defines,
                                     .n_defines = p.n_defines,
                                     .shapes = p.shapes,
                                     .n_shapes = p.n_shapes,
                                     .configs = p.configs,
                                     .n_configs = p.n_configs};
    status = new_resolved(&options, world, history, &config, result);
    end_parts(&p);
  }
  tc_ffi_drop(&config);
  return status;
}

/* ---- methods ---- */

/* The program of the first argument, whose entry errors name. */
static tilec_program *program_of(tc_ffi_args *a, const char **entry, char small[8],
                                 const tc_ffi_instance **module) {
  const tc_ffi_any *value = tc_ffi_take(a), none = {0};
  const tc_ffi_instance *m =
      tc_ffi_instance_of(value ? value : &none, TC_FFI_TYPE_Module, a->function);
  if (!m) return a->failed = true, NULL;
  tc_ffi_args text = {
      .function = a->function, .at = &m->fields[TC_FFI_FIELD(Module, entry)], .n = 1};
  *entry = tc_ffi_take_text(&text, false, small);
  if (module) *module = m;
  return atomic_load(&m->handle);
}

static int give_text(tilec_text *text, tc_ffi_any *result) {
  int status = tc_ffi_string(tilec_text_data(text), tilec_text_size(text), result);
  tilec_text_release(text);
  return status;
}

int tc_ffi_module_check(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  const char *entry;
  char small[8];
  tilec_text *text;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "Module.check", args, n, 1, 1)) return -1;
  tilec_program *program = program_of(&a, &entry, small, NULL);
  if (!program) return -1;
  if (tilec_program_check(program, TILEC_FORMAT_JSON, &text, &error))
    return tc_ffi_raise_compile(error, entry);
  int status = tc_ffi_diagnostics(tilec_text_data(text), result);
  tilec_text_release(text);
  return status;
}

typedef tilec_status form_of(tilec_program *program, const char *what, tilec_text **out,
                             tilec_error **error);

static int module_text(const char *function, form_of *form, const tc_ffi_any *args, int32_t n,
                       tc_ffi_any *result) {
  tc_ffi_args a;
  const char *entry;
  char small[2][8];
  tilec_text *text;
  tilec_error *error;
  if (!tc_ffi_args_start(&a, function, args, n, 2, 2)) return -1;
  tilec_program *program = program_of(&a, &entry, small[0], NULL);
  const char *what = program ? tc_ffi_take_text(&a, false, small[1]) : "";
  if (a.failed) return -1;
  if (form(program, what, &text, &error)) return tc_ffi_raise_compile(error, entry);
  return give_text(text, result);
}

int tc_ffi_module_emit(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  (void)self;
  return module_text("Module.emit", tilec_program_emit, args, n, result);
}

int tc_ffi_module_opt(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  (void)self;
  return module_text("Module.opt", tilec_program_opt, args, n, result);
}

int tc_ffi_module_compile(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  const char *entry;
  char small[2][8];
  const tc_ffi_instance *module;
  tilec_kernel *kernel;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "Module.compile", args, n, 1, 2)) return -1;
  tilec_program *program = program_of(&a, &entry, small[0], &module);
  const char *target = program ? tc_ffi_take_text(&a, true, small[1]) : NULL;
  if (a.failed) return -1;
  if (tilec_kernel_new(program, target, &kernel, &error)) return tc_ffi_raise_compile(error, entry);
  return tc_ffi_kernel_object(kernel, &module->fields[TC_FFI_FIELD(Module, config)], result);
}

/* The lines of a text as a list. */
static int give_lines(tilec_text *text, tc_ffi_any *result) {
  tc_ffi_any items[16];
  int32_t count = 0;
  int status = 0;
  const char *at = tilec_text_data(text);
  while (*at && count < 16 && !status) {
    size_t length = strcspn(at, "\n");
    status = tc_ffi_string(at, length, &items[count++]);
    at += length + (at[length] == '\n');
  }
  tilec_text_release(text);
  if (!status) return tc_ffi_array(items, count, result);
  while (count)
    tc_ffi_drop(&items[--count]);
  return -1;
}

int tc_ffi_module_build(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  const char *entry;
  char small[4][8];
  tilec_text *files;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "Module.build", args, n, 1, 4)) return -1;
  tilec_program *program = program_of(&a, &entry, small[0], NULL);
  if (!program) return -1;
  tilec_build_options options = {.size = sizeof options};
  options.target = tc_ffi_take_text(&a, true, small[1]);
  options.directory = tc_ffi_take_text(&a, true, small[2]);
  options.name = tc_ffi_take_text(&a, true, small[3]);
  if (a.failed) return -1;
  if (tilec_program_build(program, &options, &files, NULL, &error))
    return tc_ffi_raise_compile(error, entry);
  return give_lines(files, result);
}
