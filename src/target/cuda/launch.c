/* What a kernel takes: pointers to the tensors, tensor maps, counters and numbers that its text
 * mentions, in that order; and the same facts for the launch. */
#include "target/cuda/cuda_impl.h"

#include "ir/build.h"
#include "layout/layout.h"

#include <string.h>

/* ---- mentions ---- */

static bool mentions(tc_str text, const char *word) {
  size_t n = strlen(word);
  for (const char *at = text.at; at && (at = strstr(at, word)); at += n)
    if ((at == text.at || !tc_is_c_word(at[-1])) && !tc_is_c_word(at[n])) return true;
  return false;
}

/* ---- names ---- */

static bool is_memory(const tc_ir *ir, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  return b->scope == TC_SCOPE_global && b->root.id == buf.id && !b->address.id;
}

void tc_cudatext_name_parameters(tc_cudatext *c, tc_value kernel) {
  tc_cemit *e = c->e;
  const tc_kernel *k = tc_kernel_of(e->ir, kernel);
  for (uint32_t i = 1; i < e->ir->vars.n; i++) {
    enum tc_var_kind kind = e->ir->vars.at[i].kind;
    if (kind == TC_VAR_DIM || kind == TC_VAR_SCALAR) tc_ce_name_var(e, (tc_var){i});
  }
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (is_memory(e->ir, (tc_buf){i}) || b->scope == TC_SCOPE_tensor_map)
      e->buf_names[i] = tc_ce_ident(e, b->name, i);
  }
  for (uint32_t i = 0; i < k->n_grid; i++)
    if (k->block[i].id)
      tc_cw_line(&e->w, "const tc_i32 %s = TC_BID_%c;", tc_ce_name_var(e, k->block[i]), "XYZ"[i]);
}

/* ---- tensor maps ---- */

/* Codes of the driver's encoder, by element type. */
static int element_code(enum tc_dtype dtype) {
  switch ((int)dtype) { /* table */
  case TC_DT_uint16:
  case TC_DT_int16:
    return 1;
  case TC_DT_uint32:
    return 2;
  case TC_DT_int32:
    return 3;
  case TC_DT_uint64:
    return 4;
  case TC_DT_int64:
    return 5;
  case TC_DT_float16:
    return 6;
  case TC_DT_float32:
  case TC_DT_tfloat32: /* its bits as they are; the encoder's own tf32 would round them */
    return 7;
  case TC_DT_float64:
    return 8;
  case TC_DT_bfloat16:
    return 9;
  default:
    return tc_dtype_row(dtype)->bits == 8 ? 0 : -1;
  }
}

/* The map's layout is a row of swizzles.def: "swizzle128" for b128, "linear" for none. */
static uint8_t swizzle_code(tc_ir *ir, const tc_buffer *map) {
  if (!map->layout) return 0;
  for (int i = 0; i < TC_N_SWIZZLES; i++) {
    const tc_swizzle_row *row = tc_swizzle_info((enum tc_swizzle)i);
    const char *name = row->bits ? tc_format(ir->arena, "swizzle%u", row->span_b) : "linear";
    if (!strcmp(map->layout, name)) return row->tma;
  }
  tc_bug(ir->arena->unwind, "cuda: a tensor map with layout %s", map->layout);
}

/* Row-major or declared stride of dimension d, in bytes. */
static tc_value stride_b(tc_ir *ir, const tc_buffer *of, uint32_t d) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value x = tc_const_int(ir, wide, tc_type_bits(of->elem) / 8);
  if (of->strides) return tc_binary(ir, TC_OP_mul, tc_cast(ir, of->strides[d], wide), x);
  for (uint32_t k = d + 1; k < of->rank; k++)
    x = tc_binary(ir, TC_OP_mul, x, tc_cast(ir, of->shape[k], wide));
  return x;
}

enum { L2_PROMOTION_128B = 2 };

static tc_emitted_map map_of(tc_ir *ir, tc_buf buf) {
  const tc_buffer *map = tc_buf_at(ir, buf), *of = tc_buf_at(ir, map->root);
  int code = element_code((enum tc_dtype)map->elem.dtype);
  if (map->rank != of->rank || map->rank < 1 || map->rank > TC_RT_MAP_RANK || code < 0)
    tc_bug(ir->arena->unwind, "cuda: %s is no tensor map", tc_name_of(ir, map->name));
  tc_emitted_map out = {.buf = map->root,
                        .rank = (uint8_t)map->rank,
                        .type = (uint8_t)code,
                        .swizzle = swizzle_code(ir, map),
                        .l2_promotion = L2_PROMOTION_128B};
  for (uint32_t i = 0; i < map->rank; i++) {
    uint32_t d = map->rank - 1 - i;
    int64_t box = 0;
    tc_const_of(ir, map->shape[d], &box);
    out.dims[i] = of->shape[d];
    out.box[i] = (uint32_t)box;
    out.step[i] = 1;
    if (i) out.strides_b[i - 1] = stride_b(ir, of, d);
  }
  return out;
}

/* ---- the list ---- */

typedef struct list {
  tc_sb text;
  TC_VEC(tc_emitted_arg) args;
  TC_VEC(tc_emitted_map) maps;
  TC_VEC(tc_emitted_state) states;
} list;

/* Counters belong to the kernel: memory of the function that nobody passes, in which primitives
 * count. */
