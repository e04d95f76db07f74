#include "target/cpu/cpu_impl.h"
#include "target/cpu/prelude.h"

#include "ir/walk.h"

#include <inttypes.h>
#include <string.h>

/* Local arrays up to this size are C arrays, which the C compiler keeps in registers if it can. */
enum { LOCAL_ARRAY_B = 4096 };

uint64_t tc_cpu_work(tc_cpu *c, uint64_t from, uint64_t size_b) {
  uint64_t at = (from + 63) / 64 * 64;
  if (at + size_b > c->work_b) c->work_b = at + size_b;
  return at;
}

/* ---- what a kernel uses ---- */

typedef struct usage {
  bool *root;     /* by buffer id: the root, or a view of it, is used */
  bool *buf;      /* by buffer id */
  bool addresses; /* memory is reached through a bare address */
} usage;

static void use(tc_ir *ir, usage *u, tc_buf buf) {
  if (!buf.id) return;
  u->buf[buf.id] = true;
  u->root[tc_buf_at(ir, buf)->root.id] = true;
  if (tc_buf_at(ir, buf)->address.id) u->addresses = true;
}

static bool note_usage(tc_ir *ir, tc_value stmt, void *data) {
  usage *u = data;
  const tc_op *op = tc_op_at(ir, stmt);
  enum tc_payload_kind payload = tc_op_row((enum tc_opcode)op->opcode)->payload;
  if (payload == TC_PL_ACCESS) use(ir, u, ir->accesses.at[op->payload].buf);
  if (payload == TC_PL_ATOMIC) use(ir, u, ir->atomics.at[op->payload].buf);
  if (payload == TC_PL_BUF) use(ir, u, (tc_buf){op->payload});
  if (payload == TC_PL_PRINT) use(ir, u, ir->prints.at[op->payload].buf);
  for (uint32_t i = 0; i < op->n_in; i++)
    if (tc_is(ir, tc_input(ir, op, i), TC_OP_slice))
      use(ir, u, tc_slice_buf(ir, tc_input(ir, op, i)));
  return true;
}

static void define_if_host(tc_cemit *e, tc_value v) {
  if (v.id && tc_is_host_value(e->ir, v, e->arena)) tc_ce_define_tree(e, v);
}

/* ---- storage ---- */

static bool is_on_chip(enum tc_scope scope) {
  return scope != TC_SCOPE_global && scope != TC_SCOPE_var;
}

/* Bytes of an on-chip buffer; its extents must be constants. */
static uint64_t size_of(tc_cemit *e, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  uint64_t n = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t extent;
    if (!tc_const_of(e->ir, b->shape[d], &extent) || extent < 0) {
      TC_DIAG(e->ir->diags, D_shape_not_constant, b->span, tc_name_of(e->ir, b->name), d);
      tc_diag_stop(e->ir->diags);
    }
    if (extent && n > (UINT64_C(1) << 40) / (uint64_t)extent)
      n = UINT64_C(1) << 40;
    else
      n *= (uint64_t)extent;
  }
  if (n >= UINT64_C(1) << 40) {
    TC_DIAG(e->ir->diags, D_not_on_target, b->span, "an on-chip buffer of a terabyte or more");
    tc_diag_stop(e->ir->diags);
  }
  return (n * tc_type_bits(b->elem) + 7) / 8;
}

/* Parameters of the body function, and what the exported function passes for them. */
typedef struct signature {
  tc_sb formals, actuals;
} signature;

static void add_pointer(tc_cemit *e, signature *s, tc_buf buf, bool alone, const char *actual) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  e->buf_names[buf.id] = tc_ce_ident(e, b->name, buf.id);
  const char *type = tc_ce_storage(b->elem);
  tc_sb_printf(&s->formals, "%s *%s%s, ", type, alone ? "__restrict " : "", e->buf_names[buf.id]);
  tc_sb_printf(&s->actuals, "(%s *)%s, ", type, actual);
}

/* Every pointer is the only one to its memory: the argument checker refuses overlaps of written
 * arguments, and on-chip buffers do not overlap. Not so when the kernel makes tensors of addresses
 * or asks for it. */
static bool may_alias(tc_cemit *e, const usage *u) {
  bool hinted = false;
  for (uint32_t i = 0; i < e->ir->hints.n; i++)
    hinted = hinted || e->ir->hints.at[i].kind == TC_HINT_NO_RESTRICT;
  return hinted || u->addresses;
}

