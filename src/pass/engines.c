/* engines: who does the work of each tile operation.
 *
 * Input       state tile.
 * Output      every copy and product has an engine; a hint beside it says why it is not a better
 * one. Invariants  what is computed. An operation that the source made asynchronous is done at once
 * where no engine goes on behind the threads' backs, which every program must allow for. Example
 * copy A[..] -> A_s[*]          copy A[..] -> A_s[*] tma gemm A_s, B_s -> C_l     ->   gemm A_s,
 * B_s -> C_l wgmma
 *
 * A product goes to the best engine that can do it. A copy into shared memory goes to an engine of
 * its own where a pipelined loop gives it time: to the bulk copy engine when all copies of the
 * kernel's pipelined loops can go there and threads may be kept for it (pass roles), else to
 * cp.async. */
#include "pass/engines.h"
#include "pass/rings.h"

#include "ir/build.h"
#include "ir/walk.h"
#include "pass/choose.h"
#include "pass/tiles.h"

typedef struct work {
  tc_value stmt;
  bool pipelined; /* directly in a pipelined loop of more than one stage */
  const char *tma, *cp_async, *stage, *relay;
} work;

/* A product, and the threads that do it. */
typedef struct product {
  tc_value stmt;
  int64_t first, threads;
} product;

typedef struct chooser {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_map numbers; /* statement -> number in `all` + 1, of copies */
  TC_VEC(work) all;
  TC_VEC(product) products;
  tc_region notes; /* hints of the kernel at hand, and allocations */
  tc_value kernel;
  int64_t most_stages; /* of its pipelined loops */
  int64_t relays_b;    /* what relays have of its shared memory */
  tc_choices choices;
  bool failed;
} chooser;

tc_value tc_choice_hint(tc_ir *ir, tc_region at, tc_span span, const char *text) {
  tc_hint hint = {.kind = TC_HINT_CHOICE, .text = tc_pl_text(ir, text)};
  return tc_stmt(ir, at, TC_OP_hint, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_hint(ir, hint),
                 span);
}

static void note(chooser *c, tc_value stmt, const char *text) {
  tc_choice_hint(c->ir, c->notes, tc_op_at(c->ir, stmt)->span, text);
}

/* ---- finding the work ---- */

static void find_in(chooser *c, tc_region region, bool pipelined, product around) {
  tc_ir *ir = c->ir;
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    if (op->opcode == TC_OP_copy) {
      tc_vec_push(c->cx->scratch, &c->all, ((work){.stmt = stmt, .pipelined = pipelined}));
      tc_map_put(&c->numbers, stmt.id, c->all.n);
    }
    around.stmt = stmt;
    if (op->opcode == TC_OP_gemm) tc_vec_push(c->cx->scratch, &c->products, around);
    product inside = around;
    if (op->opcode == TC_OP_group) {
      inside.first = tc_group_of(ir, stmt)->first;
      inside.threads = tc_group_of(ir, stmt)->count;
    }
    bool ring = op->opcode == TC_OP_for && tc_loop_of(ir, stmt)->kind == TC_LOOP_PIPELINED
                && tc_loop_of(ir, stmt)->num_stages > 1;
    if (ring && tc_loop_of(ir, stmt)->num_stages > c->most_stages)
      c->most_stages = tc_loop_of(ir, stmt)->num_stages;
    for (uint32_t r = 0; r < n; r++)
      find_in(c, tc_child(ir, op, r), ring, inside);
  }
}

static bool examine(tc_prover *p, tc_value stmt, void *data) {
  chooser *c = data;
  uint32_t number;
  if (!tc_map_get(&c->numbers, stmt.id, &number)) return true;
  work *w = &c->all.at[number - 1];
  uint64_t caps = c->cx->caps;
  w->tma = tc_engine_refuses_copy(c->ir, p, caps, TC_ENGINE_tma, stmt);
  w->cp_async = tc_engine_refuses_copy(c->ir, p, caps, TC_ENGINE_cp_async, stmt);
  w->stage = tc_engine_refuses_copy(c->ir, p, caps, TC_ENGINE_stage, stmt);
  w->relay = tc_engine_refuses_copy(c->ir, p, caps, TC_ENGINE_relay, stmt);
  /* The source sees to the order of copies that it waits for itself. */
  const char *order = NULL;
  if ((!w->tma || !w->stage) && !(tc_copy_of(c->ir, stmt)->flags & TC_COPY_SIGNAL))
    order = tc_engine_refuses_order(c->ir, p, c->kernel, stmt);
  if (!w->tma) w->tma = order;
  if (!w->stage) w->stage = order;
  if (tc_choice_is(&c->choices, TC_CHOICE_tma, TC_CHOOSE_off)) w->tma = w->stage = "tilec.tma=off";
  if (tc_choice_is(&c->choices, TC_CHOICE_epilogue, TC_CHOOSE_plain))
    w->stage = w->relay = "tilec.epilogue=plain";
  return true;
}

