/* Matrix products by mma.sync: each warp loads its parts of both operands into registers, a step of
 * k at a time, and multiplies every 16 rows of A with every 8 columns of B. An operand may be a
 * fragment, too: then a step is a part of its slots. */
#include "pass/lower.h"

#include "ir/form.h"

enum { ROWS = 16, COLUMNS = 8, STEP_BITS = 256 };

typedef struct engine {
  enum tc_dtype dtype;
  enum tc_prim_row row;
  enum tc_fragment a, b;
} engine;

static const engine ENGINES[] = {
    {TC_DT_float16, TC_PRIM_mma_f16, TC_FRAGMENT_mma_a16, TC_FRAGMENT_mma_b16},
    {TC_DT_bfloat16, TC_PRIM_mma_bf16, TC_FRAGMENT_mma_a16, TC_FRAGMENT_mma_b16},
    {TC_DT_tfloat32, TC_PRIM_mma_tf32, TC_FRAGMENT_mma_a_tf32, TC_FRAGMENT_mma_b_tf32},
    {TC_DT_int8, TC_PRIM_mma_s8, TC_FRAGMENT_mma_a8, TC_FRAGMENT_mma_b8},
    {TC_DT_uint8, TC_PRIM_mma_u8, TC_FRAGMENT_mma_a8, TC_FRAGMENT_mma_b8},
    {TC_DT_float8_e4m3fn, TC_PRIM_mma_e4m3, TC_FRAGMENT_mma_a8, TC_FRAGMENT_mma_b8},
    {TC_DT_float8_e5m2, TC_PRIM_mma_e5m2, TC_FRAGMENT_mma_a8, TC_FRAGMENT_mma_b8},
};

/* One operand in the registers of the warps. */
typedef struct operand {
  tc_lower_tile tile;
  const tc_layout *map; /* (row, k) or (column, k) of one step; dims as in the tile */
  uint32_t k_dim;
  bool held;       /* it is a fragment */
  bool is_packed;  /* .. of words, which ldmatrix has filled */
  tc_buf words;    /* what instructions take */
  int64_t at, gap; /* where the step is in it: the first tile's words, from one tile to the next */
} operand;

typedef struct product {
  tc_lower *lw;
  const engine *engine;
  operand a, b;
  tc_lower_buf *c;
  int64_t m, n, k, step; /* m, n: of one warp; step: elements of k */
  uint32_t bits;
} product;

static const engine *engine_of(enum tc_dtype dtype) {
  for (uint32_t i = 0; i < sizeof ENGINES / sizeof ENGINES[0]; i++)
    if (ENGINES[i].dtype == dtype) return &ENGINES[i];
  return NULL;
}

/* ---- maps ---- */

static const tc_layout *map_a(product *p, int64_t k) {
  tc_arena *arena = p->lw->arena;
  int64_t extent[2] = {p->m * p->c->rows, k}, warps[2] = {p->c->rows, 1};
  static const uint32_t SWAP[2] = {1, 0};
  const tc_layout *l =
      tc_layout_cover(arena, tc_layout_fragment(arena, p->engine->a), extent, warps);
  if (l && p->c->columns > 1)
    l = tc_layout_replicate(arena, l, p->c->columns, TC_SPACE_thread, TC_TILE_OUTER);
  return l && p->a.k_dim == 0 ? tc_layout_permute(arena, l, SWAP) : l;
}

/* Warps that differ in their rows hold the same part of B. */
static const tc_layout *map_b(product *p, int64_t k) {
  tc_arena *arena = p->lw->arena;
  int64_t extent[2] = {p->n * p->c->columns, k}, warps[2] = {p->c->columns, 1};
  static const uint32_t SWAP[2] = {1, 0};
  const tc_layout *l = tc_layout_fragment(arena, p->engine->b);
  if (p->c->rows > 1) l = tc_layout_replicate(arena, l, p->c->rows, TC_SPACE_thread, TC_TILE_OUTER);
  if (l) l = tc_layout_cover(arena, l, extent, warps);
  return l && p->b.k_dim == 0 ? tc_layout_permute(arena, l, SWAP) : l;
}

/* Threads hold of a fragment what the instructions take from them: tile by tile, those along k
 * first. */
