#include "target/cpu/aot_impl.h"

#include "rt/check.h"
#include "target/common/table_text.h"

#include <inttypes.h>

enum { SCHEMA_VERSION = 1 };

static void put_string(tc_sb *out, const char *text) {
  if (!text) {
    tc_sb_adds(out, "null");
    return;
  }
  tc_sb_adds(out, "\"");
  tc_sb_json(out, tc_str_of(text));
  tc_sb_adds(out, "\"");
}

static void put_key(tc_sb *out, const char *indent, const char *key, const char *text) {
  tc_sb_printf(out, "%s\"%s\": ", indent, key);
  put_string(out, text);
  tc_sb_adds(out, ",\n");
}

/* Numbers as numbers, anything else as an expression. */
static void put_numbers(tc_sb *out, const tc_rt_table *t, const tc_rt_number *at, uint32_t n) {
  tc_sb_adds(out, "[");
  for (uint32_t i = 0; i < n; i++) {
    tc_sb_adds(out, i ? ", " : "");
    if (at[i].is_constant) {
      tc_sb_printf(out, "%" PRId64, at[i].constant);
    } else {
      put_string(out, tc_table_number_text(t, &at[i], out->arena));
    }
  }
  tc_sb_adds(out, "]");
}

static const char *truth(bool x) {
  return x ? "true" : "false";
}

static void put_param(tc_sb *out, const tc_rt_table *t, const tc_rt_param *p) {
  bool scalar = p->flags & TC_RT_SCALAR, pointer = p->flags & TILEC_PARAM_POINTER;
  tc_sb_adds(out, "    {\"name\": ");
  put_string(out, p->name);
  tc_sb_printf(out, ", \"kind\": \"%s\", \"dtype\": \"%s\"",
               scalar    ? "scalar"
               : pointer ? "pointer"
                         : "tensor",
               tc_rt_dtype_name(p->dtype));
  if (scalar) {
    tc_sb_adds(out, "}");
    return;
  }
  tc_sb_printf(out, ", \"rank\": %u, \"shape\": ", p->rank);
  put_numbers(out, t, p->shape, pointer ? 0 : p->rank);
  tc_sb_adds(out, ", \"strides\": ");
  if (p->strides) put_numbers(out, t, p->strides, p->rank);
  if (!p->strides) tc_sb_adds(out, "null");
  tc_sb_printf(out,
               ", \"align_bytes\": %u, \"read\": %s, \"written\": %s, \"result\": %s, "
               "\"nullable\": %s}",
               p->align_b, truth(p->flags & TILEC_PARAM_READ),
               truth(p->flags & TILEC_PARAM_WRITTEN), truth(p->flags & TILEC_PARAM_RESULT),
               truth(p->flags & TILEC_PARAM_NULLABLE));
}

static void put_lists(tc_sb *out, const tc_rt_table *t) {
  tc_sb_adds(out, "  \"parameters\": [");
  for (uint32_t i = 0; i < t->n_params; i++) {
    tc_sb_adds(out, i ? ",\n" : "\n");
    put_param(out, t, &t->params[i]);
  }
  tc_sb_adds(out, "\n  ],\n  \"dims\": [");
  for (uint32_t i = 0; i < t->n_dims; i++) {
    tc_sb_adds(out, i ? ", {\"name\": " : "{\"name\": ");
    put_string(out, t->dims[i].name);
    tc_sb_printf(out, ", \"dtype\": \"%s\"}", tc_rt_dtype_name(t->dims[i].dtype));
  }
  tc_sb_adds(out, "],\n  \"asserts\": [");
  for (uint32_t i = 0; i < t->n_asserts; i++) {
    tc_sb_adds(out, i ? ", " : "");
    put_string(out, t->asserts[i].text);
  }
  tc_sb_adds(out, "],\n  \"workspaces\": [");
  for (uint32_t i = 0; i < t->n_workspaces; i++) {
    const tc_rt_workspace *w = &t->workspaces[i];
    tc_sb_adds(out, i ? ", {\"name\": " : "{\"name\": ");
    put_string(out, w->name);
    tc_sb_printf(out, ", \"element_bits\": %u, \"shape\": ", w->bits);
    put_numbers(out, t, w->shape, w->rank);
    tc_sb_adds(out, "}");
  }
  tc_sb_adds(out, "],\n  \"kernels\": [");
  for (uint32_t i = 0; i < t->n_kernels; i++) {
    const tc_rt_kernel *k = &t->kernels[i];
    tc_sb_adds(out, i ? ", {\"name\": " : "{\"name\": ");
    put_string(out, k->name);
    tc_sb_adds(out, ", \"grid\": ");
    put_numbers(out, t, k->grid, k->n_grid);
    if (k->gpu)
      tc_sb_printf(out, ", \"threads\": [%u, %u, %u], \"shared_bytes\": %u", k->gpu->block[0],
                   k->gpu->block[1], k->gpu->block[2], k->gpu->shared_b);
    tc_sb_printf(out, ", \"scratch_bytes\": %" PRIu64 "}", k->scratch_b);
  }
  tc_sb_adds(out, "]\n");
}

void tc_aot_print_json(const tc_aot *a, tc_sb *out) {
  tc_sb_printf(out, "{\n  \"schema_version\": %d,\n", SCHEMA_VERSION);
  put_key(out, "  ", "name", a->name);
  put_key(out, "  ", "tilec", a->version);
  put_key(out, "  ", "target", a->target);
  put_key(out, "  ", "file", a->file);
  put_key(out, "  ", "entry", a->entry);
  put_key(out, "  ", "source_sha256", a->source_sha256);
  tc_sb_adds(out, "  \"defines\": {");
  for (uint32_t i = 0; i < a->n_defines; i++) {
    tc_sb_adds(out, i ? ", " : "");
    put_string(out, a->defines[i].name);
    tc_sb_adds(out, ": ");
    put_string(out, a->defines[i].text);
  }
  tc_sb_printf(out, "},\n  \"abi\": %u,\n", a->interface);
  tc_sb_printf(out,
               "  \"symbols\": {\"call\": \"%s_call\", \"raw\": \"%s_raw_call\", "
               "\"error\": \"%s_error\"",
               a->name, a->name, a->name);
  if (a->gpu) tc_sb_printf(out, ", \"use_stream\": \"%s_use_stream\"", a->name);
  tc_sb_adds(out, "},\n");
  put_key(out, "  ", "cflags", a->flags);
  put_lists(out, a->table);
  tc_sb_adds(out, "}\n");
}
