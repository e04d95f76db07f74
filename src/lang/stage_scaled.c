/* Products by definition: 2:4 sparse ones and block-scaled ones. The operand that is stored in a
 * special way is first written out, as an ordinary tile, and then multiplied like any other. */
#include "lang/stage_private.h"

/* ---- loops over a tile ---- */

typedef struct tile_loop {
  tc_cursor before;
  tc_value i, j;
} tile_loop;

static tile_loop open_tile(tc_eval *ev, int64_t rows, int64_t cols, tc_span span) {
  const tc_value extent[] = {tc_i32(ev->ir, rows), tc_i32(ev->ir, cols)};
  const tc_var var[] = {tc_var_new(ev->ir, "i", TC_VAR_PARALLEL, tc_i32_type(), span),
                        tc_var_new(ev->ir, "j", TC_VAR_PARALLEL, tc_i32_type(), span)};
  tc_value stmt = tc_parallel_stmt(ev->ir, ev->cursor.at, var, extent, 2, span);
  tc_cursor before = tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0));
  return (tile_loop){before, tc_var_value(ev->ir, var[0]), tc_var_value(ev->ir, var[1])};
}

/* A matrix operand, read in the sense of its transposition. */
typedef struct matrix {
  stage_box box;
  bool flip;
  int64_t rows, cols; /* after transposition */
  tc_type elem;
} matrix;

static matrix matrix_of(tc_eval *ev, const stage_args *a, uint32_t i, bool flip) {
  matrix m = {.box = tc_stage_box(ev, a->v[i], "an operand", a->at[i]), .flip = flip};
  int64_t extent[STAGE_MAX_RANK];
  bool ok = m.box.rank >= 2;
  for (uint32_t d = 0; d < m.box.rank; d++) {
    ok = ok && tc_const_of(ev->ir, m.box.extent[d], &extent[d]);
    ok = ok && (d + 2 < m.box.rank ? extent[d] == 1 : extent[d] >= 1);
  }
  if (!ok) {
    TC_DIAG(ev->diags, D_gemm_operand, a->at[i], tc_str_dup(ev->arena, a->names[i]),
            tc_stage_show_shape(ev, m.box.extent, m.box.rank));
    tc_stage_note_buf(ev, m.box.buf);
    tc_diag_help(ev->diags, "an operand is a matrix of constant extents; leading ones must be 1");
    tc_diag_stop(ev->diags);
  }
  m.rows = extent[m.box.rank - (flip ? 1 : 2)];
  m.cols = extent[m.box.rank - (flip ? 2 : 1)];
  m.elem = tc_buf_at(ev->ir, m.box.buf)->elem;
  return m;
}

static tc_value element(tc_eval *ev, const matrix *m, tc_value row, tc_value col, tc_span span) {
  tc_value index[STAGE_MAX_RANK];
  uint32_t last = m->box.rank - 1;
  for (uint32_t d = 0; d <= last; d++)
    index[d] = m->box.base[d];
  index[last - 1] = tc_stage_arith(ev, TC_OP_add, index[last - 1], m->flip ? col : row);
  index[last] = tc_stage_arith(ev, TC_OP_add, index[last], m->flip ? row : col);
  return tc_stage_load(ev, m->box.buf, index, span).value;
}

static tc_buf new_tile(tc_eval *ev, const char *name, tc_type elem, int64_t rows, int64_t cols,
                       tc_span span) {
  const tc_value shape[] = {tc_i32(ev->ir, rows), tc_i32(ev->ir, cols)};
  tc_buf buf = tc_buf_new(ev->ir, name, elem, TC_SCOPE_fragment, 2, shape, span);
  tc_alloc(ev->ir, ev->cursor.at, buf, span);
  return buf;
}

static tc_value digit(tc_eval *ev, enum tc_opcode op, tc_value x, int64_t by) {
  return tc_binary(ev->ir, op, x, tc_const_int(ev->ir, tc_value_type(ev->ir, x), by));
}

