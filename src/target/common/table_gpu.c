/* What a launch on a GPU needs, from what the emitter said. */
#include "target/common/table_private.h"

/* Of the start of what a tensor map describes. */
enum { MAP_ALIGN_B = 16 };

/* The place of a buffer's memory among the pointers of a launch. */
static uint32_t slot_of(const tc_table_builder *b, tc_buf buf) {
  uint32_t slot = b->slots[tc_buf_at(b->ir, buf)->root.id];
  if (!slot) tc_bug(b->arena->unwind, "launch table: buffer %u is not global", buf.id);
  return slot - 1;
}

static void demand_align(tc_table_builder *b, uint32_t slot, uint32_t align_b) {
  for (uint32_t i = 0, at = 0; i < b->ir->params.n; i++) {
    tc_rt_param *p = &b->params[i];
    if (p->flags & TC_RT_SCALAR || at++ != slot) continue;
    if (p->align_b < align_b) p->align_b = (uint16_t)align_b;
  }
}

static tc_rt_gpu_arg lower_arg(tc_table_builder *b, const tc_emitted_arg *arg, tc_span span) {
  tc_rt_gpu_arg out = {arg->kind, arg->index};
  switch ((enum tc_rt_gpu_arg_kind)arg->kind) {
  case TC_RT_GPU_POINTER:
    out.index = slot_of(b, arg->buf);
    demand_align(b, out.index, arg->align_b);
    break;
  case TC_RT_GPU_I32:
  case TC_RT_GPU_I64:
  case TC_RT_GPU_F32:
  case TC_RT_GPU_F64:
    out.index = tc_table_value(b, arg->value, span, "an argument of the kernel");
    break;
  case TC_RT_GPU_MAP:
  case TC_RT_GPU_STATE:
    break;
  }
  return out;
}

static const tc_rt_number *lower_all(tc_table_builder *b, const tc_value *values, uint32_t n,
                                     tc_span span, const char *what) {
  tc_rt_number *out = TC_NEW_ARRAY(b->arena, n, tc_rt_number);
  for (uint32_t i = 0; i < n; i++)
    out[i] = tc_table_number(b, values[i], span, what);
  return out;
}

static tc_rt_map lower_map(tc_table_builder *b, const tc_emitted_map *map, tc_span span) {
  tc_rt_map out = {.ptr = slot_of(b, map->buf),
                   .rank = map->rank,
                   .type = map->type,
                   .swizzle = map->swizzle,
                   .interleave = map->interleave,
                   .l2_promotion = map->l2_promotion,
                   .oob_fill = map->oob_fill,
                   .offset_b = {.is_constant = true}};
  if (map->rank < 1 || map->rank > TC_RT_MAP_RANK)
    tc_bug(b->arena->unwind, "launch table: a tensor map of rank %u", map->rank);
  demand_align(b, out.ptr, MAP_ALIGN_B);
  out.dims = lower_all(b, map->dims, map->rank, span, "an extent of a tensor map");
  out.strides_b = lower_all(b, map->strides_b, map->rank - 1u, span, "a stride of a tensor map");
  if (map->offset_b.id)
    out.offset_b = tc_table_number(b, map->offset_b, span, "the start of a tensor map");
  for (uint32_t i = 0; i < map->rank; i++) {
    out.box[i] = map->box[i];
    out.step[i] = map->step[i];
  }
  return out;
}

const tc_rt_gpu *tc_table_gpu(tc_table_builder *b, const tc_emitted_gpu *gpu, tc_span span) {
  tc_rt_gpu *out = TC_NEW(b->arena, tc_rt_gpu);
  tc_rt_gpu_arg *args = TC_NEW_ARRAY(b->arena, gpu->n_args, tc_rt_gpu_arg);
  tc_rt_map *maps = TC_NEW_ARRAY(b->arena, gpu->n_maps, tc_rt_map);
  tc_rt_state *states = TC_NEW_ARRAY(b->arena, gpu->n_states, tc_rt_state);
  for (uint32_t i = 0; i < gpu->n_args; i++)
    args[i] = lower_arg(b, &gpu->args[i], span);
  for (uint32_t i = 0; i < gpu->n_maps; i++)
    maps[i] = lower_map(b, &gpu->maps[i], span);
  for (uint32_t i = 0; i < gpu->n_states; i++)
    states[i] =
        (tc_rt_state){gpu->states[i].name, tc_table_number(b, gpu->states[i].size_b, span,
                                                           "the size of a kernel's counters")};
  *out = (tc_rt_gpu){.shared_b = gpu->shared_b,
                     .min_blocks = gpu->min_blocks,
                     .n_args = gpu->n_args,
                     .n_maps = gpu->n_maps,
                     .n_states = gpu->n_states,
                     .args = args,
                     .maps = maps,
                     .states = states,
                     .cooperative = gpu->cooperative};
  for (uint32_t i = 0; i < 3; i++) {
    out->block[i] = gpu->block[i];
    out->cluster[i] = gpu->cluster[i];
  }
  return out;
}
