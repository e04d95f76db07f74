#include "pass/cost.h"

enum {
#define COST(name, value, doc) name = (value),
#define LOCKSTEP(turns, rate, steps)
#include "pass/cost.def"
#undef COST
#undef LOCKSTEP
};

typedef struct lockstep_row {
  bool turns;
  int64_t rate, steps;
} lockstep_row;
static const lockstep_row LOCKSTEP_ROWS[] = {
#define COST(name, value, doc)
#define LOCKSTEP(turns, rate, steps) {turns, rate, steps},
#include "pass/cost.def"
#undef COST
#undef LOCKSTEP
};

enum { WORD_BITS = 16, KB = 1 << 10, MB = 1 << 20 };

/* Clocks of so many elements of the sum: operands half as wide go twice as fast. */
static int64_t clocks(const tc_cost *c, const tc_cost_tile *t, int64_t k) {
  int64_t rate = c->limits->mma_per_clock * (int64_t)WORD_BITS / t->in_bits;
  return t->m * t->n * k / (rate ? rate : 1);
}

bool tc_cost_turns(const tc_cost *c, const tc_cost_tile *t, const char **why) {
  *why = "the length of the sum is known only at launch";
  if (!t->k || !c->limits->mma_per_clock) return false;
  int64_t sum = clocks(c, t, t->k), end = t->out_b / STORE_B + STORE_START;
  bool pays = end * 1000 >= sum * TURNS_LOSS;
  *why = tc_format(c->arena, "%lld clocks at the end of a sum of %lld are %sworth hiding",
                   (long long)end, (long long)sum, pays ? "" : "not ");
  return pays;
}

int64_t tc_cost_lockstep(const tc_cost *c, const tc_cost_tile *t, bool turns, const char **why) {
  int64_t step = clocks(c, t, t->step_k), bytes = (t->m + t->n) * t->step_k * t->in_bits / 8;
  int64_t rate = c->limits->mma_per_clock && step ? bytes / step : 0, steps = 0;
  for (size_t i = 0; i < TC_COUNT(LOCKSTEP_ROWS); i++) {
    const lockstep_row *r = &LOCKSTEP_ROWS[i];
    if (r->turns != turns) continue;
    steps = r->steps;
    if (rate <= r->rate) break;
  }
  *why = tc_format(c->arena, "%lld bytes a clock come from L2", (long long)rate);
  return steps;
}

static const char *size_text(const tc_cost *c, int64_t bytes) {
  bool large = bytes >= 4 * (int64_t)MB;
  return tc_format(c->arena, "%lld %s", (long long)((bytes + KB - 1) / (large ? MB : KB)),
                   large ? "MB" : "KB");
}

bool tc_cost_back(const tc_cost *c, const tc_cost_tile *t, const char **why) {
  int64_t part = (int64_t)(c->limits->l2_b / L2_PART);
  bool known = t->total_b && part, pays = !known || t->total_b > part;
  *why = !known
             ? "how much of the operands L2 holds is not known"
             : tc_format(c->arena, "%s of operands %s half the L2 cache, %s",
                         size_text(c, t->total_b), pays ? "exceed" : "fit in", size_text(c, part));
  return pays;
}

int64_t tc_cost_panel(int64_t tiles, int64_t most, int64_t row_b, int64_t column_b,
                      int64_t *bytes) {
  int64_t best = 1;
  *bytes = INT64_MAX;
  for (int64_t g = 1; g <= tiles && g <= most; g++) {
    int64_t cost = g * row_b + (tiles + g - 1) / g * column_b;
    if (cost < *bytes) *bytes = cost, best = g;
  }
  return best;
}