static void check_held(product *p, const operand *o, const tc_layout *all) {
  if (o->held && !(all && tc_layout_equal(o->tile.b->layout, all)))
    tc_lower_refuse(p->lw, tc_format(p->lw->ir->arena,
                                     "a product by mma.sync of '%s', which lies "
                                     "in other registers than the instructions take it from",
                                     tc_name_of(p->lw->ir, o->tile.old->name)));
}

static void map_operands(product *p) {
  p->a.map = map_a(p, p->step);
  p->b.map = map_b(p, p->step);
  if (!p->a.map || !p->b.map) tc_lower_refuse(p->lw, "a product of this shape by mma.sync");
  check_held(p, &p->a, map_a(p, p->k));
  check_held(p, &p->b, map_b(p, p->k));
}

/* ---- loading ---- */

static void load_matrices(product *p, operand *o, const tc_matrix_move *move) {
  tc_lower *lw = p->lw;
  int64_t n = o->map->size[TC_SPACE_slot];
  for (int64_t first = 0; first < n; first += move->slots) {
    const tc_layout_digits *at =
        tc_layout_digits_fix(lw->arena, move->address, TC_SPACE_slot, first);
    tc_value in[TC_N_SPACES] = {tc_lower_local(lw), {0}, {0}};
    tc_value from = tc_lower_add(lw, o->tile.version, tc_lower_digits(lw, at, in));
    tc_value word = tc_i32(lw->ir, first * p->bits / 32);
    tc_value operands[2] = {tc_lower_slice(lw, o->words, word, move->n_matrices),
                            tc_lower_slice(lw, o->tile.b->arrays[0], from, 128 / p->bits)};
    tc_prim_stmt(lw->ir, lw->at,
                 (tc_prim){.row = TC_PRIM_ldmatrix, .n = move->n_matrices, .trans_a = move->trans},
                 operands, 2, lw->span);
  }
}

/* Bits of a narrow element as a number. */
static tc_value bits_of(tc_lower *lw, tc_value x) {
  tc_ir *ir = lw->ir;
  tc_type type = tc_value_type(ir, x), u32 = tc_scalar_type(TC_DT_uint32);
  uint32_t bits = tc_type_bits(type);
  tc_type raw = tc_scalar_type(bits == 8 ? TC_DT_uint8 : bits == 16 ? TC_DT_uint16 : TC_DT_uint32);
  if (!tc_type_equal(type, raw)) x = tc_reinterpret(ir, x, raw);
  return tc_cast(ir, x, u32);
}

/* Words of elements, each `per_word` of which a function reads by their slot in the step. */
typedef tc_value read_fn(product *p, operand *o, const void *data, int64_t slot);

static void pack_elements(product *p, operand *o, read_fn *read, const void *data) {
  tc_lower *lw = p->lw;
  tc_ir *ir = lw->ir;
  tc_type u32 = tc_scalar_type(TC_DT_uint32);
  uint32_t per_word = 32 / p->bits;
  int64_t n = o->map->size[TC_SPACE_slot];
  for (int64_t first = 0; first < n; first += per_word) {
    tc_value word = {0}, to = tc_i32(ir, first / per_word);
    for (uint32_t k = 0; k < per_word; k++) {
      tc_value x = bits_of(lw, read(p, o, data, first + k));
      if (k) x = tc_binary(ir, TC_OP_shl, x, tc_const_int(ir, u32, (int64_t)k * p->bits));
      word = word.id ? tc_binary(ir, TC_OP_or, word, x) : x;
    }
    tc_store(ir, lw->at, o->words, &to, word, (tc_value){0}, lw->span);
  }
}

static tc_value read_shared(product *p, operand *o, const void *data, int64_t slot) {
  tc_lower *lw = p->lw;
  const tc_layout_digits *at = tc_layout_digits_fix(lw->arena, data, TC_SPACE_slot, slot);
  tc_value in[TC_N_SPACES] = {tc_lower_local(lw), {0}, {0}};
  tc_lower_access a = {.n = 1, .rank = 1, .buf = o->tile.b->arrays[0]};
  a.index[0][0] = tc_lower_add(lw, o->tile.version, tc_lower_digits(lw, at, in));
  tc_lower_load(lw, &a);
  return a.value[0];
}

/* Element by element, when no instruction moves the tile as it lies. */
static void load_elements(product *p, operand *o, const int64_t *origin) {
  const tc_layout_digits *digits =
      tc_layout_compose(p->lw->arena, o->tile.b->layout, o->map, origin);
  if (!digits) tc_lower_refuse(p->lw, "a product of a tile with this layout");
  pack_elements(p, o, read_shared, digits);
}

