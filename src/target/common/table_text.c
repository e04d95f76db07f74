#include "target/common/table_text.h"

#include "ir/number.h"
#include "rt/check.h"

#include <inttypes.h>
#include <string.h>

/* ---- expressions ---- */

enum { MAX_TEXT = 400, MAX_DEPTH = 24 };
enum { LOW, OR, XOR, AND, COMPARE, SHIFT, SUM, PRODUCT, UNARY, ATOM };

typedef struct row {
  const char *symbol; /* between operands; or, as a function, before them */
  uint8_t level;      /* ATOM: a function */
} row;

static const row ROWS[TC_RT_N_OPS] = {
    [TC_RT_OP_add] = {"+", SUM},
    [TC_RT_OP_sub] = {"-", SUM},
    [TC_RT_OP_mul] = {"*", PRODUCT},
    [TC_RT_OP_div] = {"/", PRODUCT},
    [TC_RT_OP_floordiv] = {"//", PRODUCT},
    [TC_RT_OP_floormod] = {"%", PRODUCT},
    [TC_RT_OP_truncdiv] = {"truncdiv", ATOM},
    [TC_RT_OP_truncmod] = {"truncmod", ATOM},
    [TC_RT_OP_min] = {"min", ATOM},
    [TC_RT_OP_max] = {"max", ATOM},
    [TC_RT_OP_and] = {"&", AND},
    [TC_RT_OP_or] = {"|", OR},
    [TC_RT_OP_xor] = {"^", XOR},
    [TC_RT_OP_shl] = {"<<", SHIFT},
    [TC_RT_OP_shr] = {">>", SHIFT},
    [TC_RT_OP_eq] = {"==", COMPARE},
    [TC_RT_OP_ne] = {"!=", COMPARE},
    [TC_RT_OP_lt] = {"<", COMPARE},
    [TC_RT_OP_le] = {"<=", COMPARE},
    [TC_RT_OP_neg] = {"-", UNARY},
    [TC_RT_OP_abs] = {"abs", ATOM},
    [TC_RT_OP_not] = {"~", UNARY},
};

typedef struct writer {
  const tc_rt_table *table;
  tc_sb sb;
  int depth;
  bool too_long;
} writer;

static const char *word_name(const tc_rt_table *table, uint32_t word) {
  for (uint32_t i = 0; i < table->n_dims; i++)
    if (table->dims[i].word == word) return table->dims[i].name;
  for (uint32_t i = 0; i < table->n_params; i++)
    if (table->params[i].flags & TC_RT_SCALAR && table->params[i].word == word)
      return table->params[i].name;
  return "?";
}

static void put_value(writer *w, uint32_t value, int level);

static void put_constant(writer *w, const tc_rt_instr *in) {
  char text[TC_NUMBER_MAX];
  tc_imm imm = {.i = in->as.constant};
  if (in->type == TILEC_FLOAT32 || in->type == TILEC_FLOAT64) {
    memcpy(&imm.f, &in->as.constant, sizeof imm.f);
    tc_number_print(text, tc_scalar_type(TC_DT_float64), imm);
    tc_sb_adds(&w->sb, text);
  } else {
    tc_sb_printf(&w->sb, "%" PRId64, in->as.constant);
  }
}

static void put_call(writer *w, const char *name, uint32_t a, const uint32_t *b) {
  tc_sb_printf(&w->sb, "%s(", name);
  put_value(w, a, LOW);
  if (b) tc_sb_adds(&w->sb, ", ");
  if (b) put_value(w, *b, LOW);
  tc_sb_adds(&w->sb, ")");
}

static void put_instr(writer *w, const tc_rt_instr *in, int level) {
  const row *r = &ROWS[in->op];
  bool two = in->op != TC_RT_OP_abs && r->level != UNARY;
  if (in->op == TC_RT_OP_const) {
    put_constant(w, in);
  } else if (in->op == TC_RT_OP_cast) {
    put_call(w, tc_rt_dtype_name(in->type), in->a, NULL);
  } else if (r->level == ATOM) {
    put_call(w, r->symbol, in->a, two ? &in->as.of.b : NULL);
  } else {
    int own = in->op == TC_RT_OP_select ? LOW : r->level;
    if (own < level || own == LOW) tc_sb_adds(&w->sb, "(");
    if (in->op == TC_RT_OP_select) {
      put_value(w, in->as.of.b, OR);
      tc_sb_adds(&w->sb, " if ");
      put_value(w, in->a, OR);
      tc_sb_adds(&w->sb, " else ");
      put_value(w, in->as.of.c, OR);
    } else if (!two) {
      tc_sb_adds(&w->sb, r->symbol);
      put_value(w, in->a, UNARY);
    } else {
      put_value(w, in->a, own);
      tc_sb_printf(&w->sb, " %s ", r->symbol);
      put_value(w, in->as.of.b, own + 1);
    }
    if (own < level || own == LOW) tc_sb_adds(&w->sb, ")");
  }
}

