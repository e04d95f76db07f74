/* Exchanges between the lanes of a warp, and votes of a block.
 *
 * A warp is printed as arrays of 32: what each lane brings, then for each lane what it gets. In
 * lockstep one loop over the threads fills the arrays and a second one goes on from there; a strand
 * of one thread gets the arrays from the runtime and takes out its own result. */
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>

typedef struct exchange {
  tc_cpu *c;
  tc_value stmt;
  const tc_collective *x;
  tc_type type; /* of what the lanes bring */
  tc_value value, lane, mask;
  bool masked;
  const char *each; /* the loop over the lanes, in lockstep */
} exchange;

static exchange exchange_of(tc_cpu *c, tc_value stmt) {
  tc_ir *ir = c->e->ir;
  exchange x = {.c = c, .stmt = stmt, .x = tc_collective_of(ir, stmt)};
  x.value = tc_input(ir, tc_op_at(ir, stmt), 0);
  x.type = tc_value_type(ir, x.value);
  x.lane = tc_collective_lane(ir, stmt);
  x.mask = tc_collective_mask(ir, stmt);
  x.masked = x.mask.id != 0;
  return x;
}

static bool is_vote(enum tc_collective_kind kind) {
  return kind == TC_COLL_ANY || kind == TC_COLL_ALL || kind == TC_COLL_BALLOT
         || kind == TC_COLL_COUNT;
}

static bool is_match(enum tc_collective_kind kind) {
  return kind == TC_COLL_MATCH_ANY || kind == TC_COLL_MATCH_ALL;
}

static enum tc_collective_kind kind_of(const exchange *x) {
  return (enum tc_collective_kind)x->x->kind;
}

/* ---- what a warp's lanes get ---- */

/* Combines neighbours at a distance of half the width, then a quarter, and so on, into `all`; lanes
 * that are not in `set` are passed over. The order is that of ops.def, to the bit. */
static void print_combine(const exchange *x, const char *set) {
  tc_cemit *e = x->c->e;
  const char *type = tc_ce_type(x->type);
  tc_cw_line(&e->w, "%s all[32];", type);
  tc_cw_line(&e->w, "tc_u32 has = %s;", set);
  tc_cw_line(&e->w, "__builtin_memcpy(all, in, sizeof all);");
  tc_cw_open(&e->w, "for (tc_i32 step = %u; step; step /= 2)", x->x->width / 2);
  tc_cw_line(&e->w, "const tc_u32 had = has;");
  tc_cw_line(&e->w, "%s half[32];", type);
  tc_cw_open(&e->w, "for (tc_i32 i = 0; i < 32; i++)");
  tc_cw_line(&e->w, "const %s a = all[i], b = all[i ^ step];", type);
  tc_cw_line(&e->w, "const tc_bool has_a = had >> i & 1, has_b = had >> (i ^ step) & 1;");
  tc_cw_line(&e->w, "half[i] = has_a & has_b ? %s : has_a ? a : b;",
             tc_ce_binary(e, tc_collective_combine(kind_of(x)), x->type, "a", "b"));
  tc_cw_line(&e->w, "has |= (tc_u32)has_b << i;");
  tc_cw_close(&e->w);
  tc_cw_line(&e->w, "__builtin_memcpy(all, half, sizeof all);");
  tc_cw_close(&e->w);
}

/* What is computed once for the warp, from `in` and `came`. */
static void print_once(const exchange *x) {
  tc_cemit *e = x->c->e;
  if (is_vote(kind_of(x))) {
    tc_cw_line(&e->w, "tc_u32 yes = 0;");
    tc_cw_line(&e->w, "for (tc_i32 i = 0; i < 32; i++) yes |= (tc_u32)(in[i] != 0) << i;");
  } else if (is_match(kind_of(x))) {
    tc_cw_line(&e->w, "tc_u64 bits[32];");
    tc_cw_line(&e->w, "for (tc_i32 i = 0; i < 32; i++) bits[i] = %s;",
               tc_ce_bits(e, x->type, "in[i]"));
  } else if (tc_collective_combine(kind_of(x)) != TC_OP_none && !x->masked) {
    print_combine(x, "came");
  }
}

