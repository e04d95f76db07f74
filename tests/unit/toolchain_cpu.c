/* Kernels as C against the interpreter: scalar ops and casts of every type, parallel loops, memory
 * forms. Tile operations are in toolchain_cpu_tiles.c. */
#include "cpu_kit.h"

static kit_cpu native(void) {
  return (kit_cpu){.isa = tc_cpu_isa_host()};
}

static tc_value none(void) {
  return (tc_value){0};
}

/* A guarded index as canon makes it: 0 <= at < n. */
static tc_value inside(struct kit *k, tc_value at, tc_value n) {
  return tc_and(k->ir, kit_op(k, TC_OP_le, kit_i(k, 0), at), kit_op(k, TC_OP_lt, at, n));
}

static uint32_t rng_state = 12345;
static uint32_t rng(void) {
  rng_state ^= rng_state << 13;
  rng_state ^= rng_state >> 17;
  rng_state ^= rng_state << 5;
  return rng_state;
}

/* ---- vector add with a tail, dynamic extent ---- */

static void add_n(struct kit *k, int n) {
  float *a = calloc(1024, 4), *b = calloc(1024, 4), *c = calloc(1024, 4);
  for (int i = 0; i < n; i++)
    a[i] = (float)i, b[i] = (float)(i * i);
  tc_var dim;
  tc_value nv = kit_new_var(k, "N", TC_VAR_DIM, &dim), bx, i;
  int64_t actual[1] = {n};
  tc_buf A = kit_param_of(k, "A", TC_DT_float32, 1, &nv, a, actual);
  tc_buf B = kit_param_of(k, "B", TC_DT_float32, 1, &nv, b, actual);
  tc_buf C = kit_param_of(k, "C", TC_DT_float32, 1, &nv, c, actual);
  tc_value up = kit_op(k, TC_OP_add, nv, kit_i(k, 127));
  tc_region body = kit_kernel(k, kit_op(k, TC_OP_floordiv, up, kit_i(k, 128)), &bx);
  tc_region par = kit_parallel(k, body, kit_i(k, 128), &i);
  tc_value at = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, 128)), i);
  tc_value in = inside(k, at, nv);
  tc_value x = tc_load(k->ir, par, A, &at, in, none(), kit_nowhere);
  tc_value y = tc_load(k->ir, par, B, &at, in, none(), kit_nowhere);
  tc_store(k->ir, par, C, &at, kit_op(k, TC_OP_add, x, y), in, kit_nowhere);
  kit_cpu cpu = native();
  cpu.words[dim.id] = n;
  kit_both(k, &cpu);
  kit_check(k, c[n - 1] == a[n - 1] + b[n - 1], "the sum itself");
  free(a), free(b), free(c);
}
static void add_1000(struct kit *k) {
  add_n(k, 1000);
}
static void add_1(struct kit *k) {
  add_n(k, 1);
}
static void add_128(struct kit *k) {
  add_n(k, 128);
}

/* ---- a stencil: loads beyond both ends give another value, stores are guarded, 2-D ---- */

static void stencil(struct kit *k) {
  enum { M = 37, N = 53 };
  float *a = calloc(M * N, 4), *c = calloc(M * N, 4);
  for (int i = 0; i < M * N; i++)
    a[i] = (float)(rng() % 1000);
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, M, N),
         C = kit_param(k, "C", TC_DT_float32, c, M, N);
  tc_value bx, by, i, j;
  tc_region body = kit_kernel2(k, kit_i(k, 4), kit_i(k, 3), &bx, &by);
  tc_region par = kit_parallel2(k, body, kit_i(k, 16), kit_i(k, 16), &i, &j);
  tc_value y = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, by, kit_i(k, 16)), i);
  tc_value x = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, 16)), j);
  tc_value sum = kit_f(k, TC_DT_float32, 0);
  for (int d = -1; d <= 1; d++) {
    tc_value xs = kit_op(k, TC_OP_add, x, kit_i(k, 3 * d)), at[2] = {y, xs};
    tc_value in = tc_and(k->ir, inside(k, y, kit_i(k, M)), inside(k, xs, kit_i(k, N)));
    tc_value v = tc_load(k->ir, par, A, at, in, kit_f(k, TC_DT_float32, d ? 7 : 0), kit_nowhere);
    sum = kit_op(k, TC_OP_add, sum, v);
  }
  tc_value in = tc_and(k->ir, inside(k, y, kit_i(k, M)), inside(k, x, kit_i(k, N)));
  tc_store(k->ir, par, C, (tc_value[]){y, x}, sum, in, kit_nowhere);
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  kit_check(k, c[0] == 7 + a[0] + a[3], "the first element");
  free(a), free(c);
}

/* ---- transposed access: the order of loops follows the stores; reversed indices; strides ---- */

static void orders(struct kit *k) {
  enum { M = 24, N = 40 };
  int32_t *a = calloc(M * N, 4), *t = calloc(M * N, 4), *r = calloc(M * N, 4),
          *s = calloc(M * N * 2, 4);
  for (int i = 0; i < M * N; i++)
    a[i] = (int32_t)rng();
  tc_buf A = kit_param(k, "A", TC_DT_int32, a, M, N), T = kit_param(k, "T", TC_DT_int32, t, N, M);
  tc_buf R = kit_param(k, "R", TC_DT_int32, r, M, N),
         S = kit_param(k, "S", TC_DT_int32, s, M, 2 * N);
  tc_value bx, i, j;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region par = kit_parallel2(k, body, kit_i(k, M), kit_i(k, N), &i, &j);
  tc_value x = kit_load2(k, par, A, i, j);
  kit_store2(k, par, T, j, i, x);
  kit_store2(k, par, R, kit_op(k, TC_OP_sub, kit_i(k, M - 1), i),
             kit_op(k, TC_OP_sub, kit_i(k, N - 1), j), x);
  tc_value odd = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, j, kit_i(k, 2)), kit_i(k, 1));
  kit_store2(k, par, S, i, odd, x);
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(t), free(r), free(s);
}

/* ---- variables: private to each iteration, zero or given, read before the loop ---- */

