/* Shared by the Python half of the evaluator only: scopes, functions, modules, and the operations
 * on compile-time values that its files offer each other.
 *
 * A run is one recursive walk over the tree. `ev->running` is the innermost function being
 * evaluated, `ev->block` the innermost run-time block being emitted; both are lists through the C
 * stack. Every node costs a step, every C recursion a level of nesting, and both are bounded. */
#ifndef TC_LANG_EVAL_PRIVATE_H
#define TC_LANG_EVAL_PRIVATE_H

#include "lang/eval.h"
#include "lang/parse.h"

enum {
  EVAL_MAX_CALLS = 200,
  EVAL_MAX_NESTING = 1600,   /* levels of C recursion: about 400 KiB of stack */
  EVAL_MAX_BLOCKS = 100,     /* run-time blocks inside each other: passes walk them recursively */
  EVAL_MAX_ITEMS = 1 << 22,  /* of one list, tuple or set */
  EVAL_MAX_TEXT_B = 1 << 24, /* of one str */
  EVAL_MAX_PY_PARAMS = 6,
  EVAL_POLL_SHIFT = 14, /* every 2^14 steps it is asked whether to go on */
};
/* As the block where a container was made: it belongs to another language and is not changed here.
 */
#define EVAL_READ_ONLY UINT32_MAX

#define EVAL_FAIL(ev, id, ...)                                                                     \
  do {                                                                                             \
    TC_DIAG((ev)->diags, id, __VA_ARGS__);                                                         \
    tc_diag_stop((ev)->diags);                                                                     \
  } while (0)

/* ---- scopes ---- */

/* Why a name that was bound has no value any more: the block it was (re)bound in has ended. */
typedef struct tc_lost {
  const char *what;    /* "for loop" */
  const tc_ast *block; /* its header */
  const tc_ast *bound; /* the binding inside */
  bool stale;          /* it had a value before the block */
} tc_lost;

typedef struct tc_cell {
  tc_val value; /* UNBOUND: never bound, or `lost` says why */
  const tc_lost *lost;
  const tc_ast *bound; /* the statement that bound it */
  uint32_t block;      /* serial number of the staged block it was bound in */
  uint32_t read;       /* number of staged loops opened when it was last read */
  bool is_ref;         /* a T.Ref parameter: the name is the caller's place */
} tc_cell;

struct tc_env {
  tc_env *outer; /* of the enclosing function; NULL: the module's names come next */
  tc_module *module;
  const tc_ast_scope *scope;
  tc_cell *cells; /* one per name of scope->bound */
  bool is_class;  /* functions inside a class do not see the names of its body */
};

enum tc_block_kind { TC_BLOCK_WITH, TC_BLOCK_BRANCH, TC_BLOCK_FOR, TC_BLOCK_WHILE };
typedef struct tc_staged_block {
  struct tc_staged_block *outer;
  enum tc_block_kind kind;
  const tc_ast *node;
  uint32_t serial, loops, trail, depth;
} tc_staged_block;

typedef struct tc_trail {
  tc_cell *cell;
  tc_cell before;
} tc_trail;
typedef TC_VEC(tc_trail) tc_trails;

tc_env *tc_env_new(tc_eval *ev, tc_env *outer, tc_module *module, const tc_ast_scope *scope);
/* The cell of a name in `env` itself, or NULL. */
tc_cell *tc_env_find(const tc_env *env, tc_name name);
void tc_cell_set(tc_eval *ev, tc_cell *cell, tc_val value, const tc_ast *node);
/* Reads and binds a name of the running function. */
tc_val tc_scope_load(tc_eval *ev, tc_name name, const tc_ast *node);
void tc_scope_store(tc_eval *ev, tc_name name, tc_val value, const tc_ast *node);
/* The value `name` has in the innermost scope, UNBOUND without; no diagnostic, does not count as
 * read. */
tc_val tc_scope_peek(tc_eval *ev, tc_name name);
/* A block whose names end with it. Closing undoes the bindings made inside and appends what they
 * were to `ended`; tc_block_forget then marks those names (once for all branches of an if). */
void tc_block_open(tc_eval *ev, tc_staged_block *block, enum tc_block_kind kind,
                   const tc_ast *node);
