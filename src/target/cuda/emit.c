#include "target/cuda/cuda_impl.h"

#include "ir/form.h"

#include <string.h>

static tc_cudatext *cuda_of(tc_cemit *e) {
  return e->own;
}

/* ---- primitives ---- */

static const tc_cudatext_use *use_of(tc_cudatext *c, tc_cudatext_use use) {
  tc_arena *arena = c->e->arena;
  uint32_t at;
  tc_cudatext_name_prim(arena, &use);
  uint64_t key = tc_hash_bytes(use.name, strlen(use.name), 1);
  if (!tc_map_get(&c->used, key, &at)) {
    at = c->uses.n;
    tc_vec_push(arena, &c->uses, use);
    tc_map_put(&c->used, key, at);
  }
  return &c->uses.at[at];
}

static void add_argument(tc_sb *out, const char *text) {
  tc_sb_printf(out, "%s%s", out->n ? ", " : "", text);
}

/* &map now, its coordinates, innermost first, at the end of the list. */
static void add_map(tc_cemit *e, tc_value slice, tc_sb *args, tc_sb *coordinates) {
  tc_buf buf = tc_slice_buf(e->ir, slice);
  add_argument(args, tc_ce_text(e, "&%s", e->buf_names[buf.id]));
  for (uint32_t d = tc_buf_at(e->ir, buf)->rank; d-- > 0;)
    tc_sb_printf(coordinates, ", (tc_i32)%s", tc_ce_ref(e, tc_slice_base(e->ir, slice, d), 0));
}

static const char *memory_argument(tc_cemit *e, tc_value slice) {
  return tc_cudatext_address(e, tc_slice_buf(e->ir, slice),
                             tc_inputs_of(e->ir, tc_op_at(e->ir, slice)));
}

static const char *arguments(tc_cemit *e, tc_value stmt, tc_cudatext_use *use) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_sb args = tc_sb_in(e->arena), coordinates = tc_sb_in(e->arena);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value in = tc_input(e->ir, op, k);
    if (!tc_is(e->ir, in, TC_OP_slice)) {
      add_argument(&args, tc_ce_ref(e, in, 0));
      continue;
    }
    const tc_buffer *b = tc_buf_at(e->ir, tc_slice_buf(e->ir, in));
    if (b->scope == TC_SCOPE_local) use->elem = (enum tc_dtype)b->elem.dtype;
    if (b->scope == TC_SCOPE_tensor_map) {
      use->rank = b->rank;
      add_map(e, in, &args, &coordinates);
    } else {
      add_argument(&args, memory_argument(e, in));
    }
  }
  bool places = use->prim.row != TC_PRIM_tensor_map_fetch;
  if (coordinates.n && places) tc_sb_add(&args, tc_sb_str(&coordinates));
  return args.n ? args.at : "";
}

static void prim(tc_cemit *e, tc_value stmt) {
  tc_cudatext_use use = {.prim = *tc_prim_of(e->ir, stmt)};
  uint32_t reason = use.prim.reason;
  use.prim.reason = 0;
  const char *args = arguments(e, stmt, &use);
  const char *name = use_of(cuda_of(e), use)->name;
  tc_type type = tc_value_type(e->ir, stmt);
  if (reason)
    tc_cw_line(&e->w, "%s(%s); /* %s */", name, args, e->ir->texts.at[reason]);
  else if (type.dtype == TC_DT_void)
    tc_cw_line(&e->w, "%s(%s);", name, args);
  else
    tc_cw_line(&e->w, "const %s %s = %s(%s);", tc_ce_type(type), tc_ce_ref(e, stmt, 0), name, args);
}

/* ---- storage ---- */

static void alloc(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_stmt_buf(e->ir, tc_op_at(e->ir, stmt), 0);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  int64_t n = b->elem.lanes;
  if (b->scope != TC_SCOPE_var && b->scope != TC_SCOPE_local) return; /* has its place already */
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t extent;
    if (!tc_const_of(e->ir, b->shape[d], &extent))
      tc_ce_refuse(e, stmt, "an array of a thread whose size is known only at launch");
    n *= extent;
  }
  const char *name = e->buf_names[buf.id] = tc_ce_ident(e, b->name, buf.id);
  const char *type = b->scope == TC_SCOPE_var ? tc_ce_type(b->elem) : tc_ce_storage(b->elem);
  if (b->scope == TC_SCOPE_var && n == 1)
    tc_cw_line(&e->w, "%s %s;", type, name);
  else
    tc_cw_line(&e->w, "TC_ARRAY(%s, %s, %lld);", type, name, (long long)n);
}

