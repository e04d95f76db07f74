#include "target/cpu/cpu_impl.h"
#include "target/cpu/prelude.h"

#include "ir/walk.h"

#include <inttypes.h>
#include <string.h>

/* ---- variables ---- */

static const char *word_text(tc_cemit *e, tc_type type, uint32_t word) {
  if (tc_is_float(type))
    return tc_ce_text(e, "(%s)tc_f64_of_bits((tc_u64)word[%u])", tc_ce_type(type), word);
  if (tc_is_bool(type)) return tc_ce_text(e, "word[%u] != 0", word);
  return tc_ce_text(e, "(%s)word[%u]", tc_ce_type(type), word);
}

static void name_host_vars(tc_cemit *e) {
  uint32_t word = 0;
  for (uint32_t i = 1; i < e->ir->vars.n; i++) {
    const tc_var_info *info = &e->ir->vars.at[i];
    if (info->kind != TC_VAR_DIM && info->kind != TC_VAR_SCALAR) continue;
    const char *name = tc_ce_name_var(e, (tc_var){i});
    tc_cw_line(&e->w, "const %s %s = %s;", tc_ce_type(info->type), name,
               word_text(e, info->type, word++));
  }
}

static void name_block_vars(tc_cemit *e, const tc_kernel *k) {
  for (uint32_t i = 0; i < k->n_grid; i++) {
    if (!k->block[i].id) continue;
    const char *type = tc_ce_type(tc_var_at(e->ir, k->block[i])->type);
    const char *name = tc_ce_name_var(e, k->block[i]);
    tc_cw_line(&e->w, "const %s %s = (%s)block[%u];", type, name, type, i);
  }
}

/* ---- T.print: one line, the values as the interpreter prints them ---- */

static void print_value(tc_cemit *e, tc_type type, const char *x) {
  const char *put = "n += snprintf(line + n, sizeof line - n, ";
  if (tc_is_float(type))
    tc_cw_line(&e->w, "%s\"%%.%dg\", (double)%s);", put,
               tc_type_bits((tc_type){type.dtype, 0, 1}) == 64 ? 17 : 9, x);
  else if (tc_is_bool(type))
    tc_cw_line(&e->w, "%s\"%%s\", %s ? \"true\" : \"false\");", put, x);
  else if (tc_type_kind(type) == TC_K_UINT)
    tc_cw_line(&e->w, "%s\"%%llu\", (tc_u64)%s);", put, x);
  else
    tc_cw_line(&e->w, "%s\"%%lld\", (tc_i64)%s);", put, x);
}

static const char *c_string(tc_cemit *e, const char *text) {
  tc_sb sb = tc_sb_in(e->arena);
  for (; *text; text++) {
    unsigned char ch = (unsigned char)*text;
    if (ch < 32 || ch == '"' || ch == '\\' || ch == '?' || ch >= 127)
      tc_sb_printf(&sb, "\\%03o", ch);
    else
      tc_sb_char(&sb, *text);
  }
  return sb.n ? sb.at : "";
}

/* Makes room for `need` more bytes. */
static void flush(tc_cemit *e, size_t need) {
  tc_cw_line(&e->w, "if (n + %zu > sizeof line) env->print(env->ctx, line, n), n = 0;", need);
}

enum { VALUE_B = 64 };

static void print_buffer(tc_cemit *e, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *at = "0";
  const char *name = tc_name_of(e->ir, b->name);
  flush(e, strlen(name) + VALUE_B);
  tc_cw_line(&e->w, "n += snprintf(line + n, sizeof line - n, \"%%s = [\", \"%s\");",
             c_string(e, name));
  tc_cw_line(&e->w, "int more = 0;");
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_cw_open(&e->w, "for (tc_i64 i%u = 0; i%u < %s; i%u++)", d, d, tc_ce_ref(e, b->shape[d], 0),
               d);
    at = tc_ce_text(e, "%s + i%u * (%s)", at, d, tc_ce_stride(e, buf, d));
  }
  for (uint32_t l = 0; l < b->elem.lanes; l++) {
    flush(e, VALUE_B);
    tc_cw_line(&e->w, "if (more++) line[n++] = ',', line[n++] = ' ';");
    const char *point = tc_ce_text(e, "(%s) * %u + %u", at, b->elem.lanes, l);
    print_value(e, b->elem, tc_ce_get(e, buf, point));
  }
  for (uint32_t d = 0; d < b->rank; d++)
    tc_cw_close(&e->w);
  flush(e, VALUE_B);
  tc_cw_line(&e->w, "line[n++] = ']';");
}