/* The lane's result; `lane`, `at` and `mask` are the lane and what it said. */
static const char *result_of(const exchange *x, const char *at, const char *mask) {
  tc_cemit *e = x->c->e;
  const char *set = x->masked ? tc_ce_text(e, "came & %s", mask) : "came";
  if (x->x->width < TC_WARP)
    set = tc_ce_text(e, "%s & %uu << lane / %u * %u", set, (1u << x->x->width) - 1, x->x->width,
                     x->x->width);
  switch (kind_of(x)) {
  case TC_COLL_SHFL_IDX:
  case TC_COLL_SHFL_UP:
  case TC_COLL_SHFL_DOWN:
  case TC_COLL_SHFL_XOR: {
    static const char *const names[] = {"idx", "up", "down", "xor"};
    const char *from = tc_cw_temp(&e->w, "tc_i32", "tc_shfl_%s((tc_i32)lane, %s, %u)",
                                  names[kind_of(x) - TC_COLL_SHFL_IDX], at, x->x->width);
    return tc_ce_text(e, "came >> %s & 1 ? in[%s] : in[lane]", from, from);
  }
  case TC_COLL_ANY:
    return tc_ce_text(e, "(yes & %s) != 0", set);
  case TC_COLL_ALL:
    return tc_ce_text(e, "(~yes & %s) == 0", set);
  case TC_COLL_BALLOT:
    return tc_ce_text(e, "yes & %s", set);
  case TC_COLL_COUNT:
    return tc_ce_text(e, "tc_popcount(yes & %s, 32)", set);
  case TC_COLL_MATCH_ANY:
    return tc_ce_text(e, "tc_match(bits, bits[lane], %s)", set);
  case TC_COLL_MATCH_ALL:
    return tc_ce_text(e, "tc_match(bits, bits[lane], %s) == (%s) ? %s : 0", set, set, set);
  case TC_COLL_SUM:
  case TC_COLL_MIN:
  case TC_COLL_MAX:
  case TC_COLL_BITAND:
  case TC_COLL_BITOR:
  case TC_COLL_BITXOR:
    if (x->masked) print_combine(x, set);
    return "all[lane]";
  }
  return "0";
}

/* ---- in lockstep ---- */

/* The statements before the exchange: loads, which are done again after it. */
static void print_before(tc_cemit *e, tc_region region, uint32_t cut) {
  const tc_block *block = tc_block_at(e->ir, region);
  for (uint32_t i = 0; i < cut; i++) {
    tc_ce_placed(e, region, i);
    tc_ce_statement(e, block->ops.at[i]);
  }
  tc_ce_placed(e, region, cut);
}

static void print_after(tc_cemit *e, tc_region region, uint32_t cut, const char *result) {
  const tc_block *block = tc_block_at(e->ir, region);
  tc_value stmt = block->ops.at[cut];
  tc_cw_def(&e->w, stmt.id, "const %s %s = %s;", tc_ce_type(tc_value_type(e->ir, stmt)),
            tc_ce_ref(e, stmt, 0), result);
  for (uint32_t i = cut + 1; i < block->ops.n; i++) {
    tc_ce_placed(e, region, i);
    tc_ce_statement(e, block->ops.at[i]);
  }
}

static void open_lanes(const exchange *x, const tc_group *g, tc_region region) {
  tc_cemit *e = x->c->e;
  const char *name = tc_cpu_name_thread(x->c, g);
  tc_cw_open(&e->w, "%s", x->each);
  tc_cw_line(&e->w, "const tc_i64 %s = warp + lane;", name);
  tc_cpu_open_own(x->c, region, name);
}

static void close_lanes(const exchange *x) {
  tc_cpu_close_own(x->c);
  tc_cw_close(&x->c->e->w);
}

/* The loop over warps, and which of their lanes take part: all, when the threads are whole warps.
 */
