/* Products of warpgroups, which go on behind the threads' back until a wait covers them.
 *
 * A product is queued when it is issued; the accumulators' values move to a matrix of ours and the
 * threads' arrays hold NaNs until the wait, so that touching them too early shows. Operands in
 * shared memory are read at the wait (or, `early`, when the product is issued), by the descriptor's
 * address, offsets and swizzle. Order of the sum and its precision: matrix.c. */
#include "sim/sim_private.h"

#include <string.h>

enum { GROUP = SIM_WARP * SIM_GROUP_WARPS, ROWS = 64, STEP_B = 32, CHUNK_B = 16, MOST_N = 256 };
static const uint32_t IN_FLIGHT = 0xffcdcdcdu; /* a NaN */

struct sim_accumulator {
  sim_accumulator *next;
  uint32_t n, pending;
  int line;            /* where it was settled, or last used */
  uint32_t *of[GROUP]; /* the threads' arrays */
  uint64_t sum[GROUP]; /* of their contents when they were settled */
  float *matrix;       /* [64][n]; ints as their bits */
};

struct sim_product {
  sim_product *next;
  sim_accumulator *acc;
  int type, line;
  uint32_t n, group;
  bool trans_a, trans_b, add, has_operands;
  uint64_t a_desc, b_desc;
  uint32_t a_registers[GROUP][4];
  bool a_is_registers;
  float *a, *b; /* [k][64], [k][n] */
};

typedef struct product_arg {
  int type;
  uint32_t n;
  bool trans_a, trans_b, add;
  uint32_t *d;
  const uint32_t *a_registers;
  uint64_t a, b;
} product_arg;

static sim_warpgroup *group_of(const tc_sim_thread *t) {
  return &t->block->groups[(uint32_t)t->tid / GROUP];
}

static uint32_t k_of(int type) {
  return STEP_B * 8 / tc_sim_type_bits(type);
}

/* ---- operands by descriptor ---- */

typedef struct operand {
  uint32_t start, lead_b, stride_b, mask, span_b, element_b;
  bool trans; /* the rows (M or N) lie side by side */
} operand;

static operand operand_of(int type, uint64_t desc, bool trans) {
  const uint32_t masks[] = {0, 0x70, 0x30, 0x10}, spans[] = {CHUNK_B, 128, 64, 32};
  uint32_t swizzle = (uint32_t)(desc >> 62);
  return (operand){.start = (uint32_t)(desc & 0x3fff) << 4,
                   .lead_b = (uint32_t)(desc >> 16 & 0x3fff) << 4,
                   .stride_b = (uint32_t)(desc >> 32 & 0x3fff) << 4,
                   .mask = masks[swizzle],
                   .span_b = spans[swizzle],
                   .element_b = tc_sim_type_bits(type) / 8,
                   .trans = trans};
}

/* Where the 16 bytes lie that begin with element (row, k); either is a multiple of what they hold.
 */
static uint32_t chunk_at(const operand *o, uint32_t row, uint32_t k) {
  uint32_t offset_b;
  if (o->trans) {
    uint32_t wide = o->span_b / o->element_b;
    uint32_t next_rows = o->mask ? o->lead_b : o->stride_b;
    uint32_t next_k = o->mask ? o->stride_b : o->lead_b;
    offset_b =
        row % wide * o->element_b + row / wide * next_rows + k % 8 * o->span_b + k / 8 * next_k;
  } else {
    uint32_t along_b = k * o->element_b;
    offset_b = row % 8 * o->span_b + row / 8 * o->stride_b;
    offset_b += o->mask ? along_b : along_b / CHUNK_B * o->lead_b;
  }
  uint32_t addr = (o->start + offset_b) & 0x3ffff;
  return addr ^ ((addr >> 3) & o->mask);
}

typedef void operand_fn(void *data, uint32_t addr, uint32_t row, uint32_t k);