static void privates(struct kit *k) {
  enum { N = 100 };
  int32_t *a = calloc(N, 4), *c = calloc(N, 4);
  for (int i = 0; i < N; i++)
    a[i] = (int32_t)(rng() % 50);
  tc_buf A = kit_param(k, "A", TC_DT_int32, a, N, -1), C = kit_param(k, "C", TC_DT_int32, c, N, -1);
  tc_value bx, i, q;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf v = kit_alloc(k, body, "v", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  tc_buf w = kit_alloc(k, body, "w", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_set(k, body, v, kit_i(k, 5));
  kit_set(k, body, w, kit_i(k, 3));
  tc_region par = kit_parallel(k, body, kit_i(k, N), &i);
  tc_value x = kit_load(k, par, A, i);
  tc_region loop = kit_for(k, par, kit_i(k, 0), x, 1, &q);
  kit_set(k, loop, v,
          kit_op(k, TC_OP_add, kit_get(k, loop, v), kit_op(k, TC_OP_mul, q, kit_get(k, loop, w))));
  tc_value odd = kit_op(k, TC_OP_eq, kit_op(k, TC_OP_floormod, q, kit_i(k, 2)), kit_i(k, 1));
  tc_value branch = tc_if(k->ir, loop, odd, kit_nowhere);
  tc_region then = kit_child(k, branch, 0), other = kit_child(k, branch, 1);
  kit_set(k, then, v, kit_op(k, TC_OP_sub, kit_get(k, then, v), kit_i(k, 1)));
  kit_set(k, other, v, kit_op(k, TC_OP_add, kit_get(k, other, v), kit_i(k, 2)));
  kit_store(k, par, C, i, kit_get(k, par, v));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}

/* ---- loops: steps of both signs, while, break, continue, the value of the counter ---- */

static void loops(struct kit *k) {
  int32_t *c = calloc(64, 4);
  tc_buf C = kit_param(k, "C", TC_DT_int32, c, 64, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf n = kit_alloc(k, body, "n", TC_SCOPE_var, TC_DT_int32, 0, NULL);
  kit_set(k, body, n, kit_i(k, 0));
  tc_region fill = kit_for(k, body, kit_i(k, 0), kit_i(k, 64), 1, &i);
  kit_store(k, fill, C, i, kit_i(k, -1));
  tc_region up = kit_for(k, body, kit_i(k, -5), kit_i(k, 14), 7, &i);
  kit_store(k, up, C, kit_get(k, up, n), i);
  kit_set(k, up, n, kit_op(k, TC_OP_add, kit_get(k, up, n), kit_i(k, 1)));
  tc_region down = kit_for(k, body, kit_i(k, 9), kit_i(k, -4), -4, &i);
  kit_store(k, down, C, kit_get(k, down, n), i);
  kit_set(k, down, n, kit_op(k, TC_OP_add, kit_get(k, down, n), kit_i(k, 1)));
  tc_value loop = kit_stmt(k, body, TC_OP_while, NULL, 0, 0);
  tc_region cond = kit_child(k, loop, 0), in = kit_child(k, loop, 1);
  kit_stmt(k, cond, TC_OP_yield,
           (tc_value[]){kit_op(k, TC_OP_lt, kit_get(k, cond, n), kit_i(k, 1000))}, 1, 0);
  kit_set(k, in, n, kit_op(k, TC_OP_add, kit_get(k, in, n), kit_i(k, 1)));
  tc_value now = kit_get(k, in, n);
  tc_region skip =
      kit_child(k,
                tc_if(k->ir, in,
                      kit_op(k, TC_OP_eq, kit_op(k, TC_OP_floormod, now, kit_i(k, 3)), kit_i(k, 0)),
                      kit_nowhere),
                0);
  kit_stmt(k, skip, TC_OP_continue, NULL, 0, 0);
  tc_region stop =
      kit_child(k, tc_if(k->ir, in, kit_op(k, TC_OP_lt, kit_i(k, 40), now), kit_nowhere), 0);
  kit_stmt(k, stop, TC_OP_break, NULL, 0, 0);
  kit_store(k, in, C, now, kit_op(k, TC_OP_mul, now, now));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  kit_check(k, c[0] == -5 && c[2] == 9 && c[3] == 9 && c[10] == 100, "steps and squares");
  free(c);
}

/* ---- int32 wraps, and an index that wraps into range is still guarded by its own value ---- */

static void wrapping(struct kit *k) {
  enum { N = 256 };
  int32_t *a = calloc(N, 4), *c = calloc(N, 4), *base = calloc(4, 4);
  for (int i = 0; i < N; i++)
    a[i] = i + 1;
  base[0] = INT32_MAX - 100, base[1] = INT32_MIN + 50, base[2] = -30, base[3] = 200;
  tc_buf A = kit_param(k, "A", TC_DT_int32, a, N, -1), C = kit_param(k, "C", TC_DT_int32, c, N, -1);
  tc_buf B = kit_param(k, "B", TC_DT_int32, base, 4, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 4), &bx);
  tc_value b = kit_load(k, body, B, bx);
  tc_region par = kit_parallel(k, body, kit_i(k, 64), &i);
  tc_value at = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, b, kit_i(k, 3)), i),
           in = inside(k, at, kit_i(k, N));
  tc_value x = tc_load(k->ir, par, A, &at, in, kit_i(k, -9), kit_nowhere);
  tc_value to = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, 64)), i);
  kit_store(k, par, C, to, x);
  tc_region again = kit_parallel(k, body, kit_i(k, 64), &i);
  tc_value at2 = kit_op(k, TC_OP_add, b, i), in2 = inside(k, at2, kit_i(k, N));
  tc_value y = tc_load(k->ir, again, A, &at2, in2, kit_i(k, -5), kit_nowhere);
  tc_value to2 = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, 64)), i);
  tc_value old = kit_load(k, again, C, to2);
  kit_store(k, again, C, to2, kit_op(k, TC_OP_add, old, kit_op(k, TC_OP_mul, y, kit_i(k, 1000))));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c), free(base);
}