void tc_block_close(tc_eval *ev, tc_staged_block *block, tc_trails *ended);
void tc_block_forget(tc_eval *ev, const tc_staged_block *block, const tc_trails *ended);
const char *tc_block_text(enum tc_block_kind kind);
uint32_t tc_block_serial(const tc_eval *ev);
/* Refuses the change of a container or object, made in staged block `made_in`, from inside a deeper
 * block that may run another number of times than once. */
void tc_block_check_change(tc_eval *ev, uint32_t made_in, tc_val item, const char *what);

/* ---- running functions ---- */

enum tc_loop_place { TC_LOOP_PYTHON, TC_LOOP_STAGED, TC_LOOP_WHILE };
typedef struct tc_open_loop {
  struct tc_open_loop *outer;
  enum tc_loop_place place;
  tc_staged_block *block; /* innermost at its entry */
} tc_open_loop;

typedef struct tc_running {
  struct tc_running *caller;
  tc_env *env; /* NULL at module level */
  tc_module *module;
  tc_function *fn;        /* NULL: a module or class body */
  const tc_ast *call;     /* the node that called, NULL: this code is not inlined */
  tc_span span;           /* of that call, once asked for */
  tc_staged_block *block; /* innermost staged block at the call */
  tc_open_loop *loop;
  tc_val result;
  bool kernel_code; /* prim_func, eager function or macro: `range` is a loop of the kernel */
} tc_running;

enum tc_flow { TC_FLOW_NEXT, TC_FLOW_BREAK, TC_FLOW_CONTINUE, TC_FLOW_JUMP, TC_FLOW_RETURN };

/* The span of `node` as reached through the calls now open, and that of ev->node. */
tc_span tc_eval_span(tc_eval *ev, const tc_ast *node);
tc_span tc_eval_here(tc_eval *ev);
/* Sets ev->node and ev->here, for a call of the staged half. */
tc_span tc_eval_at(tc_eval *ev, const tc_ast *node);
/* Counts `n` steps against the limit. */
void tc_eval_spend(tc_eval *ev, uint64_t n);
/* One level of recursion, a step included; undone with ev->nesting--. */
void tc_eval_enter(tc_eval *ev);
const char *tc_eval_name(const tc_eval *ev, tc_name name);

/* ---- functions, classes, modules ---- */

enum tc_function_kind { TC_FN_PLAIN, TC_FN_MACRO, TC_FN_PRIM, TC_FN_PARTIAL };
enum tc_function_role { TC_ROLE_NONE, TC_ROLE_STATIC, TC_ROLE_CLASS, TC_ROLE_PROPERTY };
struct tc_function {
  enum tc_function_kind kind;
  enum tc_function_role role; /* as a member of a class */
  bool is_jit;                /* decorated as an entry */
  const tc_ast *node;         /* DEF or LAMBDA; NULL for a partial */
  tc_env *env;
  tc_module *module;
  tc_val *defaults;        /* one per parameter, UNBOUND without */
  tc_val out_idx, configs; /* of the decorator */
  tc_span configs_span;
  tc_class *owner;    /* the class it was defined in */
  tc_val callee;      /* partial */
  tc_call_args given; /* partial */
  uint64_t object;    /* the function of another language that it is (foreign.h), or 0 */
  bool is_ordinary;   /* of such a one: called over there unless an argument is staged */
};

typedef struct tc_slot {
  tc_name name;
  tc_val value;
} tc_slot;
typedef TC_VEC(tc_slot) tc_slots;
struct tc_class {
  tc_name name;
  tc_class *base;
  tc_slots members;
  bool is_dataclass;
  TC_VEC(tc_name) fields; /* of a dataclass, its bases' first */
};
struct tc_instance {
  tc_class *klass;
  tc_slots *slots;
  uint32_t block;
};
struct tc_val_dict {
  tc_val_seq keys;
  TC_VEC(tc_val) values;
};

/* A module-level statement that binds or changes names (or one alias of an import). It is evaluated
 * when one of its names is needed, and sees the names bound above it. */
