/* Layout objects. The text is what a layout is: the other fields follow from it, so that whoever
 * sets it, JSON too, gets a layout that is what it says. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

/* Options play no part in layouts; each keeps its context. */
static tilec_context *new_context(void) {
  const tilec_context_options how = {.size = sizeof how};
  tilec_context *context = NULL;
  tilec_error *error;
  if (tilec_context_new(&how, &context, &error)) tc_ffi_raise_launch(error, "tilec.layout");
  return context;
}

static int set_field(tc_ffi_any *field, tc_ffi_any value) {
  tc_ffi_drop(field);
  *field = value;
  return 0;
}

static int set_shape(const tilec_layout_info *info, tc_ffi_any *field) {
  tc_ffi_any items[TILEC_LAYOUT_RANK], shape;
  for (uint32_t d = 0; d < info->rank; d++)
    items[d] = tc_ffi_int(info->shape[d]);
  return tc_ffi_array(items, (int32_t)info->rank, &shape) ? -1 : set_field(field, shape);
}

/* Makes an instance say what `layout` is, and takes over the reference. */
static int fill(tc_ffi_instance *object, tilec_layout *layout) {
  tilec_layout_info info = {.size = sizeof info};
  tc_ffi_any *f = object->fields, text;
  tilec_layout_describe(layout, &info);
  tilec_layout_release(atomic_exchange(&object->handle, layout));
  if (tc_ffi_string(tilec_layout_text(layout), strlen(tilec_layout_text(layout)), &text)) return -1;
  set_field(&f[TC_FFI_FIELD(Layout, text)], text);
  set_field(&f[TC_FFI_FIELD(Layout, n_threads)], tc_ffi_int(info.n_threads));
  set_field(&f[TC_FFI_FIELD(Layout, n_slots)], tc_ffi_int(info.n_slots));
  set_field(&f[TC_FFI_FIELD(Layout, n_offsets)], tc_ffi_int(info.n_offsets));
  set_field(&f[TC_FFI_FIELD(Layout, n_copies)], tc_ffi_int(info.n_copies));
  set_field(&f[TC_FFI_FIELD(Layout, is_injective)], tc_ffi_bool(info.is_injective));
  set_field(&f[TC_FFI_FIELD(Layout, is_surjective)], tc_ffi_bool(info.is_surjective));
  set_field(&f[TC_FFI_FIELD(Layout, is_replicated)], tc_ffi_bool(info.is_replicated));
  set_field(&f[TC_FFI_FIELD(Layout, is_table)], tc_ffi_bool(info.is_table));
  return set_shape(&info, &f[TC_FFI_FIELD(Layout, shape)]);
}

/* The same for a new instance; `made` is NULL when there is an error, which is then raised. */
static int give(tilec_layout *made, tilec_error *error, const char *function, tc_ffi_any *result) {
  tc_ffi_instance *object;
  if (!made) return tc_ffi_raise_launch(error, function);
  if (tc_ffi_new(TC_FFI_TYPE_Layout, &object)) return tilec_layout_release(made), -1;
  *result = tc_ffi_value(object);
  if (fill(object, made) == 0) return 0;
  tc_ffi_drop(result);
  return -1;
}

int tc_ffi_layout_set_text(void *field, const tc_ffi_any *value) {
  tc_ffi_any *first = (tc_ffi_any *)field - TC_FFI_FIELD(Layout, text);
  tc_ffi_instance *object =
      (tc_ffi_instance *)(void *)((char *)first - offsetof(tc_ffi_instance, fields));
  tc_ffi_args a;
  char small[8];
  tilec_layout *layout;
  tilec_error *error;
  tc_ffi_args_start(&a, "Layout.text", value, 1, 1, 1);
  const char *text = tc_ffi_take_text(&a, false, small);
  tilec_context *context = a.failed ? NULL : new_context();
  if (!context) return -1;
  tilec_status status = tilec_layout_parse(context, text, &layout, &error);
  tilec_context_release(context);
  return status ? tc_ffi_raise_launch(error, "Layout.text") : fill(object, layout);
}

/* ---- making ---- */

int tc_ffi_layout(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  tilec_layout *layout;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "layout", args, n, 1, 1)) return -1;
  const char *text = tc_ffi_take_text(&a, false, small);
  tilec_context *context = a.failed ? NULL : new_context();
  if (!context) return -1;
  tilec_layout_parse(context, text, &layout, &error);
  tilec_context_release(context);
  return give(layout, error, "tilec.layout", result);
}

/* Up to `most` ints of a list, which NULL is too. */
static int read_ints(const tc_ffi_seq *list, int64_t most, const char *function, int64_t *out,
                     uint32_t *n) {
  *n = 0;
  if (list && list->n > most)
    return tc_ffi_raise("ValueError", "%s: %lld numbers, at most %lld expected", function,
                        (long long)list->n, (long long)most);
  for (int64_t i = 0; list && i < list->n; i++) {
    if (list->at[i].type_index != TC_FFI_INT)
      return tc_ffi_raise("TypeError", "%s: item %lld is %s, expected an int", function,
                          (long long)i, tc_ffi_what(list->at[i].type_index));
    out[(*n)++] = list->at[i].as.i;
  }
  return 0;
}

