/* Clusters of blocks: T.ClusterKernel and the questions where a block stands in its cluster. */
#include "lang/stage_private.h"

static const int64_t MAX_CLUSTER = 16; /* blocks of a cluster, on any hardware */

static void read_cluster(tc_eval *ev, tc_frame *f, const stage_args *a, uint32_t i) {
  const tc_val *items = &a->v[i];
  uint32_t n = 1;
  int64_t size = 1;
  if (a->v[i].kind == TC_V_TUPLE || a->v[i].kind == TC_V_LIST)
    tc_eval_items(ev, a->v[i], &items, &n);
  bool ok = n >= 1 && n <= 3;
  for (uint32_t d = 0; ok && d < n; d++) {
    f->cluster[d] = tc_stage_int(ev, items[d], "a cluster extent", a->at[i]);
    ok = f->cluster[d] >= 1 && f->cluster[d] <= MAX_CLUSTER;
    size *= ok ? f->cluster[d] : 1;
  }
  if (!ok || size > MAX_CLUSTER)
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "cluster_dims",
               "1 to 3 extents of 16 blocks at most", "something else");
}

/* A launch needs whole clusters. */
static void check_grid(tc_eval *ev, tc_frame *f, const stage_args *a) {
  for (uint32_t d = 0; d < 3; d++) {
    int64_t rest;
    tc_value extent = d < f->n ? f->extent[d] : tc_i32(ev->ir, 1);
    tc_value by = tc_i32(ev->ir, f->cluster[d]);
    tc_value over = tc_stage_arith(ev, TC_OP_floormod, extent, by);
    bool known = tc_const_of(ev->ir, over, &rest);
    if (known && rest)
      STAGE_FAIL(
          ev, D_argument_value, a->span, a->row->name, "the grid", "whole clusters",
          tc_format(ev->arena, "%s blocks in dimension %u", tc_stage_show_value(ev, extent), d));
    if (known) continue;
    tc_value whole =
        tc_binary(ev->ir, TC_OP_eq, over, tc_zero(ev->ir, tc_value_type(ev->ir, over)));
    tc_stage_assert(ev, tc_val_expr(whole),
                    tc_val_str(ev->arena, TC_STR("the grid is a multiple of the cluster")),
                    a->span);
  }
}

tc_val tc_do_cluster_kernel(tc_eval *ev, stage_args *a) {
  /* (*blocks, *, cluster_dims, threads=None, prelude=None) to T.Kernel's order. */
  stage_args plain = *a;
  plain.v[0] = a->v[1];
  plain.at[0] = a->at[1];
  plain.v[1] = a->v[2];
  plain.at[1] = a->at[2];
  tc_val frame = tc_do_kernel(ev, &plain);
  read_cluster(ev, frame.frame, a, 0);
  check_grid(ev, frame.frame, a);
  return frame;
}

/* ---- where a block stands ---- */

/* Of one dimension: its place in the cluster, the number of the cluster, how many there are. */
static tc_value position(tc_eval *ev, const tc_frame *f, enum tc_opcode op, uint32_t d) {
  if (d >= f->n) return tc_i32(ev->ir, 0);
  return tc_stage_arith(ev, op, f->at[d], tc_i32(ev->ir, f->cluster[d]));
}

tc_val tc_do_cluster_rank(tc_eval *ev, stage_args *a) {
  const tc_frame *f = tc_stage_frame(ev, F_KERNEL);
  tc_value rank = tc_i32(ev->ir, 0);
  (void)a;
  for (uint32_t d = 3; d-- > 0;) {
    rank = tc_stage_arith(ev, TC_OP_mul, rank, tc_i32(ev->ir, f->cluster[d]));
    rank = tc_stage_arith(ev, TC_OP_add, rank, position(ev, f, TC_OP_floormod, d));
  }
  return tc_stage_fold(ev, rank);
}

tc_val tc_do_cluster_size(tc_eval *ev, stage_args *a) {
  const tc_frame *f = tc_stage_frame(ev, F_KERNEL);
  tc_val dims[3];
  for (uint32_t d = 0; d < 3; d++)
    dims[d] = tc_val_int(f->cluster[d]);
  if (a->row->aux) return tc_val_tuple(ev->arena, dims, 3);
  return tc_val_int(f->cluster[0] * f->cluster[1] * f->cluster[2]);
}

static tc_val of_dimension(tc_eval *ev, const tc_frame *f, bool extent, uint32_t d) {
  if (!extent) return tc_stage_fold(ev, position(ev, f, TC_OP_floordiv, d));
  tc_value blocks = d < f->n ? f->extent[d] : tc_i32(ev->ir, 1);
  return tc_stage_fold(ev,
                       tc_stage_arith(ev, TC_OP_floordiv, blocks, tc_i32(ev->ir, f->cluster[d])));
}

/* aux 0: the number of the cluster, 1: the number of clusters; without `dim`, of all dimensions. */
tc_val tc_do_cluster_id(tc_eval *ev, stage_args *a) {
  const tc_frame *f = tc_stage_frame(ev, F_KERNEL);
  tc_val all[3];
  if (a->n) {
    int64_t d = tc_stage_int(ev, a->v[0], "dim", a->at[0]);
    if (d < 0 || d > 2)
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "dim", "0, 1 or 2",
                 "another number");
    return of_dimension(ev, f, a->row->aux, (uint32_t)d);
  }
  for (uint32_t d = 0; d < 3; d++)
    all[d] = of_dimension(ev, f, a->row->aux, d);
  return tc_val_tuple(ev->arena, all, 3);
}