enum tc_unit_state { TC_UNIT_WAITING, TC_UNIT_RUNNING, TC_UNIT_DONE };
typedef struct tc_unit {
  const tc_ast *stmt, *alias;
  uint32_t at; /* place in the module */
  enum tc_unit_state state;
  tc_slots results;
} tc_unit;
typedef struct tc_use { /* a unit that concerns a name */
  tc_name name;
  tc_unit *unit;
  bool changes; /* x.append(...), x[i] = ...: not a binding */
} tc_use;
enum tc_unknown { TC_UNKNOWN_DEFER, TC_UNKNOWN_TYPES, TC_UNKNOWN_VOCABULARY, TC_UNKNOWN_DTYPES };
struct tc_module {
  const char *path;      /* "tilelang.language", "utils.math", ... */
  const char *file;      /* NULL: none */
  const char *directory; /* where the file's siblings are, "" or ending in '/' */
  const char *package;   /* where submodules are; NULL: there are none */
  bool is_known;         /* a row of pybuiltins.def, without a file */
  uint32_t owner;        /* enum tc_pyowner of its rows */
  enum tc_unknown unknown;
  const tc_ast *tree; /* NULL without a file */
  TC_VEC(tc_unit *) units;
  TC_VEC(tc_use) uses;
  TC_VEC(tc_unit *) stars; /* `from x import *` */
  uint32_t limit;          /* units at or after this place have not run yet */
  tc_unit *running;        /* the unit being evaluated */
  uint64_t foreign;        /* the function whose free names these are (foreign.h), or 0 */
  tc_slots looked_up;      /* of those, what was asked for; UNBOUND: not there */
};

tc_val tc_function_new(tc_eval *ev, const tc_ast *node, enum tc_function_kind kind);
const char *tc_function_name(const tc_eval *ev, const tc_function *fn);
/* Binds arguments to the parameters of fn in `env`. */
void tc_eval_bind_args(tc_eval *ev, const tc_function *fn, const tc_call_args *args, tc_env *env);
/* The function of a def statement after its decorators. */
tc_val tc_eval_def(tc_eval *ev, const tc_ast *node);
tc_val tc_eval_class(tc_eval *ev, const tc_ast *node);
bool tc_slots_get(const tc_slots *slots, tc_name name, tc_val *value);
void tc_slots_set(tc_eval *ev, tc_slots *slots, tc_name name, tc_val value);
/* object.name; false when there is none. Known-but-unusable T.* names are diagnostics. */
bool tc_eval_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val *value);
void tc_eval_set_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val value);
TC_NORETURN void tc_eval_no_attribute(tc_eval *ev, tc_val object, tc_name name);
/* A method of the instance's class, bound; false when there is none. */
bool tc_eval_method(tc_eval *ev, tc_val instance, const char *name, tc_val *method);
tc_class *tc_eval_class_of(tc_val v);
/* Dataclasses: the decorator, the fields of a class statement, construction, ==. */
bool tc_dataclass_is_decorator(tc_val v);
void tc_dataclass_make(tc_eval *ev, tc_class *klass, const tc_ast *node);
void tc_dataclass_init(tc_eval *ev, tc_val object, const tc_call_args *args);
bool tc_dataclass_equal(tc_eval *ev, const tc_instance *a, const tc_instance *b);

tc_module *tc_module_load(tc_eval *ev, const char *path, const char *file, tc_str text);
/* The value of a module-level name as seen from the running code; false when nothing binds it. */
bool tc_module_get(tc_eval *ev, tc_module *module, tc_name name, tc_val *value);
void tc_module_set(tc_eval *ev, tc_module *module, tc_name name, tc_val value);
bool tc_module_attribute(tc_eval *ev, tc_module *module, tc_name name, tc_val *value);
/* The same for modules without a file, and only what needs no evaluation. */
bool tc_module_peek(tc_eval *ev, tc_module *module, tc_name name, tc_val *value);
/* The module a from-import names, MODULE or DEFERRED; false for other statements. */
bool tc_module_of_import(tc_eval *ev, tc_module *module, const tc_ast *stmt, tc_val *value);
/* Import statements: binds what `alias` of `stmt` names. */
void tc_module_import(tc_eval *ev, const tc_ast *stmt, const tc_ast *alias);
/* A name of the library (eval_library.c). */
tc_val tc_library_get(tc_eval *ev, tc_name name);
tc_module *tc_module_known(tc_eval *ev, tc_str path);

/* ---- statements and expressions ---- */