/* ---- products ---- */

static const char *product_text(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  return tc_format(ir->arena, "%s += %s %s", tc_tile_name(ir, tc_input(ir, op, 2)),
                   tc_tile_name(ir, tc_input(ir, op, 0)), tc_tile_name(ir, tc_input(ir, op, 1)));
}

/* With roles the pass of that name chooses how many warpgroups there are. */
static const char *refuse_wgmma(const chooser *c, const product *p, bool roles) {
  enum { MOST = 3, WARPGROUP = 4 * TC_WARP };
  uint64_t caps = c->cx->caps;
  if (tc_choice_is(&c->choices, TC_CHOICE_wgmma, TC_CHOOSE_off)) return "tilec.wgmma=off";
  const char *own =
      tc_engine_refuses_gemm(c->ir, caps, TC_ENGINE_wgmma, p->stmt, p->threads / TC_WARP);
  if (!own && p->first % WARPGROUP)
    own = tc_format(c->ir->arena, "thread %d does not begin a warpgroup", (int)p->first);
  for (int64_t n = 1; own && roles && n <= MOST; n++)
    if (!tc_engine_refuses_gemm(c->ir, caps, TC_ENGINE_wgmma, p->stmt, 4 * n)) return NULL;
  return own;
}

static void choose_product(chooser *c, const product *p, bool roles) {
  tc_value stmt = p->stmt;
  tc_gemm *gemm = tc_gemm_of(c->ir, stmt);
  const char *wgmma = refuse_wgmma(c, p, roles);
  const char *mma =
      tc_engine_refuses_gemm(c->ir, c->cx->caps, TC_ENGINE_mma_sync, stmt, p->threads / TC_WARP);
  gemm->engine = (uint8_t)(!wgmma ? TC_ENGINE_wgmma : !mma ? TC_ENGINE_mma_sync : TC_ENGINE_fma);
  if (wgmma) gemm->async = false;
  const char *what = product_text(c->ir, stmt);
  if (!wgmma) {
    note(c, stmt, tc_format(c->ir->arena, "%s: wgmma", what));
  } else if (!(c->cx->caps & TC_CAP_BIT(wgmma)) && !mma) {
    note(c, stmt, tc_format(c->ir->arena, "%s: mma_sync", what));
  } else {
    note(c, stmt,
         tc_format(c->ir->arena, "%s: %s, because %s", what, mma ? "fma" : "mma_sync",
                   mma ? mma : wgmma));
  }
}

/* ---- copies ---- */

static const char *copy_text(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  return tc_format(ir->arena, "%s -> %s", tc_tile_name(ir, tc_input(ir, op, 0)),
                   tc_tile_name(ir, tc_input(ir, op, 1)));
}

/* The product by this engine that leaves the source behind, if one does. */
static const product *product_before(const chooser *c, tc_value stmt, enum tc_engine engine) {
  tc_value from = tc_input(c->ir, tc_op_at(c->ir, stmt), 0);
  for (uint32_t i = 0; i < c->products.n; i++) {
    tc_value gemm = c->products.at[i].stmt, to = tc_input(c->ir, tc_op_at(c->ir, gemm), 2);
    if (tc_slice_buf(c->ir, to).id == tc_slice_buf(c->ir, from).id
        && tc_gemm_of(c->ir, gemm)->engine == engine)
      return &c->products.at[i];
  }
  return NULL;
}

static void choose(chooser *c, work *w, enum tc_engine engine, const char *why) {
  tc_copy_of(c->ir, w->stmt)->engine = (uint8_t)engine;
  const char *name = engine == TC_ENGINE_tma        ? "tma"
                     : engine == TC_ENGINE_cp_async ? "cp_async"
                     : engine == TC_ENGINE_stage    ? "stage"
                     : engine == TC_ENGINE_relay    ? "relay"
                                                    : "simt";
  const char *because = why ? ", because " : "";
  note(c, w->stmt,
       tc_format(c->ir->arena, "%s: %s%s%s", copy_text(c->ir, w->stmt), name, because,
                 why ? why : ""));
}

