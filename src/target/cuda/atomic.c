/* Atomic updates: TC_ATOMIC_G(add, f32, pointer, x), of shared memory TC_ATOMIC_S, and TC_CAS_G and
 * TC_CAS_S. The simulator has them all; for a device, functions of the operations that a program
 * uses are made from atomics.def. */
#include "ir/form.h"
#include "target/cuda/cuda_impl.h"

#include <string.h>

typedef struct type_row {
  const char *name;
  enum tc_dtype dtype;
  const char *value, *storage, *word, *get, *from, *native;
} type_row;

static const type_row TYPES[] = {
#define ATOMIC(name, dtype, value, storage, word, get, from, native)                               \
  {#name, TC_DT_##dtype, #value, #storage, #word, get, from, native},
#include "target/cuda/atomics.def"
#undef ATOMIC
};

/* By enum tc_atomic_kind: its name, the device's function, the letter of atomics.def, and what
 * becomes of `o` and `x` for ints and for floats. */
static const struct {
  const char *name, *function;
  char letter;
  const char *whole, *floating;
} KINDS[] = {
    [TC_ATOMIC_ADD] = {"add", "atomicAdd", 'a', "o + x", "o + x"},
    [TC_ATOMIC_MIN] = {"min", "atomicMin", 'm', "x < o ? x : o", "tc_min_%s(o, x)"},
    [TC_ATOMIC_MAX] = {"max", "atomicMax", 'm', "x > o ? x : o", "tc_max_%s(o, x)"},
    [TC_ATOMIC_AND] = {"and", "atomicAnd", 'b', "o & x", NULL},
    [TC_ATOMIC_OR] = {"or", "atomicOr", 'b', "o | x", NULL},
    [TC_ATOMIC_XOR] = {"xor", "atomicXor", 'b', "o ^ x", NULL},
    [TC_ATOMIC_EXCHANGE] = {"exch", "atomicExch", 'x', "x", "x"},
    [TC_ATOMIC_CAS] = {"cas", NULL, 0, NULL, NULL},
};

/* ---- functions of the device ---- */

static void loop_text(tc_sb *out, const type_row *t, enum tc_atomic_kind kind) {
  const char *now = KINDS[kind].whole;
  if (!strcmp(t->value, "float") || !strcmp(t->value, "double"))
    now = tc_format(out->arena, KINDS[kind].floating, strcmp(t->value, "float") ? "f64" : "f32");
  tc_sb_printf(out,
               "TC_FN %s tc_atomic_%s_%s(%s *p, %s x) { %s *w = (%s *)p, was, old = *(volatile %s "
               "*)w; %s o; do { was = old; o = %s(was); const %s n = %s; old = atomicCAS(w, was, "
               "(%s)%s(n)); } while (old != was); return o; }\n",
               t->value, KINDS[kind].name, t->name, t->storage, t->value, t->word, t->word, t->word,
               t->value, t->get, t->value, now, t->word, t->from);
}

static void function_text(tc_sb *out, const type_row *t, enum tc_atomic_kind kind) {
  if (kind == TC_ATOMIC_CAS) {
    tc_sb_printf(out,
                 "TC_FN %s tc_atomic_cas_%s(%s *p, %s was, %s x) { return %s(atomicCAS((%s *)p, "
                 "(%s)%s(was), (%s)%s(x))); }\n",
                 t->value, t->name, t->storage, t->value, t->value, t->get, t->word, t->word,
                 t->from, t->word, t->from);
  } else if (strchr(t->native, KINDS[kind].letter)) {
    tc_sb_printf(out, "TC_FN %s tc_atomic_%s_%s(%s *p, %s x) { return %s(p, x); }\n", t->value,
                 KINDS[kind].name, t->name, t->storage, t->value, KINDS[kind].function);
  } else {
    loop_text(out, t, kind);
  }
}

void tc_cudatext_atomics(tc_sb *out, const tc_cudatext *c) {
  if (!c->atomics) return;
  tc_sb_adds(out, "#define TC_ATOMIC_G(op, t, p, x) tc_atomic_##op##_##t((tc_at_##t *)(p), (x))\n"
                  "#define TC_ATOMIC_S(op, t, a, x) tc_atomic_##op##_##t((tc_at_##t "
                  "*)__cvta_shared_to_generic(a), (x))\n"
                  "#define TC_CAS_G(t, p, was, x) tc_atomic_cas_##t((tc_at_##t *)(p), (was), (x))\n"
                  "#define TC_CAS_S(t, a, was, x) tc_atomic_cas_##t((tc_at_##t "
                  "*)__cvta_shared_to_generic(a), (was), (x))\n");
  for (uint32_t i = 0; i < TC_COUNT(TYPES); i++) {
    if (!(c->atomics >> i * TC_COUNT(KINDS) & 0xff)) continue;
    tc_sb_printf(out, "typedef %s tc_at_%s;\n", TYPES[i].storage, TYPES[i].name);
    for (uint32_t k = 0; k < TC_COUNT(KINDS); k++)
      if (c->atomics >> (i * TC_COUNT(KINDS) + k) & 1)
        function_text(out, &TYPES[i], (enum tc_atomic_kind)k);
  }
}

/* ---- statements ---- */

static uint32_t row_of(tc_cemit *e, tc_value stmt, tc_type elem) {
  for (uint32_t i = 0; i < TC_COUNT(TYPES); i++)
    if (TYPES[i].dtype == elem.dtype) return i;
  tc_ce_refuse(e, stmt, tc_ce_text(e, "an atomic update of %s", tc_type_name(e->ir->arena, elem)));
}

static const char *call(tc_cemit *e, tc_value stmt, uint32_t lane) {
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, a->buf);
  const tc_value *in = tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
  tc_type elem = {b->elem.dtype, 0, 1};
  const char *t = TYPES[row_of(e, stmt, elem)].name, *at = tc_cudatext_place(e, a->buf, in, lane);
  char where = b->scope == TC_SCOPE_shared ? 'S' : 'G';
  const char *x = tc_ce_ref(e, in[b->rank], lane % tc_value_type(e->ir, in[b->rank]).lanes);
  if (a->kind != TC_ATOMIC_CAS)
    return tc_ce_text(e, "TC_ATOMIC_%c(%s, %s, %s, %s)", where, KINDS[a->kind].name, t, at, x);
  tc_value was = in[b->rank + 1];
  return tc_ce_text(e, "TC_CAS_%c(%s, %s, %s, %s)", where, t, at,
                    tc_ce_ref(e, was, lane % tc_value_type(e->ir, was).lanes), x);
}