tc_val tc_eval_expr(tc_eval *ev, const tc_ast *node);
enum tc_flow tc_eval_stmt(tc_eval *ev, const tc_ast *stmt);
enum tc_flow tc_eval_body(tc_eval *ev, const tc_ast_list *body);
/* `for`, `while`, `with` and `if` (eval_block.c). */
enum tc_flow tc_eval_for(tc_eval *ev, const tc_ast *stmt);
enum tc_flow tc_eval_while(tc_eval *ev, const tc_ast *stmt);
enum tc_flow tc_eval_with(tc_eval *ev, const tc_ast *stmt);
enum tc_flow tc_eval_if(tc_eval *ev, const tc_ast *stmt);
enum tc_flow tc_eval_jump(tc_eval *ev, const tc_ast *stmt);
/* Binds `value` to a target; `rhs` is the expression it came from, or NULL. */
void tc_eval_assign(tc_eval *ev, const tc_ast *target, tc_val value, const tc_ast *rhs);
/* What a name keeps of a value, containers included. An alloc_var stays one when `rhs` makes it. */
tc_val tc_eval_bind(tc_eval *ev, tc_val value, tc_name name, const tc_ast *rhs);
/* A staged place (element, var, region) read now; anything else as it is. */
tc_val tc_eval_settle(tc_eval *ev, tc_val value);
/* What a container keeps: the same, except that an alloc_var stays one. */
tc_val tc_eval_keep(tc_eval *ev, tc_val value);
tc_val tc_eval_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b);
tc_val tc_eval_unary(tc_eval *ev, enum tc_ast_unop op, tc_val v, const tc_ast *node);
tc_val tc_eval_compare_pair(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b,
                            const tc_ast *node);
/* object[items], and object[items] = value; x[i] and x[i,] differ. */
tc_val tc_eval_get_item(tc_eval *ev, tc_val object, const tc_val *items, uint32_t n, bool is_tuple);
void tc_eval_set_item(tc_eval *ev, tc_val object, const tc_val *items, uint32_t n, bool is_tuple,
                      tc_val value);
/* Items of an index: a[i], a[i, j], a[i:j]. *is_tuple tells a[i] from a[i,]. */
void tc_eval_index(tc_eval *ev, const tc_ast *node, const tc_val **items, uint32_t *n,
                   bool *is_tuple);
/* object[index] where something is staged, and Python's. */
bool tc_eval_is_staged_object(tc_val object);
tc_val tc_eval_call_node(tc_eval *ev, const tc_ast *node);
/* `then` if `test` else `other`: what a side loads is loaded only where that side is taken. */
tc_val tc_eval_choose(tc_eval *ev, const tc_ast *node, const tc_ast *test, const tc_ast *then,
                      const tc_ast *other);
tc_val tc_eval_comprehension(tc_eval *ev, const tc_ast *node);
tc_val tc_eval_fstring(tc_eval *ev, const tc_ast *node);
/* Refuses a statement of the device outside a function, or inside a lazy operand. */
void tc_eval_need_function(tc_eval *ev, const char *what);

/* ---- compile-time values (eval_value.c, eval_ops.c, eval_seq.c, eval_text.c) ---- */

tc_val tc_py_make_list(tc_eval *ev, const tc_val *items, uint32_t n);
tc_val tc_py_make_tuple(tc_eval *ev, const tc_val *items, uint32_t n);
tc_val tc_py_make_text(tc_eval *ev, tc_str text);
tc_val tc_py_make_dict(tc_eval *ev);
tc_val tc_py_make_set(tc_eval *ev, const tc_val *items, uint32_t n);
/* Checks a size before it is made. */
void tc_py_check_size(tc_eval *ev, const char *what, int64_t n, bool is_text);
bool tc_py_key_add(tc_eval *ev, tc_val_seq *set, tc_val item);
bool tc_py_key_has(tc_eval *ev, const tc_val_seq *set, tc_val item);
bool tc_py_key_remove(tc_eval *ev, tc_val_seq *set, tc_val item);
bool tc_py_dict_remove(tc_eval *ev, tc_val_dict *dict, tc_val key, tc_val *value);
/* `is`. */
bool tc_py_same(tc_val a, tc_val b);
/* Text of a str, or the name of a dtype. */
bool tc_py_as_text(tc_eval *ev, tc_val v, tc_str *text);
bool tc_py_as_int(tc_val v, int64_t *x);
double tc_py_as_float(tc_eval *ev, tc_val v, const char *what);
int64_t tc_py_need_int(tc_eval *ev, tc_val v, const char *what);
tc_str tc_py_need_text(tc_eval *ev, tc_val v, const char *what);
void tc_py_need_items(tc_eval *ev, tc_val v, const tc_val **items, uint32_t *n);
/* What is computed from a deferred value: the same value at module level, where nothing may need
 * it; refused in a function. */