static void add_globals(tc_cemit *e, signature *s, const usage *u) {
  uint32_t slot = 0;
  bool alone = !may_alias(e, u);
  for (uint32_t i = 0; i < e->ir->params.n; i++) {
    const tc_param *p = &e->ir->params.at[i];
    if (p->kind != TC_PARAM_BUFFER) continue;
    if (u->root[p->buf.id]) add_pointer(e, s, p->buf, alone, tc_ce_text(e, "ptr[%u]", slot));
    slot++;
  }
  const tc_block *body = tc_block_at(e->ir, e->ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++) {
    const tc_op *op = tc_op_at(e->ir, body->ops.at[i]);
    if (op->opcode != TC_OP_alloc) continue;
    tc_buf buf = {op->payload};
    if (tc_buf_at(e->ir, buf)->scope != TC_SCOPE_global) continue;
    if (u->root[buf.id]) add_pointer(e, s, buf, alone, tc_ce_text(e, "ptr[%u]", slot));
    slot++;
  }
}

static void add_on_chip(tc_cpu *c, signature *s, const usage *u) {
  tc_cemit *e = c->e;
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (b->root.id != i || !u->root[i] || !is_on_chip(b->scope) || e->buf_names[i]) continue;
    uint64_t size_b = size_of(e, b->root);
    if (b->scope == TC_SCOPE_local && size_b <= LOCAL_ARRAY_B) continue; /* at its alloc */
    add_pointer(e, s, b->root, true, tc_ce_text(e, "(scratch + %" PRIu64 ")", c->scratch_b));
    c->scratch_b += (size_b + 63) / 64 * 64;
  }
}

/* Views that begin at a place known at launch get a pointer of their own. */
static void name_views(tc_cemit *e, const usage *u) {
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (!u->buf[i]) continue;
    for (uint32_t d = 0; d < b->rank; d++) {
      define_if_host(e, b->shape[d]);
      if (b->strides) define_if_host(e, b->strides[d]);
    }
    bool fixed = !b->address.id && (!b->offset.id || tc_is_host_value(e->ir, b->offset, e->arena));
    if (b->root.id == i || !fixed || !e->buf_names[b->root.id]) continue;
    define_if_host(e, b->offset);
    const char *type = tc_ce_storage(b->elem), *name = tc_ce_ident(e, b->name, i);
    const char *base = tc_ce_base(e, (tc_buf){i});
    tc_cw_line(&e->w, "%s *const %s = %s;", type, name, base);
    e->buf_names[i] = name;
  }
}

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

/* ---- statements of this target ---- */

static void alloc(tc_cemit *e, tc_value stmt) {
  tc_buf buf = {tc_op_at(e->ir, stmt)->payload};
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *name = tc_ce_ident(e, b->name, buf.id);
  if (b->scope == TC_SCOPE_var) {
    e->buf_names[buf.id] = name;
    const char *type = tc_ce_type(b->elem);
    if (b->elem.lanes > 1)
      tc_cw_line(&e->w, "%s %s[%u];", type, name, b->elem.lanes);
    else
      tc_cw_line(&e->w, "%s %s;", type, name);
  } else if (b->scope == TC_SCOPE_local && size_of(e, buf) <= LOCAL_ARRAY_B) {
    e->buf_names[buf.id] = name;
    uint32_t bits = tc_dtype_row((enum tc_dtype)b->elem.dtype)->bits;
    uint64_t size_b = size_of(e, buf), width_b = bits < 8 ? 1 : bits / 8;
    tc_cw_line(&e->w, "%s %s[%" PRIu64 "] __attribute__((aligned(64)));", tc_ce_storage(b->elem),
               name, size_b ? (size_b + width_b - 1) / width_b + (bits == 6) : 1);
  } else if (b->scope == TC_SCOPE_global) {
    tc_ce_refuse(e, stmt, "global memory allocated inside a kernel");
  }
}

static void perthread(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_group *g = tc_group_of(e->ir, stmt);
  const char *name = g->thread.id ? tc_ce_name_var(e, g->thread) : "thread";
  bool outer = c->in_perthread, outer_parallel = e->in_parallel;
  if (g->thread.id) {
    e->var_wide[g->thread.id] = name;
    tc_type type = tc_var_at(e->ir, g->thread)->type;
    e->var_names[g->thread.id] = tc_ce_text(e, "((%s)%s)", tc_ce_type(type), name);
  }
  tc_cw_open(&e->w, "for (tc_i64 %s = %" PRId64 "; %s < %" PRId64 "; %s++)", name, g->first, name,
             g->first + g->count, name);
  c->in_perthread = e->in_parallel = true;
  tc_ce_region(e, tc_child(e->ir, tc_op_at(e->ir, stmt), 0));
  c->in_perthread = outer;
  e->in_parallel = outer_parallel;
  tc_cw_close(&e->w);
}