static bool is_counter(tc_cudatext *c, tc_buf buf) {
  static const enum tc_prim_row rows[] = {TC_PRIM_counter_add, TC_PRIM_counter_read,
                                          TC_PRIM_counter_take};
  const tc_ir *ir = c->e->ir;
  if (tc_buf_at(ir, buf)->flags & TC_BUF_PARAM) return false;
  for (uint32_t v = 1; v < ir->n_ops; v++) {
    const tc_op *op = tc_op_at(ir, (tc_value){v});
    if (op->opcode != TC_OP_prim) continue;
    for (size_t i = 0; i < TC_COUNT(rows); i++)
      if (ir->prims.at[op->payload].row == rows[i]
          && tc_slice_buf(ir, tc_input(ir, op, 0)).id == buf.id)
        return true;
  }
  return false;
}

static void separate(list *l) {
  if (l->text.n) tc_sb_adds(&l->text, ", ");
}

static void add_memory(tc_cudatext *c, list *l, tc_buf buf) {
  tc_cemit *e = c->e;
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_emitted_arg arg = {.kind = TC_RT_GPU_POINTER, .buf = buf, .align_b = 16};
  if (is_counter(c, buf)) {
    tc_value size_b = tc_const_int(e->ir, tc_scalar_type(TC_DT_int64), tc_type_bits(b->elem) / 8);
    for (uint32_t d = 0; d < b->rank; d++)
      size_b = tc_binary(e->ir, TC_OP_mul, size_b,
                         tc_cast(e->ir, b->shape[d], tc_scalar_type(TC_DT_int64)));
    arg = (tc_emitted_arg){.kind = TC_RT_GPU_STATE, .index = l->states.n};
    tc_vec_push(e->arena, &l->states, ((tc_emitted_state){e->buf_names[buf.id], size_b}));
  }
  separate(l);
  tc_sb_printf(&l->text, "%s *%s", tc_ce_storage(b->elem), e->buf_names[buf.id]);
  tc_vec_push(e->arena, &l->args, arg);
}

static void add_map(tc_cudatext *c, list *l, tc_buf buf) {
  tc_cemit *e = c->e;
  separate(l);
  tc_sb_printf(&l->text, "TC_TENSOR_MAP %s", e->buf_names[buf.id]);
  tc_vec_push(e->arena, &l->args, ((tc_emitted_arg){.kind = TC_RT_GPU_MAP, .index = l->maps.n}));
  tc_vec_push(e->arena, &l->maps, map_of(e->ir, buf));
}

static void add_number(tc_cudatext *c, list *l, tc_var var) {
  tc_cemit *e = c->e;
  tc_type type = tc_var_at(e->ir, var)->type;
  bool is_float = tc_is_float(type);
  bool wide = tc_type_bits(type) == 64;
  tc_emitted_arg arg = {.value = tc_var_value(e->ir, var)};
  arg.kind =
      is_float ? (wide ? TC_RT_GPU_F64 : TC_RT_GPU_F32) : (wide ? TC_RT_GPU_I64 : TC_RT_GPU_I32);
  const char *name = e->var_names[var.id];
  separate(l);
  tc_sb_printf(&l->text, "%s %s", is_float || wide ? tc_ce_type(type) : "tc_i32", name);
  tc_vec_push(e->arena, &l->args, arg);
}

const char *tc_cudatext_parameters(tc_cudatext *c, tc_value kernel, tc_str body,
                                   tc_emitted_gpu *gpu) {
  tc_cemit *e = c->e;
  const tc_kernel *k = tc_kernel_of(e->ir, kernel);
  list l = {.text = tc_sb_in(e->arena)};
  for (uint32_t i = 1; i < e->ir->bufs.n; i++)
    if (is_memory(e->ir, (tc_buf){i}) && e->buf_names[i] && mentions(body, e->buf_names[i]))
      add_memory(c, &l, (tc_buf){i});
  for (uint32_t i = 1; i < e->ir->bufs.n; i++)
    if (e->ir->bufs.at[i]->scope == TC_SCOPE_tensor_map && mentions(body, e->buf_names[i]))
      add_map(c, &l, (tc_buf){i});
  for (uint32_t i = 1; i < e->ir->vars.n; i++) {
    enum tc_var_kind kind = e->ir->vars.at[i].kind;
    if ((kind == TC_VAR_DIM || kind == TC_VAR_SCALAR) && mentions(body, e->var_names[i]))
      add_number(c, &l, (tc_var){i});
  }
  *gpu = (tc_emitted_gpu){.shared_b = (uint32_t)k->shared_b,
                          .min_blocks = 1,
                          .args = l.args.at,
                          .maps = l.maps.at,
                          .states = l.states.at,
                          .n_args = l.args.n,
                          .n_maps = l.maps.n,
                          .n_states = l.states.n};
  for (uint32_t i = 0; i < 3; i++)
    gpu->block[i] = (uint32_t)k->threads[i];
  for (uint32_t i = 0; i < 3 && tc_kernel_cluster(k) > 1; i++)
    gpu->cluster[i] = (uint32_t)k->cluster[i];
  return l.text.n ? tc_ce_text(e, "TC_KERNEL_SELF %s", l.text.at) : "TC_KERNEL_SELF_ONLY";
}