static void each_chunk(const operand *o, uint32_t rows, uint32_t k, operand_fn *fn, void *data) {
  uint32_t in_chunk = CHUNK_B / o->element_b;
  uint32_t row_step = o->trans ? in_chunk : 1, k_step = o->trans ? 1 : in_chunk;
  for (uint32_t r = 0; r < rows; r += row_step)
    for (uint32_t i = 0; i < k; i += k_step)
      fn(data, chunk_at(o, r, i), r, i);
}

typedef struct reading {
  const sim_block *block;
  const operand *o;
  int type;
  uint32_t rows;
  float *to; /* [k][rows] */
} reading;

static void read_chunk(void *data, uint32_t addr, uint32_t row, uint32_t k) {
  const reading *r = data;
  float values[CHUNK_B];
  uint32_t n = CHUNK_B / r->o->element_b;
  tc_sim_decode(r->type, r->block->shared + (addr - TC_SIM_SHARED_BASE), n, values);
  for (uint32_t i = 0; i < n; i++)
    r->to[r->o->trans ? k * r->rows + row + i : (k + i) * r->rows + row] = values[i];
}

static void read_operand(const sim_block *block, int type, uint64_t desc, bool trans, uint32_t rows,
                         float *to) {
  operand o = operand_of(type, desc, trans);
  reading r = {block, &o, type, rows, to};
  each_chunk(&o, rows, k_of(type), read_chunk, &r);
}

/* A in registers has the places of mma's A, 16 rows for each warp. */
static void read_registers(const sim_product *p, float *to) {
  uint32_t e = 32 / tc_sim_type_bits(p->type);
  for (uint32_t i = 0; i < GROUP; i++)
    for (uint32_t r = 0; r < 4; r++) {
      float values[4];
      uint32_t row = i / SIM_WARP * 16 + i % SIM_WARP / 4 + 8 * (r % 2);
      tc_sim_decode(p->type, &p->a_registers[i][r], e, values);
      for (uint32_t j = 0; j < e; j++)
        to[(i % 4 * e + r / 2 * 4 * e + j) * ROWS + row] = values[j];
    }
}

static void read_operands(const sim_block *block, sim_product *p) {
  if (p->has_operands) return;
  if (p->a_is_registers)
    read_registers(p, p->a);
  else
    read_operand(block, p->type, p->a_desc, p->trans_a, ROWS, p->a);
  read_operand(block, p->type, p->b_desc, p->trans_b, p->n, p->b);
  p->has_operands = true;
}

/* ---- checks of operands ---- */

typedef struct checking {
  tc_sim_thread *t;
  uint32_t clock, agent;
  const sim_clocks *by;
} checking;

static void check_chunk(void *data, uint32_t addr, uint32_t row, uint32_t k) {
  const checking *c = data;
  (void)row, (void)k;
  (void)tc_sim_shared_at(c->t, "wgmma operand", addr, CHUNK_B, CHUNK_B);
  tc_sim_check_no_barrier(c->t, addr, CHUNK_B);
  tc_sim_async_reads(c->t, "wgmma", addr, CHUNK_B);
  if (c->by)
    tc_sim_race_agent_access(c->t, c->by, true, c->agent, c->clock, addr, CHUNK_B, false,
                             c->t->line);
}

static void check_operand(const checking *c, int type, uint64_t desc, bool trans, uint32_t rows) {
  operand o = operand_of(type, desc, trans);
  checking copy = *c;
  if (desc >> 49 & 7)
    tc_sim_fault(c->t, TC_SIM_KIND_product, 0, "a descriptor's base offset is not simulated");
  if (trans && tc_sim_type_bits(type) != 16)
    tc_sim_fault(c->t, TC_SIM_KIND_product, 0, "only 16-bit operands may lie along M or N");
  each_chunk(&o, rows, k_of(type), check_chunk, &copy);
}

/* ---- accumulators ---- */