/* Bounds written with <=, from the right, and a condition whose index wraps but is no index. */
static void conditions(struct kit *k) {
  enum { N = 90 };
  int32_t *c = calloc(8 * N, 4), *base = calloc(4, 4);
  base[0] = INT32_MAX - 20, base[1] = 17, base[2] = -17, base[3] = 60;
  tc_buf C = kit_param(k, "C", TC_DT_int32, c, 8, N),
         B = kit_param(k, "B", TC_DT_int32, base, 4, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 4), &bx);
  tc_value b = kit_load(k, body, B, bx), row = kit_op(k, TC_OP_add, bx, kit_i(k, 4));
  for (uint32_t form = 0; form < 6; form++) {
    tc_region par = kit_parallel(k, body, kit_i(k, N), &i);
    tc_value up = kit_op(k, TC_OP_add, b, i), down = kit_op(k, TC_OP_sub, kit_i(k, 70), i), p;
    tc_value fifty = kit_i(k, 50), five = kit_i(k, 5);
    if (form == 0) p = kit_op(k, TC_OP_lt, up, fifty);
    if (form == 1) p = kit_op(k, TC_OP_le, fifty, up);
    if (form == 2) p = tc_and(k->ir, kit_op(k, TC_OP_le, up, fifty), kit_op(k, TC_OP_lt, five, up));
    if (form == 3)
      p = tc_and(k->ir, kit_op(k, TC_OP_le, down, fifty), kit_op(k, TC_OP_le, five, down));
    if (form == 4)
      p = tc_and(k->ir, kit_op(k, TC_OP_lt, down, fifty), kit_op(k, TC_OP_lt, five, down));
    if (form == 5)
      p = tc_and(k->ir, kit_op(k, TC_OP_lt, kit_op(k, TC_OP_mul, i, kit_i(k, 3)), fifty),
                 kit_op(k, TC_OP_lt, bx, kit_i(k, 2)));
    tc_value at[2] = {form % 2 ? bx : row, i}, old = kit_load2(k, par, C, at[0], i);
    tc_store(k->ir, par, C, at, kit_op(k, TC_OP_add, old, kit_i(k, 1 << 2 * form)), p, kit_nowhere);
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(c), free(base);
}

/* Per-thread code without barriers; groups; a local array used by every iteration. */
static void threads(struct kit *k) {
  enum { N = 64 };
  int32_t *c = calloc(N, 4), *d = calloc(N, 4);
  tc_buf C = kit_param(k, "C", TC_DT_int32, c, N, -1), D = kit_param(k, "D", TC_DT_int32, d, N, -1);
  tc_value bx, tx, i, q;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_var thread;
  tx = kit_new_var(k, "tx", TC_VAR_THREAD, &thread);
  tc_value stmt =
      kit_stmt(k, body, TC_OP_perthread, NULL, 0,
               tc_pl_group(k->ir, (tc_group){.first = 8, .count = 40, .thread = thread}));
  tc_region in = kit_child(k, stmt, 0);
  kit_store(k, in, C, tx, kit_op(k, TC_OP_mul, tx, tx));
  kit_stmt(k, body, TC_OP_barrier, NULL, 0, tc_pl_barrier(k->ir, (tc_barrier){.id = -1}));
  tc_value group =
      kit_stmt(k, body, TC_OP_group, NULL, 0, tc_pl_group(k->ir, (tc_group){.count = 32}));
  tc_region part = kit_child(k, group, 0);
  tc_buf L = kit_alloc(k, part, "L", TC_SCOPE_local, TC_DT_int32, 1, (int64_t[]){4});
  tc_region par = kit_parallel(k, part, kit_i(k, N), &i);
  tc_region loop = kit_for(k, par, kit_i(k, 0), kit_i(k, 4), 1, &q);
  kit_store(k, loop, L, q, kit_op(k, TC_OP_add, i, q));
  tc_value turned = kit_op(k, TC_OP_floormod, i, kit_i(k, 4));
  kit_store(k, par, D, i,
            kit_op(k, TC_OP_add, kit_load(k, par, L, turned), kit_load(k, par, C, i)));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  kit_check(k, c[7] == 0 && c[47] == 47 * 47 && c[48] == 0, "threads 8 to 47");
  free(c), free(d);
}

/* Quotients and remainders of the innermost variable: packed halves, groups, both, with bounds on
 * either side that are no multiples of anything. */
static void grouped(struct kit *k) {
  enum { M = 5, N = 192 };
  int32_t *c = calloc(7 * M * N, 4), *scale = calloc(M * N, 4);
  unsigned char *w = calloc(M * N / 2, 1), *bytes = calloc(M * N / 2, 1),
                *two = calloc(M * N / 4, 1);
  for (int i = 0; i < M * N / 2; i++)
    w[i] = (unsigned char)rng(), bytes[i] = (unsigned char)rng(), two[i / 2] = (unsigned char)rng();
  for (int i = 0; i < M * N; i++)
    scale[i] = (int32_t)(rng() % 100) + 1;
  tc_buf C = kit_param(k, "C", TC_DT_int32, c, 7 * M, N),
         W = kit_param(k, "W", TC_DT_int4, w, M, N);
  tc_buf S = kit_param(k, "S", TC_DT_int32, scale, M, N);
  tc_buf B = kit_param(k, "B", TC_DT_uint8, bytes, M, N / 2),
         T = kit_param(k, "T", TC_DT_uint2, two, M, N);
  static const int64_t from[] = {0, 0, 5, 64, -7, 3, 31},
                       count[] = {192, 100, 64, 128, 90, 130, 33};
  static const int64_t groups[] = {32, 64, 16, 32, 128, 24, 10};
  tc_type i32 = tc_scalar_type(TC_DT_int32);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 3), &bx);
  for (uint32_t form = 0; form < 7; form++) {
    tc_value i, j;
    tc_region par = kit_parallel2(k, body, kit_i(k, M), kit_i(k, count[form]), &i, &j);
    tc_value x =
        kit_op(k, TC_OP_add, kit_op(k, TC_OP_add, j, kit_op(k, TC_OP_mul, bx, kit_i(k, 64))),
               kit_i(k, from[form]));
    tc_value in = inside(k, x, kit_i(k, form % 2 ? N : N - 13)), g = kit_i(k, groups[form]);
    tc_value q = kit_op(k, TC_OP_floordiv, x, g), r = kit_op(k, TC_OP_floormod, x, g),
             zero = none();
    tc_value half = kit_op(k, TC_OP_floordiv, x, kit_i(k, 2)),
             odd = kit_op(k, TC_OP_floormod, x, kit_i(k, 2));
    tc_value packed = tc_load(k->ir, par, W, (tc_value[]){i, x}, in, zero, kit_nowhere);
    tc_value crumb = tc_load(k->ir, par, T, (tc_value[]){i, x}, in, zero, kit_nowhere);
    tc_value byte = tc_load(k->ir, par, B, (tc_value[]){i, half}, in, zero, kit_nowhere);
    tc_value by = tc_load(k->ir, par, S, (tc_value[]){i, q}, in, zero, kit_nowhere);
    tc_value nibble =
        kit_op(k, TC_OP_shr, tc_cast(k->ir, byte, i32), kit_op(k, TC_OP_mul, odd, kit_i(k, 4)));
    tc_value y = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, tc_cast(k->ir, packed, i32), by),
                        kit_op(k, TC_OP_and, nibble, kit_i(k, 15)));
    y = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, y, kit_i(k, 256)),
               kit_op(k, TC_OP_add, r, tc_cast(k->ir, crumb, i32)));
    tc_value row = kit_op(k, TC_OP_add, i, kit_i(k, form * M));
    tc_store(k->ir, par, C, (tc_value[]){row, x}, y, in, kit_nowhere);
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(c), free(w), free(scale), free(bytes), free(two);
}

