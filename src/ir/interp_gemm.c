/* C = (clear ? 0 : C) + op(A) op(B). Both operands and C are read into plain matrices of the type
 * in which products are summed; a loop over k outside the loop over n keeps the order of additions
 * that ops.def fixes and still lets the compiler use vectors. */
#include "ir/interp_private.h"

enum sum_kind { SUM_F32, SUM_F64, SUM_INT };

typedef struct matrix {
  int64_t rows, columns;
  union {
    float *f32;
    double *f64;
    uint64_t *i;
  };
  uint32_t *row_poison, *column_poison; /* origin of an undefined element; 0: none */
} matrix;

static void want_matrix(tc_machine *m, const tc_tile *t, const tc_tile *other) {
  bool fits = t->rank >= 2;
  for (uint32_t d = 0; d + 2 < t->rank; d++)
    fits = fits && t->extent[d] == 1;
  for (uint32_t d = 0; d < t->rank; d++)
    fits = fits && t->extent[d] >= 0;
  if (!fits) tc_interp_extents(m, t->stmt, t, other);
  tc_interp_want_scalars(m, t);
}

static tc_type sum_type(enum sum_kind kind) {
  return tc_scalar_type(kind == SUM_F32   ? TC_DT_float32
                        : kind == SUM_F64 ? TC_DT_float64
                                          : TC_DT_int64);
}

/* Element (row, column) of op(tile). */
static void element_at(const tc_tile *t, bool transposed, int64_t row, int64_t column,
                       int64_t *at) {
  for (uint32_t d = 0; d + 2 < t->rank; d++)
    at[d] = 0;
  at[t->rank - 2] = transposed ? column : row;
  at[t->rank - 1] = transposed ? row : column;
}

static matrix new_matrix(tc_machine *m, enum sum_kind kind, int64_t rows, int64_t columns,
                         tc_value stmt) {
  matrix x = {.rows = rows, .columns = columns};
  size_t size_b = kind == SUM_F32 ? sizeof *x.f32 : sizeof *x.f64;
  if (rows && (uint64_t)columns > UINT64_MAX / (uint64_t)rows) tc_interp_out_of_memory(m, stmt);
  void *data = tc_interp_room(m, (uint64_t)rows * (uint64_t)columns, size_b, stmt);
  if (kind == SUM_F32) x.f32 = data;
  if (kind == SUM_F64) x.f64 = data;
  if (kind == SUM_INT) x.i = data;
  x.row_poison = tc_interp_room(m, (uint64_t)rows, sizeof *x.row_poison, stmt);
  x.column_poison = tc_interp_room(m, (uint64_t)columns, sizeof *x.column_poison, stmt);
  return x;
}

static matrix read_matrix(tc_machine *m, const tc_tile *t, bool transposed, enum sum_kind kind) {
  int64_t rows = t->extent[t->rank - (transposed ? 1 : 2)];
  int64_t columns = t->extent[t->rank - (transposed ? 2 : 1)];
  matrix x = new_matrix(m, kind, rows, columns, t->stmt);
  int64_t at[TC_INTERP_RANK], i = 0;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t column = 0; column < columns; column++, i++) {
      element_at(t, transposed, row, column, at);
      tc_reg r = tc_interp_tile_get(m, t, at);
      if (r.poison) x.row_poison[row] = x.column_poison[column] = r.poison;
      tc_imm e = tc_interp_convert(t->view->lane, sum_type(kind), r, t->stmt).x;
      if (kind == SUM_F32) x.f32[i] = (float)e.f;
      if (kind == SUM_F64) x.f64[i] = e.f;
      if (kind == SUM_INT) x.i[i] = (uint64_t)e.i;
    }
  }
  return x;
}

