/* The oracle: control flow, element accesses, undefined values, arguments and limits. Each case
 * builds a function, runs it and compares memory with plain C, or expects one coded error. */
#include "unit/ir_kit.h"

/* ---- element accesses ---- */

/* C = A + B over N elements in blocks of 128, the tail guarded by a predicate. */
static void build_vector_add(struct kit *k, float *a, float *b, float *c, int64_t n) {
  tc_value dim = tc_var_value(k->ir, kit_dim(k, "N")), bx, i;
  tc_buf ab = kit_param_of(k, "A", TC_DT_float32, 1, &dim, a, &n);
  tc_buf bb = kit_param_of(k, "B", TC_DT_float32, 1, &dim, b, &n);
  tc_buf cb = kit_param_of(k, "C", TC_DT_float32, 1, &dim, c, &n);
  tc_value blocks =
      kit_op(k, TC_OP_floordiv, kit_op(k, TC_OP_add, dim, kit_i(k, 127)), kit_i(k, 128));
  tc_region kernel = kit_kernel(k, blocks, &bx);
  tc_region body = kit_parallel(k, kernel, kit_i(k, 128), &i);
  tc_value at = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, 128)), i);
  tc_value inside = kit_op(k, TC_OP_lt, at, dim);
  tc_value x = tc_load(k->ir, body, ab, &at, inside, (tc_value){0}, kit_nowhere);
  tc_value y = tc_load(k->ir, body, bb, &at, inside, (tc_value){0}, kit_nowhere);
  tc_store(k->ir, body, cb, &at, kit_op(k, TC_OP_add, x, y), inside, kit_nowhere);
}

static void vector_add(struct kit *k) {
  float a[301], b[301], c[302];
  for (int i = 0; i < 301; i++)
    a[i] = (float)i * 0.37f, b[i] = 1.0f / (float)(i + 1);
  c[301] = -7;
  build_vector_add(k, a, b, c, 301);
  k->args[2].array.poisoned = true;
  kit_run_ok(k);
  for (int i = 0; i < 301; i++)
    kit_near(k, "C", i, (double)c[i], (double)(float)(a[i] + b[i]), 0);
  kit_check(k, c[301] == -7, "nothing is written behind the array");
}

static void vector_add_seeded(struct kit *k) {
  float a[1000], b[1000], c[1000];
  for (int i = 0; i < 1000; i++)
    a[i] = (float)i, b[i] = 0.5f, c[i] = 0;
  build_vector_add(k, a, b, c, 1000);
  k->limits.seed = 12345;
  kit_run_ok(k);
  for (int i = 0; i < 1000; i++)
    kit_near(k, "C", i, (double)c[i], i + 0.5, 0);
}

/* The order of iterations differs from seed to seed, and each comes once. */
static void seeded_order(struct kit *k) {
  int32_t order[64], counter[1] = {0};
  tc_value bx, i;
  tc_buf ob = kit_param(k, "order", TC_DT_int32, order, 64, -1);
  tc_buf cb = kit_param(k, "counter", TC_DT_int32, counter, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region body = kit_parallel(k, kernel, kit_i(k, 64), &i);
  tc_value zero = kit_i(k, 0);
  tc_value old = tc_atomic_stmt(k->ir, body, (tc_atomic){.buf = cb, .kind = TC_ATOMIC_ADD}, &zero,
                                kit_i(k, 1), (tc_value){0}, (tc_value){0}, kit_nowhere);
  kit_store(k, body, ob, old, i);
  int moved = 0;
  for (uint64_t seed = 0; seed < 3; seed++) {
    counter[0] = 0;
    k->limits.seed = seed;
    kit_run_ok(k);
    uint64_t seen = 0;
    for (int n = 0; n < 64; n++) {
      seen |= UINT64_C(1) << order[n];
      if (seed == 0) kit_near(k, "order", n, order[n], n, 0);
      moved += order[n] != n;
    }
    kit_check(k, seen == UINT64_MAX, "every iteration runs once");
  }
  kit_check(k, moved > 64, "a seed changes the order");
}

static void else_values(struct kit *k) {
  int32_t a[2] = {5, 6}, out[2] = {0, 0};
  tc_value bx, no = tc_const_bool(k->ir, false), far = kit_i(k, 1000);
  tc_buf ab = kit_param(k, "A", TC_DT_int32, a, 2, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 2, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value x = tc_load(k->ir, kernel, ab, &far, no, kit_i(k, 42), kit_nowhere);
  tc_value y = tc_load(k->ir, kernel, ab, &far, no, (tc_value){0}, kit_nowhere);
  kit_store(k, kernel, ob, kit_i(k, 0), x);
  kit_store(k, kernel, ob, kit_i(k, 1), y);
  tc_store(k->ir, kernel, ob, &far, x, no, kit_nowhere);
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], 42, 0);
  kit_near(k, "out", 1, out[1], 0, 0);
}

/* Storing one packed element leaves the others of the byte, and their definedness, alone. */
static void packed_elements(struct kit *k) {
  static const struct {
    enum tc_dtype type;
    int bits;
  } types[] = {
      {TC_DT_int4, 4}, {TC_DT_uint2, 2}, {TC_DT_float6_e2m3fn, 6}, {TC_DT_float4_e2m1fn, 4}};
  for (size_t t = 0; t < TC_COUNT(types); t++) {
    int bits = types[t].bits;
    for (int target = 0; target < 7; target++) {
      uint8_t data[6] = {0xa5, 0x3c, 0x96, 0x5a, 0xc3, 0xee}, wanted[6];
      memcpy(wanted, data, sizeof data);
      struct kit *c = k;
      tc_ir *ir = tc_ir_new(&k->arena, k->ir->diags, k->ir->names);
      ir->state = TC_STATE_tile;
      c->ir = ir;
      c->body = ir->body;
      tc_value bx, one = tc_is_float(tc_scalar_type(types[t].type))
                             ? kit_f(c, types[t].type, 1)
                             : tc_const_int(ir, tc_scalar_type(types[t].type), 1);
      tc_buf b = kit_param(c, "P", types[t].type, data, 7, -1);
      tc_region kernel = kit_kernel(c, kit_i(c, 1), &bx);
      kit_store(c, kernel, b, kit_i(c, target), one);
      kit_run_ok(c);
      uint64_t pattern = tc_imm_to_bits(
          tc_scalar_type(types[t].type),
          tc_is_float(tc_scalar_type(types[t].type)) ? (tc_imm){.f = 1} : (tc_imm){.i = 1});
      for (int n = 0; n < bits; n++) {
        int at = target * bits + n;
        wanted[at / 8] =
            (uint8_t)((wanted[at / 8] & ~(1 << at % 8)) | (int)(pattern >> n & 1) << at % 8);
      }
      kit_check(c, memcmp(data, wanted, sizeof data) == 0, "only the element's bits change");
    }
  }
}