/* Element of the matrix that register i of a thread holds. */
static uint32_t place_of(uint32_t thread, uint32_t i, uint32_t n) {
  uint32_t row = thread / SIM_WARP * 16 + thread % SIM_WARP / 4 + i / 2 % 2 * 8;
  return row * n + i / 4 * 8 + thread % 4 * 2 + i % 2;
}

static uint64_t sum_of(const uint32_t *d, uint32_t n) {
  uint64_t sum = n;
  for (uint32_t i = 0; i < n / 2; i++)
    sum = (sum ^ d[i]) * 0x9e3779b97f4a7c15u + (sum >> 29);
  return sum;
}

/* The one in flight with this array, NULL: none. */
static sim_accumulator *in_flight(const sim_warpgroup *g, const uint32_t *d) {
  for (sim_accumulator *a = g->accumulators; a; a = a->next)
    if (d < a->of[0] + a->n / 2 && a->of[0] < d + a->n / 2) return a;
  return NULL;
}

/* Was there and is as the last wait left it? Then no fence is needed. */
static sim_accumulator *take_settled(sim_warpgroup *g, const uint32_t *d, uint32_t n) {
  for (sim_accumulator **at = &g->settled; *at; at = &(*at)->next)
    if ((*at)->n == n && (!d || (*at)->of[0] == d)) {
      sim_accumulator *a = *at;
      *at = a->next;
      return a;
    }
  return NULL;
}

static void check_fence(tc_sim_thread *t, const sim_accumulator *a, bool is_new) {
  for (uint32_t i = 0; i < GROUP; i++)
    if (is_new || sum_of(a->of[i], a->n) != a->sum[i])
      tc_sim_fault(t, TC_SIM_KIND_product, 0,
                   "the accumulators were written by thread %u, and no wgmma_fence follows before "
                   "the product",
                   (uint32_t)t->tid / GROUP * GROUP + i);
}

static sim_accumulator *accumulator_for(tc_sim_thread *t, uint32_t first, uint32_t n) {
  sim_block *block = t->block;
  sim_warpgroup *g = group_of(t);
  const product_arg *arg = block->threads[first].meet_arg;
  sim_accumulator *a = in_flight(g, arg->d);
  if (a && (a->of[0] != arg->d || a->n != n))
    tc_sim_fault(t, TC_SIM_KIND_product, a->line,
                 "the accumulators overlap those of another product in flight");
  if (a) return a;
  a = take_settled(g, arg->d, n);
  bool known = a != NULL;
  if (!a) a = take_settled(g, NULL, n);
  if (!a) {
    a = tc_sim_need(t, sizeof *a);
    a->matrix = tc_sim_need(t, (size_t)ROWS * n * sizeof(float));
    a->n = n;
  }
  for (uint32_t i = 0; i < GROUP; i++)
    a->of[i] = ((const product_arg *)block->threads[first + i].meet_arg)->d;
  if (!g->fenced) check_fence(t, a, !known);
  for (uint32_t i = 0; i < GROUP; i++)
    for (uint32_t k = 0; k < n / 2; k++) {
      memcpy(&a->matrix[place_of(i, k, n)], &a->of[i][k], 4);
      a->of[i][k] = IN_FLIGHT;
    }
  a->pending = 0;
  a->next = g->accumulators;
  g->accumulators = a;
  return a;
}

/* The last product of it is done: the threads get their elements. */
static void settle(tc_sim_thread *t, sim_accumulator *a) {
  sim_warpgroup *g = group_of(t);
  for (uint32_t i = 0; i < GROUP; i++) {
    for (uint32_t k = 0; k < a->n / 2; k++) {
      if (a->of[i][k] != IN_FLIGHT)
        tc_sim_fault(t, TC_SIM_KIND_product, a->line,
                     "thread %u wrote accumulator %u of a product that was in flight",
                     (uint32_t)t->tid / GROUP * GROUP + i, k);
      memcpy(&a->of[i][k], &a->matrix[place_of(i, k, a->n)], 4);
    }
    a->sum[i] = sum_of(a->of[i], a->n);
  }
  sim_accumulator **at = &g->accumulators;
  while (*at != a)
    at = &(*at)->next;
  *at = a->next;
  a->next = g->settled;
  g->settled = a;
}