int tc_ffi_layout_make(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  char small[8];
  int64_t shape[TILEC_LAYOUT_RANK];
  tilec_layout_spec spec = {.size = sizeof spec, .shape = shape};
  tilec_layout *layout;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "layout_make", args, n, 1, 4)) return -1;
  spec.name = tc_ffi_take_text(&a, false, small);
  const tc_ffi_seq *list = tc_ffi_take_list(&a);
  int64_t bits = tc_ffi_take_int(&a, 0);
  spec.n_threads = tc_ffi_take_int(&a, 1);
  if (a.failed || read_ints(list, TILEC_LAYOUT_RANK, "tilec.layout_make", shape, &spec.rank))
    return -1;
  spec.bits = bits < 0 || bits > 64 ? 0 : (uint32_t)bits; /* no element has so many: refused */
  tilec_context *context = new_context();
  if (!context) return -1;
  tilec_layout_make(context, &spec, &layout, &error);
  tilec_context_release(context);
  return give(layout, error, "tilec.layout_make", result);
}

int tc_ffi_layout_fit(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  int64_t shape[TILEC_LAYOUT_RANK];
  uint32_t rank, count;
  tilec_layout *layout = NULL;
  tilec_error *error = NULL;
  (void)self;
  if (!tc_ffi_args_start(&a, "layout_fit", args, n, 3, 3)) return -1;
  const tc_ffi_seq *extents = tc_ffi_take_list(&a);
  int64_t n_copies = tc_ffi_take_int(&a, 1);
  const tc_ffi_seq *list = tc_ffi_take_list(&a);
  if (a.failed || read_ints(extents, TILEC_LAYOUT_RANK, "tilec.layout_fit", shape, &rank))
    return -1;
  if (!list || list->n % 3)
    return tc_ffi_raise("ValueError", "tilec.layout_fit: three numbers of each place expected");
  int64_t *places = malloc(((size_t)list->n + 1) * sizeof *places);
  tilec_context *context = places ? new_context() : NULL;
  int status = !places ? tc_ffi_no_memory() : context ? 0 : -1;
  if (!status) status = read_ints(list, list->n, "tilec.layout_fit", places, &count);
  if (!status)
    tilec_layout_fit(context, rank, shape, n_copies, (const tilec_layout_place *)(void *)places,
                     (size_t)list->n / 3, &layout, &error);
  tilec_context_release(context);
  free(places);
  return status ? -1 : give(layout, error, "tilec.layout_fit", result);
}

/* ---- asking ---- */

/* The layout of the object an argument is; NULL with an error. */
static tilec_layout *self_of(tc_ffi_args *a, tilec_layout_info *info) {
  const tc_ffi_any *value = tc_ffi_take(a), none = {0};
  tc_ffi_instance *object =
      tc_ffi_instance_of(value ? value : &none, TC_FFI_TYPE_Layout, a->function);
  if (!object) return NULL;
  tilec_layout *layout = atomic_load(&object->handle);
  *info = (tilec_layout_info){.size = sizeof *info};
  if (layout) {
    tilec_layout_describe(layout, info);
  } else {
    tc_ffi_raise("ValueError", "%s: the layout has no text", a->function);
  }
  return layout;
}

int tc_ffi_layout_find(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  int64_t index[TILEC_LAYOUT_RANK];
  uint32_t rank;
  tilec_layout_info info;
  tilec_layout_place at;
  (void)self;
  if (!tc_ffi_args_start(&a, "Layout.find", args, n, 2, 3)) return -1;
  tilec_layout *layout = self_of(&a, &info);
  const tc_ffi_seq *list = layout ? tc_ffi_take_list(&a) : NULL;
  int64_t copy = layout ? tc_ffi_take_int(&a, 0) : 0;
  if (!layout || a.failed || read_ints(list, TILEC_LAYOUT_RANK, "Layout.find", index, &rank))
    return -1;
  if (rank != info.rank)
    return tc_ffi_raise("ValueError", "Layout.find: %u numbers, the tile has rank %u", rank,
                        info.rank);
  if (tilec_layout_find(layout, index, copy, &at))
    return tc_ffi_raise("IndexError", "Layout.find: copy %lld of this element is nowhere",
                        (long long)copy);
  tc_ffi_any items[] = {tc_ffi_int(at.thread), tc_ffi_int(at.slot), tc_ffi_int(at.offset)};
  return tc_ffi_array(items, 3, result);
}

int tc_ffi_layout_element(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  int64_t index[TILEC_LAYOUT_RANK];
  tc_ffi_any items[TILEC_LAYOUT_RANK];
  tilec_layout_info info;
  tilec_layout_place at;
  (void)self;
  if (!tc_ffi_args_start(&a, "Layout.element", args, n, 1, 4)) return -1;
  tilec_layout *layout = self_of(&a, &info);
  if (!layout) return -1;
  at.thread = tc_ffi_take_int(&a, 0);
  at.slot = tc_ffi_take_int(&a, 0);
  at.offset = tc_ffi_take_int(&a, 0);
  if (a.failed) return -1;
  if (tilec_layout_element(layout, &at, index))
    return tc_ffi_raise("IndexError",
                        "Layout.element: nothing is at thread %lld, slot %lld, offset %lld",
                        (long long)at.thread, (long long)at.slot, (long long)at.offset);
  for (uint32_t d = 0; d < info.rank; d++)
    items[d] = tc_ffi_int(index[d]);
  return tc_ffi_array(items, (int32_t)info.rank, result);
}