static void views_share_storage(struct kit *k) {
  uint32_t bits[4] = {0, 0, 0, 0};
  uint8_t bytes[4] = {0};
  tc_value bx, four = kit_i(k, 4), sixteen = kit_i(k, 16);
  tc_buf wb = kit_param(k, "W", TC_DT_uint32, bits, 4, -1);
  tc_buf bb = kit_param(k, "bytes", TC_DT_uint8, bytes, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){4});
  tc_buf words =
      tc_buf_view(k->ir, "words", s, tc_scalar_type(TC_DT_uint32), 1, &four, kit_nowhere);
  tc_buf parts =
      tc_buf_view(k->ir, "parts", s, tc_scalar_type(TC_DT_uint8), 1, &sixteen, kit_nowhere);
  for (int n = 0; n < 4; n++) {
    kit_store(k, kernel, s, kit_i(k, n), kit_f(k, TC_DT_float32, 1.0 + n));
    kit_store(k, kernel, wb, kit_i(k, n), kit_load(k, kernel, words, kit_i(k, n)));
    kit_store(k, kernel, bb, kit_i(k, n), kit_load(k, kernel, parts, kit_i(k, 4 * n + 3)));
  }
  kit_run_ok(k);
  static const uint32_t wanted[4] = {0x3f800000, 0x40000000, 0x40400000, 0x40800000};
  for (int n = 0; n < 4; n++) {
    kit_near(k, "W", n, bits[n], wanted[n], 0);
    kit_near(k, "bytes", n, bytes[n], wanted[n] >> 24, 0);
  }
}

/* Half-written words are undefined, whatever the type they are read with. */
static void views_share_poison(struct kit *k) {
  uint32_t out[1] = {0};
  tc_value bx, two = kit_i(k, 2);
  tc_buf ob = kit_param(k, "out", TC_DT_uint32, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_uint32, 1, (int64_t[]){1});
  tc_buf halves =
      tc_buf_view(k->ir, "halves", s, tc_scalar_type(TC_DT_uint16), 1, &two, kit_nowhere);
  kit_store(k, kernel, halves, kit_i(k, 0), tc_const_int(k->ir, tc_scalar_type(TC_DT_uint16), 3));
  kit_store(k, kernel, ob, kit_i(k, 0), kit_load(k, kernel, s, kit_i(k, 0)));
  kit_run_error(k, "E0607", "it was read here from 'S'");
}

static void view_too_large(struct kit *k) {
  uint8_t out[1] = {0};
  tc_value bx, five = kit_i(k, 5);
  tc_buf ob = kit_param(k, "out", TC_DT_uint8, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_uint32, 1, (int64_t[]){1});
  tc_buf parts = tc_buf_view(k->ir, "parts", s, tc_scalar_type(TC_DT_uint8), 1, &five, kit_nowhere);
  kit_store(k, kernel, ob, kit_i(k, 0), kit_load(k, kernel, parts, kit_i(k, 4)));
  kit_run_error(k, "E0606", "'parts'");
}

static void vector_accesses(struct kit *k) {
  float a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, c[8] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 8, -1);
  tc_buf cb = kit_param(k, "C", TC_DT_float32, c, 8, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value index = tc_ramp(k->ir, kit_i(k, 0), kit_i(k, 2), 4);
  tc_type wide = {TC_DT_float32, 0, 4};
  tc_value x = tc_stmt(k->ir, kernel, TC_OP_load, wide, &index, 1,
                       tc_pl_access(k->ir, (tc_access){.buf = ab}), kit_nowhere);
  tc_value sum = kit_op(k, TC_OP_add, x, tc_broadcast(k->ir, kit_f(k, TC_DT_float32, 0.5), 4));
  tc_value to = tc_ramp(k->ir, kit_i(k, 3), kit_i(k, 1), 4);
  kit_stmt(k, kernel, TC_OP_store, (tc_value[]){to, sum}, 2,
           tc_pl_access(k->ir, (tc_access){.buf = cb}));
  kit_store(k, kernel, cb, kit_i(k, 0), tc_lane(k->ir, sum, 2));
  kit_run_ok(k);
  static const double wanted[8] = {5.5, 0, 0, 1.5, 3.5, 5.5, 7.5, 0};
  for (int n = 0; n < 8; n++)
    kit_near(k, "C", n, (double)c[n], wanted[n], 0);
}

static void reinterpret_lanes(struct kit *k) {
  uint32_t out[2] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_uint32, out, 2, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_type byte = tc_scalar_type(TC_DT_uint8);
  tc_value parts[4];
  for (int n = 0; n < 4; n++) /* not constants, which would fold */
    parts[n] = tc_cast(k->ir, kit_op(k, TC_OP_add, bx, kit_i(k, 0x11 * (n + 1))), byte);
  tc_value word = tc_reinterpret(k->ir, tc_pack(k->ir, parts, 4), tc_scalar_type(TC_DT_uint32));
  kit_store(k, kernel, ob, kit_i(k, 0), word);
  tc_value halves = tc_reinterpret(k->ir, word, (tc_type){TC_DT_uint16, 0, 2});
  kit_store(k, kernel, ob, kit_i(k, 1),
            tc_cast(k->ir, tc_lane(k->ir, halves, 1), tc_scalar_type(TC_DT_uint32)));
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], 0x44332211, 0);
  kit_near(k, "out", 1, out[1], 0x4433, 0);
}