/* The product is a variable of its own, so that it is rounded before it is added. */
#define MULTIPLY(name, type, member)                                                               \
  static void name(const matrix *a, const matrix *b, matrix *c) {                                  \
    for (int64_t i = 0; i < a->rows; i++) {                                                        \
      type *sum = c->member + i * c->columns;                                                      \
      for (int64_t k = 0; k < a->columns; k++) {                                                   \
        type x = a->member[i * a->columns + k];                                                    \
        const type *row = b->member + k * b->columns;                                              \
        for (int64_t j = 0; j < c->columns; j++) {                                                 \
          type product = x * row[j];                                                               \
          sum[j] = sum[j] + product;                                                               \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }
MULTIPLY(multiply_f32, float, f32)
MULTIPLY(multiply_f64, double, f64)
MULTIPLY(multiply_int, uint64_t, i)

static tc_imm sum_at(const matrix *c, enum sum_kind kind, int64_t i) {
  if (kind == SUM_F32) return (tc_imm){.f = (double)c->f32[i]};
  if (kind == SUM_F64) return (tc_imm){.f = c->f64[i]};
  return (tc_imm){.i = (int64_t)c->i[i]};
}

/* Sums of integers are int32 unless C is wider; sums modulo 2^64 wrapped at the end are the same.
 */
static tc_reg result_of(const tc_tile *t, enum sum_kind kind, tc_imm sum, uint32_t poison) {
  tc_type from = sum_type(kind), to = t->view->lane;
  if (kind == SUM_INT && tc_type_bits(to) != 64) {
    from = tc_scalar_type(TC_DT_int32);
    sum = tc_imm_int(from, sum.i);
  }
  tc_scalar r = tc_scalar_cast(from, to, (tc_scalar){sum, false});
  return (tc_reg){r.x, poison};
}

/* Elements of C that were undefined before: each alone, not its row. */
static uint32_t *poison_of(tc_machine *m, const tc_tile *t) {
  uint32_t r = t->rank;
  uint64_t n = (uint64_t)t->extent[r - 2] * (uint64_t)t->extent[r - 1];
  uint32_t *poison = tc_interp_room(m, n, sizeof *poison, t->stmt), *p = poison;
  for (tc_odometer o = tc_odometer_in(r, t->extent); o.more; tc_odometer_next(&o))
    *p++ = tc_interp_tile_get(m, t, o.at).poison;
  return poison;
}

static void write_back(tc_machine *m, const tc_tile *t, enum sum_kind kind, const matrix *a,
                       const matrix *b, const matrix *c, const uint32_t *c_poison) {
  int64_t at[TC_INTERP_RANK], i = 0;
  for (int64_t row = 0; row < c->rows; row++) {
    for (int64_t column = 0; column < c->columns; column++, i++) {
      uint32_t poison = c_poison ? c_poison[i] : 0;
      if (!poison) poison = a->row_poison[row];
      if (!poison) poison = b->column_poison[column];
      element_at(t, false, row, column, at);
      tc_interp_tile_put(m, t, at, result_of(t, kind, sum_at(c, kind, i), poison));
    }
  }
}

static enum sum_kind kind_of(const tc_tile *a, const tc_tile *b, const tc_tile *c) {
  const tc_tile *all[] = {a, b, c};
  enum sum_kind kind = SUM_INT;
  for (uint32_t i = 0; i < TC_COUNT(all); i++) {
    tc_type type = all[i]->view->lane;
    if (type.dtype == TC_DT_float64) return SUM_F64;
    if (tc_is_float(type)) kind = SUM_F32;
  }
  return kind;
}

void tc_interp_gemm(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  const tc_gemm *gemm = tc_gemm_of(m->ir, p->at);
  tc_tile ta, tb, tc;
  tc_interp_tile(m, &code->slice[0], p->at, &ta);
  tc_interp_tile(m, &code->slice[1], p->at, &tb);
  tc_interp_tile(m, &code->slice[2], p->at, &tc);
  want_matrix(m, &ta, &tb);
  want_matrix(m, &tb, &ta);
  want_matrix(m, &tc, &ta);
  bool clear = gemm->clear;
  if (code->extra[0]) clear = tc_interp_int(m, code->extra[0], p->at, "whether the sum is cleared");
  int64_t rows = tc.extent[tc.rank - 2], columns = tc.extent[tc.rank - 1];
  int64_t depth = ta.extent[ta.rank - (gemm->trans_a ? 2 : 1)];
  tc_interp_count(m, 3, (int64_t[]){rows, columns, depth}, p->at);
  tc_interp_count(m, ta.rank, ta.extent, p->at);
  tc_interp_count(m, tb.rank, tb.extent, p->at);
  tc_interp_count(m, tc.rank, tc.extent, p->at);
  enum sum_kind kind = kind_of(&ta, &tb, &tc);
  tc_room_mark mark = tc_interp_mark(m);
  matrix a = read_matrix(m, &ta, gemm->trans_a, kind), b = read_matrix(m, &tb, gemm->trans_b, kind);
  if (a.columns != b.rows) tc_interp_extents(m, p->at, &ta, &tb);
  if (a.rows != rows) tc_interp_extents(m, p->at, &ta, &tc);
  if (b.columns != columns) tc_interp_extents(m, p->at, &tb, &tc);
  matrix c = clear ? new_matrix(m, kind, rows, columns, p->at) : read_matrix(m, &tc, false, kind);
  const uint32_t *c_poison = clear ? NULL : poison_of(m, &tc);
  if (kind == SUM_F32) multiply_f32(&a, &b, &c);
  if (kind == SUM_F64) multiply_f64(&a, &b, &c);
  if (kind == SUM_INT) multiply_int(&a, &b, &c);
  write_back(m, &tc, kind, &a, &b, &c, c_poison);
  tc_interp_drop(m, mark);
}