/* ---- asserts, print ---- */

static void asserts(struct kit *k) {
  int32_t *c = calloc(8, 4);
  tc_buf C = kit_param(k, "C", TC_DT_int32, c, 8, -1);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 8), &bx);
  tc_value small = kit_op(k, TC_OP_lt, bx, kit_i(k, 100)),
           four = kit_op(k, TC_OP_ne, bx, kit_i(k, 4));
  kit_stmt(k, body, TC_OP_assert, &small, 1, tc_pl_text(k->ir, "small"));
  kit_store(k, body, C, bx, bx);
  kit_stmt(k, body, TC_OP_assert, &four, 1, tc_pl_text(k->ir, "not four"));
  kit_cpu cpu = native();
  kit_check(k, kit_run_compiled(k, &cpu), "it compiles");
  tc_cpu_options options = {.isa = cpu.isa};
  tc_emitted out = tc_cpu_emit(k->ir, &options, &k->arena);
  kit_check(k, cpu.returned == 2, "the second assert fails");
  kit_check(k, out.kernels[0].n_sites == 2 && strstr(out.kernels[0].sites[1].text, "not four"),
            "its text is known");
  free(c);
}

static void prints(struct kit *k) {
  float *a = calloc(6, 4);
  for (int i = 0; i < 6; i++)
    a[i] = (float)i / 3;
  tc_buf A = kit_param(k, "A\"%s", TC_DT_float32, a, 2, 3);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 2), &bx);
  tc_value args[] = {
      bx, kit_op(k, TC_OP_lt, bx, kit_i(k, 1)), kit_load2(k, body, A, kit_i(k, 1), kit_i(k, 2)),
      tc_cast(k->ir, bx, tc_scalar_type(TC_DT_uint64)), kit_f(k, TC_DT_float64, 0.1)};
  uint32_t text = tc_pl_text(k->ir, "say \"%d\" ?\?/ \n end");
  kit_stmt(k, body, TC_OP_print, args, 5, tc_pl_print(k->ir, (tc_print){.text = text}));
  kit_stmt(k, body, TC_OP_print, NULL, 0, tc_pl_print(k->ir, (tc_print){.text = text, .buf = A}));
  kit_stmt(k, body, TC_OP_print, args, 1, tc_pl_print(k->ir, (tc_print){.buf = A}));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a);
}

/* ---- casts and arithmetic of every type ---- */

enum { MANY = 48 };

static bool is_value_type(enum tc_dtype d) {
  enum tc_dtype_kind kind = tc_dtype_row(d)->kind;
  return kind == TC_K_BOOL || kind == TC_K_INT || kind == TC_K_UINT || kind == TC_K_FLOAT;
}

/* Patterns of a type: zeros, extremes, neighbours, subnormals, NaN, and random ones. */
static void fill_patterns(enum tc_dtype d, unsigned char *data, uint32_t n) {
  uint32_t bits = tc_dtype_row(d)->bits;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t r = (uint64_t)rng() << 32 | rng(), top = UINT64_C(1) << (bits - 1);
    uint64_t special[] = {
        0, 1, 2, 3, top, top - 1, top + 1, top | 1, ~UINT64_C(0), ~UINT64_C(1), top >> 1, top >> 2};
    uint64_t x = i < 12 ? special[i] : r;
    if (d == TC_DT_bool) x &= 1;
    if (d == TC_DT_float32 || d == TC_DT_tfloat32) { /* near the limits of the narrow formats */
      if (i >= 12 && i < 40) x = (uint64_t)((i - 12) * 9 + 1) << 23 | (r & 0x7fffff) | (r & top);
      if (i >= 36 && i < 40) x = (uint64_t)(127 + (i - 36) * 5) << 23 | (r & 0x700000);
    }
    if (d == TC_DT_float64 && i >= 12 && i < 40)
      x = (uint64_t)(1023 - 160 + (i - 12) * 12) << 52 | (r & ((top >> 11) - 1)) | (r & top);
    for (uint32_t b = 0; b < bits; b++) {
      uint64_t at = (uint64_t)i * bits + b;
      data[at / 8] =
          (unsigned char)((data[at / 8] & ~(1u << at % 8)) | (unsigned)(x >> b & 1) << at % 8);
    }
  }
}

/* The value's bits as uint64, floats by way of float64 where they have no integer of their size. */
static tc_value as_u64(struct kit *k, tc_value x) {
  tc_type type = tc_value_type(k->ir, x), u64 = tc_scalar_type(TC_DT_uint64);
  if (!tc_is_float(type)) return tc_cast(k->ir, x, u64);
  return tc_reinterpret(k->ir, tc_cast(k->ir, x, tc_scalar_type(TC_DT_float64)), u64);
}

/* NaNs of any sign and payload are one value. */
static void unify_nans(uint64_t *out, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if ((out[i] & UINT64_C(0x7fffffffffffffff)) > UINT64_C(0x7ff0000000000000))
      out[i] = UINT64_C(0x7ff8) << 48;
}

static void compare_u64(struct kit *k, const char *what, const uint64_t *saw, const uint64_t *want,
                        uint32_t n, bool floats) {
  uint64_t *p = malloc(n * 8), *q = malloc(n * 8);
  memcpy(p, saw, n * 8), memcpy(q, want, n * 8);
  if (floats) unify_nans(p, n), unify_nans(q, n);
  uint32_t shown = 0;
  for (uint32_t i = 0; i < n; i++) {
    k->n_checks++;
    if (p[i] == q[i]) continue;
    k->n_failures++;
    if (shown++ < 4)
      printf("%s: %s[%u]: cpu %llx, expected %llx\n", k->name, what, i, (unsigned long long)p[i],
             (unsigned long long)q[i]);
  }
  free(p), free(q);
}