static void atomics(struct kit *k) {
  static const struct {
    enum tc_atomic_kind kind;
    int32_t start, value, expected, wanted;
  } cases[] = {{TC_ATOMIC_ADD, INT32_MAX, 1, 0, INT32_MIN},
               {TC_ATOMIC_MIN, 5, -3, 0, -3},
               {TC_ATOMIC_MAX, 5, -3, 0, 5},
               {TC_ATOMIC_AND, 12, 10, 0, 8},
               {TC_ATOMIC_OR, 12, 10, 0, 14},
               {TC_ATOMIC_XOR, 12, 10, 0, 6},
               {TC_ATOMIC_EXCHANGE, 12, 10, 0, 10},
               {TC_ATOMIC_CAS, 12, 10, 12, 10},
               {TC_ATOMIC_CAS, 12, 10, 11, 12}};
  int32_t memory[9], old[10];
  tc_value bx;
  tc_buf mb = kit_param(k, "M", TC_DT_int32, memory, 9, -1);
  tc_buf ob = kit_param(k, "old", TC_DT_int32, old, 10, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  for (uint32_t n = 0; n < TC_COUNT(cases); n++) {
    memory[n] = cases[n].start;
    tc_value at = kit_i(k, n);
    tc_value previous = tc_atomic_stmt(
        k->ir, kernel, (tc_atomic){.buf = mb, .kind = (uint8_t)cases[n].kind}, &at,
        kit_i(k, cases[n].value), kit_i(k, cases[n].expected), (tc_value){0}, kit_nowhere);
    kit_store(k, kernel, ob, at, previous);
  }
  tc_value far = kit_i(k, 100);
  tc_value skipped =
      tc_atomic_stmt(k->ir, kernel, (tc_atomic){.buf = mb, .kind = TC_ATOMIC_ADD}, &far,
                     kit_i(k, 1), (tc_value){0}, tc_const_bool(k->ir, false), kit_nowhere);
  kit_store(k, kernel, ob, kit_i(k, 9), skipped);
  kit_run_ok(k);
  for (uint32_t n = 0; n < TC_COUNT(cases); n++) {
    kit_near(k, "M", n, memory[n], cases[n].wanted, 0);
    kit_near(k, "old", n, old[n], cases[n].start, 0);
  }
  kit_near(k, "old", 9, old[9], 0, 0);
}

/* A table of addresses, as grouped kernels use. */
static void pointer_table(struct kit *k) {
  float first[3] = {1, 2, 3}, second[3] = {10, 20, 30}, out[2] = {0};
  int64_t table[2] = {(int64_t)(intptr_t)first, (int64_t)(intptr_t)second};
  tc_value bx, three = kit_i(k, 3);
  tc_buf tb = kit_param(k, "table", TC_DT_int64, table, 2, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 2, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 2), &bx);
  tc_value address = kit_load(k, kernel, tb, bx);
  tc_buf group = tc_buf_new(k->ir, "G", tc_scalar_type(TC_DT_float32), TC_SCOPE_global, 1, &three,
                            kit_nowhere);
  tc_buf_at(k->ir, group)->address = address;
  kit_store(k, kernel, ob, bx, kit_load(k, kernel, group, kit_i(k, 2)));
  kit_store(k, kernel, group, bx, kit_f(k, TC_DT_float32, -1));
  kit_run_ok(k);
  kit_near(k, "out", 0, (double)out[0], 3, 0);
  kit_near(k, "out", 1, (double)out[1], 30, 0);
  kit_near(k, "first", 0, (double)first[0], -1, 0);
  kit_near(k, "second", 1, (double)second[1], -1, 0);
  table[1] = 0;
  kit_run_error(k, "E0616", "address is 0");
}

/* ---- control flow ---- */