/* A copy that raises a signal when its bytes are there is the bulk copy engine's, or nobody's. */
static void choose_signalled(chooser *c, work *w) {
  if (!w->tma) {
    choose(c, w, TC_ENGINE_tma, NULL);
    return;
  }
  TC_DIAG(c->ir->diags, D_no_engine, tc_op_at(c->ir, w->stmt)->span, "a copy that signals", w->tma);
  c->failed = true;
}

/* ---- relays ---- */

static bool add_shared(tc_ir *ir, tc_value stmt, void *data) {
  int64_t *bytes = data;
  tc_buf buf = {tc_op_at(ir, stmt)->payload};
  if (!tc_is(ir, stmt, TC_OP_alloc) || tc_buf_at(ir, buf)->scope != TC_SCOPE_shared) return true;
  int64_t own = tc_tile_buf_bytes(ir, buf);
  *bytes = own ? *bytes + own : INT64_MAX / 2;
  return true;
}

/* Is there shared memory left when all its tiles have as many versions as any has? */
static bool has_room(const chooser *c, int64_t bytes) {
  enum { BARRIERS_B = 1024 };
  const tc_target_limits *limits = c->cx->options->limits;
  int64_t tiles_b = 0, stages = c->most_stages > 1 ? c->most_stages : 1;
  if (!limits) return true;
  tc_walk(c->ir, tc_child(c->ir, tc_op_at(c->ir, c->kernel), 0), add_shared, &tiles_b);
  return tiles_b <= (limits->shared_b - bytes - c->relays_b - BARRIERS_B) / stages;
}

/* Columns of a panel: as many as fit, so that panels come out even. */
static int64_t panel_columns(int64_t n) {
  int64_t columns = n < TC_STAGE_COLUMNS ? n : TC_STAGE_COLUMNS;
  while (n % columns || columns % 8)
    columns--;
  return columns;
}

/* A copy out of the product's fragment by way of a slot of each warp; false: there is no room. */
static bool choose_relay(chooser *c, work *w, const product *p) {
  tc_ir *ir = c->ir;
  const tc_op *op = tc_op_at(ir, w->stmt);
  const tc_gemm *g = tc_gemm_of(ir, p->stmt);
  int64_t m, n, rows, columns, warps = p->threads / TC_WARP;
  tc_value in[8], to = tc_input(ir, op, 1);
  uint32_t n_in = op->n_in;
  tc_type elem = tc_tile_elem(ir, to);
  if (!tc_tile_matrix(ir, tc_input(ir, op, 0), &m, &n)
      || !tc_warp_partition(warps, m, n, 16, 8, 1, tc_gemm_sharing(g), &rows, &columns))
    return false;
  int64_t width = panel_columns(n / columns), bytes = warps * TC_STAGE_ROWS * width * 2;
  if (!has_room(c, bytes)) return false;
  tc_value shape[4] = {tc_i32(ir, warps), tc_i32(ir, 1), tc_i32(ir, TC_STAGE_ROWS),
                       tc_i32(ir, width)};
  tc_buf buf = tc_buf_new(ir, tc_format(ir->arena, "%s_stage", tc_tile_name(ir, to)), elem,
                          TC_SCOPE_shared, 4, shape, op->span);
  for (uint32_t i = 0; i < n_in; i++)
    in[i] = tc_input(ir, op, i);
  in[n_in] = tc_slice_whole(ir, buf);
  tc_set_inputs(ir, w->stmt, in, n_in + 1);
  tc_copy_of(ir, w->stmt)->flags |= TC_COPY_STAGE;
  tc_alloc(ir, c->notes, buf, tc_op_at(ir, w->stmt)->span);
  c->relays_b += bytes;
  choose(c, w, TC_ENGINE_relay, NULL);
  return true;
}

static const char *why_stage(const chooser *c, const work *w) {
  tc_value to = tc_input(c->ir, tc_op_at(c->ir, w->stmt), 1);
  int64_t bits = tc_tile_elements(c->ir, to) * (int64_t)tc_type_bits(tc_tile_elem(c->ir, to));
  return tc_format(c->ir->arena, "%lld bytes of each tile then leave while the next one begins",
                   (long long)(bits / 8));
}