/* Runs both forms with `out` (argument 1) as u64 results, `n` for each of the rows named. */
static void both_rows(struct kit *k, uint64_t *out, uint32_t rows, const char *const *names,
                      const bool *floats) {
  kit_cpu cpu = native();
  uint64_t *want = malloc((size_t)rows * MANY * 8);
  kit_run_ok(k);
  memcpy(want, out, (size_t)rows * MANY * 8);
  memset(out, 0, (size_t)rows * MANY * 8);
  if (kit_run_compiled(k, &cpu))
    for (uint32_t r = 0; r < rows; r++)
      compare_u64(k, names[r], out + r * MANY, want + r * MANY, MANY, floats[r]);
  free(want);
}

static void casts_from(struct kit *k, enum tc_dtype from) {
  unsigned char *a = calloc(MANY, 8);
  fill_patterns(from, a, MANY);
  uint64_t *out = calloc((size_t)TC_DTYPE_COUNT * MANY, 8);
  const char *names[TC_DTYPE_COUNT];
  bool floats[TC_DTYPE_COUNT];
  tc_buf A = kit_param(k, "A", from, a, MANY, -1),
         C = kit_param(k, "C", TC_DT_uint64, out, TC_DTYPE_COUNT, MANY);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  uint32_t rows = 0;
  for (int to = 0; to < TC_DTYPE_COUNT; to++) {
    if (!is_value_type((enum tc_dtype)to)) continue;
    tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
    tc_value x = tc_cast(k->ir, kit_load(k, par, A, i), tc_scalar_type((enum tc_dtype)to));
    kit_store2(k, par, C, kit_i(k, rows), i, as_u64(k, x));
    names[rows] = tc_dtype_row((enum tc_dtype)to)->name;
    floats[rows++] = tc_dtype_row((enum tc_dtype)to)->kind == TC_K_FLOAT;
  }
  both_rows(k, out, rows, names, floats);
  free(a), free(out);
}

/* Memory forms: load, store in the type itself, load again; and the store of a converted value. */
static void stores_of(struct kit *k, enum tc_dtype to) {
  float *a = calloc(MANY, 4);
  fill_patterns(TC_DT_float32, (unsigned char *)a, MANY);
  unsigned char *b = calloc(MANY, 8), *c = calloc(MANY, 8), *d = calloc(MANY, 8);
  fill_patterns(to, b, MANY);
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, MANY, -1), B = kit_param(k, "B", to, b, MANY, -1);
  tc_buf C = kit_param(k, "C", to, c, MANY, -1), D = kit_param(k, "D", to, d, MANY, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
  kit_store(k, par, C, i, tc_cast(k->ir, kit_load(k, par, A, i), tc_scalar_type(to)));
  tc_region again = kit_parallel(k, body, kit_i(k, MANY), &i);
  kit_store(k, again, D, i, kit_load(k, again, B, i));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(b), free(c), free(d);
}

static const enum tc_opcode float_ops[] = {TC_OP_add,      TC_OP_sub,      TC_OP_mul, TC_OP_div,
                                           TC_OP_floordiv, TC_OP_floormod, TC_OP_min, TC_OP_max,
                                           TC_OP_eq,       TC_OP_ne,       TC_OP_lt,  TC_OP_le};
static const enum tc_opcode int_ops[] = {
    TC_OP_add,      TC_OP_sub, TC_OP_mul, TC_OP_floordiv, TC_OP_floormod, TC_OP_truncdiv,
    TC_OP_truncmod, TC_OP_min, TC_OP_max, TC_OP_and,      TC_OP_or,       TC_OP_xor,
    TC_OP_shl,      TC_OP_shr, TC_OP_eq,  TC_OP_ne,       TC_OP_lt,       TC_OP_le};
static const enum tc_opcode bool_ops[] = {TC_OP_and, TC_OP_or, TC_OP_xor, TC_OP_eq, TC_OP_ne};

static bool is_division(enum tc_opcode op) {
  return op >= TC_OP_floordiv && op <= TC_OP_truncmod;
}

static void arithmetic_of(struct kit *k, enum tc_dtype d) {
  tc_type type = tc_scalar_type(d);
  bool is_float = tc_is_float(type), is_bool = d == TC_DT_bool;
  unsigned char *a = calloc(MANY, 8), *b = calloc(MANY, 8);
  fill_patterns(d, a, MANY);
  for (int skip = 0; skip < 5; skip++)
    rng();
  fill_patterns(d, b, MANY);
  /* Not every special value meets itself. */
  uint64_t *out = calloc((size_t)64 * MANY, 8);
  const char *names[64];
  bool floats[64];
  tc_buf A = kit_param(k, "A", d, a, MANY, -1), C = kit_param(k, "C", TC_DT_uint64, out, 64, MANY);
  tc_buf B = kit_param(k, "B", d, b, MANY, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  const enum tc_opcode *ops = is_float ? float_ops : is_bool ? bool_ops : int_ops;
  uint32_t n = (uint32_t)(is_float  ? TC_COUNT(float_ops)
                          : is_bool ? TC_COUNT(bool_ops)
                                    : TC_COUNT(int_ops)),
           rows = 0;
  for (uint32_t o = 0; o < n + 3; o++) {
    if (o == n && is_bool) o++; /* no negation of bools */
    if (o == n + 1 && is_bool) o++;
    if (o == n + 2 && is_float) break; /* no complement of floats */
    tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
    tc_value x = kit_load(k, par, A, i), r, turned;
    turned = kit_op(k, TC_OP_floormod,
                    kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, i, kit_i(k, 7)), kit_i(k, 5)),
                    kit_i(k, MANY));
    tc_value y = kit_load(k, par, B, turned);
    if (o < n) {
      if (!is_float && is_division(ops[o]))
        y = tc_select(k->ir, kit_op(k, TC_OP_eq, y, tc_zero(k->ir, type)),
                      tc_const_int(k->ir, type, 1), y);
      if (ops[o] == TC_OP_shl || ops[o] == TC_OP_shr)
        y = tc_cast(k->ir,
                    kit_op(k, TC_OP_floormod, i,
                           kit_i(k, tc_type_bits(type) < 8 ? 2 : (int64_t)tc_type_bits(type))),
                    type);
      r = kit_op(k, ops[o], x, y);
      names[rows] = tc_op_row(ops[o])->name;
    } else {
      enum tc_opcode unary = o == n ? TC_OP_neg : o == n + 1 ? TC_OP_abs : TC_OP_not;
      r = tc_unary(k->ir, unary, x);
      names[rows] = tc_op_row(unary)->name;
    }
    kit_store2(k, par, C, kit_i(k, rows), i, as_u64(k, r));
    floats[rows++] = tc_is_float(tc_value_type(k->ir, r));
  }
  both_rows(k, out, rows, names, floats);
  free(a), free(b), free(out);
}