static void loops(struct kit *k) {
  static const struct {
    int64_t lo, hi, step;
  } cases[] = {{0, 10, 1},
               {0, 10, 3},
               {10, 0, -1},
               {9, -1, -4},
               {5, 5, 1},
               {7, 3, 1},
               {3, 7, -1},
               {-3, 3, 2},
               {INT32_MIN, INT32_MIN + 5, 2},
               {INT32_MAX - 3, INT32_MAX, 2}};
  int64_t out[20], wanted[20];
  tc_value bx, i;
  tc_buf ob = kit_param(k, "out", TC_DT_int64, out, 20, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_type wide = tc_scalar_type(TC_DT_int64);
  for (uint32_t n = 0; n < TC_COUNT(cases); n++) {
    out[2 * n] = out[2 * n + 1] = wanted[2 * n] = wanted[2 * n + 1] = 0;
    tc_region body =
        kit_for(k, kernel, kit_i(k, cases[n].lo), kit_i(k, cases[n].hi), cases[n].step, &i);
    for (int part = 0; part < 2; part++) {
      tc_value at = kit_i(k, (int)n * 2 + part), old = kit_load(k, body, ob, at);
      tc_value add = part ? tc_cast(k->ir, i, wide) : tc_const_int(k->ir, wide, 1);
      kit_store(k, body, ob, at, kit_op(k, TC_OP_add, old, add));
    }
    for (int64_t x = cases[n].lo; cases[n].step > 0 ? x < cases[n].hi : x > cases[n].hi;
         x += cases[n].step) {
      wanted[2 * n]++;
      wanted[2 * n + 1] += x;
    }
  }
  kit_run_ok(k);
  for (int n = 0; n < 2 * (int)TC_COUNT(cases); n++)
    kit_near(k, "count and sum", n, (double)out[n], (double)wanted[n], 0);
}

/* Collatz steps from 27, with a break at the first number over 1000 and a skipped even 82. */
static void while_break_continue(struct kit *k) {
  int32_t out[3] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 3, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  tc_buf steps = kit_alloc(k, kernel, "steps", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  tc_buf odd = kit_alloc(k, kernel, "odd", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_set(k, kernel, x, kit_i(k, 27));
  kit_set(k, kernel, steps, kit_i(k, 0));
  kit_set(k, kernel, odd, kit_i(k, 0));
  tc_value loop = kit_stmt(k, kernel, TC_OP_while, NULL, 0, 0);
  tc_region test = kit_child(k, loop, 0), body = kit_child(k, loop, 1);
  tc_value more = kit_op(k, TC_OP_ne, kit_get(k, test, x), kit_i(k, 1));
  kit_stmt(k, test, TC_OP_yield, &more, 1, 0);
  tc_value now = kit_get(k, body, x);
  tc_value large = tc_if(k->ir, body, kit_op(k, TC_OP_lt, kit_i(k, 1000), now), kit_nowhere);
  kit_stmt(k, kit_child(k, large, 0), TC_OP_break, NULL, 0, 0);
  kit_set(k, body, steps, kit_op(k, TC_OP_add, kit_get(k, body, steps), kit_i(k, 1)));
  tc_value is_even = kit_op(k, TC_OP_eq, kit_op(k, TC_OP_floormod, now, kit_i(k, 2)), kit_i(k, 0));
  tc_value parity = tc_if(k->ir, body, is_even, kit_nowhere);
  tc_region even = kit_child(k, parity, 0);
  kit_set(k, even, x, kit_op(k, TC_OP_floordiv, now, kit_i(k, 2)));
  kit_stmt(k, even, TC_OP_continue, NULL, 0, 0);
  tc_region other = kit_child(k, parity, 1);
  kit_set(k, other, x, kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, now, kit_i(k, 3)), kit_i(k, 1)));
  kit_set(k, body, odd, kit_op(k, TC_OP_add, kit_get(k, body, odd), kit_i(k, 1)));
  kit_store(k, kernel, ob, kit_i(k, 0), kit_get(k, kernel, x));
  kit_store(k, kernel, ob, kit_i(k, 1), kit_get(k, kernel, steps));
  kit_store(k, kernel, ob, kit_i(k, 2), kit_get(k, kernel, odd));
  kit_run_ok(k);
  int32_t value = 27, n = 0, n_odd = 0;
  while (value != 1 && value <= 1000) {
    n++;
    if (value % 2) n_odd++;
    value = value % 2 ? 3 * value + 1 : value / 2;
  }
  kit_near(k, "x", 0, out[0], value, 0);
  kit_near(k, "steps", 1, out[1], n, 0);
  kit_near(k, "odd", 2, out[2], n_odd, 0);
}

/* A variable starts every iteration of a parallel loop as it was before the loop. */
static void private_variables(struct kit *k) {
  int32_t out[16] = {0};
  tc_value bx, i;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 16, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_set(k, kernel, x, kit_i(k, 100));
  tc_region body = kit_parallel(k, kernel, kit_i(k, 16), &i);
  kit_set(k, body, x, kit_op(k, TC_OP_add, kit_get(k, body, x), i));
  kit_store(k, body, ob, i, kit_get(k, body, x));
  kit_run_ok(k);
  for (int n = 0; n < 16; n++)
    kit_near(k, "out", n, out[n], 100 + n, 0);
  kit_store(k, kernel, ob, kit_i(k, 0), kit_get(k, kernel, x));
  kit_run_error(k, "E0607", "it was read here from 'x'");
}

/* A value used in one branch only is computed only there: no error from the branch not taken. */
static void lazy_branches(struct kit *k) {
  int32_t out[2] = {7, 7};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 2, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 2), &bx);
  tc_value quotient = kit_op(k, TC_OP_floordiv, kit_i(k, 10), bx);
  tc_value test = tc_if(k->ir, kernel, kit_op(k, TC_OP_ne, bx, kit_i(k, 0)), kit_nowhere);
  kit_store(k, kit_child(k, test, 0), ob, bx, quotient);
  kit_store(k, kit_child(k, test, 1), ob, bx, kit_i(k, -1));
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], -1, 0);
  kit_near(k, "out", 1, out[1], 10, 0);
}

static void two_kernels_and_workspace(struct kit *k) {
  float a[10], out[10] = {0};
  for (int n = 0; n < 10; n++)
    a[n] = (float)n;
  int64_t ten = 10;
  tc_value bx, i;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 10, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 10, -1);
  tc_buf work = kit_alloc(k, k->body, "W", TC_SCOPE_global, TC_DT_float32, 1, &ten);
  tc_region first = kit_parallel(k, kit_kernel(k, kit_i(k, 1), &bx), kit_i(k, 10), &i);
  kit_store(k, first, work, i,
            kit_op(k, TC_OP_mul, kit_load(k, first, ab, i), kit_f(k, TC_DT_float32, 2)));
  tc_region second = kit_parallel(k, kit_kernel(k, kit_i(k, 1), &bx), kit_i(k, 10), &i);
  tc_value mirrored = kit_op(k, TC_OP_sub, kit_i(k, 9), i);
  kit_store(k, second, ob, i, kit_load(k, second, work, mirrored));
  kit_run_ok(k);
  for (int n = 0; n < 10; n++)
    kit_near(k, "out", n, (double)out[n], 2.0 * (9 - n), 0);
}

/* Memory allocated in a loop is undefined again in each iteration. */
static void alloc_is_fresh(struct kit *k) {
  int32_t out[1] = {0};
  int64_t one = 1;
  tc_value bx, i;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region body = kit_for(k, kernel, kit_i(k, 0), kit_i(k, 2), 1, &i);
  tc_buf s = kit_alloc(k, body, "S", TC_SCOPE_shared, TC_DT_int32, 1, &one);
  tc_value first = tc_if(k->ir, body, kit_op(k, TC_OP_eq, i, kit_i(k, 0)), kit_nowhere);
  kit_store(k, kit_child(k, first, 0), s, kit_i(k, 0), kit_i(k, 5));
  kit_store(k, body, ob, kit_i(k, 0), kit_load(k, body, s, kit_i(k, 0)));
  kit_run_error(k, "E0607", "i = 1");
  kit_near(k, "out", 0, out[0], 5, 0);
}

static void threads_one_by_one(struct kit *k) {
  int32_t out[96] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 96, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_group group = {.first = 32, .count = 64};
  tc_value tx = kit_new_var(k, "tx", TC_VAR_THREAD, &group.thread);
  tc_value threads = kit_stmt(k, kernel, TC_OP_perthread, NULL, 0, tc_pl_group(k->ir, group));
  tc_region body = kit_child(k, threads, 0);
  kit_store(k, body, ob, tx, kit_op(k, TC_OP_mul, tx, kit_i(k, 3)));
  kit_run_ok(k);
  for (int n = 0; n < 96; n++)
    kit_near(k, "out", n, out[n], n >= 32 ? 3 * n : 0, 0);
  kit_stmt(k, body, TC_OP_barrier, NULL, 0, tc_pl_barrier(k->ir, (tc_barrier){.id = -1}));
  kit_run_error(k, "E0617", "64 of 128 have come");
}