TC_NORETURN static void mismatch(tc_eval *ev, const stage_args *a, const char *what, int64_t have,
                                 int64_t want) {
  STAGE_FAIL(ev, D_gemm_inner, a->span, what, tc_format(ev->arena, "%lld", (long long)have),
             tc_format(ev->arena, "%lld", (long long)want));
}

/* ---- 2:4 sparse ---- */

/* Of each group of 4 elements of a row (2 of 32 bits) half are stored, in order, with 4 bits of
 * metadata: two positions of 2 bits, or for 32 bits 0b0100 (the first) and 0b1110 (the second). */
typedef struct sparse {
  matrix a, e;
  int64_t group, per_word; /* elements of a group; elements that one word of E describes */
} sparse;

static sparse sparse_of(tc_eval *ev, const stage_args *a) {
  sparse s = {.a = matrix_of(ev, a, 0, tc_stage_bool(ev, a->v[4], "transpose_A", a->at[4])),
              .e = matrix_of(ev, a, 1, tc_stage_bool(ev, a->v[5], "transpose_E", a->at[5]))};
  uint32_t bits = tc_type_bits(s.a.elem), e_bits = tc_type_bits(s.e.elem);
  if (tc_is_bool(s.a.elem) || (bits != 8 && bits != 16 && bits != 32))
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "A_sparse",
               "elements of 8, 16 or 32 bits", tc_type_name(ev->arena, s.a.elem));
  if (!tc_is_int(s.e.elem) || e_bits < 8 || e_bits > 32)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "E", "integers of 8, 16 or 32 bits",
               tc_type_name(ev->arena, s.e.elem));
  s.group = bits == 32 ? 2 : 4;
  s.per_word = e_bits / 4 * s.group;
  if (s.e.rows != s.a.rows) mismatch(ev, a, "rows of A and E", s.e.rows, s.a.rows);
  if (s.e.cols * s.per_word != s.a.cols * 2)
    mismatch(ev, a, "elements that E describes and twice the columns of A", s.e.cols * s.per_word,
             s.a.cols * 2);
  return s;
}

/* Element (i, k) of the dense matrix: the stored one whose position is k's, else 0. */
static tc_value dense_element(tc_eval *ev, const sparse *s, tc_value i, tc_value k, tc_span span) {
  tc_value word = element(ev, &s->e, i, digit(ev, TC_OP_floordiv, k, s->per_word), span);
  tc_value group = digit(ev, TC_OP_floordiv, k, s->group),
           at = digit(ev, TC_OP_floormod, k, s->group);
  tc_value shift =
      digit(ev, TC_OP_mul, digit(ev, TC_OP_floormod, group, s->per_word / s->group), 4);
  tc_value bits = tc_binary(ev->ir, TC_OP_shr, tc_cast(ev->ir, word, tc_i32_type()), shift);
  tc_value zero = tc_zero(ev->ir, s->a.elem);
  if (s->group == 2) {
    tc_value place = digit(ev, TC_OP_and, digit(ev, TC_OP_shr, bits, 1), 1);
    tc_value here = tc_binary(ev->ir, TC_OP_eq, place, at);
    return tc_select(ev->ir, here, element(ev, &s->a, i, group, span), zero);
  }
  tc_value sum = zero;
  for (int64_t n = 0; n < 2; n++) {
    tc_value place = digit(ev, TC_OP_and, digit(ev, TC_OP_shr, bits, 2 * n), 3);
    tc_value here = tc_binary(ev->ir, TC_OP_eq, place, at);
    tc_value col = digit(ev, TC_OP_add, digit(ev, TC_OP_mul, group, 2), n);
    sum = tc_select(ev->ir, here, element(ev, &s->a, i, col, span), sum);
  }
  return sum;
}