/* Division by constants and by variables known to be positive or not, and by zero without a trap.
 */
static void divisions(struct kit *k) {
  enum { ROWS = 24 };
  int32_t *a = calloc(MANY, 4), *z = calloc(MANY, 4);
  fill_patterns(TC_DT_int32, (unsigned char *)a, MANY);
  int32_t *out = calloc(ROWS * MANY, 4);
  tc_buf A = kit_param(k, "A", TC_DT_int32, a, MANY, -1),
         C = kit_param(k, "C", TC_DT_int32, out, ROWS, MANY);
  tc_buf Z = kit_param(k, "Z", TC_DT_int32, z, MANY, -1);
  static const int64_t by[] = {1, -1, 8, -8, 7, -7};
  static const enum tc_opcode ops[] = {TC_OP_floordiv, TC_OP_floormod, TC_OP_truncdiv,
                                       TC_OP_truncmod};
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  for (uint32_t b = 0; b < 6; b++) {
    for (uint32_t o = 0; o < 4; o++) {
      tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
      tc_value x = kit_load(k, par, A, i);
      kit_store2(k, par, C, kit_i(k, b * 4 + o), i, kit_op(k, ops[o], x, kit_i(k, by[b])));
    }
  }
  /* The quotient by zero is never used, but C code may compute it. */
  tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
  tc_value x = kit_load(k, par, A, i), zero = kit_load(k, par, Z, i);
  tc_value q = kit_op(k, TC_OP_floordiv, x, zero), is_zero = kit_op(k, TC_OP_eq, zero, kit_i(k, 0));
  kit_store(k, par, Z, i, tc_select(k->ir, is_zero, kit_op(k, TC_OP_floormod, i, kit_i(k, 5)), q));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(z), free(out);
}

/* ---- functions ---- */

static double bound_of(enum tc_mathfn fn, enum tc_dtype d) {
  double ulp = tc_math_row(fn)->ulp;
  if (d == TC_DT_float16 && ulp > 0) return 1; /* one more rounding of a value that may be a tie */
  return ulp > 0 ? ulp + 1 : 0;                /* the reference is rounded too */
}

static void functions_of(struct kit *k, enum tc_dtype d) {
  enum { N = 400 };
  tc_type type = tc_scalar_type(d);
  uint32_t size_b = tc_type_bits(type) / 8;
  unsigned char *a = calloc(N, size_b), *out = calloc((size_t)TC_MATH_COUNT * N, size_b);
  for (int i = 0; i < N; i++) {
    double spread = (i % 4 == 0) ? 200 : (i % 4 == 1) ? 3 : (i % 4 == 2) ? 1 : 1e-3;
    double x = ((double)rng() / 2147483648.0 - 1) * spread;
    if (i < 8)
      x = (const double[]){0, -0.0, 1, -1, INFINITY, -(double)INFINITY, (double)NAN, 0.5}[i];
    uint64_t bits = tc_imm_to_bits(type, tc_imm_float(type, x));
    memcpy(a + (size_t)i * size_b, &bits, size_b);
  }
  tc_buf A = kit_param(k, "A", d, a, N, -1), C = kit_param(k, "C", d, out, TC_MATH_COUNT, N);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  for (int fn = 0; fn < TC_MATH_COUNT; fn++) {
    const tc_mathfn_info *row = tc_math_row((enum tc_mathfn)fn);
    if (row->kinds == 'I') continue;
    tc_region par = kit_parallel(k, body, kit_i(k, N), &i);
    tc_value args[3];
    for (uint32_t p = 0; p < 3; p++)
      args[p] = kit_load(
          k, par, A,
          kit_op(k, TC_OP_floormod, kit_op(k, TC_OP_add, i, kit_i(k, 13 * p)), kit_i(k, N)));
    tc_value r = tc_math(k->ir, (enum tc_mathfn)fn, args, row->arity);
    kit_store2(k, par, C, kit_i(k, fn), i, tc_cast(k->ir, r, type));
  }
  void *want = malloc((size_t)TC_MATH_COUNT * N * size_b);
  kit_cpu cpu = native();
  kit_run_ok(k);
  memcpy(want, out, (size_t)TC_MATH_COUNT * N * size_b);
  memset(out, 0, (size_t)TC_MATH_COUNT * N * size_b);
  if (kit_run_compiled(k, &cpu)) {
    int64_t shape[1] = {N};
    for (int fn = 0; fn < TC_MATH_COUNT; fn++) {
      k->args[1].array = (tc_array){
          .data = out + (size_t)fn * N * size_b, .elem = type, .rank = 1, .shape = shape};
      uint64_t before = k->n_failures;
      kit_compare(k, 1, (unsigned char *)want + (size_t)fn * N * size_b,
                  (kit_slack){.ulp = bound_of((enum tc_mathfn)fn, d)});
      if (k->n_failures != before)
        printf("%s: in %s\n", k->name, tc_math_row((enum tc_mathfn)fn)->name);
    }
  }
  free(a), free(out), free(want);
}
static void functions_f32(struct kit *k) {
  functions_of(k, TC_DT_float32);
}
static void functions_f64(struct kit *k) {
  functions_of(k, TC_DT_float64);
}
static void functions_f16(struct kit *k) {
  functions_of(k, TC_DT_float16);
}
static void functions_bf16(struct kit *k) {
  functions_of(k, TC_DT_bfloat16);
}