/* ---- undefined values ---- */

static void undefined_store(struct kit *k) {
  float out[4] = {0};
  int64_t four = 4;
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 3), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, &four);
  tc_value x = kit_load(k, kernel, s, bx);
  kit_store(k, kernel, s, kit_i(k, 1), kit_op(k, TC_OP_add, x, x)); /* computing is allowed */
  kit_store(k, kernel, ob, kit_i(k, 0), kit_load(k, kernel, s, kit_i(k, 1)));
  kit_run_error(k, "E0607", "'S'");
}

static void undefined_branch(struct kit *k) {
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_bool, 0, NULL);
  tc_if(k->ir, kernel, kit_get(k, kernel, x), kit_nowhere);
  kit_run_error(k, "E0607", "the condition is undefined");
}

static void undefined_index(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_store(k, kernel, ob, kit_get(k, kernel, x), kit_i(k, 1));
  kit_run_error(k, "E0607", "index 0 of 'out' is undefined");
}

static void undefined_bound(struct kit *k) {
  tc_value bx, i;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_for(k, kernel, kit_i(k, 0), kit_get(k, kernel, x), 1, &i);
  kit_run_error(k, "E0607", "a bound of the loop");
}

static void undefined_select(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf x = kit_alloc(k, kernel, "x", TC_SCOPE_var, TC_DT_bool, 0, NULL);
  tc_value chosen = tc_select(k->ir, kit_get(k, kernel, x), kit_i(k, 1), kit_i(k, 2));
  kit_store(k, kernel, ob, kit_i(k, 0), chosen);
  kit_run_error(k, "E0607", "'x'");
}

static void undefined_swap(struct kit *k) {
  int32_t out[1] = {0};
  int64_t one = 1;
  tc_value bx, zero = kit_i(k, 0);
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_int32, 1, &one);
  tc_atomic swap = {.buf = s, .kind = TC_ATOMIC_CAS};
  for (int expected = 0; expected < 2; expected++) /* one of them is what the memory holds */
    tc_atomic_stmt(k->ir, kernel, swap, &zero, kit_i(k, 5), kit_i(k, expected), (tc_value){0},
                   kit_nowhere);
  kit_store(k, kernel, ob, zero, kit_load(k, kernel, s, zero));
  kit_run_error(k, "E0607", "'S'");
}

static void undefined_argument(struct kit *k) {
  float in[4] = {0}, out[4] = {0};
  tc_value bx;
  tc_buf ib = kit_param(k, "in", TC_DT_float32, in, 4, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 4, -1);
  k->args[0].array.poisoned = true;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ib, kit_i(k, 0), kit_f(k, TC_DT_float32, 1));
  kit_store(k, kernel, ob, kit_i(k, 0), kit_load(k, kernel, ib, kit_i(k, 0)));
  kit_run_ok(k);
  kit_store(k, kernel, ob, kit_i(k, 1), kit_load(k, kernel, ib, kit_i(k, 1)));
  kit_run_error(k, "E0607", "global buffer 'out'");
}

static void division_by_zero(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 4), &bx);
  tc_value divisor = kit_op(k, TC_OP_sub, bx, kit_i(k, 2));
  tc_value quotient = kit_op(k, TC_OP_floordiv, kit_i(k, 12), divisor);
  tc_value safe =
      tc_select(k->ir, kit_op(k, TC_OP_eq, divisor, kit_i(k, 0)), kit_i(k, 99), quotient);
  kit_store(k, kernel, ob, bx, safe);
  kit_run_ok(k);
  static const int wanted[4] = {-6, -12, 99, 12};
  for (int n = 0; n < 4; n++)
    kit_near(k, "out", n, out[n], wanted[n], 0);
  kit_store(k, kernel, ob, bx, kit_op(k, TC_OP_add, quotient, kit_i(k, 1)));
  kit_run_error(k, "E0608", "bx = 2");
}

static void oversized_shift(struct kit *k) {
  int32_t out[40] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 40, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 40), &bx);
  kit_store(k, kernel, ob, bx, kit_op(k, TC_OP_shl, kit_i(k, 1), bx));
  kit_run_error(k, "E0607", "shift");
}

/* ---- other errors ---- */

static void out_of_bounds(struct kit *k) {
  int64_t extents[2] = {4, 8};
  tc_value bx, i;
  tc_region kernel = kit_kernel(k, kit_i(k, 2), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 2, extents);
  tc_region body = kit_for(k, kernel, kit_i(k, 0), kit_i(k, 8), 1, &i);
  tc_value at = kit_op(k, TC_OP_add, i, bx);
  kit_store2(k, body, s, kit_i(k, 0), at, kit_f(k, TC_DT_float32, 1));
  kit_run_error(k, "E0605", "index 8 is outside dimension 1 of shared buffer 'S'");
  kit_check(k,
            k->ir->diags->all.at[0].notes.n > 0
                && strstr(k->ir->diags->all.at[0].notes.at[1].text, "bx = 1, by = 0, i = 7"),
            "the note names the block and the loop variable");
}

/* A view with more elements than 64 bits can count is still refused. */
static void absurd_view(struct kit *k) {
  float a[8] = {0};
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value shape[3] = {tc_const_int(k->ir, wide, 4), tc_const_int(k->ir, wide, INT64_C(1) << 32),
                       tc_const_int(k->ir, wide, INT64_C(1) << 32)};
  tc_value bx, zero = kit_i(k, 0);
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 8, -1);
  tc_buf view = tc_buf_view(k->ir, "V", ab, tc_scalar_type(TC_DT_float32), 3, shape, kit_nowhere);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_store(k->ir, kernel, view, (tc_value[]){zero, zero, kit_i(k, 7)}, kit_f(k, TC_DT_float32, 1),
           (tc_value){0}, kit_nowhere);
  kit_run_ok(k);
  kit_near(k, "A", 7, (double)a[7], 1, 0);
  tc_store(k->ir, kernel, view, (tc_value[]){kit_i(k, 1), zero, zero}, kit_f(k, TC_DT_float32, 1),
           (tc_value){0}, kit_nowhere);
  kit_run_error(k, "E0606", "'V'");
}