/* ---- products ---- */

static void multiply(const sim_product *p) {
  uint32_t n = p->n, depth = k_of(p->type);
  for (uint32_t m = 0; m < ROWS; m++) {
    float row[MOST_N];
    for (uint32_t j = 0; j < n; j++)
      row[j] = p->add ? p->acc->matrix[m * n + j] : 0.0f;
    for (uint32_t k = 0; k < depth; k++) {
      float a = p->a[k * ROWS + m];
      const float *b = &p->b[k * n];
      for (uint32_t j = 0; j < n; j++)
        row[j] += a * b[j];
    }
    memcpy(&p->acc->matrix[m * n], row, n * sizeof *row);
  }
}

static void multiply_ints(const sim_product *p) {
  uint32_t n = p->n, depth = k_of(p->type);
  for (uint32_t m = 0; m < ROWS; m++)
    for (uint32_t j = 0; j < n; j++) {
      uint32_t sum = 0;
      if (p->add) memcpy(&sum, &p->acc->matrix[m * n + j], 4);
      for (uint32_t k = 0; k < depth; k++)
        sum += (uint32_t)((int32_t)p->a[k * ROWS + m] * (int32_t)p->b[k * n + j]);
      memcpy(&p->acc->matrix[m * n + j], &sum, 4);
    }
}

static void finish_product(tc_sim_thread *t, sim_product *p) {
  read_operands(t->block, p);
  bool ints = p->type == TC_SIM_s8 || p->type == TC_SIM_u8;
  if (ints)
    multiply_ints(p);
  else
    multiply(p);
  p->acc->line = p->line;
  if (--p->acc->pending == 0) settle(t, p->acc);
}

/* The descriptors and flags must be those of all threads. */
static void check_uniform(tc_sim_thread *t, uint32_t first) {
  const product_arg *one = t->block->threads[first].meet_arg;
  for (uint32_t i = 1; i < GROUP; i++) {
    const product_arg *arg = t->block->threads[first + i].meet_arg;
    if (arg->b != one->b || arg->add != one->add || (!one->a_registers && arg->a != one->a))
      tc_sim_fault(t, TC_SIM_KIND_product, 0,
                   "thread %u has other descriptors or another flag than thread %u", first + i,
                   first);
  }
}

static void check_reads(tc_sim_thread *t, uint32_t first, const product_arg *arg) {
  sim_block *block = t->block;
  sim_warpgroup *g = group_of(t);
  checking c = {.t = t, .clock = g->committed + 1};
  if (tc_sim_races(block)) {
    if (!g->agent) g->agent = tc_sim_race_agent(block);
    tc_sim_clocks_meet(block, &block->scratch, first, GROUP);
    c.by = &block->scratch;
    c.agent = g->agent;
  }
  if (!arg->a_registers) check_operand(&c, arg->type, arg->a, arg->trans_a, ROWS);
  check_operand(&c, arg->type, arg->b, arg->trans_b, arg->n);
}

static sim_product *new_product(tc_sim_thread *t) {
  sim_warpgroup *g = group_of(t);
  sim_product *p = g->free_products;
  if (p) {
    float *a = p->a, *b = p->b;
    g->free_products = p->next;
    *p = (sim_product){.a = a, .b = b};
    return p;
  }
  p = tc_sim_need(t, sizeof *p);
  p->a = tc_sim_need(t, STEP_B * ROWS * sizeof(float));
  p->b = tc_sim_need(t, STEP_B * MOST_N * sizeof(float));
  return p;
}

