#include "pass/engines.h"

#include "pass/tiles.h"

typedef struct row {
  enum tc_engine engine;
  enum tc_cap cap;
  enum tc_dtype in, acc;
  int64_t k, n_step;
  bool k_major;
} row;

static const row ROWS[] = {
#define MATRIX(engine, cap, in, acc, k, n_step, k_major)                                           \
  {TC_ENGINE_##engine, TC_CAP_##cap, TC_DT_##in, TC_DT_##acc, k, n_step, k_major},
#include "pass/matrix.def"
#undef MATRIX
};

/* A product's operands. */
typedef struct product {
  tc_value stmt, a, b, c;
  int64_t m, n, k;
  const tc_gemm *gemm;
} product;

static bool measure(const tc_ir *ir, tc_value stmt, product *p) {
  const tc_op *op = tc_op_at(ir, stmt);
  int64_t rows, columns;
  p->stmt = stmt;
  p->gemm = tc_gemm_of(ir, stmt);
  p->a = tc_input(ir, op, 0), p->b = tc_input(ir, op, 1), p->c = tc_input(ir, op, 2);
  if (!tc_tile_matrix(ir, p->c, &p->m, &p->n) || !tc_tile_matrix(ir, p->a, &rows, &columns))
    return false;
  p->k = p->gemm->trans_a ? rows : columns;
  return tc_tile_matrix(ir, p->b, &rows, &columns);
}

static const row *find_row(const tc_ir *ir, uint64_t caps, enum tc_engine engine,
                           const product *p) {
  tc_type a = tc_tile_elem(ir, p->a), b = tc_tile_elem(ir, p->b), c = tc_tile_elem(ir, p->c);
  if (a.lanes != 1 || b.lanes != 1 || c.lanes != 1) return NULL;
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    const row *r = &ROWS[i];
    bool types = a.dtype == r->in && b.dtype == r->in && c.dtype == r->acc;
    if (r->engine == engine && types && (caps >> r->cap & 1)) return r;
  }
  return NULL;
}

static bool fits_columns(const row *r, int64_t n) {
  return n % r->n_step == 0 || (r->n_step == 16 && (n == 8 || n == 24));
}

/* Can rows and columns be dealt out to `parts` equal workers, each getting whole instructions? */
static bool divides(const row *r, const product *p, int64_t parts, int64_t rows) {
  for (int64_t m = 1; m <= parts; m++)
    if (parts % m == 0 && p->m % (rows * m) == 0 && p->n % (parts / m) == 0
        && fits_columns(r, p->n / (parts / m)))
      return true;
  return false;
}

/* wgmma takes 16-bit elements of A from registers, too: one product at a time, since nobody else
 * sees to what becomes of them while it is under way. */
bool tc_gemm_holds_a(const tc_ir *ir, tc_value stmt) {
  const tc_gemm *g = tc_gemm_of(ir, stmt);
  tc_value a = tc_input(ir, tc_op_at(ir, stmt), 0);
  return tc_tile_scope(ir, a) == TC_SCOPE_fragment && !g->trans_a && !g->async
         && tc_type_bits(tc_tile_elem(ir, a)) == 16;
}

/* Shared memory that an engine reads by itself must hold what the source's text says. */
static const char *refuse_shared(const tc_ir *ir, const row *r, const product *p) {
  bool a_k = !p->gemm->trans_a, b_k = p->gemm->trans_b;
  if (tc_tile_scope(ir, p->a) != TC_SCOPE_shared && !tc_gemm_holds_a(ir, p->stmt))
    return tc_format(ir->arena, "%s does not lie in shared memory", tc_tile_name(ir, p->a));
  if (tc_tile_scope(ir, p->b) != TC_SCOPE_shared)
    return tc_format(ir->arena, "%s does not lie in shared memory", tc_tile_name(ir, p->b));
  if (r->k_major && !(a_k && b_k))
    return tc_format(ir->arena, "operands of %s must have K contiguous",
                     tc_type_name(ir->arena, tc_tile_elem(ir, p->a)));
  return NULL;
}

static bool on_chip(enum tc_scope scope) {
  return scope == TC_SCOPE_shared || scope == TC_SCOPE_fragment;
}

static const char *refuse_types(const tc_ir *ir, const product *p) {
  return tc_format(ir->arena, "no instruction multiplies %s and %s into %s",
                   tc_type_name(ir->arena, tc_tile_elem(ir, p->a)),
                   tc_type_name(ir->arena, tc_tile_elem(ir, p->b)),
                   tc_type_name(ir->arena, tc_tile_elem(ir, p->c)));
}

const char *tc_engine_refuses_gemm(const tc_ir *ir, uint64_t caps, enum tc_engine engine,
                                   tc_value stmt, int64_t warps) {
  product p;
  bool group = engine == TC_ENGINE_wgmma;
  int64_t rows = group ? 64 : 16;
  if (engine == TC_ENGINE_fma) return NULL;
  if (!(caps & (group ? TC_CAP_BIT(wgmma) : TC_CAP_BIT(mma_sync)))) return "the target has none";
  if (!measure(ir, stmt, &p)) return "its extents are not known";
  const row *r = find_row(ir, caps, engine, &p);
  if (!r) return refuse_types(ir, &p);
  if (tc_tile_scope(ir, p.c) != TC_SCOPE_fragment) return "the accumulator is no fragment";
  if (!on_chip(tc_tile_scope(ir, p.a)) || !on_chip(tc_tile_scope(ir, p.b)))
    return "an operand lies in global memory";
  const char *shared = group ? refuse_shared(ir, r, &p) : NULL;
  if (shared) return shared;
  if (p.k % r->k) return tc_format(ir->arena, "K = %d is no multiple of %d", (int)p.k, (int)r->k);
  if (group && warps % 4)
    return tc_format(ir->arena, "%d threads are no whole warpgroups", (int)(warps * TC_WARP));
  if (!divides(r, &p, group ? warps / 4 : warps, rows))
    return tc_format(ir->arena, "%d x %d is not dealt out to %d %s in blocks of %d x %d", (int)p.m,
                     (int)p.n, (int)(group ? warps / 4 : warps), group ? "warpgroups" : "warps",
                     (int)rows, (int)r->n_step);
  return NULL;
}

enum tc_warp_policy tc_gemm_sharing(const tc_gemm *g) {
  if (g->engine == TC_ENGINE_wgmma || g->policy == TC_POLICY_FULL_ROW) return TC_WARPS_ROWS;
  return g->policy == TC_POLICY_FULL_COL ? TC_WARPS_COLUMNS : TC_WARPS_SQUARE;
}