/* The note names the loops that are still running, not those that ended. */
static void ended_loops(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx, i;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_for(k, kernel, kit_i(k, 0), kit_i(k, 4), 1, &i);
  kit_parallel(k, kernel, kit_i(k, 4), &i);
  kit_store(k, kernel, ob, kit_i(k, 4), kit_i(k, 1));
  kit_run_error(k, "E0605", "bx = 0, by = 0\n");
}

static void negative_index(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ob, kit_op(k, TC_OP_sub, bx, kit_i(k, 1)), kit_i(k, 1));
  kit_run_error(k, "E0605", "index -1 is outside dimension 0 of global buffer 'out'");
}

static void surface_guards(struct kit *k) {
  int32_t out[4] = {0};
  tc_value bx;
  k->ir->state = TC_STATE_surface;
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 100), &bx);
  tc_value x = kit_load(k, kernel, ob, kit_op(k, TC_OP_add, bx, kit_i(k, 1)));
  kit_store(k, kernel, ob, bx, kit_op(k, TC_OP_add, x, bx));
  kit_run_ok(k);
  for (int n = 0; n < 4; n++)
    kit_near(k, "out", n, out[n], n, 0);
}

static void empty_grid(struct kit *k) {
  tc_value bx;
  int64_t zero = 0;
  tc_value n = tc_var_value(k->ir, kit_dim(k, "N"));
  kit_param_of(k, "A", TC_DT_float32, 1, &n, NULL, &zero);
  kit_kernel(k, n, &bx);
  kit_run_error(k, "E0604", "grid extent 0 of kernel 'main' is 0");
}

static void assertions(struct kit *k) {
  int64_t five = 5;
  float a[5] = {0};
  tc_value n = tc_var_value(k->ir, kit_dim(k, "N"));
  kit_param_of(k, "A", TC_DT_float32, 1, &n, a, &five);
  tc_value odd = kit_op(k, TC_OP_eq, kit_op(k, TC_OP_floormod, n, kit_i(k, 2)), kit_i(k, 1));
  kit_stmt(k, k->body, TC_OP_assert, &odd, 1, tc_pl_text(k->ir, "N must be odd"));
  kit_run_ok(k);
  tc_value wide = kit_op(k, TC_OP_lt, kit_i(k, 8), n);
  kit_stmt(k, k->body, TC_OP_assert, &wide, 1, tc_pl_text(k->ir, "N must exceed 8"));
  kit_run_error(k, "E0609", "assertion failed: N must exceed 8");
}

static void broken_assumption(struct kit *k) {
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 4), &bx);
  tc_value low = kit_op(k, TC_OP_lt, bx, kit_i(k, 3));
  kit_stmt(k, kernel, TC_OP_assume, &low, 1, 0);
  kit_run_error(k, "E0610", "bx = 3");
}

static void endless_loop(struct kit *k) {
  tc_value bx, yes = tc_const_bool(k->ir, true);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value loop = kit_stmt(k, kernel, TC_OP_while, NULL, 0, 0);
  kit_stmt(k, kit_child(k, loop, 0), TC_OP_yield, &yes, 1, 0);
  k->limits.steps = 10000;
  kit_run_error(k, "E0611", "10000 steps");
  kit_check(k, k->result.steps >= 10000 && k->result.steps < 10100, "steps are counted");
}

static void too_many_blocks(struct kit *k) {
  tc_value bx, by;
  kit_kernel2(k, kit_i(k, INT32_MAX), kit_i(k, INT32_MAX), &bx, &by);
  kit_run_error(k, "E0611", "steps");
}

static void huge_allocations(struct kit *k) {
  static const int64_t shapes[][4] = {
      {1000000, 1000000, 1, 1},
      {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX},
      {65536, 65536, 65536, 65536}, /* 2^64 elements: must not wrap to 0 */
  };
  for (size_t n = 0; n < TC_COUNT(shapes); n++) {
    tc_value bx;
    tc_ir *ir = tc_ir_new(&k->arena, tc_diags_new(&k->arena, k->ir->diags->source), k->ir->names);
    ir->state = TC_STATE_tile;
    k->ir = ir;
    k->body = ir->body;
    tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
    kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 4, shapes[n]);
    kit_run_error(k, "E0612", "4096 MiB");
  }
}

static void small_memory(struct kit *k) {
  int64_t n = 300000;
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, &n);
  k->limits.memory_b = 2 << 20;
  kit_run_ok(k);
  k->limits.memory_b = 1 << 20;
  kit_run_error(k, "E0612", "1 MiB");
}

static void negative_extent(struct kit *k) {
  int64_t n = -5;
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, &n);
  kit_run_error(k, "E0616", "negative");
}

static void unsupported_op(struct kit *k) {
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_prim what = {.row = TC_PRIM_trap};
  tc_prim_stmt(k->ir, kernel, what, NULL, 0, kit_nowhere);
  kit_run_error(k, "E0615", "prim");
}

/* ---- arguments ---- */

/* Dimensions from M + N, 2 * M and N, in an order in which only the last stands alone. */
static void solved_dimensions(struct kit *k) {
  float data[64] = {0};
  int32_t out[2] = {0};
  tc_value m = tc_var_value(k->ir, kit_dim(k, "M")), n = tc_var_value(k->ir, kit_dim(k, "N")), bx;
  tc_value sum = kit_op(k, TC_OP_add, m, n), twice = kit_op(k, TC_OP_mul, m, kit_i(k, 2));
  tc_value shape[2] = {sum, twice};
  kit_param_of(k, "A", TC_DT_float32, 2, shape, data, (int64_t[]){8, 6});
  kit_param_of(k, "B", TC_DT_float32, 1, &n, data, (int64_t[]){5});
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 2, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ob, kit_i(k, 0), m);
  kit_store(k, kernel, ob, kit_i(k, 1), n);
  kit_run_ok(k);
  kit_near(k, "M", 0, out[0], 3, 0);
  kit_near(k, "N", 1, out[1], 5, 0);
  k->shapes[0][1] = 7; /* 2 * M = 7, but M is 3 by M + N */
  kit_run_error(k, "E0602", "argument 1 ('A')");
}