static void put_value(writer *w, uint32_t value, int level) {
  if (w->sb.n > MAX_TEXT || w->depth == MAX_DEPTH) w->too_long = true;
  if (w->too_long) return;
  w->depth++;
  if (value < w->table->n_words) {
    tc_sb_adds(&w->sb, word_name(w->table, value));
  } else {
    put_instr(w, &w->table->code[value - w->table->n_words], level);
  }
  w->depth--;
}

const char *tc_table_number_text(const tc_rt_table *table, const tc_rt_number *number,
                                 tc_arena *arena) {
  if (number->is_constant) return tc_format(arena, "%" PRId64, number->constant);
  writer w = {.table = table, .sb = tc_sb_in(arena)};
  put_value(&w, number->value, LOW);
  return w.too_long ? NULL : w.sb.at;
}

/* ---- C ---- */

void tc_table_print_string(const char *text, tc_sb *out) {
  tc_sb_char(out, '"');
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\' || c == '?') { /* ?: no trigraphs */
      tc_sb_printf(out, "\\%c", c);
    } else if (c < 0x20 || c >= 0x7f) {
      tc_sb_printf(out, "\\%03o", c);
    } else {
      tc_sb_char(out, (char)c);
    }
  }
  tc_sb_char(out, '"');
}

static void print_int(tc_sb *out, int64_t x) {
  if (x == INT64_MIN) {
    tc_sb_adds(out, "INT64_MIN");
  } else {
    tc_sb_printf(out, "INT64_C(%" PRId64 ")", x);
  }
}

static void print_number(tc_sb *out, const tc_rt_number *n) {
  tc_sb_adds(out, "{");
  print_int(out, n->is_constant ? n->constant : 0);
  tc_sb_printf(out, ", %u, %d}", n->is_constant ? 0 : n->value, n->is_constant);
}

/* static const tc_rt_number NAME[] = {...}; nothing for n == 0. */
static void print_numbers(tc_sb *out, const tc_rt_number *at, uint32_t n, const char *name,
                          const char *what, uint32_t index) {
  if (!n) return;
  tc_sb_printf(out, "static const tc_rt_number %s_%s_%u[] = {", name, what, index);
  for (uint32_t i = 0; i < n; i++) {
    tc_sb_adds(out, i ? ", " : "");
    print_number(out, &at[i]);
  }
  tc_sb_adds(out, "};\n");
}

/* "NAME_what_3" or "NULL". */
static void print_reference(tc_sb *out, bool some, const char *name, const char *what,
                            uint32_t index) {
  if (some) {
    tc_sb_printf(out, "%s_%s_%u", name, what, index);
  } else {
    tc_sb_adds(out, "NULL");
  }
}

static void print_params(const tc_rt_table *t, const char *name, tc_sb *out) {
  for (uint32_t i = 0; i < t->n_params; i++) {
    const tc_rt_param *p = &t->params[i];
    print_numbers(out, p->shape, p->shape ? p->rank : 0, name, "shape", i);
    print_numbers(out, p->strides, p->strides ? p->rank : 0, name, "strides", i);
  }
  if (!t->n_params) return;
  tc_sb_printf(out, "static const tc_rt_param %s_params[] = {\n", name);
  for (uint32_t i = 0; i < t->n_params; i++) {
    const tc_rt_param *p = &t->params[i];
    tc_sb_adds(out, "    {");
    tc_table_print_string(p->name, out);
    tc_sb_printf(out, ", %u, %u, %u, %u, %u, %u, 0x%xu, 0x%xu, %u, ", p->flags, p->rank, p->dtype,
                 p->bits, p->pack, p->align_b, p->accepts, p->accepts_packed, p->word);
    print_reference(out, p->shape && p->rank, name, "shape", i);
    tc_sb_adds(out, ", ");
    print_reference(out, p->strides && p->rank, name, "strides", i);
    tc_sb_adds(out, "},\n");
  }
  tc_sb_adds(out, "};\n");
}