/* The step of an operand in shared memory that begins at `k`. */
static void load_operand(product *p, operand *o, int64_t k) {
  tc_lower *lw = p->lw;
  int64_t origin[TC_LAYOUT_DIMS];
  tc_matrix_move move;
  for (uint32_t d = 0; d < 2; d++)
    origin[d] = o->tile.origin[d];
  origin[o->k_dim] += k;
  enum tc_legal legal =
      tc_layout_matrix_move(lw->arena, o->tile.b->layout, o->map, origin, p->bits, 4, &move);
  if (legal == TC_LEGAL_ok)
    load_matrices(p, o, &move);
  else
    load_elements(p, o, origin);
}

/* ---- fragments ---- */

static int64_t steps_of(const product *p) {
  return p->k / p->step;
}

/* Slots of one tile of the operand. */
static int64_t tile_slots(const product *p, const operand *o) {
  return o == &p->a ? p->step * ROWS / TC_WARP : p->step * COLUMNS / TC_WARP;
}

static tc_value slot_value(tc_lower *lw, tc_lower_buf *b, int64_t slot) {
  tc_lower_access a = {.n = 1, .rank = 1};
  int64_t index;
  a.buf = tc_lower_slot(lw, b, slot, &index);
  a.index[0][0] = tc_i32(lw->ir, index);
  tc_lower_load(lw, &a);
  return a.value[0];
}

/* `data`: the number of the step. */
static tc_value read_fragment(product *p, operand *o, const void *data, int64_t slot) {
  int64_t step = *(const int64_t *)data, tile = tile_slots(p, o);
  return slot_value(p->lw, o->tile.b, (slot / tile * steps_of(p) + step) * tile + slot % tile);
}

tc_value tc_lower_word(tc_lower *lw, tc_lower_buf *b, uint32_t bits, int64_t slot) {
  tc_type u32 = tc_scalar_type(TC_DT_uint32);
  tc_value word = {0};
  for (uint32_t k = 0; k < 32 / bits; k++) {
    tc_value x = bits_of(lw, slot_value(lw, b, slot + k));
    if (k) x = tc_binary(lw->ir, TC_OP_shl, x, tc_const_int(lw->ir, u32, (int64_t)k * bits));
    word = word.id ? tc_binary(lw->ir, TC_OP_or, word, x) : x;
  }
  return word;
}

/* Makes the step ready for the instructions. */
static void take_step(product *p, operand *o, int64_t step) {
  int64_t words = tile_slots(p, o) * p->bits / 32;
  o->at = 0, o->gap = words;
  if (o->is_packed)
    o->at = step * words, o->gap = steps_of(p) * words;
  else if (o->held)
    pack_elements(p, o, read_fragment, &step);
  else
    load_operand(p, o, step * p->step);
}

/* ---- the product ---- */

/* Unless the fragment has them. */
static void make_words(product *p, operand *o, const char *name) {
  tc_lower *lw = p->lw;
  if (o->is_packed) return;
  tc_value n = tc_i32(lw->ir, o->map->size[TC_SPACE_slot] * p->bits / 32);
  o->words =
      tc_buf_new(lw->ir, name, tc_scalar_type(TC_DT_uint32), TC_SCOPE_local, 1, &n, lw->span);
  tc_alloc(lw->ir, lw->at, o->words, lw->span);
}

static void multiply(product *p) {
  tc_lower *lw = p->lw;
  int64_t columns = p->n / COLUMNS;
  for (int64_t i = 0; i < p->m / ROWS; i++)
    for (int64_t x = 0; x < columns; x++) {
      int64_t at, j = i % 2 ? columns - 1 - x : x; /* an operand is used again at the turn */
      tc_buf c = tc_lower_slot(lw, p->c, (i * columns + j) * 4, &at);
      tc_value in[3] = {tc_lower_slice(lw, c, tc_i32(lw->ir, at), 4),
                        tc_lower_slice(lw, p->a.words, tc_i32(lw->ir, p->a.at + p->a.gap * i), 4),
                        tc_lower_slice(lw, p->b.words, tc_i32(lw->ir, p->b.at + p->b.gap * j), 2)};
      tc_lower_prim(lw, p->engine->row, 0, in, 3);
    }
}