static void open_warps(exchange *x, const tc_group *g) {
  tc_cemit *e = x->c->e;
  tc_rt_range range = tc_strands_range(g);
  const char *first, *end;
  tc_cpu_threads_of(x->c, g, &first, &end);
  if (range.first % TC_WARP == 0 && range.end % TC_WARP == 0) {
    tc_cw_open(&e->w, "for (tc_i64 warp = %s; warp < %s; warp += 32)", first, end);
    tc_cw_line(&e->w, "const tc_u32 came = 0xffffffffu;");
    x->each = "for (tc_i64 lane = 0; lane < 32; lane++)";
    return;
  }
  if (!x->masked && (range.first % TC_WARP || range.end != x->c->threads->block.end))
    tc_ce_refuse(e, x->stmt, "an exchange in a part of a warp");
  tc_cw_open(&e->w, "for (tc_i64 warp = %s / 32 * 32; warp < %s; warp += 32)", first, end);
  tc_cw_line(&e->w,
             "const tc_i64 lane_0 = tc_max64(%s - warp, 0), lane_n = tc_min64(%s - warp, 32);",
             first, end);
  tc_cw_line(&e->w, "const tc_u32 came = 0xffffffffu >> (32 - lane_n) & 0xffffffffu << lane_0;");
  x->each = "for (tc_i64 lane = lane_0; lane < lane_n; lane++)";
}

static void print_warps(exchange *x, tc_value stmt, uint32_t cut) {
  tc_cemit *e = x->c->e;
  const tc_group *g = tc_group_of(e->ir, stmt);
  tc_region region = tc_child(e->ir, tc_op_at(e->ir, stmt), 0);
  tc_type result = tc_value_type(e->ir, x->stmt);
  open_warps(x, g);
  tc_cw_line(&e->w, "%s in[32] = {0};", tc_ce_type(x->type));
  if (x->lane.id) tc_cw_line(&e->w, "tc_i32 at[32];");
  if (x->masked) tc_cw_line(&e->w, "tc_u32 mask[32];");
  open_lanes(x, g, region);
  print_before(e, region, cut);
  tc_cw_line(&e->w, "in[lane] = %s;", tc_ce_ref(e, x->value, 0));
  if (x->lane.id) tc_cw_line(&e->w, "at[lane] = (tc_i32)%s;", tc_ce_ref(e, x->lane, 0));
  if (x->masked) tc_cw_line(&e->w, "mask[lane] = (tc_u32)%s;", tc_ce_ref(e, x->mask, 0));
  close_lanes(x);
  print_once(x);
  tc_cw_line(&e->w, "%s out[32];", tc_ce_type(result));
  tc_cw_open(&e->w, "%s", x->each);
  tc_cw_line(&e->w, "out[lane] = %s;", result_of(x, "at[lane]", "mask[lane]"));
  tc_cw_close(&e->w);
  open_lanes(x, g, region);
  print_before(e, region, cut);
  print_after(e, region, cut, "out[lane]");
  close_lanes(x);
  tc_cw_close(&e->w);
}

/* ---- votes of a block or group ---- */

/* `yes` counted over all strands of the group: each leaves its number, the last one adds up. */
static void print_total(const exchange *x) {
  tc_cpu *c = x->c;
  tc_cemit *e = c->e;
  uint32_t n = tc_strands_count(c->threads), group = tc_strands_group(c->threads, c->group);
  if (!c->threads->needed || tc_strands_of(c->threads, c->group) == 1) return;
  const char *votes = tc_cpu_common(c, "tc_i32", (n + 1) * sizeof(int32_t));
  tc_cw_line(&e->w, "%s[strand->index] = yes;", votes);
  tc_cw_open(&e->w, "if (strand->ops->meet(strand, %u, %u))", group,
             tc_cpu_site(c, x->stmt, "barrier with a vote"));
  tc_cw_line(&e->w, "%s[%u] = 0;", votes, n);
  tc_cw_line(&e->w, "for (tc_i32 i = %u; i < %u; i++) %s[%u] += %s[i];",
             tc_strands_at(c->threads, c->group.first), tc_strands_at(c->threads, c->group.end),
             votes, n, votes);
  tc_cw_line(&e->w, "strand->ops->met(strand, %u);", group);
  tc_cw_close(&e->w);
  tc_cw_line(&e->w, "yes = %s[%u];", votes, n);
}