tc_val tc_py_defer(tc_eval *ev, tc_val v, const char *what);
/* Truth in a place where it decides at compile time. */
bool tc_py_truth(tc_eval *ev, tc_val v, const char *what);

tc_val tc_py_unary(tc_eval *ev, enum tc_ast_unop op, tc_val a);
tc_val tc_py_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b);
bool tc_py_compare(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b);
bool tc_py_contains(tc_eval *ev, tc_val container, tc_val item);
tc_val tc_py_power(tc_eval *ev, tc_val a, tc_val b);

tc_val tc_py_get_item(tc_eval *ev, tc_val object, tc_val index);
void tc_py_set_item(tc_eval *ev, tc_val object, tc_val index, tc_val value);
/* A loop over compile-time items, live on lists. */
typedef struct tc_py_iter {
  tc_val over;
  const tc_val *items; /* all but lists and ranges */
  uint32_t n, at;
} tc_py_iter;
bool tc_py_iter_open(tc_eval *ev, tc_val over, tc_py_iter *it);
bool tc_py_iter_next(tc_eval *ev, tc_py_iter *it, tc_val *item);
uint64_t tc_py_range_length(const tc_range *range);
void tc_py_sort(tc_eval *ev, tc_val *items, uint32_t n, tc_val key, bool reverse);
tc_val tc_py_make_range(tc_eval *ev, int64_t start, int64_t stop, int64_t step);

/* Decimal digits of |x|: x = 0.d1 d2 ... * 10^point. */
typedef struct tc_digits {
  char at[1100];
  int n, point;
} tc_digits;
/* `n` significant digits, at least 1; `n` digits after the point. Correctly rounded. */
void tc_digits_significant(double x, int n, tc_digits *d);
void tc_digits_fixed(double x, int n, tc_digits *d);
/* 12.50 and 1.250e+01 with so many decimals (digits). */
void tc_digits_plain(tc_sb *sb, const tc_digits *d, int decimals);
void tc_digits_exponent(tc_sb *sb, const tc_digits *d, int n, char letter, bool point);
/* Adds inf or nan; false for other numbers. */
bool tc_digits_special(tc_sb *sb, double x, bool upper);
/* Refuses values that have no text at compile time. */
void tc_py_need_text_of(tc_eval *ev, tc_val v);
tc_str tc_py_format_value(tc_eval *ev, tc_val v, tc_str spec);
tc_str tc_py_format_text(tc_eval *ev, tc_str format, const tc_val *args, uint32_t n,
                         const tc_val_dict *named);
tc_str tc_py_percent(tc_eval *ev, tc_str format, tc_val args);
void tc_py_float_repr(tc_sb *sb, double x);
uint32_t tc_py_text_length(tc_str text);
/* Byte offset of character `at`. */
uint32_t tc_py_text_offset(tc_str text, uint32_t at);
tc_val tc_py_float_of_text(tc_eval *ev, tc_str text);
/* The byte offset of `part` at or after `from`, or -1. */
int64_t tc_py_find_text(tc_eval *ev, tc_str text, tc_str part, uint32_t from);

/* ---- rows of pybuiltins.def ---- */