static void print(tc_cemit *e, tc_value stmt) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_print *p = tc_print_of(e->ir, stmt);
  const char *text = e->ir->texts.at[p->text];
  tc_cw_open(&e->w, "%s", "");
  const char *name = p->buf.id ? tc_name_of(e->ir, tc_buf_at(e->ir, p->buf)->name) : "";
  tc_cw_line(&e->w, "char line[%zu];", (text ? strlen(text) : 0) + strlen(name) + 512);
  tc_cw_line(&e->w, "tc_u64 n = 0;");
  if (text && *text)
    tc_cw_line(&e->w, "n += snprintf(line, sizeof line, \"%%s\", \"%s\");", c_string(e, text));
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value v = tc_input(e->ir, op, i);
    tc_type type = tc_value_type(e->ir, v);
    for (uint32_t l = 0; l < type.lanes; l++) {
      flush(e, VALUE_B);
      if (i || l || (text && *text)) tc_cw_line(&e->w, "line[n++] = ' ';");
      print_value(e, type, tc_ce_ref(e, v, l));
    }
  }
  if (p->buf.id) {
    flush(e, VALUE_B);
    if (op->n_in || (text && *text)) tc_cw_line(&e->w, "line[n++] = ' ';");
    print_buffer(e, p->buf);
  }
  flush(e, VALUE_B);
  tc_cw_line(&e->w, "line[n++] = '\\n';");
  tc_cw_line(&e->w, "env->print(env->ctx, line, n);");
  tc_cw_close(&e->w);
}

/* ---- statements of this target ---- */

/* table */
static bool print_statement(tc_cemit *e, tc_value stmt) {
  tc_cpu *c = tc_cpu_of(e);
  const tc_op *op = tc_op_at(e->ir, stmt);
  switch ((int)op->opcode) {
  case TC_OP_alloc:
    tc_cpu_alloc(c, stmt);
    return true;
  case TC_OP_load:
  case TC_OP_store:
    return tc_cpu_ordered_access(c, stmt);
  case TC_OP_atomic:
    tc_cpu_atomic(c, stmt);
    return true;
  case TC_OP_fence:
    tc_cw_line(&e->w, "__atomic_thread_fence(__ATOMIC_SEQ_CST);");
    return true;
  case TC_OP_barrier:
    tc_cpu_barrier(c, stmt);
    return true;
  case TC_OP_mbarrier:
    tc_cpu_mbarrier(c, stmt);
    return true;
  case TC_OP_collective:
    tc_cpu_collective(c, stmt);
    return true;
  case TC_OP_group:
    tc_cpu_group(c, stmt);
    return true;
  case TC_OP_perthread:
    tc_cpu_perthread(c, stmt);
    return true;
  case TC_OP_async_commit: /* what is asynchronous is done where it is issued */
  case TC_OP_async_wait:
    return true;
  case TC_OP_parallel:
    tc_cpu_parallel(c, stmt);
    return true;
  case TC_OP_copy:
    tc_cpu_copy(c, stmt);
    return true;
  case TC_OP_fill:
    tc_cpu_fill(c, stmt);
    return true;
  case TC_OP_gemm:
    tc_cpu_gemm(c, stmt);
    return true;
  case TC_OP_reduce:
    tc_cpu_reduce(c, stmt);
    return true;
  case TC_OP_scan:
    tc_cpu_scan(c, stmt);
    return true;
  case TC_OP_transpose:
    tc_cpu_transpose(c, stmt);
    return true;
  case TC_OP_im2col:
    tc_cpu_im2col(c, stmt);
    return true;
  case TC_OP_atomic_tile:
    tc_cpu_atomic_tile(c, stmt);
    return true;
  case TC_OP_print:
    print(e, stmt);
    return true;
  case TC_OP_wait:
    tc_cpu_wait(c, stmt);
    return true;
  default:
    return false;
  }
}