static void negative_solution(struct kit *k) {
  float data[64] = {0};
  int32_t out[1] = {0};
  tc_value m = tc_var_value(k->ir, kit_dim(k, "M")), n = tc_var_value(k->ir, kit_dim(k, "N")), bx;
  tc_value sum = kit_op(k, TC_OP_add, m, n);
  kit_param_of(k, "A", TC_DT_float32, 1, &sum, data, (int64_t[]){5});
  kit_param_of(k, "B", TC_DT_float32, 1, &n, data, (int64_t[]){5});
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ob, kit_i(k, 0), m);
  kit_run_ok(k);
  kit_near(k, "M", 0, out[0], 0, 0); /* 0 is a size */
  k->shapes[0][0] = 4;
  kit_run_error(
      k, "E0602",
      "argument 1 ('A') does not fit: the extent of dimension 0 is 4, which makes 'M' -1");
}

static void solved_from_product(struct kit *k) {
  float data[64] = {0};
  int32_t out[1] = {0};
  tc_value m = tc_var_value(k->ir, kit_dim(k, "M")), bx;
  tc_value extent = kit_op(k, TC_OP_sub, kit_i(k, 20), kit_op(k, TC_OP_mul, m, kit_i(k, 3)));
  kit_param_of(k, "A", TC_DT_float32, 1, &extent, data, (int64_t[]){8});
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ob, kit_i(k, 0), m);
  kit_run_ok(k);
  kit_near(k, "M", 0, out[0], 4, 0);
  k->shapes[0][0] = 9;
  kit_run_error(k, "E0602", "no whole number 'M'");
}

static void unsolvable_dimension(struct kit *k) {
  float data[64] = {0};
  tc_value m = tc_var_value(k->ir, kit_dim(k, "M"));
  tc_value half = kit_op(k, TC_OP_floordiv, m, kit_i(k, 2));
  kit_param_of(k, "A", TC_DT_float32, 1, &half, data, (int64_t[]){8});
  kit_run_error(k, "E0603", "'M'");
}

static void shape_mismatch(struct kit *k) {
  float data[64] = {0};
  tc_value n = tc_var_value(k->ir, kit_dim(k, "N"));
  kit_param_of(k, "A", TC_DT_float32, 1, &n, data, (int64_t[]){8});
  kit_param_of(k, "B", TC_DT_float32, 1, &n, data, (int64_t[]){9});
  kit_run_error(k, "E0602",
                "argument 2 ('B') does not fit: the extent of dimension 0 is 9, "
                "expected 8 (N)");
}

static void type_mismatch(struct kit *k) {
  float data[8] = {0};
  kit_param(k, "A", TC_DT_float32, data, 8, -1);
  k->args[0].array.elem = tc_scalar_type(TC_DT_float16);
  kit_run_error(k, "E0602", "float16, expected float32");
}

static void rank_mismatch(struct kit *k) {
  float data[8] = {0};
  kit_param(k, "A", TC_DT_float32, data, 2, 4);
  k->args[0].array.rank = 1;
  kit_run_error(k, "E0602", "1 dimension, expected 2");
}

static void argument_count(struct kit *k) {
  float data[8] = {0};
  kit_param(k, "A", TC_DT_float32, data, 8, -1);
  tc_interp_result r = tc_interp_run(k->ir, k->args, 0, NULL, kit_print, k);
  kit_check(k,
            !r.ok && k->ir->diags->n_errors == 1 && k->ir->diags->all.at[0].id == D_argument_count,
            "a missing argument is E0601");
}

static void strided_argument(struct kit *k) {
  float data[40], out[6] = {0};
  for (int n = 0; n < 40; n++)
    data[n] = (float)n;
  tc_value rows = kit_i(k, 3), columns = kit_i(k, 2), bx, i, j;
  tc_value s = tc_var_value(k->ir, kit_dim(k, "S"));
  tc_buf ab =
      kit_param_of(k, "A", TC_DT_float32, 2, (tc_value[]){rows, columns}, data, (int64_t[]){3, 2});
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 3, 2);
  tc_value strides[2] = {s, kit_i(k, 2)};
  tc_buf_at(k->ir, ab)->strides = tc_arena_copy(&k->arena, strides, sizeof strides);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region body = kit_parallel2(k, kernel, rows, columns, &i, &j);
  kit_store2(k, body, ob, i, j, kit_load2(k, body, ab, i, j));
  int64_t actual[2] = {10, 2};
  k->args[0].array.strides = actual;
  kit_run_ok(k);
  for (int n = 0; n < 6; n++)
    kit_near(k, "out", n, (double)out[n], n / 2 * 10 + n % 2 * 2, 0);
  k->args[1].array.strides = actual;
  kit_run_error(k, "E0602", "declared without strides");
}

static void absent_argument(struct kit *k) {
  int32_t out[1] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_int32, NULL, 4, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 1, -1);
  tc_buf_at(k->ir, ab)->flags |= TC_BUF_NULLABLE;
  k->args[0].array = (tc_array){.elem = tc_scalar_type(TC_DT_int32)};
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value never = tc_const_bool(k->ir, false), zero = kit_i(k, 0);
  tc_value x = tc_load(k->ir, kernel, ab, &zero, never, kit_i(k, 3), kit_nowhere);
  kit_store(k, kernel, ob, zero, x);
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], 3, 0);
  kit_store(k, kernel, ob, zero, kit_load(k, kernel, ab, zero));
  kit_run_error(k, "E0613", "'A'");
}

static void scalar_arguments(struct kit *k) {
  double out[2] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_float64, out, 2, -1);
  tc_var x = tc_var_new(k->ir, "x", TC_VAR_SCALAR, tc_scalar_type(TC_DT_float32), kit_nowhere);
  tc_var n = tc_var_new(k->ir, "n", TC_VAR_SCALAR, tc_scalar_type(TC_DT_int8), kit_nowhere);
  tc_vec_push(&k->arena, &k->ir->params, ((tc_param){TC_PARAM_SCALAR, {0}, x}));
  tc_vec_push(&k->arena, &k->ir->params, ((tc_param){TC_PARAM_SCALAR, {0}, n}));
  k->args[1].scalar.f = 0.1; /* becomes float32 */
  k->args[2].scalar.i = -3;
  tc_type wide = tc_scalar_type(TC_DT_float64);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_store(k, kernel, ob, kit_i(k, 0), tc_cast(k->ir, tc_var_value(k->ir, x), wide));
  kit_store(k, kernel, ob, kit_i(k, 1), tc_cast(k->ir, tc_var_value(k->ir, n), wide));
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], (double)0.1f, 0);
  kit_near(k, "out", 1, out[1], -3, 0);
}