static void print_steps(const tc_rt_table *t, const char *name, tc_sb *out) {
  if (!(t->n_steps + t->n_more)) return;
  tc_sb_printf(out, "static const tc_rt_step %s_steps[] = {\n", name);
  for (uint32_t i = 0; i < t->n_steps + t->n_more; i++) {
    const tc_rt_step *s = &t->steps[i];
    tc_sb_printf(out, "    {%u, %u, %u, %d, %d, %d, %u, %u, ", s->word, s->param, s->axis,
                 s->is_stride, s->optional, s->has_rest, s->rest, s->code_end);
    print_int(out, s->factor);
    tc_sb_adds(out, ", ");
    print_int(out, s->highest);
    tc_sb_adds(out, "},\n");
  }
  tc_sb_adds(out, "};\n");
}

static void print_code(const tc_rt_table *t, const char *name, tc_sb *out) {
  static const char *const NAMES[TC_RT_N_OPS] = {
#define RT_OP(name, n) #name,
#include "rt/ops.def"
#undef RT_OP
  };
  if (!t->n_code) return;
  tc_sb_printf(out, "static const tc_rt_instr %s_code[] = {\n", name);
  for (uint32_t i = 0; i < t->n_code; i++) {
    const tc_rt_instr *in = &t->code[i];
    tc_sb_printf(out, "    {TC_RT_OP_%s, %u, %u, 0, ", NAMES[in->op], in->type, in->from);
    if (in->op == TC_RT_OP_const) {
      tc_sb_printf(out, "%u, {.constant = ", in->a);
      print_int(out, in->as.constant);
      tc_sb_adds(out, "}},\n");
    } else {
      tc_sb_printf(out, "%u, {{%u, %u}}},\n", in->a, in->as.of.b, in->as.of.c);
    }
  }
  tc_sb_adds(out, "};\n");
}

static void print_dims_and_asserts(const tc_rt_table *t, const char *name, tc_sb *out) {
  if (t->n_dims) tc_sb_printf(out, "static const tc_rt_dim %s_dims[] = {\n", name);
  for (uint32_t i = 0; i < t->n_dims; i++) {
    tc_sb_adds(out, "    {");
    tc_table_print_string(t->dims[i].name, out);
    tc_sb_printf(out, ", %u, %u},\n", t->dims[i].word, t->dims[i].dtype);
  }
  if (t->n_dims) tc_sb_adds(out, "};\n");
  if (t->n_asserts) tc_sb_printf(out, "static const tc_rt_assert %s_asserts[] = {\n", name);
  for (uint32_t i = 0; i < t->n_asserts; i++) {
    tc_sb_adds(out, "    {");
    tc_table_print_string(t->asserts[i].text, out);
    tc_sb_printf(out, ", %u},\n", t->asserts[i].value);
  }
  if (t->n_asserts) tc_sb_adds(out, "};\n");
}

static void print_workspaces(const tc_rt_table *t, const char *name, tc_sb *out) {
  for (uint32_t i = 0; i < t->n_workspaces; i++)
    print_numbers(out, t->workspaces[i].shape, t->workspaces[i].rank, name, "space", i);
  if (!t->n_workspaces) return;
  tc_sb_printf(out, "static const tc_rt_workspace %s_workspaces[] = {\n", name);
  for (uint32_t i = 0; i < t->n_workspaces; i++) {
    const tc_rt_workspace *w = &t->workspaces[i];
    tc_sb_adds(out, "    {");
    tc_table_print_string(w->name, out);
    tc_sb_printf(out, ", %u, %u, ", w->bits, w->rank);
    print_reference(out, w->rank, name, "space", i);
    tc_sb_adds(out, "},\n");
  }
  tc_sb_adds(out, "};\n");
}

static void print_ranges(tc_sb *out, const char *name, const char *what, uint32_t i,
                         const tc_rt_range *ranges, uint32_t n) {
  if (!ranges) return;
  tc_sb_printf(out, "static const tc_rt_range %s_%s_%u[] = {", name, what, i);
  for (uint32_t j = 0; j < n; j++)
    tc_sb_printf(out, "%s{%d, %d}", j ? ", " : "", ranges[j].first, ranges[j].end);
  tc_sb_adds(out, "};\n");
}