static const char *vote_result(const exchange *x) {
  if (kind_of(x) == TC_COLL_COUNT) return "yes";
  if (kind_of(x) == TC_COLL_ANY) return "yes != 0";
  return tc_ce_text(x->c->e, "yes == %d", x->c->group.end - x->c->group.first);
}

static void print_votes(exchange *x, tc_value stmt, uint32_t cut) {
  tc_cpu *c = x->c;
  tc_cemit *e = c->e;
  const tc_group *g = tc_group_of(e->ir, stmt);
  tc_region region = tc_child(e->ir, tc_op_at(e->ir, stmt), 0);
  const char *first, *end, *name = tc_cpu_name_thread(c, g);
  tc_cpu_threads_of(c, g, &first, &end);
  tc_cw_open(&e->w, "%s", "");
  tc_cw_line(&e->w, "tc_i32 yes = 0;");
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, first, name, end, name);
  tc_cpu_open_own(c, region, name);
  print_before(e, region, cut);
  tc_cw_line(&e->w, "yes += %s;", tc_ce_ref(e, x->value, 0));
  tc_cpu_close_own(c);
  tc_cw_close(&e->w);
  print_total(x);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, first, name, end, name);
  tc_cpu_open_own(c, region, name);
  print_before(e, region, cut);
  print_after(e, region, cut, vote_result(x));
  tc_cpu_close_own(c);
  tc_cw_close(&e->w);
  tc_cw_close(&e->w);
}

void tc_cpu_lockstep(tc_cpu *c, tc_value stmt, uint32_t cut) {
  tc_region region = tc_child(c->e->ir, tc_op_at(c->e->ir, stmt), 0);
  exchange x = exchange_of(c, tc_block_at(c->e->ir, region)->ops.at[cut]);
  if (x.x->sync_scope == TC_SYNC_BLOCK)
    print_votes(&x, stmt, cut);
  else
    print_warps(&x, stmt, cut);
}

/* ---- where it stands ---- */

void tc_cpu_collective(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  exchange x = exchange_of(c, stmt);
  const char *type = tc_ce_type(tc_value_type(e->ir, stmt)), *name = tc_ce_ref(e, stmt, 0);
  if (!c->in_perthread) tc_ce_refuse(e, stmt, "an exchange between threads outside their code");
  tc_cw_line(&e->w, "%s %s;", type, name);
  tc_cw_open(&e->w, "%s", "");
  if (x.x->sync_scope == TC_SYNC_BLOCK) {
    tc_cw_line(&e->w, "tc_i32 yes = %s;", tc_ce_ref(e, x.value, 0));
    print_total(&x);
    tc_cw_line(&e->w, "%s = %s;", name, vote_result(&x));
    tc_cw_close(&e->w);
    return;
  }
  const char *mask = x.masked ? tc_ce_text(e, "(tc_u32)%s", tc_ce_ref(e, x.mask, 0)) : "0";
  tc_cw_line(&e->w, "tc_u64 lanes[32];");
  tc_cw_line(&e->w, "const tc_i32 lane = (tc_i32)(first_thread %% 32);");
  tc_cw_line(&e->w, "const tc_u32 came = strand->ops->warp(strand, %s, %s, lanes, %u);",
             tc_ce_bits(e, x.type, tc_ce_ref(e, x.value, 0)), mask,
             tc_cpu_site(c, stmt, "exchange in a warp"));
  tc_cw_line(&e->w, "%s in[32];", tc_ce_type(x.type));
  tc_cw_line(&e->w, "for (tc_i32 i = 0; i < 32; i++) in[i] = %s;",
             tc_ce_of_bits(e, x.type, "lanes[i]"));
  print_once(&x);
  const char *at = x.lane.id ? tc_ce_text(e, "(tc_i32)%s", tc_ce_ref(e, x.lane, 0)) : "0";
  tc_cw_line(&e->w, "%s = %s;", name, result_of(&x, at, mask));
  tc_cw_close(&e->w);
}