static void choose_out(chooser *c, work *w, const char *no_roles) {
  const product *warps = product_before(c, w->stmt, TC_ENGINE_mma_sync);
  bool engine = !no_roles && product_before(c, w->stmt, TC_ENGINE_wgmma);
  if (engine && !w->stage) {
    choose(c, w, TC_ENGINE_stage, why_stage(c, w));
  } else if (engine) {
    choose(c, w, TC_ENGINE_simt, w->stage);
  } else if (!warps || w->relay || !choose_relay(c, w, warps)) {
    tc_copy_of(c->ir, w->stmt)->engine = TC_ENGINE_simt;
  }
}

static void choose_copy(chooser *c, work *w, const char *no_roles) {
  uint32_t flags = tc_copy_of(c->ir, w->stmt)->flags;
  bool in = tc_copy_between(c->ir, w->stmt, TC_SCOPE_global, TC_SCOPE_shared);
  bool out = tc_copy_between(c->ir, w->stmt, TC_SCOPE_fragment, TC_SCOPE_global);
  bool time = w->pipelined || (flags & TC_COPY_ASYNC);
  const char *slower = c->cx->caps & TC_CAP_BIT(tma) ? no_roles : NULL;
  if (flags & TC_COPY_SIGNAL) {
    choose_signalled(c, w);
  } else if (in && !no_roles && !w->tma && !(flags & TC_COPY_ASYNC)) {
    choose(c, w, TC_ENGINE_tma, NULL);
  } else if (in && time && !w->cp_async) {
    choose(c, w, TC_ENGINE_cp_async, slower);
  } else if (in && time) {
    choose(c, w, TC_ENGINE_simt, w->cp_async);
  } else if (out) {
    choose_out(c, w, no_roles);
  } else {
    tc_copy_of(c->ir, w->stmt)->engine = TC_ENGINE_simt;
  }
}

/* ---- a kernel ---- */

/* The tile of each pipelined copy must be one that the bulk copy engine fetches. */
static const char *refuse_bulk(const chooser *c) {
  bool any = false;
  for (uint32_t i = 0; i < c->all.n; i++) {
    const work *w = &c->all.at[i];
    if (!w->pipelined || !tc_copy_between(c->ir, w->stmt, TC_SCOPE_global, TC_SCOPE_shared))
      continue;
    if (w->tma) return w->tma;
    any = true;
  }
  return any ? NULL : "no pipelined loop copies into shared memory";
}

static const char *refuse_products(const chooser *c) {
  for (uint32_t i = 0; i < c->products.n; i++) {
    tc_value stmt = c->products.at[i].stmt;
    const char *why = refuse_wgmma(c, &c->products.at[i], true);
    if (!why && tc_gemm_holds_a(c->ir, stmt))
      why = tc_format(c->ir->arena, "%s does not lie in shared memory",
                      tc_tile_name(c->ir, tc_input(c->ir, tc_op_at(c->ir, stmt), 0)));
    if (why) return why;
  }
  return c->products.n ? NULL : "there is no product that goes on by itself";
}

/* ---- what was asked for ---- */

static void refuse(chooser *c, tc_value kernel, enum tc_choice_name name, const char *why) {
  tc_choice_refuse(c->ir, kernel, &c->choices, name, why);
  c->failed = true;
}

/* All of these belong to kernels whose threads have roles. */
static void check_roles(chooser *c, tc_value kernel, const char *no_roles) {
  static const struct {
    enum tc_choice_name name;
    enum tc_choice_word word;
  } NEED[] = {{TC_CHOICE_roles, TC_CHOOSE_cooperative}, {TC_CHOICE_roles, TC_CHOOSE_pingpong},
              {TC_CHOICE_lockstep, TC_CHOOSE_number},   {TC_CHOICE_k_serpentine, TC_CHOOSE_on},
              {TC_CHOICE_persistent, TC_CHOOSE_on},     {TC_CHOICE_tma, TC_CHOOSE_on}};
  for (size_t i = 0; i < TC_COUNT(NEED); i++)
    if (tc_choice_is(&c->choices, NEED[i].name, NEED[i].word))
      refuse(c, kernel, NEED[i].name,
             NEED[i].name == TC_CHOICE_tma && !(c->cx->caps & TC_CAP_BIT(tma))
                 ? "the target has none"
                 : no_roles);
}

/* Why a copy out of a product's fragment does not go by way of shared memory; NULL: it does. */
static const char *refuse_staged(const chooser *c, const work *w, const char *no_roles) {
  int engine = tc_copy_of(c->ir, w->stmt)->engine;
  if (engine == TC_ENGINE_stage || engine == TC_ENGINE_relay) return NULL;
  if (product_before(c, w->stmt, TC_ENGINE_wgmma)) return no_roles ? no_roles : w->stage;
  return w->relay ? w->relay : "there is no room in shared memory";
}