static void clear(product *p, tc_value cond, tc_type elem) {
  tc_lower *lw = p->lw;
  int64_t never;
  if (!cond.id || (tc_const_of(lw->ir, cond, &never) && !never)) return;
  tc_lower_mark mark = tc_lower_if(lw, cond);
  tc_lower_fill_slots(lw, p->c, tc_zero(lw->ir, elem));
  tc_lower_leave(lw, mark);
}

static void check(product *p, const tc_gemm *what, tc_type c) {
  tc_lower *lw = p->lw;
  enum tc_dtype dtype = (enum tc_dtype)p->a.tile.old->elem.dtype;
  p->engine = engine_of(dtype);
  if (!p->engine || p->b.tile.old->elem.dtype != dtype)
    tc_lower_refuse(lw, "a product of these element types by mma.sync");
  bool is_int = tc_type_kind(p->a.tile.old->elem) != TC_K_FLOAT;
  if (c.dtype != (is_int ? TC_DT_int32 : TC_DT_float32))
    tc_lower_refuse(lw, "a product with this accumulator");
  if (lw->count != p->c->rows * p->c->columns * TC_WARP || lw->first % TC_WARP)
    tc_lower_refuse(lw, "a product by threads that are no warps");
  if (p->a.tile.b->layout->n_dims != 2 || p->b.tile.b->layout->n_dims != 2 || what->async)
    tc_lower_refuse(lw, "a product of these operands by mma.sync");
  if (p->m % ROWS || p->n % COLUMNS || p->k % p->step)
    tc_lower_refuse(lw, "a product of this shape by mma.sync");
}

/* A fragment, or a tile of shared memory. */
static operand operand_of(tc_lower *lw, tc_value slice, uint32_t k_dim) {
  tc_buf buf = tc_slice_buf(lw->ir, slice);
  const tc_buffer *old = tc_buf_at(lw->ir, buf);
  if (old->scope != TC_SCOPE_fragment)
    return (operand){.tile = tc_lower_tile_of(lw, slice), .k_dim = k_dim};
  tc_lower_buf *b = tc_lower_buffer(lw, buf);
  operand o = {.tile = {.b = b, .old = old}, .k_dim = k_dim, .held = true, .is_packed = b->words};
  if (b->words) o.words = b->arrays[0];
  for (uint32_t d = 0; d < b->layout->n_dims; d++)
    o.tile.extent[d] = b->layout->bound[d];
  return o;
}

void tc_lower_matrices(tc_lower *lw, tc_value stmt) {
  const tc_op *op = tc_op_at(lw->ir, stmt);
  operand to = operand_of(lw, tc_input(lw->ir, op, 1), 0);
  operand from = operand_of(lw, tc_input(lw->ir, op, 0), 0);
  product p = {.lw = lw, .bits = tc_type_bits(to.tile.old->elem)};
  if (!to.is_packed || from.held) tc_lower_refuse(lw, "a copy by ldmatrix between these");
  from.words = to.words;
  from.map = to.tile.b->layout;
  load_operand(&p, &from, 0);
}

void tc_lower_mma(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_gemm what = *tc_gemm_of(ir, stmt);
  tc_value into = tc_input(ir, op, 2), cond = {0};
  product p = {.lw = lw, .c = tc_lower_buffer(lw, tc_slice_buf(ir, into))};
  tc_type elem = tc_buf_at(ir, tc_slice_buf(ir, into))->elem;
  p.a = operand_of(lw, tc_input(ir, op, 0), what.trans_a ? 0 : 1);
  p.b = operand_of(lw, tc_input(ir, op, 1), what.trans_b ? 1 : 0);
  p.bits = tc_type_bits(p.a.tile.old->elem);
  p.step = STEP_BITS / p.bits;
  p.m = p.c->layout->bound[0] / p.c->rows;
  p.n = p.c->layout->bound[1] / p.c->columns;
  p.k = p.a.tile.extent[p.a.k_dim];
  check(&p, &what, elem);
  map_operands(&p);
  if (what.clear) cond = tc_const_bool(ir, true);
  if (op->n_in == 4) cond = tc_lower_value(lw, tc_input(ir, op, 3));
  clear(&p, cond, elem);
  make_words(&p, &p.a, "a");
  make_words(&p, &p.b, "b");
  for (int64_t step = 0; step < steps_of(&p); step++) {
    take_step(&p, &p.a, step);
    take_step(&p, &p.b, step);
    multiply(&p);
  }
}