static void bit_functions(struct kit *k) {
  static const enum tc_dtype types[] = {TC_DT_int4,  TC_DT_uint8, TC_DT_int16,
                                        TC_DT_int32, TC_DT_int64, TC_DT_uint64};
  int64_t *a = calloc(MANY, 8);
  int32_t *out = calloc(12 * MANY, 4);
  fill_patterns(TC_DT_int64, (unsigned char *)a, MANY);
  tc_buf A = kit_param(k, "A", TC_DT_int64, a, MANY, -1),
         C = kit_param(k, "C", TC_DT_int32, out, 12, MANY);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  for (uint32_t t = 0; t < 6; t++) {
    tc_region par = kit_parallel(k, body, kit_i(k, MANY), &i);
    tc_value x = tc_cast(k->ir, kit_load(k, par, A, i), tc_scalar_type(types[t]));
    kit_store2(k, par, C, kit_i(k, 2 * t), i, tc_math(k->ir, TC_MATH_popcount, &x, 1));
    kit_store2(k, par, C, kit_i(k, 2 * t + 1), i, tc_math(k->ir, TC_MATH_clz, &x, 1));
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(out);
}

/* ---- vectors, views, reinterpretation ---- */

static void vectors(struct kit *k) {
  enum { N = 64 };
  float *a = calloc(N, 4), *c = calloc(N, 4);
  uint32_t *u = calloc(N, 4);
  for (int i = 0; i < N; i++)
    a[i] = (float)i * 1.5f;
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, N, -1),
         C = kit_param(k, "C", TC_DT_float32, c, N, -1);
  tc_buf U = kit_param(k, "U", TC_DT_uint32, u, N, -1);
  tc_value bx, i;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_region loop = kit_for(k, body, kit_i(k, 0), kit_i(k, N / 4), 1, &i);
  tc_value at = tc_ramp(k->ir, kit_op(k, TC_OP_mul, i, kit_i(k, 4)), kit_i(k, 1), 4);
  uint32_t access = tc_pl_access(k->ir, (tc_access){.buf = A});
  tc_value x =
      tc_stmt(k->ir, loop, TC_OP_load, (tc_type){TC_DT_float32, 0, 4}, &at, 1, access, kit_nowhere);
  tc_value y = kit_op(k, TC_OP_mul, x, tc_broadcast(k->ir, kit_f(k, TC_DT_float32, 2), 4));
  tc_value lanes[4];
  for (uint32_t l = 0; l < 4; l++)
    lanes[l] = tc_lane(k->ir, y, 3 - l);
  kit_stmt(k, loop, TC_OP_store, (tc_value[]){at, tc_pack(k->ir, lanes, 4)}, 2,
           tc_pl_access(k->ir, (tc_access){.buf = C}));
  tc_value bytes = tc_reinterpret(k->ir, x, (tc_type){TC_DT_uint8, 0, 16});
  tc_value word = tc_reinterpret(k->ir, bytes, (tc_type){TC_DT_uint64, 0, 2});
  tc_value back = tc_reinterpret(k->ir, word, (tc_type){TC_DT_uint32, 0, 4});
  kit_stmt(k, loop, TC_OP_store, (tc_value[]){at, back}, 2,
           tc_pl_access(k->ir, (tc_access){.buf = U}));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  kit_check(k, c[0] == 9 && u[1] == 0x3fc00000, "reversed and as bits");
  free(a), free(c), free(u);
}

static void views(struct kit *k) {
  enum { N = 96 };
  float *a = calloc(N, 4);
  uint32_t *c = calloc(N, 4);
  for (int i = 0; i < N; i++)
    a[i] = (float)i;
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, N, -1),
         C = kit_param(k, "C", TC_DT_uint32, c, N, -1);
  tc_value bx, i, j, shape[2] = {kit_i(k, 8), kit_i(k, 12)};
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf As = kit_alloc(k, body, "As", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){N});
  tc_buf V = tc_buf_view(k->ir, "V", As, tc_scalar_type(TC_DT_uint32), 2, shape, kit_nowhere);
  tc_buf G = tc_buf_view(k->ir, "G", A, tc_scalar_type(TC_DT_float32), 2, shape, kit_nowhere);
  tc_region par = kit_parallel2(k, body, kit_i(k, 8), kit_i(k, 12), &i, &j);
  tc_value flat = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, i, kit_i(k, 12)), j);
  kit_store(k, par, As, flat, kit_load2(k, par, G, i, j));
  tc_region again = kit_parallel2(k, body, kit_i(k, 8), kit_i(k, 12), &i, &j);
  tc_value flat2 = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, i, kit_i(k, 12)), j);
  kit_store(k, again, C, flat2, kit_load2(k, again, V, i, j));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}

/* Strided and transposed arguments, 64-bit dims, an address made into a tensor. */
static void strided(struct kit *k) {
  enum { M = 9, N = 20, LD = 31 };
  float *a = calloc(M * LD, 4), *c = calloc(M * N, 4);
  int64_t *p = calloc(1, 8);
  for (int i = 0; i < M * LD; i++)
    a[i] = (float)i;
  p[0] = (int64_t)(intptr_t)a;
  tc_buf C = kit_param(k, "C", TC_DT_float32, c, M, N),
         P = kit_param(k, "P", TC_DT_int64, p, 1, -1);
  tc_value bx, i, j, shape[2] = {kit_i(k, M), kit_i(k, N)};
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value address = kit_load(k, body, P, kit_i(k, 0));
  tc_buf A =
      tc_buf_new(k->ir, "A", tc_scalar_type(TC_DT_float32), TC_SCOPE_global, 2, shape, kit_nowhere);
  tc_value strides[2] = {kit_i(k, LD), kit_i(k, 1)};
  tc_buf_at(k->ir, A)->strides = tc_arena_copy(&k->arena, strides, sizeof strides);
  tc_buf_at(k->ir, A)->address =
      kit_op(k, TC_OP_add, address, tc_const_int(k->ir, tc_scalar_type(TC_DT_int64), 8));
  tc_region par = kit_parallel2(k, body, kit_i(k, M), kit_i(k, N), &i, &j);
  kit_store2(k, par, C, i, j, kit_load2(k, par, A, i, j));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  kit_check(k, c[N] == LD + 2, "the second row");
  free(a), free(c), free(p);
}

/* ---- atomics ---- */