static bool statement(tc_cemit *e, tc_value stmt) {
  tc_cpu *c = tc_cpu_of(e);
  bool atomic = tc_is(e->ir, stmt, TC_OP_atomic); /* hands its result to all */
  bool together = !atomic && tc_cpu_open_meeting(c, stmt);
  bool known = print_statement(e, stmt);
  if (together) tc_cpu_close_meeting(c);
  return known;
}

/* ---- the kernel ---- */

/* For the C library's functions and the helpers, which have small frames. */
enum { STRAND_STACK_B = 128 << 10 };

static const char *const math32[TC_MATH_COUNT] = {
    [TC_MATH_exp] = "tc_expf",   [TC_MATH_exp2] = "tc_exp2f", [TC_MATH_log] = "tc_logf",
    [TC_MATH_log2] = "tc_log2f", [TC_MATH_erf] = "tc_erff",   [TC_MATH_tanh] = "tc_tanhf",
};
static void report(tc_diags *diags, tc_span span, const char *what) {
  TC_DIAG(diags, D_not_on_target, span, what);
}

static const tc_ctarget target = {.math32 = math32,
                                  .independent = "TC_INDEPENDENT",
                                  .fail = "return ",
                                  .fail_end = "",
                                  .report = report,
                                  .statement = statement};

static const char *kernel_name(tc_cemit *e, const tc_kernel *k, uint32_t index, bool alone) {
  tc_name name = tc_names_text(e->ir->names, k->name).n ? k->name : e->ir->name;
  const char *ident = tc_ce_ident(e, name, index);
  uint32_t n = (uint32_t)(strrchr(ident, '_') - ident);
  return alone ? tc_ce_text(e, "%.*s_kernel", (int)n, ident)
               : tc_ce_text(e, "%.*s_kernel_%u", (int)n, ident, index);
}

static const char *file_of(tc_cemit *e, tc_value stmt) {
  tc_place place;
  tc_span span = tc_op_at(e->ir, stmt)->span;
  if (!e->ir->diags->source || !tc_source_place(e->ir->diags->source, span, &place)) return "?";
  tc_sb sb = tc_sb_in(e->arena);
  for (const char *ch = place.file; *ch; ch++)
    if (*ch >= ' ' && *ch != '*') tc_sb_char(&sb, *ch); /* stands in a comment */
  return sb.n ? sb.at : "?";
}

static void print_kernel(tc_cpu *c, const tc_emitted_kernel *k, tc_sb *out) {
  tc_cemit *e = c->e;
  const tc_signature *s = &c->signature;
  const char *rest = "const tc_i64 *word, const tc_i32 *block, const tc_i32 *grid";
  bool strands = c->threads->needed;
  const char *more = strands ? ", tc_strand *strand" : "";
  tc_sb_printf(out, "/* lines of %s */\n", file_of(e, k->stmt));
  tc_sb_printf(
      out, "TC_BODY tc_i32 body_of_%s(%s%s, unsigned char *%swork, const tc_env *env%s) {\n",
      k->name, s->formals.n ? s->formals.at : "", rest, strands ? "" : "__restrict ", more);
  tc_cw_join(&e->w, out);
  tc_sb_adds(out, "  return 0;\n}\n");
  tc_sb_printf(
      out,
      "TC_EXPORT tc_i32 %s(void *const *ptr, %s, unsigned char *scratch, const tc_env *env%s) {\n"
      "  return body_of_%s(%sword, block, grid, scratch + %" PRIu64 ", env%s);\n}\n\n",
      k->name, rest, more, k->name, s->actuals.n ? s->actuals.at : "", c->scratch_b,
      strands ? ", strand" : "");
}