/* How the threads of kernel i run when they wait for each other. */
static void print_strands(const tc_rt_strands *s, const char *name, uint32_t i, tc_sb *out) {
  print_ranges(out, name, "ranges", i, s->ranges, s->n);
  print_ranges(out, name, "groups", i, s->groups, s->n_groups);
  if (s->n_sites) tc_sb_printf(out, "static const char *const %s_stands_%u[] = {\n", name, i);
  for (uint32_t j = 0; j < s->n_sites; j++) {
    tc_sb_adds(out, "    ");
    tc_table_print_string(s->sites[j], out);
    tc_sb_adds(out, ",\n");
  }
  if (s->n_sites) tc_sb_adds(out, "};\n");
  tc_sb_printf(out, "static const tc_rt_strands %s_strands_%u = {%u, ", name, i, s->n);
  print_reference(out, s->ranges != NULL, name, "ranges", i);
  tc_sb_printf(out, ", %u, ", s->n_groups);
  print_reference(out, s->groups != NULL, name, "groups", i);
  tc_sb_printf(out, ", %u, ", s->n_sites);
  print_reference(out, s->n_sites, name, "stands", i);
  tc_sb_printf(out, ", UINT64_C(%" PRIu64 "), %u, %d};\n", s->zeroed_b, s->stack_b, s->resident);
}

static void print_u32s(tc_sb *out, const uint32_t *at, uint32_t n) {
  tc_sb_adds(out, "{");
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(out, "%s%u", i ? ", " : "", at[i]);
  tc_sb_adds(out, "}");
}

/* Names of what belongs to map j of kernel i end in i * 1000 + j: kernels have few maps. */
static void print_maps(const tc_rt_gpu *g, const char *name, uint32_t i, tc_sb *out) {
  for (uint32_t j = 0; j < g->n_maps; j++) {
    print_numbers(out, g->maps[j].dims, g->maps[j].rank, name, "extents", i * 1000 + j);
    print_numbers(out, g->maps[j].strides_b, g->maps[j].rank - 1u, name, "steps", i * 1000 + j);
  }
  if (g->n_maps) tc_sb_printf(out, "static const tc_rt_map %s_maps_%u[] = {\n", name, i);
  for (uint32_t j = 0; j < g->n_maps; j++) {
    const tc_rt_map *m = &g->maps[j];
    tc_sb_printf(out, "    {%u, %u, %u, %u, %u, %u, %u, ", m->ptr, m->rank, m->type, m->swizzle,
                 m->interleave, m->l2_promotion, m->oob_fill);
    print_reference(out, true, name, "extents", i * 1000 + j);
    tc_sb_adds(out, ", ");
    print_reference(out, m->rank > 1, name, "steps", i * 1000 + j);
    tc_sb_adds(out, ", ");
    print_number(out, &m->offset_b);
    tc_sb_adds(out, ", ");
    print_u32s(out, m->box, TC_RT_MAP_RANK);
    tc_sb_adds(out, ", ");
    print_u32s(out, m->step, TC_RT_MAP_RANK);
    tc_sb_adds(out, "},\n");
  }
  if (g->n_maps) tc_sb_adds(out, "};\n");
}

/* How kernel i is launched on a GPU. */
static void print_gpu(const tc_rt_gpu *g, const char *name, uint32_t i, tc_sb *out) {
  print_maps(g, name, i, out);
  if (g->n_args) tc_sb_printf(out, "static const tc_rt_gpu_arg %s_args_%u[] = {", name, i);
  for (uint32_t j = 0; j < g->n_args; j++)
    tc_sb_printf(out, "%s{%u, %u}", j ? ", " : "", g->args[j].kind, g->args[j].index);
  if (g->n_args) tc_sb_adds(out, "};\n");
  if (g->n_states) tc_sb_printf(out, "static const tc_rt_state %s_states_%u[] = {\n", name, i);
  for (uint32_t j = 0; j < g->n_states; j++) {
    tc_sb_adds(out, "    {");
    tc_table_print_string(g->states[j].name, out);
    tc_sb_adds(out, ", ");
    print_number(out, &g->states[j].size_b);
    tc_sb_adds(out, "},\n");
  }
  if (g->n_states) tc_sb_adds(out, "};\n");
  tc_sb_printf(out, "static const tc_rt_gpu %s_gpu_%u = {", name, i);
  print_u32s(out, g->block, 3);
  tc_sb_adds(out, ", ");
  print_u32s(out, g->cluster, 3);
  tc_sb_printf(out, ", %u, %u, %u, %u, %u, ", g->shared_b, g->min_blocks, g->n_args, g->n_maps,
               g->n_states);
  print_reference(out, g->n_args, name, "args", i);
  tc_sb_adds(out, ", ");
  print_reference(out, g->n_maps, name, "maps", i);
  tc_sb_adds(out, ", ");
  print_reference(out, g->n_states, name, "states", i);
  tc_sb_printf(out, ", %d};\n", g->cooperative);
}