static void report(tc_diags *diags, tc_span span, const char *what) {
  TC_DIAG(diags, D_not_lowered, span, what);
}

/* table */
static bool statement(tc_cemit *e, tc_value stmt) {
  switch ((int)tc_op_at(e->ir, stmt)->opcode) {
  case TC_OP_alloc:
    alloc(e, stmt);
    return true;
  case TC_OP_load:
    return tc_cudatext_load(e, stmt);
  case TC_OP_store:
    return tc_cudatext_store(e, stmt);
  case TC_OP_atomic:
    return tc_cudatext_atomic(cuda_of(e), stmt);
  case TC_OP_fence:
    tc_cudatext_order(e, TC_ORDER_SEQ_CST,
                      e->ir->fences.at[tc_op_at(e->ir, stmt)->payload].sync_scope, true);
    return true;
  case TC_OP_prim:
    prim(e, stmt);
    return true;
  default:
    return false;
  }
}

/* The simulator knows the memory of tensors, and nothing of what addresses in them point to. */
static void refuse_addresses(tc_cemit *e) {
  for (uint32_t i = 1; i < e->ir->bufs.n; i++)
    if (e->ir->bufs.at[i]->address.id)
      report(e->ir->diags, e->ir->bufs.at[i]->span, "memory at an address, in the simulator");
  if (e->ir->diags->n_errors) tc_diag_stop(e->ir->diags);
}

static const tc_ctarget target = {.independent = "",
                                  .fail = "TC_FAIL(",
                                  .fail_end = ")",
                                  .report = report,
                                  .narrow = true,
                                  .early = true,
                                  .statement = statement};

/* ---- the kernel ---- */

static const char *kernel_name(tc_cemit *e, const tc_kernel *k, uint32_t index) {
  tc_name name = tc_names_text(e->ir->names, k->name).n ? k->name : e->ir->name;
  return tc_ce_ident(e, name, index);
}

static tc_emitted_kernel emit_kernel(tc_cudatext *c, tc_ir *ir, tc_value stmt, uint32_t index,
                                     tc_sb *out, tc_arena *arena) {
  tc_region region = tc_child(ir, tc_op_at(ir, stmt), 0);
  const tc_kernel *kernel = tc_kernel_of(ir, stmt);
  tc_cemit *e = c->e = tc_cemit_new(ir, region, &target, c, arena);
  if (c->simulated) refuse_addresses(e);
  tc_sb body = tc_sb_in(arena);
  tc_emitted_gpu *gpu = TC_NEW(arena, tc_emitted_gpu);
  tc_cudatext_name_parameters(c, stmt);
  if (kernel->thread[0].id)
    tc_cw_line(&e->w, "const tc_i32 %s = TC_TID;", tc_ce_name_var(e, kernel->thread[0]));
  tc_ce_region(e, region);
  tc_cw_join(&e->w, &body);
  const char *params = tc_cudatext_parameters(c, stmt, tc_sb_str(&body), gpu);
  tc_emitted_kernel k = {.name = kernel_name(e, kernel, index), .stmt = stmt, .gpu = gpu};
  k.sites = e->sites.at;
  k.n_sites = e->sites.n;
  tc_sb_printf(out, "TC_KERNEL(%s, %lld, 1)(%s) {\n", k.name, (long long)tc_kernel_threads(kernel),
               params);
  tc_sb_adds(out, "  const tc_u32 smem = TC_SMEM;\n");
  tc_sb_add(out, tc_sb_str(&body));
  tc_sb_adds(out, "}\n\n");
  return k;
}

tc_emitted tc_cuda_emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena) {
  const tc_block *body = tc_block_at(ir, ir->body);
  TC_VEC(tc_emitted_kernel) kernels = {0};
  tc_sb text = tc_sb_in(arena), all = tc_sb_in(arena);
  tc_cudatext c = {.used = tc_map_in(arena), .simulated = options->simulated};
  for (uint32_t i = 0; i < body->ops.n; i++) {
    if (!tc_is(ir, body->ops.at[i], TC_OP_kernel)) continue;
    tc_emitted_kernel k = emit_kernel(&c, ir, body->ops.at[i], kernels.n, &text, arena);
    tc_vec_push(arena, &kernels, k);
  }
  if (!options->simulated) tc_cudatext_prelude(&all, &c, tc_sb_str(&text));
  tc_sb_add(&all, tc_sb_str(&text));
  return (tc_emitted){tc_sb_str(&all), kernels.at, kernels.n};
}