tc_val tc_do_gemm_sp(tc_eval *ev, stage_args *a) {
  sparse s = sparse_of(ev, a);
  int64_t inner = s.a.cols * 2;
  tc_buf dense = new_tile(ev, "dense", s.a.elem, s.a.rows, inner, a->span);
  tile_loop loop = open_tile(ev, s.a.rows, inner, a->span);
  const tc_value at[] = {loop.i, loop.j};
  tc_value x = dense_element(ev, &s, loop.i, loop.j, a->span);
  tc_store(ev->ir, ev->cursor.at, dense, at, x, (tc_value){0}, a->span);
  tc_stage_close(ev, loop.before);
  tc_gemm p = {.trans_b = tc_stage_bool(ev, a->v[6], "transpose_B", a->at[6]), .k_pack = 1};
  if (a->v[7].kind != TC_V_NONE) p.policy = (uint8_t)tc_stage_int(ev, a->v[7], "policy", a->at[7]);
  const stage_box box[] = {tc_stage_box(ev, tc_val_buffer(dense), "A", a->at[0]),
                           tc_stage_box(ev, a->v[2], "B", a->at[2]),
                           tc_stage_box(ev, a->v[3], "C", a->at[3])};
  tc_stage_gemm(ev, a, box, p, a->v[8], a->at[8]);
  return tc_val_none();
}

/* ---- block-scaled ---- */

/* Scales along K: elements, or bytes packed in words of 32 bits, lowest first. */
typedef struct scales {
  matrix sf;
  int64_t granularity, per_row; /* elements of K under one scale; scales that a row holds */
  bool packed, chunked;
  tc_type type; /* of a packed scale */
} scales;

enum { CHUNK_ROWS = 128, CHUNK_LANES = 32 };

static scales scales_of(tc_eval *ev, const stage_args *a, uint32_t i, uint32_t granularity) {
  scales s = {.sf = matrix_of(ev, a, i, false)};
  tc_type type = s.sf.elem;
  s.granularity = tc_stage_int(ev, a->v[granularity], "a granularity", a->at[granularity]);
  s.packed = type.dtype == TC_DT_uint32;
  bool scale = type.dtype == TC_DT_float8_e4m3fn || type.dtype == TC_DT_float8_e8m0fnu;
  if (type.lanes != 1 || (!scale && !s.packed))
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "scales",
               "float8_e4m3fn, float8_e8m0fnu, or uint32 words of four",
               tc_type_name(ev->arena, type));
  if (s.granularity < 1)
    STAGE_FAIL(ev, D_argument_value, a->at[granularity], a->row->name, "a granularity",
               "a positive number", "another one");
  /* Blocks of 16 have UE4M3 scales, longer ones powers of two. */
  s.type = tc_scalar_type(s.granularity == 16 ? TC_DT_float8_e4m3fn : TC_DT_float8_e8m0fnu);
  s.per_row = s.sf.cols * (s.packed ? 4 : 1);
  uint32_t layout = a->n - 1;
  tc_str text = a->v[layout].kind == TC_V_STR ? a->v[layout].str->text : TC_STR("rowmajor");
  s.chunked = tc_str_is(text, "blockscaled_chunk_kmajor");
  if (!s.chunked && !tc_str_is(text, "rowmajor"))
    STAGE_FAIL(ev, D_argument_value, a->at[layout], a->row->name, "sf_layout",
               "\"rowmajor\" or \"blockscaled_chunk_kmajor\"", tc_str_dup(ev->arena, text));
  if (s.chunked && (s.sf.rows != CHUNK_ROWS || !s.packed))
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "scales in this layout",
               "128 rows of uint32 words", tc_stage_show_shape(ev, s.sf.box.extent, s.sf.box.rank));
  return s;
}

/* Word (row, w) of the chunk layout: w is the slowest, then row % 32, then row / 32. */
static tc_value chunk_word(tc_eval *ev, const scales *s, tc_value row, tc_value w, tc_span span) {
  tc_value lane = digit(ev, TC_OP_floormod, row, CHUNK_LANES);
  tc_value flat = digit(ev, TC_OP_mul, w, CHUNK_ROWS);
  flat = tc_stage_arith(ev, TC_OP_add, flat, digit(ev, TC_OP_mul, lane, CHUNK_ROWS / CHUNK_LANES));
  flat = tc_stage_arith(ev, TC_OP_add, flat, digit(ev, TC_OP_floordiv, row, CHUNK_LANES));
  return element(ev, &s->sf, digit(ev, TC_OP_floordiv, flat, s->sf.cols),
                 digit(ev, TC_OP_floormod, flat, s->sf.cols), span);
}