static void check_stage(chooser *c, tc_value kernel, const char *no_roles) {
  const char *why = "no accumulator is copied out of the kernel";
  for (uint32_t i = 0; i < c->all.n; i++) {
    const work *w = &c->all.at[i];
    if (!tc_copy_between(c->ir, w->stmt, TC_SCOPE_fragment, TC_SCOPE_global)) continue;
    if (!product_before(c, w->stmt, TC_ENGINE_wgmma)
        && !product_before(c, w->stmt, TC_ENGINE_mma_sync))
      continue;
    why = refuse_staged(c, w, no_roles);
    if (why) break;
  }
  if (why) refuse(c, kernel, TC_CHOICE_epilogue, why);
}

static void check_wgmma(chooser *c, tc_value kernel, bool roles) {
  const char *why = c->products.n ? NULL : "there is no product";
  for (uint32_t i = 0; i < c->products.n && !why; i++)
    why = refuse_wgmma(c, &c->products.at[i], roles);
  if (why) refuse(c, kernel, TC_CHOICE_wgmma, why);
}

static void check_requests(chooser *c, tc_value kernel, const char *no_roles) {
  if (no_roles) check_roles(c, kernel, no_roles);
  if (tc_choice_is(&c->choices, TC_CHOICE_epilogue, TC_CHOOSE_stage))
    check_stage(c, kernel, no_roles);
  if (tc_choice_is(&c->choices, TC_CHOICE_wgmma, TC_CHOOSE_on)) check_wgmma(c, kernel, !no_roles);
}

static void put_notes_first(chooser *c, tc_region body) {
  tc_block *block = tc_block_at(c->ir, body), *notes = tc_block_at(c->ir, c->notes);
  uint32_t n = block->ops.n;
  for (uint32_t i = 0; i < n; i++)
    tc_vec_push(c->ir->arena, &notes->ops, block->ops.at[i]);
  block->ops.n = 0;
  for (uint32_t i = 0; i < notes->ops.n; i++)
    tc_vec_push(c->ir->arena, &block->ops, notes->ops.at[i]);
}

static bool has_async_product(const chooser *c) {
  for (uint32_t i = 0; i < c->products.n; i++)
    if (tc_gemm_of(c->ir, c->products.at[i].stmt)->async) return true;
  return false;
}

/* Nobody waits for a queue that nothing goes to. */
static bool waits_for_products(tc_ir *ir, tc_value stmt, void *data) {
  (void)data;
  bool waits = tc_is(ir, stmt, TC_OP_async_commit) || tc_is(ir, stmt, TC_OP_async_wait);
  return waits && tc_async_of(ir, stmt)->queue == TC_ASYNC_MMA;
}

static void choose_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel) {
  chooser c = {.ir = ir,
               .cx = cx,
               .kernel = kernel,
               .numbers = tc_map_in(cx->scratch),
               .notes = tc_region_new(ir)};
  tc_region body = tc_child(ir, tc_op_at(ir, kernel), 0);
  product all = {.threads = tc_kernel_threads(tc_kernel_of(ir, kernel))};
  c.choices = tc_choices_of(ir, cx, kernel);
  find_in(&c, body, false, all);
  tc_prove_walk(cx->prover, ir->body, examine, &c);
  const char *no_roles = tc_choice_is(&c.choices, TC_CHOICE_roles, TC_CHOOSE_none)
                             ? "tilec.roles=none"
                             : tc_roles_refuse(ir, cx->caps, kernel);
  if (!no_roles) no_roles = refuse_bulk(&c);
  if (!no_roles) no_roles = refuse_products(&c);
  for (uint32_t i = 0; i < c.products.n; i++)
    choose_product(&c, &c.products.at[i], !no_roles);
  for (uint32_t i = 0; i < c.all.n; i++)
    choose_copy(&c, &c.all.at[i], no_roles);
  check_requests(&c, kernel, no_roles);
  if (!has_async_product(&c)) tc_drop_stmts(ir, body, waits_for_products, NULL);
  if (!c.failed) put_notes_first(&c, body);
}

void tc_pass_engines(tc_ir *ir, const tc_pass_context *cx) {
  for (uint32_t i = 0; i < tc_block_at(ir, ir->body)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, ir->body)->ops.at[i];
    if (tc_is(ir, stmt, TC_OP_kernel)) choose_kernel(ir, cx, stmt);
  }
}