/* In the last thread that came. */
static void issue(sim_block *block, uint32_t first, uint32_t n, int line) {
  tc_sim_thread *t = block->issuer;
  const product_arg *arg = block->threads[first].meet_arg;
  sim_warpgroup *g = group_of(t);
  sim_team *team = block->team;
  check_uniform(t, first);
  check_reads(t, first, arg);
  sim_product *p = new_product(t);
  p->type = arg->type, p->n = arg->n, p->line = line;
  p->trans_a = arg->trans_a, p->trans_b = arg->trans_b, p->add = arg->add;
  p->a_desc = arg->a, p->b_desc = arg->b;
  p->group = g->committed;
  p->a_is_registers = arg->a_registers != NULL;
  for (uint32_t i = 0; i < n && arg->a_registers; i++)
    memcpy(p->a_registers[i],
           ((const product_arg *)block->threads[first + i].meet_arg)->a_registers,
           sizeof p->a_registers[i]);
  p->acc = accumulator_for(t, first, arg->n);
  p->acc->pending++;
  p->acc->line = line;
  *g->products_end = p;
  g->products_end = &p->next;
  enum tc_sim_delivery delivery = team->run->options->delivery;
  if (delivery == TC_SIM_EARLY || (delivery == TC_SIM_RANDOM && tc_sim_random(team, 2)))
    read_operands(block, p);
}

void tc_sim_wgmma(tc_sim_thread *t, int line, int type, unsigned n, int trans_a, int trans_b,
                  void *d, const void *a_registers, unsigned long long a, unsigned long long b,
                  int add) {
  product_arg arg = {.type = type,
                     .n = n,
                     .trans_a = trans_a != 0,
                     .trans_b = trans_b != 0,
                     .add = add != 0,
                     .d = d,
                     .a_registers = a_registers,
                     .a = a,
                     .b = b};
  t->line = line;
  if (n < 8 || n > MOST_N || n % 8)
    tc_sim_fault(t, TC_SIM_KIND_product, 0, "wgmma of n = %u: expected a multiple of 8 up to 256",
                 n);
  t->block->issuer = t;
  tc_sim_meet_group(t, line, SIM_MEET_WGMMA, n, (uint32_t)type, &arg, issue);
}

static void note_fence(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)n, (void)line;
  block->groups[first / GROUP].fenced = true;
}
void tc_sim_wgmma_fence(tc_sim_thread *t, int line) {
  tc_sim_meet_group(t, line, SIM_MEET_WGMMA_FENCE, 0, 0, NULL, note_fence);
}

static void commit(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)n, (void)line;
  block->groups[first / GROUP].committed++;
}
void tc_sim_wgmma_commit(tc_sim_thread *t, int line) {
  tc_sim_meet_group(t, line, SIM_MEET_WGMMA_COMMIT, 0, 0, NULL, commit);
}

static void wait(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)line;
  tc_sim_thread *t = block->issuer;
  sim_warpgroup *g = group_of(t);
  uint32_t end = g->committed > t->warp->meet_a ? g->committed - t->warp->meet_a : 0;
  while (g->products && g->products->group < end) {
    sim_product *p = g->products;
    finish_product(t, p);
    g->products = p->next;
    p->next = g->free_products;
    g->free_products = p;
  }
  if (!g->products) g->products_end = &g->products;
  g->fenced = false;
  if (!tc_sim_races(block) || !g->agent) return;
  for (uint32_t i = first; i < first + n; i++)
    if (block->threads[i].clocks.seen[g->agent] < end)
      block->threads[i].clocks.seen[g->agent] = end;
}
void tc_sim_wgmma_wait(tc_sim_thread *t, int line, unsigned n) {
  t->line = line;
  t->block->issuer = t;
  tc_sim_meet_group(t, line, SIM_MEET_WGMMA_WAIT, n, 0, NULL, wait);
}

void tc_sim_products_at_end(sim_block *block) {
  for (uint32_t i = 0; i < block->n_groups; i++)
    if (block->groups[i].products) {
      tc_sim_found(block->team, TC_SIM_KIND_product, block->groups[i].products->line, 0,
                   "warpgroup %u ends while a product is in flight", i);
      return;
    }
}