/* Outside per-thread code a block is one thread here, and every statement a meeting point. */
static void barrier(tc_cpu *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->e->ir, stmt);
  if (c->in_perthread) tc_ce_refuse(c->e, stmt, "a barrier inside per-thread code");
  if (c->e->ir->barriers.at[op->payload].sync_scope > TC_SYNC_BLOCK)
    tc_ce_refuse(c->e, stmt, "a barrier among blocks");
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

/* table */
static bool statement(tc_cemit *e, tc_value stmt) {
  tc_cpu *c = tc_cpu_of(e);
  const tc_op *op = tc_op_at(e->ir, stmt);
  switch ((int)op->opcode) {
  case TC_OP_alloc:
    alloc(e, stmt);
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
    barrier(c, stmt);
    return true;
  case TC_OP_group:
    tc_cw_open(&e->w, "%s", "");
    tc_ce_region(e, tc_child(e->ir, op, 0));
    tc_cw_close(&e->w);
    return true;
  case TC_OP_perthread:
    perthread(c, stmt);
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
    tc_ce_refuse(e, stmt, "a block that waits for other blocks");
  default:
    return false;
  }
}

/* ---- the kernel ---- */

static const char *const math32[TC_MATH_COUNT] = {
    [TC_MATH_exp] = "tc_expf",   [TC_MATH_exp2] = "tc_exp2f", [TC_MATH_log] = "tc_logf",
    [TC_MATH_log2] = "tc_log2f", [TC_MATH_erf] = "tc_erff",   [TC_MATH_tanh] = "tc_tanhf",
};
static const tc_ctarget target = {
    .math32 = math32, .independent = "TC_INDEPENDENT", .fail = "return", .statement = statement};

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

static void print_kernel(tc_cpu *c, const tc_emitted_kernel *k, signature *s, tc_sb *out) {
  tc_cemit *e = c->e;
  const char *rest = "const tc_i64 *word, const tc_i32 *block, const tc_i32 *grid";
  tc_sb_printf(out, "/* lines of %s */\n", file_of(e, k->stmt));
  tc_sb_printf(
      out, "TC_BODY tc_i32 body_of_%s(%s%s, unsigned char *__restrict work, const tc_env *env) {\n",
      k->name, s->formals.n ? s->formals.at : "", rest);
  tc_cw_join(&e->w, out);
  tc_sb_adds(out, "  return 0;\n}\n");
  tc_sb_printf(
      out,
      "TC_EXPORT tc_i32 %s(void *const *ptr, %s, unsigned char *scratch, const tc_env *env) {\n"
      "  return body_of_%s(%sword, block, grid, scratch + %" PRIu64 ", env);\n}\n\n",
      k->name, rest, k->name, s->actuals.n ? s->actuals.at : "", c->scratch_b);
}

static tc_emitted_kernel emit_kernel(tc_cpu *c, tc_value stmt, uint32_t index, bool alone,
                                     tc_sb *out, tc_ir *ir, tc_arena *arena) {
  tc_region region = tc_child(ir, tc_op_at(ir, stmt), 0);
  tc_cemit *e = c->e = tc_cemit_new(ir, region, &target, c, arena);
  e->site_codes = c->codes;
  usage u = {TC_NEW_ARRAY(arena, ir->bufs.n, bool), TC_NEW_ARRAY(arena, ir->bufs.n, bool), false};
  tc_walk(ir, region, note_usage, &u);
  signature s = {tc_sb_in(arena), tc_sb_in(arena)};
  name_host_vars(e);
  name_block_vars(e, tc_kernel_of(ir, stmt));
  add_globals(e, &s, &u);
  add_on_chip(c, &s, &u);
  name_views(e, &u);
  tc_ce_region(e, region);
  tc_emitted_kernel k = {.name = kernel_name(e, tc_kernel_of(ir, stmt), index, alone),
                         .stmt = stmt};
  k.sites = e->sites.at;
  k.n_sites = e->sites.n;
  print_kernel(c, &k, &s, out);
  k.scratch_b = c->scratch_b + (c->work_b + 63) / 64 * 64;
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