/* What the runtime must know to run the kernel as strands. */
static const tc_rt_strands *strands_of(tc_cpu *c, tc_arena *arena) {
  const tc_strands *s = c->threads;
  if (!s->needed) return NULL;
  tc_rt_strands *out = TC_NEW(arena, tc_rt_strands);
  *out = (tc_rt_strands){.n = tc_strands_count(s),
                         .ranges = s->single ? NULL : s->ranges.at,
                         .n_groups = s->groups.n,
                         .groups = s->groups.at,
                         .n_sites = s->sites.n,
                         .sites = s->sites.at,
                         .zeroed_b = c->zeroed_b,
                         .stack_b = (uint32_t)(STRAND_STACK_B + 2 * c->stack_b),
                         .resident = s->resident};
  return out;
}

static void name_threads(tc_cpu *c) {
  if (c->threads->needed)
    tc_cw_line(&c->e->w, "const tc_i64 first_thread = strand->first, end_thread = strand->end;");
}

static tc_emitted_kernel emit_kernel(tc_cpu *c, tc_value stmt, uint32_t index, bool alone,
                                     tc_sb *out, tc_ir *ir, tc_arena *arena) {
  tc_region region = tc_child(ir, tc_op_at(ir, stmt), 0);
  const tc_kernel *kernel = tc_kernel_of(ir, stmt);
  tc_cemit *e = c->e = tc_cemit_new(ir, region, &target, c, arena);
  e->site_codes = c->codes;
  c->signature = (tc_signature){tc_sb_in(arena), tc_sb_in(arena)};
  c->threads = tc_strands_plan(ir, stmt, arena);
  c->group = c->threads->block;
  c->has_clusters = kernel->cluster[0] * kernel->cluster[1] * kernel->cluster[2] > 1;
  name_threads(c);
  name_host_vars(e);
  name_block_vars(e, kernel);
  tc_cpu_name_buffers(c, region);
  tc_ce_region(e, region);
  tc_emitted_kernel k = {.name = kernel_name(e, kernel, index, alone), .stmt = stmt};
  k.sites = e->sites.at;
  k.n_sites = e->sites.n;
  print_kernel(c, &k, out);
  k.scratch_b = c->scratch_b + (c->work_b + 63) / 64 * 64;
  k.strands = strands_of(c, arena);
  return k;
}

tc_emitted tc_cpu_emit(tc_ir *ir, const tc_cpu_options *options, tc_arena *arena) {
  const tc_block *body = tc_block_at(ir, ir->body);
  TC_VEC(tc_emitted_kernel) kernels = {0};
  tc_sb text = tc_sb_in(arena), helpers = tc_sb_in(arena), all = tc_sb_in(arena);
  tc_map made = tc_map_in(arena);
  uint32_t n = 0;
  tc_map codes = tc_map_in(arena);
  if (options->checked) tc_cpu_insert_checks(ir, &codes, arena);
  for (uint32_t i = 0; i < body->ops.n; i++)
    n += tc_is(ir, body->ops.at[i], TC_OP_kernel);
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_value stmt = body->ops.at[i];
    if (!tc_is(ir, stmt, TC_OP_kernel)) continue;
    tc_cpu c = {.isa = tc_cpu_isa_row(options->isa),
                .helpers = &helpers,
                .made = &made,
                .codes = &codes,
                .sum_lanes = TC_NEW_ARRAY(arena, ir->n_ops, const char *)};
    tc_emitted_kernel k = emit_kernel(&c, stmt, kernels.n, n == 1, &text, ir, arena);
    tc_vec_push(arena, &kernels, k);
  }
  tc_sb_add(&helpers, tc_sb_str(&text));
  tc_cpu_prelude(&all, options, tc_sb_str(&helpers));
  tc_sb_add(&all, tc_sb_str(&helpers));
  return (tc_emitted){tc_sb_str(&all), kernels.at, kernels.n};
}
