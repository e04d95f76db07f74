/* Compile-time values: what a name in a kernel file is bound to while the file is evaluated.
 *
 * A `tc_val` is a tag and one word. Python values (none .. instance) behave as in Python. Staged
 * values stand for something that exists only when the kernel runs:
 *   EXPR     a value of the IR
 *   BUFFER   a buffer; VAR: an alloc_var, whose name reads as a load and assigns as a store
 *   ELEMENT  buf[i, j] with all indices scalar: a tile origin for tile ops, a load as an operand.
 *            Binding it to a name (or a parameter) performs the load there and then (`loaded`),
 *            so a later store does not change what the name means; the origin stays known.
 *   REGION   buf[a:b, j]: a box
 *   FRAME    what T.Kernel, T.Parallel, T.serial, ... return; consumed by `with` and `for` */
#ifndef TC_LANG_VALUE_H
#define TC_LANG_VALUE_H

#include "ir/ir.h"
#include "lang/ast.h"

enum tc_val_kind {
  TC_V_UNBOUND, /* no value: a name read before it was bound */
  TC_V_NONE,
  TC_V_BOOL,      /* .i 0 or 1 */
  TC_V_INT,       /* .i; arithmetic that leaves 64 bits is a diagnostic */
  TC_V_FLOAT,     /* .f */
  TC_V_STR,       /* .str */
  TC_V_TUPLE,     /* .seq, never changed after it was made */
  TC_V_LIST,      /* .seq, shared and mutable as in Python */
  TC_V_SET,       /* .seq without duplicates */
  TC_V_DICT,      /* .dict, keeps insertion order */
  TC_V_RANGE,     /* .range */
  TC_V_SLICE,     /* .slice */
  TC_V_FUNCTION,  /* .fn: def, lambda, macro, prim_func */
  TC_V_PYBUILTIN, /* .pyfn: a row of pybuiltins.def (len, range, math.ceil, str.join, ...) */
  TC_V_BUILTIN,   /* .i: a row of builtins.def (T.copy, ...) */
  TC_V_METHOD,    /* .method: receiver and what to call */
  TC_V_MODULE,    /* .module */
  TC_V_CLASS,     /* .klass */
  TC_V_INSTANCE,  /* .instance */
  TC_V_DEFERRED,  /* .deferred: an unknown import and the like; any use is its diagnostic */
  TC_V_FOREIGN,   /* .foreign: an object of another language (foreign.h) */
  TC_V_DTYPE,     /* .type; equal to its name as a str, callable as a cast */
  TC_V_ENUM,      /* .enum_: a member such as GemmWarpPolicy.FullRow */
  TC_V_TENSOR,    /* .tensor: the annotation T.Tensor(...), T.ptr, ... */
  TC_V_LAYOUT,    /* .layout: T.Layout, T.Fragment and the make_*_layout results */
  TC_V_FRAME,     /* .frame */
  TC_V_EXPR,      /* .value */
  TC_V_BUFFER,    /* .buf */
  TC_V_VAR,       /* .buf, scope var */
  TC_V_ELEMENT,   /* .element */
  TC_V_REGION,    /* .region */
};

typedef struct tc_val tc_val;
typedef struct tc_eval tc_eval;

typedef struct tc_val_seq {
  TC_VEC(tc_val) items;
  uint32_t *slots, n_slots; /* hash index of a set or of the keys of a dict: item number + 1 */
  uint32_t block;           /* the staged block it was made in; 0: none (Python half) */
  uint64_t object;          /* of which it is a copy (foreign.h), or 0 */
} tc_val_seq;

typedef struct tc_val_dict tc_val_dict;
typedef struct tc_env tc_env;
typedef struct tc_function tc_function;
typedef struct tc_module tc_module;
typedef struct tc_class tc_class;
typedef struct tc_instance tc_instance;
typedef struct tc_frame tc_frame;
typedef struct tc_layout_val tc_layout_val;
typedef struct tc_method tc_method;
struct tc_pybuiltin;

typedef struct tc_range {
  int64_t start, stop, step;
  bool staged; /* an end is not known at compile time: ends below, only a `for` may use it */
  tc_value lo, hi, by;
} tc_range;