static void host_values(struct kit *k) {
  tc_var n = kit_dim(k, "N"),
         b = tc_var_new(k->ir, "b", TC_VAR_BLOCK, tc_scalar_type(TC_DT_int32), kit_nowhere);
  tc_imm by_var[8] = {{0}};
  by_var[n.id].i = 100;
  tc_value blocks = kit_op(
      k, TC_OP_floordiv, kit_op(k, TC_OP_add, tc_var_value(k->ir, n), kit_i(k, 31)), kit_i(k, 32));
  tc_scalar r;
  tc_interp_host(k->ir, blocks, by_var, &r);
  kit_check(k, !r.poison && r.x.i == 4, "ceildiv of a dimension is known");
  tc_interp_host(k->ir, kit_op(k, TC_OP_add, blocks, tc_var_value(k->ir, b)), by_var, &r);
  kit_check(k, r.poison, "a block index is not known");
  tc_value deep = tc_var_value(k->ir, n);
  for (int i = 0; i < 200000; i++)
    deep = kit_op(k, TC_OP_xor, kit_op(k, TC_OP_add, deep, blocks), kit_i(k, i + 1));
  tc_interp_host(k->ir, deep, by_var, &r);
  int32_t wanted = 100;
  for (int i = 0; i < 200000; i++)
    wanted = (int32_t)((uint32_t)wanted + 4) ^ (i + 1);
  kit_check(k, !r.poison && r.x.i == wanted, "deep expressions need no stack");
}

static void printing(struct kit *k) {
  float a[3] = {1.5f, -2, 0.25f};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 3, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 2), &bx);
  kit_stmt(k, kernel, TC_OP_print, &bx, 1,
           tc_pl_print(k->ir, (tc_print){.text = tc_pl_text(k->ir, "block")}));
  kit_stmt(k, kernel, TC_OP_print, NULL, 0, tc_pl_print(k->ir, (tc_print){.buf = ab}));
  kit_run_ok(k);
  kit_check(k,
            k->printed.at
                && strcmp(k->printed.at, "block 0\nA = [1.5, -2, 0.25]\n"
                                         "block 1\nA = [1.5, -2, 0.25]\n")
                       == 0,
            "text, values and contents are printed");
}

/* The caller's arena may run out while a diagnostic is made: its unwind is used, after ours. */
static void exhausted_diagnostics(struct kit *k) {
  tc_value bx;
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value no = tc_const_bool(k->ir, false);
  char text[70000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  kit_stmt(k, kernel, TC_OP_assert, &no, 1, tc_pl_text(k->ir, text));
  tc_unwind inner, *outer = k->arena.unwind;
  k->arena.unwind = &inner;
  k->arena.limit_b = k->arena.total_b;
  int why = setjmp(inner.at);
  if (why == 0) kit_run(k);
  k->arena.unwind = outer;
  k->arena.limit_b = (size_t)1 << 32;
  kit_check(k, why == TC_WHY_MEMORY, "the caller learns that its memory is exhausted");
}

int main(void) {
  struct kit t = {0};
  KIT_CASE(&t, vector_add);
  KIT_CASE(&t, vector_add_seeded);
  KIT_CASE(&t, seeded_order);
  KIT_CASE(&t, else_values);
  KIT_CASE(&t, packed_elements);
  KIT_CASE(&t, views_share_storage);
  KIT_CASE(&t, views_share_poison);
  KIT_CASE(&t, view_too_large);
  KIT_CASE(&t, vector_accesses);
  KIT_CASE(&t, reinterpret_lanes);
  KIT_CASE(&t, atomics);
  KIT_CASE(&t, pointer_table);
  KIT_CASE(&t, loops);
  KIT_CASE(&t, while_break_continue);
  KIT_CASE(&t, private_variables);
  KIT_CASE(&t, lazy_branches);
  KIT_CASE(&t, two_kernels_and_workspace);
  KIT_CASE(&t, alloc_is_fresh);
  KIT_CASE(&t, threads_one_by_one);
  KIT_CASE(&t, undefined_store);
  KIT_CASE(&t, undefined_branch);
  KIT_CASE(&t, undefined_index);
  KIT_CASE(&t, undefined_bound);
  KIT_CASE(&t, undefined_select);
  KIT_CASE(&t, undefined_swap);
  KIT_CASE(&t, undefined_argument);
  KIT_CASE(&t, division_by_zero);
  KIT_CASE(&t, oversized_shift);
  KIT_CASE(&t, out_of_bounds);
  KIT_CASE(&t, absurd_view);
  KIT_CASE(&t, ended_loops);
  KIT_CASE(&t, negative_index);
  KIT_CASE(&t, surface_guards);
  KIT_CASE(&t, empty_grid);
  KIT_CASE(&t, assertions);
  KIT_CASE(&t, broken_assumption);
  KIT_CASE(&t, endless_loop);
  KIT_CASE(&t, too_many_blocks);
  KIT_CASE(&t, huge_allocations);
  KIT_CASE(&t, small_memory);
  KIT_CASE(&t, negative_extent);
  KIT_CASE(&t, unsupported_op);
  KIT_CASE(&t, solved_dimensions);
  KIT_CASE(&t, solved_from_product);
  KIT_CASE(&t, unsolvable_dimension);
  KIT_CASE(&t, negative_solution);
  KIT_CASE(&t, shape_mismatch);
  KIT_CASE(&t, type_mismatch);
  KIT_CASE(&t, rank_mismatch);
  KIT_CASE(&t, argument_count);
  KIT_CASE(&t, strided_argument);
  KIT_CASE(&t, absent_argument);
  KIT_CASE(&t, scalar_arguments);
  KIT_CASE(&t, host_values);
  KIT_CASE(&t, printing);
  KIT_CASE(&t, exhausted_diagnostics);
  return kit_report(&t, "ir_interp");
}