enum tc_pyowner {
  TC_PY_NOTHING,
  TC_PY_BUILTINS,
  TC_PY_STR,
  TC_PY_LIST,
  TC_PY_TUPLE,
  TC_PY_DICT,
  TC_PY_SET,
  TC_PY_RANGE,
  TC_PY_INT,
  TC_PY_FLOAT,
  TC_PY_MATH,
  TC_PY_ITERTOOLS,
  TC_PY_FUNCTOOLS,
  TC_PY_TILELANG,
  TC_PY_TILEMATH,
  TC_PY_LANGUAGE,
  TC_PY_AUTOTUNER,
  TC_PY_DRIVER,
  TC_PY_DATACLASSES,
  TC_PY_CUDA,
  TC_PY_VERSION,
  TC_PY_TVM,
  TC_PY_TIR,
  TC_PY_FP8,
  TC_PY_TRANSFORM,
  TC_PY_SPARSE,
  TC_PY_IKET,
  TC_PY_TESTING,
};
enum tc_pyflags {
  TC_PYF_0 = 0,
  TC_PYF_TYPE = 1,
  TC_PYF_OUT_IDX = 2,
  TC_PYF_IGNORED = 4,
  TC_PYF_NONE = 8,
  TC_PYF_LIBRARY = 16
};

/* A handler gets one value per parameter: UNBOUND when left out without a default, a TUPLE for
 * *args, a DICT for **kwargs. */
typedef tc_val tc_pyfn(tc_eval *ev, const tc_val *a);
typedef struct tc_pybuiltin {
  enum tc_pyowner owner;
  const char *name, *signature, *doc;
  tc_pyfn *run;           /* NULL: `real` or a constant */
  double (*real)(double); /* NULL: a constant */
  double constant;
  uint32_t flags;
} tc_pybuiltin;

#define PYMODULE(path, owner, unknown)
#define PY(owner, name, function, flags, signature, doc) tc_pyfn tc_py_##function;
#define PYREAL(owner, name, function, doc)
#define PYCONST(owner, name, value, doc)
#define PYNONE(owner, name, doc)
#define PYLIB(owner, name, doc)
#include "lang/pybuiltins.def"
double tc_py_degrees(double x);
double tc_py_radians(double x);

/* The row `name` of an owner as a value; false when there is none. */
bool tc_py_find(enum tc_pyowner owner, tc_str name, tc_val *value);
/* The builtins row of a type: "int", "str", ... of a value; NULL when it has none. */
const tc_pybuiltin *tc_py_type_of(tc_val v);
enum tc_pyowner tc_py_owner_of(tc_val v);
tc_val tc_py_call(tc_eval *ev, const tc_pybuiltin *row, const tc_call_args *args);
/* The path of a known module with these rows, or NULL. */
const char *tc_module_of_owner(enum tc_pyowner owner);
/* A search for what a name of Python may have meant: at most two letters off, and a third of it. */
tc_near tc_py_near(tc_str name);
/* The nearest name among the rows of an owner, or NULL. */
const char *tc_py_nearest(enum tc_pyowner owner, tc_str name);

/* ---- the session ---- */

typedef struct tc_define {
  tc_name name;
  const char *text;
  tc_val value;
  bool evaluated, used;
} tc_define;

struct tc_lang {
  const tc_lang_shape *shapes; /* of arguments, for T.const */
  uint32_t n_shapes;
  const tc_lang_define *configs; /* from outside */
  uint32_t n_configs;
  tc_arena *arena;
  tc_diags *diags;
  tc_names *names;
  tc_source *source;
  tc_lang_read *read;
  void *read_data;
  tc_lang_device device;
  uint64_t step_limit;
  uint64_t parse_ns;
  int (*interrupted)(void *data); /* or NULL */
  void *interrupted_data;
  const char *entry;           /* chosen by the last compilation */
  struct tilec_trace *foreign; /* where names live in another language (foreign.h), or NULL */

  tc_eval eval;
  tc_define *defines;
  uint32_t n_defines;
  TC_VEC(tc_name) asked; /* names T.const asked for */
  TC_VEC(tc_module *) modules;
  tc_map inlined; /* span and call -> span */
  tc_trails trail;
  uint32_t n_blocks, n_loops; /* staged blocks and loops opened so far */
};

/* A fresh evaluation: everything that an earlier one of the session left is forgotten. */
tc_eval *tc_lang_start(tc_lang *lang, const tc_lang_define *defines, uint32_t n_defines);
/* *entry: its name or NULL; becomes the name. `module` NULL: the resolver's function. */
tc_ir *tc_entry_run(tc_eval *ev, tc_module *module, const char **entry);
/* The row a decorator names, or NULL; evaluates nothing that could fail. */
const tc_pybuiltin *tc_eval_decorator_row(tc_eval *ev, tc_module *module, const tc_ast *node);

#endif