static void atomics_of(struct kit *k, enum tc_dtype d) {
  enum { N = 8, BLOCKS = 24 };
  tc_type type = tc_scalar_type(d);
  unsigned char *c = calloc(N * 8, 8), *prev = calloc(BLOCKS * 8, 8);
  fill_patterns(tc_is_float(type) ? TC_DT_uint8 : d, c, tc_is_float(type) ? 1 : N * 6);
  if (tc_is_float(type)) memset(c, 0, N * 8 * 8);
  tc_buf C = kit_param(k, "C", d, c, N, 8), P = kit_param(k, "P", d, prev, BLOCKS, 8);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, BLOCKS), &bx);
  tc_value index[2] = {kit_op(k, TC_OP_floormod, bx, kit_i(k, N)), none()};
  for (uint32_t kind = 0; kind <= TC_ATOMIC_CAS; kind++) {
    bool bits = kind == TC_ATOMIC_AND || kind == TC_ATOMIC_OR || kind == TC_ATOMIC_XOR;
    if (bits && tc_is_float(type)) continue;
    index[1] = kit_i(k, kind);
    tc_value x = tc_cast(
        k->ir, kit_op(k, TC_OP_floormod, kit_op(k, TC_OP_mul, bx, kit_i(k, 5)), kit_i(k, 7)), type);
    tc_value expected = kind == TC_ATOMIC_CAS ? tc_zero(k->ir, type) : none();
    tc_atomic what = {.buf = C, .kind = (uint8_t)kind, .order = TC_ORDER_ACQ_REL};
    tc_value old = tc_atomic_stmt(k->ir, body, what, index, x, expected,
                                  kit_op(k, TC_OP_ne, bx, kit_i(k, 3)), kit_nowhere);
    kit_store2(k, body, P, bx, kit_i(k, kind), old);
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(c), free(prev);
}

/* ---- what cannot run is refused ---- */

static void refused(struct kit *k, kit_case *make, const char *code) {
  tc_unwind *outer = k->arena.unwind, local;
  memset(&local, 0, sizeof local);
  make(k);
  k->arena.unwind = &local;
  int why = setjmp(local.at);
  if (why == 0) {
    tc_cpu_options options = {.isa = tc_cpu_isa_host()};
    tc_cpu_emit(k->ir, &options, &k->arena);
  }
  k->arena.unwind = outer;
  bool coded = k->ir->diags->n_errors == 1
               && strcmp(tc_diag_row(k->ir->diags->all.at[0].id)->code, code) == 0;
  kit_check(k, why == TC_WHY_ERROR && coded, code);
}
static void make_dynamic_shared(struct kit *k) {
  tc_value n = tc_var_value(k->ir, kit_dim(k, "N")), bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf b =
      tc_buf_new(k->ir, "S", tc_scalar_type(TC_DT_float32), TC_SCOPE_shared, 1, &n, kit_nowhere);
  tc_alloc(k->ir, body, b, kit_nowhere);
  kit_store(k, body, b, kit_i(k, 0), kit_f(k, TC_DT_float32, 1));
}
static void make_break(struct kit *k) {
  tc_value bx, i;
  tc_region par = kit_parallel(k, kit_kernel(k, kit_i(k, 1), &bx), kit_i(k, 4), &i);
  kit_stmt(k, par, TC_OP_break, NULL, 0, 0);
}
static void make_copy_misfit(struct kit *k) {
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf a = kit_alloc(k, body, "a", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){4});
  tc_buf b = kit_alloc(k, body, "b", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){5});
  kit_copy(k, body, tc_slice_whole(k->ir, a), tc_slice_whole(k->ir, b));
}
static void refusals_1(struct kit *k) {
  refused(k, make_dynamic_shared, "E0490");
}
static void refusals_2(struct kit *k) {
  refused(k, make_break, "E0390");
}
static void refusals_3(struct kit *k) {
  refused(k, make_copy_misfit, "E0614");
}

/* ---- every type, a case each ---- */

static enum tc_dtype current;
static void casts(struct kit *k) {
  casts_from(k, current);
}
static void stores(struct kit *k) {
  stores_of(k, current);
}
static void arithmetic(struct kit *k) {
  arithmetic_of(k, current);
}
static void atomics(struct kit *k) {
  atomics_of(k, current);
}

int main(void) {
  struct kit t = {0};
  KIT_CASE(&t, add_1000);
  KIT_CASE(&t, add_1);
  KIT_CASE(&t, add_128);
  KIT_CASE(&t, stencil);
  KIT_CASE(&t, orders);
  KIT_CASE(&t, privates);
  KIT_CASE(&t, loops);
  KIT_CASE(&t, wrapping);
  KIT_CASE(&t, conditions);
  KIT_CASE(&t, threads);
  KIT_CASE(&t, grouped);
  KIT_CASE(&t, asserts);
  KIT_CASE(&t, prints);
  KIT_CASE(&t, divisions);
  KIT_CASE(&t, functions_f32);
  KIT_CASE(&t, functions_f64);
  KIT_CASE(&t, functions_f16);
  KIT_CASE(&t, functions_bf16);
  KIT_CASE(&t, bit_functions);
  KIT_CASE(&t, vectors);
  KIT_CASE(&t, views);
  KIT_CASE(&t, strided);
  KIT_CASE(&t, refusals_1);
  KIT_CASE(&t, refusals_2);
  KIT_CASE(&t, refusals_3);
  for (int d = 0; d < TC_DTYPE_COUNT; d++) {
    if (!is_value_type((enum tc_dtype)d)) continue;
    current = (enum tc_dtype)d;
    char name[3][64];
    snprintf(name[0], 64, "casts from %s", tc_dtype_row(current)->name);
    snprintf(name[1], 64, "stores of %s", tc_dtype_row(current)->name);
    snprintf(name[2], 64, "arithmetic of %s", tc_dtype_row(current)->name);
    kit_run_case(&t, name[0], casts);
    kit_run_case(&t, name[1], stores);
    kit_run_case(&t, name[2], arithmetic);
  }
  static const enum tc_dtype atomic_types[] = {TC_DT_int32,    TC_DT_uint8,   TC_DT_int64,
                                               TC_DT_int4,     TC_DT_float32, TC_DT_float16,
                                               TC_DT_bfloat16, TC_DT_float64};
  for (uint32_t i = 0; i < TC_COUNT(atomic_types); i++) {
    current = atomic_types[i];
    char name[64];
    snprintf(name, sizeof name, "atomics of %s", tc_dtype_row(current)->name);
    kit_run_case(&t, name, atomics);
  }
  return kit_report(&t, "toolchain_cpu");
}