typedef struct tc_strval {
  tc_str text;
} tc_strval;

typedef struct tc_deferred {
  const char *what; /* "module 'torch'" */
  tc_span span;     /* where it came from */
  tc_name name;     /* the module-level name it was bound to, which -D may give a value; or none */
} tc_deferred;

typedef struct tc_enum_val {
  const char *family, *member;
  int64_t number;
} tc_enum_val;

typedef struct tc_element {
  tc_buf buf;
  uint32_t n; /* indices given: the rank for a load or store */
  tc_value *index;
  tc_value loaded; /* after binding; 0 before */
  tc_span span;
} tc_element;

typedef struct tc_region_val {
  tc_buf buf;
  uint32_t n; /* the buffer's rank */
  tc_value *base, *extent;
  bool *scalar;    /* dimension was given as one index, not a slice */
  tc_value loaded; /* after binding: a vector value; 0 before */
  tc_span span;
} tc_region_val;

enum tc_tensor_kind { TC_TENSOR_DENSE, TC_TENSOR_STRIDED, TC_TENSOR_POINTER };
typedef struct tc_tensor_val {
  enum tc_tensor_kind kind;
  tc_type elem;
  uint32_t rank;
  tc_value *shape, *strides; /* values of the function under construction */
  enum tc_scope scope;
} tc_tensor_val;

struct tc_val {
  enum tc_val_kind kind;
  union {
    int64_t i;
    double f;
    uint64_t foreign;
    tc_type type;
    tc_value value;
    tc_buf buf;
    const tc_strval *str;
    tc_val_seq *seq;
    tc_val_dict *dict;
    const tc_range *range;
    const tc_ast *slice_node;
    tc_val *slice; /* lower, upper, step */
    tc_function *fn;
    const struct tc_pybuiltin *pyfn;
    const tc_method *method;
    tc_module *module;
    tc_class *klass;
    tc_instance *instance;
    const tc_deferred *deferred;
    const tc_enum_val *enum_;
    const tc_tensor_val *tensor;
    tc_layout_val *layout;
    tc_frame *frame;
    tc_element *element;
    tc_region_val *region;
  };
};
_Static_assert(sizeof(tc_val) == 16, "values are passed around by copy");

struct tc_method {
  tc_val self, callee;
  tc_name name;
};

/* "int", "T.Tensor buffer", ...: for messages. */
const char *tc_val_kind_name(tc_val v);
static inline bool tc_val_is_staged(tc_val v) {
  return v.kind >= TC_V_EXPR;
}
static inline bool tc_val_is_number(tc_val v) {
  return v.kind == TC_V_BOOL || v.kind == TC_V_INT || v.kind == TC_V_FLOAT;
}
static inline tc_val tc_val_none(void) {
  return (tc_val){.kind = TC_V_NONE};
}
static inline tc_val tc_val_int(int64_t i) {
  return (tc_val){.kind = TC_V_INT, .i = i};
}
static inline tc_val tc_val_bool(bool b) {
  return (tc_val){.kind = TC_V_BOOL, .i = b};
}
static inline tc_val tc_val_float(double f) {
  return (tc_val){.kind = TC_V_FLOAT, .f = f};
}
static inline tc_val tc_val_expr(tc_value v) {
  return (tc_val){.kind = TC_V_EXPR, .value = v};
}
static inline tc_val tc_val_dtype(tc_type t) {
  return (tc_val){.kind = TC_V_DTYPE, .type = t};
}
static inline tc_val tc_val_buffer(tc_buf b) {
  return (tc_val){.kind = TC_V_BUFFER, .buf = b};
}
static inline tc_val tc_val_var(tc_buf b) {
  return (tc_val){.kind = TC_V_VAR, .buf = b};
}
tc_val tc_val_str(tc_arena *arena, tc_str text);
tc_val tc_val_tuple(tc_arena *arena, const tc_val *items, uint32_t n);
tc_val tc_val_list(tc_arena *arena, const tc_val *items, uint32_t n);

#endif