/* A variable is the thread's own. */
static void update_variable(tc_cemit *e, tc_value stmt) {
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  tc_type elem = tc_buf_at(e->ir, a->buf)->elem;
  tc_value x = tc_input(e->ir, tc_op_at(e->ir, stmt), 0);
  enum tc_opcode op = tc_atomic_op((enum tc_atomic_kind)a->kind);
  if (elem.lanes != 1 || op == TC_OP_none || tc_access_pred(e->ir, stmt).id)
    tc_ce_refuse(e, stmt, "this atomic update of a variable");
  const char *old = tc_cw_temp(&e->w, tc_ce_type(elem), "%s", tc_ce_get(e, a->buf, "0"));
  const char *now = tc_ce_binary(e, op, elem, old, tc_ce_ref(e, x, 0));
  tc_cw_line(&e->w, "%s", tc_ce_put(e, a->buf, "0", tc_ce_encode(e, elem, now)));
  if (e->placed.uses[stmt.id])
    tc_cw_line(&e->w, "const %s %s = %s;", tc_ce_type(elem), tc_ce_ref(e, stmt, 0), old);
}

bool tc_cudatext_atomic(tc_cudatext *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, a->buf);
  tc_type elem = {b->elem.dtype, 0, 1};
  if (b->scope == TC_SCOPE_var) {
    update_variable(e, stmt);
    return true;
  }
  if (b->scope != TC_SCOPE_shared && b->scope != TC_SCOPE_global) return false;
  if (b->elem.lanes != 1) tc_ce_refuse(e, stmt, "an atomic update of a buffer of vectors");
  c->atomics |= UINT64_C(1) << (row_of(e, stmt, elem) * TC_COUNT(KINDS) + a->kind);
  uint32_t points = tc_ce_points(e, b, tc_inputs_of(e->ir, tc_op_at(e->ir, stmt)));
  tc_cudatext_order(e, a->order, a->sync_scope, false);
  for (uint32_t lane = 0; lane < points; lane++) {
    const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), lane),
               *update = call(e, stmt, lane);
    const char *old = e->placed.uses[stmt.id] ? tc_ce_ref(e, stmt, lane) : NULL;
    const char *result = old ? tc_ce_text(e, "%s = ", old) : "";
    if (old && cond) tc_cw_line(&e->w, "%s %s = 0;", tc_ce_type(elem), old);
    if (old && !cond) result = tc_ce_text(e, "const %s %s", tc_ce_type(elem), result);
    tc_cw_line(&e->w, cond ? "if (%s) %s%s;" : "%s%s%s;", cond ? cond : "", result, update);
  }
  tc_cudatext_order(e, a->order, a->sync_scope, true);
  return true;
}