static void print_kernels(const tc_rt_table *t, const char *name, tc_sb *out) {
  for (uint32_t i = 0; i < t->n_kernels; i++) {
    const tc_rt_kernel *k = &t->kernels[i];
    if (k->strands) print_strands(k->strands, name, i, out);
    if (k->gpu) print_gpu(k->gpu, name, i, out);
    if (!k->n_sites) continue;
    tc_sb_printf(out, "static const tc_rt_site %s_sites_%u[] = {\n", name, i);
    for (uint32_t j = 0; j < k->n_sites; j++) {
      tc_sb_adds(out, "    {");
      tc_table_print_string(k->sites[j].text, out);
      tc_sb_printf(out, ", %u},\n", k->sites[j].code);
    }
    tc_sb_adds(out, "};\n");
  }
  if (!t->n_kernels) return;
  tc_sb_printf(out, "static const tc_rt_kernel %s_kernels[] = {\n", name);
  for (uint32_t i = 0; i < t->n_kernels; i++) {
    const tc_rt_kernel *k = &t->kernels[i];
    tc_sb_adds(out, "    {");
    tc_table_print_string(k->name, out);
    tc_sb_printf(out, ", %u, {", k->n_grid);
    for (uint32_t d = 0; d < 3; d++) {
      static const tc_rt_number ONE = {.constant = 1, .is_constant = true};
      tc_sb_adds(out, d ? ", " : "");
      print_number(out, d < k->n_grid ? &k->grid[d] : &ONE);
    }
    tc_sb_printf(out, "}, UINT64_C(%" PRIu64 "), ", k->scratch_b);
    print_reference(out, k->n_sites, name, "sites", i);
    tc_sb_printf(out, ", %u, ", k->n_sites);
    tc_sb_adds(out, k->strands ? "&" : "");
    print_reference(out, k->strands != NULL, name, "strands", i);
    tc_sb_adds(out, k->gpu ? ", &" : ", ");
    print_reference(out, k->gpu != NULL, name, "gpu", i);
    tc_sb_adds(out, "},\n");
  }
  tc_sb_adds(out, "};\n");
}

static void print_field(tc_sb *out, const char *field, uint32_t n, const char *name) {
  if (n) tc_sb_printf(out, "    .%s = %s_%s,\n", field, name, field);
}

void tc_table_print_c(const tc_rt_table *t, const char *name, tc_sb *out) {
  print_params(t, name, out);
  print_steps(t, name, out);
  print_code(t, name, out);
  print_dims_and_asserts(t, name, out);
  print_workspaces(t, name, out);
  print_kernels(t, name, out);
  tc_sb_printf(out, "static const tc_rt_table %s = {\n    .version = %u,\n    .name = ", name,
               t->version);
  tc_table_print_string(t->name, out);
  tc_sb_adds(out, ",\n");
  print_field(out, "params", t->n_params, name);
  print_field(out, "steps", t->n_steps + t->n_more, name);
  print_field(out, "code", t->n_code, name);
  print_field(out, "dims", t->n_dims, name);
  print_field(out, "asserts", t->n_asserts, name);
  print_field(out, "workspaces", t->n_workspaces, name);
  print_field(out, "kernels", t->n_kernels, name);
  tc_sb_printf(out,
               "    .n_params = %u,\n    .n_code = %u,\n    .n_dims = %u,\n    .n_asserts = %u,\n"
               "    .n_workspaces = %u,\n    .n_kernels = %u,\n    .n_steps = %u,\n"
               "    .n_more = %u,\n    .is_plain = %d,\n    .n_words = %u,\n    .n_tensors = %u,\n"
               "    .device = %u,\n};\n",
               t->n_params, t->n_code, t->n_dims, t->n_asserts, t->n_workspaces, t->n_kernels,
               t->n_steps, t->n_more, t->is_plain, t->n_words, t->n_tensors, t->device);
}