/* The scale of element k of a row, as float32. The tile holds per_row scales of a longer row, so
 * the number of the block counts modulo that. */
static tc_value scale_at(tc_eval *ev, const scales *s, tc_value row, tc_value k, tc_span span) {
  tc_type f32 = tc_scalar_type(TC_DT_float32), u8 = tc_scalar_type(TC_DT_uint8);
  tc_value block =
      digit(ev, TC_OP_floormod, digit(ev, TC_OP_floordiv, k, s->granularity), s->per_row);
  if (!s->packed) return tc_cast(ev->ir, element(ev, &s->sf, row, block, span), f32);
  tc_value w = digit(ev, TC_OP_floordiv, block, 4);
  tc_value shift = digit(ev, TC_OP_mul, digit(ev, TC_OP_floormod, block, 4), 8);
  tc_value word = s->chunked ? chunk_word(ev, s, row, w, span) : element(ev, &s->sf, row, w, span);
  shift = tc_cast(ev->ir, shift, tc_scalar_type(TC_DT_uint32));
  tc_value byte = tc_cast(ev->ir, tc_binary(ev->ir, TC_OP_shr, word, shift), u8);
  if (s->type.dtype == TC_DT_float8_e4m3fn) byte = digit(ev, TC_OP_and, byte, 0x7F); /* unsigned */
  return tc_cast(ev->ir, tc_reinterpret(ev->ir, byte, s->type), f32);
}

/* op(X) with every element times its scale, as float32: rows of the result, K along columns. */
static tc_buf scaled_tile(tc_eval *ev, const stage_args *a, const char *name, const matrix *m,
                          const scales *s, tc_value k_start) {
  if (m->rows != s->sf.rows)
    mismatch(ev, a, "rows of an operand and its scales", s->sf.rows, m->rows);
  if (!tc_is_float(m->elem))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, m->elem));
  tc_buf tile = new_tile(ev, name, tc_scalar_type(TC_DT_float32), m->rows, m->cols, a->span);
  tile_loop loop = open_tile(ev, m->rows, m->cols, a->span);
  const tc_value at[] = {loop.i, loop.j};
  tc_value x =
      tc_cast(ev->ir, element(ev, m, loop.i, loop.j, a->span), tc_scalar_type(TC_DT_float32));
  tc_value k = tc_stage_arith(ev, TC_OP_add, k_start, loop.j);
  x = tc_binary(ev->ir, TC_OP_mul, x, scale_at(ev, s, loop.i, k, a->span));
  tc_store(ev->ir, ev->cursor.at, tile, at, x, (tc_value){0}, a->span);
  tc_stage_close(ev, loop.before);
  return tile;
}

tc_val tc_do_gemm_scaled(tc_eval *ev, stage_args *a) {
  bool trans_a = tc_stage_bool(ev, a->v[5], "transpose_A", a->at[5]);
  bool trans_b = tc_stage_bool(ev, a->v[6], "transpose_B", a->at[6]);
  matrix left = matrix_of(ev, a, 0, trans_a), right = matrix_of(ev, a, 1, !trans_b);
  scales sfa = scales_of(ev, a, 3, 10), sfb = scales_of(ev, a, 4, 11);
  tc_value k_start = tc_stage_index(ev, a->v[9], "k_start", a->at[9]);
  tc_buf x = scaled_tile(ev, a, "scaled_a", &left, &sfa, k_start);
  tc_buf y = scaled_tile(ev, a, "scaled_b", &right, &sfb, k_start);
  tc_gemm p = {.trans_b = true, .k_pack = 1};
  if (a->v[7].kind != TC_V_NONE) p.policy = (uint8_t)tc_stage_int(ev, a->v[7], "policy", a->at[7]);
  const stage_box box[] = {tc_stage_box(ev, tc_val_buffer(x), "A", a->at[0]),
                           tc_stage_box(ev, tc_val_buffer(y), "B", a->at[1]),
                           tc_stage_box(ev, a->v[2], "C", a->at[2])};
  tc_stage_gemm(ev, a, box, p, a->v[8], a->at[8]);
  return tc_val_none();
}
