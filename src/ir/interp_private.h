/* Inside the oracle. A function is compiled once into a linear list of instructions per region
 * (interp_code.c): pure values stand just before the first statement that needs them, where
 * tc_place_values put them, and every value is a range of registers, one per lane. interp.c
 * executes a region by walking its list; control statements execute their child regions.
 *
 * Memory is one `tc_storage` per root buffer and one `tc_view` per buffer: where the elements lie
 * for the extents they have in this run. Next to the bytes lie as many shadow bytes; a set shadow
 * bit marks an undefined data bit, so packed elements and views with another type need nothing
 * special.
 *
 * Errors leave through the machine's unwind after a diagnostic was recorded: no function here
 * returns a failure. */
#ifndef TC_IR_INTERP_PRIVATE_H
#define TC_IR_INTERP_PRIVATE_H

#include "ir/interp.h"
#include "ir/scalar.h"
#include "ir/walk.h"

enum { TC_INTERP_RANK = 16 };

/* A lane of a value. `poison` is the id of the op where the undefined value began; 0: defined. */
typedef struct tc_reg {
  tc_imm x;
  uint32_t poison;
} tc_reg;

typedef struct tc_insn {
  uint16_t op, lanes; /* lanes of the result */
  uint8_t dtype;      /* of the operands */
  uint8_t to;         /* cast, reinterpret: of the result */
  uint16_t a_lanes;   /* lanes of the first operand */
  uint32_t out, a, b, c;
  tc_value at;
  const void *record; /* what the op needs more: a struct of interp_code.c, below */
} tc_insn;

typedef struct tc_code {
  tc_insn *at;
  uint32_t n;
} tc_code;

/* ---- records of statements; members named like registers are register numbers, 0: absent ---- */

typedef struct tc_access_code {
  tc_buf buf;
  uint32_t rank, n; /* n elements are accessed: more than one when an index is a vector */
  const uint32_t *index;
  const bool *wide; /* which indices are vectors */
  uint32_t value, expected, pred, other;
  bool wide_pred, wide_value;
  uint8_t atomic; /* enum tc_atomic_kind */
} tc_access_code;

typedef struct tc_slice_code {
  tc_buf buf;
  uint32_t rank;
  bool in_bounds;
  const uint32_t *base, *extent;
} tc_slice_code;

enum { TC_TILE_SLICES = 3 };
typedef struct tc_tile_code {
  uint32_t n;
  tc_slice_code slice[TC_TILE_SLICES];
  uint32_t extra[2]; /* scalar inputs after (or instead of) the slices */
  tc_type extra_type;
} tc_tile_code;

/* A variable of scope `var` that a parallel loop writes: private to each iteration. */
typedef struct tc_private_var {
  tc_buf root;
  unsigned char *data, *shadow; /* as before the loop */
  uint64_t cap_b;
} tc_private_var;

typedef struct tc_parallel_code {
  uint32_t n;
  const tc_var *vars;
  const uint32_t *extent;
  tc_private_var *privates;
  uint32_t n_privates;
} tc_parallel_code;

typedef struct tc_kernel_plan tc_kernel_plan; /* interp_threads.h */
typedef struct tc_crew tc_crew;
typedef struct tc_mbar tc_mbar;
typedef struct tc_marks tc_marks;
typedef struct tc_trace tc_trace;

typedef struct tc_kernel_code {
  const uint32_t *grid;
  const tc_kernel_plan *plan;
} tc_kernel_code;

typedef struct tc_print_code {
  const char *text;
  tc_buf buf;
  uint32_t n;
  const uint32_t *value;
  const tc_type *type;
} tc_print_code;

/* ---- memory ---- */

typedef struct tc_storage {
  unsigned char *data, *shadow; /* no shadow: all defined */
  uint64_t size_b, cap_b;
  bool live;     /* allocated, or an argument that was given */
  bool trusted;  /* a bare address: the size is unknown */
  tc_mbar *bars; /* of scope barrier: one per element */
  uint32_t n_bars;
  tc_marks *marks; /* bytes in flight, NULL: never any */
  tc_trace *trace; /* who accessed it, when races are looked for */
} tc_storage;

typedef struct tc_view {
  tc_buf buf;
  tc_storage *storage, own; /* `own`: of a buffer at an address */
  tc_type lane;             /* type of one lane */
  uint32_t lanes, lane_bits, elem_bits, rank;
  enum tc_scope scope;
  bool fixed; /* all extents depend on dims and scalar parameters only */
  bool ready; /* fixed and computed */
  uint32_t *shape_reg, *stride_reg, offset_reg, address_reg;
  int64_t *shape, *stride, offset;
} tc_view;

/* The loops around the current statement, for notes. */
typedef struct tc_frame {
  struct tc_frame *up;
  const tc_var *vars;
  uint32_t n;
} tc_frame;

typedef struct tc_machine {
  tc_ir *ir;
  tc_arena arena; /* everything of this run */
  tc_crew *crew;  /* in a kernel that runs in strands */
  struct tc_rt_fibers *fibers;
  tc_code *codes;       /* by region id */
  uint32_t *value_slot; /* by value id */
  uint32_t *var_slot;   /* by variable id */
  uint32_t *var_value;  /* by variable id: its `var` op, once met */
  uint32_t n_slots;
  tc_reg *regs;
  tc_storage *storages; /* by root buffer id */
  tc_view *views;       /* by buffer id */
  const tc_arg *args;
  tc_imm *by_var; /* dims and scalar parameters */
  bool *known;
  tc_reg yielded;
  tc_frame *frames;
  uint64_t steps, max_steps, memory_b, max_memory_b, seed;
  bool races;               /* to be looked for */
  uint32_t loop, iteration; /* of the parallel loop that runs: its number from 1, or 0 */
  uint32_t n_loops, n_gangs;
  tc_print_to *print;
  void *print_data;
} tc_machine;

/* ---- interp.c ---- */

/* Instructions that are no ops; their records are in interp_threads.h. */
enum tc_insn_op {
  TC_INSN_TEAM = TC_OP_COUNT, /* the threads of a team do something once */
  TC_INSN_COPIES,             /* an alloc of one buffer per thread */
  TC_INSN_SPIN,               /* lets others go on */
  TC_INSN_FLY,                /* what the instruction before issued is in flight */
  TC_INSN_WATCH,              /* looks at what the next instruction touches */
  TC_INSN_RING                /* the next instruction touches versions of rings */
};

/* How a region was left. */
enum tc_flow { TC_FLOW_END, TC_FLOW_BREAK, TC_FLOW_CONTINUE };
enum tc_flow tc_interp_region(tc_machine *m, tc_region region);
/* The instructions `at .. end`. */
enum tc_flow tc_interp_range(tc_machine *m, const tc_insn *at, const tc_insn *end);
/* Where to go when memory runs out: ours, or the caller's. */
void tc_interp_unwind_at(tc_machine *m, tc_unwind *ours, tc_unwind *callers);
void tc_interp_set_var(tc_machine *m, tc_var var, int64_t x);

/* Visits 0 .. n-1 once each, in an order that depends on the seed: i -> first + i * step modulo n,
 * with step and n coprime. */
typedef struct tc_sequence {
  uint64_t n, step, at;
} tc_sequence;
tc_sequence tc_interp_order(tc_machine *m, uint64_t n);
uint64_t tc_sequence_next(tc_sequence *o);

/* ---- interp_code.c ---- */

/* Compiles the function's body and all buffers; allocates and fills the registers. */
void tc_interp_compile(tc_machine *m);

/* ---- interp_args.c ---- */

/* Checks the arguments, finds every dimension, sets the storage of parameters. */
void tc_interp_bind(tc_machine *m, uint32_t n_args);

/* ---- interp_values.c ---- */

void tc_interp_pure(tc_machine *m, const tc_insn *p);

/* ---- interp_mem.c ---- */

static inline tc_type tc_lane_type(tc_type type) {
  return (tc_type){type.dtype, 0, 1};
}
static inline tc_scalar tc_reg_scalar(tc_reg r) {
  return (tc_scalar){r.x, r.poison != 0};
}

/* Brings the buffer's view up to date. Its storage exists afterwards. */
tc_view *tc_interp_view(tc_machine *m, tc_buf buf, tc_value stmt);
void tc_interp_alloc(tc_machine *m, const tc_insn *p, tc_buf buf);
/* False when the predicate of element j of an access is false. */
bool tc_interp_wanted(tc_machine *m, const tc_insn *p, const tc_access_code *a, uint32_t j);
/* The place of element j; false when it is out of range and that is allowed. */
bool tc_interp_place(tc_machine *m, const tc_insn *p, const tc_access_code *a, const tc_view *v,
                     uint32_t j, uint64_t *bit);
void tc_interp_load(tc_machine *m, const tc_insn *p);
void tc_interp_store(tc_machine *m, const tc_insn *p);
void tc_interp_atomic(tc_machine *m, const tc_insn *p);
/* One lane at bit `bit` of the view's storage, which must lie inside it. A read of undefined bits
 * blames `stmt`. */
tc_reg tc_interp_get(const tc_view *view, uint64_t bit, tc_value stmt);
void tc_interp_put(const tc_view *view, uint64_t bit, tc_reg x);
tc_reg tc_interp_combine(enum tc_opcode op, tc_type type, tc_reg a, tc_reg b);
/* The new element of an atomic update. */
tc_reg tc_interp_update(enum tc_atomic_kind kind, tc_type type, tc_reg old, tc_reg value,
                        tc_reg expected);
/* `n` zeroed elements, counted against the memory limit until `tc_interp_drop`. */
void *tc_interp_room(tc_machine *m, uint64_t n, size_t size_b, tc_value stmt);
typedef struct tc_room_mark {
  tc_arena_mark arena;
  uint64_t memory_b;
} tc_room_mark;
tc_room_mark tc_interp_mark(const tc_machine *m);
void tc_interp_drop(tc_machine *m, tc_room_mark mark);

/* ---- tiles: interp_tile.c, interp_gemm.c, interp_reduce.c ---- */

/* A slice with its numbers. */
typedef struct tc_tile {
  tc_view *view;
  tc_value stmt;
  uint32_t rank;
  int64_t base[TC_INTERP_RANK], extent[TC_INTERP_RANK];
  bool guarded[TC_INTERP_RANK]; /* out of range is allowed in this dimension */
} tc_tile;

/* Counts through a box; `at` is the current point. */
typedef struct tc_odometer {
  uint32_t rank;
  const int64_t *extent;
  int64_t at[TC_INTERP_RANK];
  bool more;
} tc_odometer;
tc_odometer tc_odometer_in(uint32_t rank, const int64_t *extent);
void tc_odometer_next(tc_odometer *o);

void tc_interp_tile(tc_machine *m, const tc_slice_code *code, tc_value stmt, tc_tile *tile);
/* False when the point (relative to the tile) is out of range and guarded. */
bool tc_interp_locate(tc_machine *m, const tc_tile *tile, const int64_t *at, uint64_t *bit);
/* The element there, 0 when it is out of range. Tiles of scalar elements only. */
tc_reg tc_interp_tile_get(tc_machine *m, const tc_tile *tile, const int64_t *at);
/* Writes there unless out of range. */
void tc_interp_tile_put(tc_machine *m, const tc_tile *tile, const int64_t *at, tc_reg x);
/* Number of elements of a box, counted as steps. */
uint64_t tc_interp_count(tc_machine *m, uint32_t rank, const int64_t *extent, tc_value stmt);
/* Refuses elements that are vectors. */
void tc_interp_want_scalars(tc_machine *m, const tc_tile *tile);
tc_reg tc_interp_convert(tc_type from, tc_type to, tc_reg x, tc_value stmt);
/* Pairs the dimensions of extent other than 1, in order: map[d] is the dimension of `b` for
 * dimension d of `a`, or -1. `skip_a` is left out (UINT32_MAX: none). False when they differ. */
bool tc_interp_pair(const tc_tile *a, uint32_t skip_a, const tc_tile *b, int *map);

void tc_interp_copy(tc_machine *m, const tc_insn *p);
void tc_interp_fill(tc_machine *m, const tc_insn *p);
void tc_interp_transpose(tc_machine *m, const tc_insn *p);
void tc_interp_im2col(tc_machine *m, const tc_insn *p);
void tc_interp_atomic_tile(tc_machine *m, const tc_insn *p);
void tc_interp_gemm(tc_machine *m, const tc_insn *p);
void tc_interp_reduce(tc_machine *m, const tc_insn *p);
void tc_interp_scan(tc_machine *m, const tc_insn *p);
void tc_interp_print(tc_machine *m, const tc_insn *p);

/* ---- errors: interp_errors.c ---- */

/* Adds where the run was and leaves. */
TC_NORETURN void tc_interp_stop(tc_machine *m);
/* `what`, for instance "the condition", is undefined. */
TC_NORETURN void tc_interp_undefined(tc_machine *m, tc_value stmt, tc_reg x, const char *what);
TC_NORETURN void tc_interp_undefined_store(tc_machine *m, tc_value stmt, const tc_view *view,
                                           tc_reg x);
TC_NORETURN void tc_interp_out_of_bounds(tc_machine *m, tc_value stmt, const tc_view *view,
                                         uint32_t dim, int64_t index);
TC_NORETURN void tc_interp_outside(tc_machine *m, tc_value stmt, const tc_view *view);
TC_NORETURN void tc_interp_unsupported(tc_machine *m, tc_value stmt, const char *what);
TC_NORETURN void tc_interp_extents(tc_machine *m, tc_value stmt, const tc_tile *a,
                                   const tc_tile *b);
TC_NORETURN void tc_interp_out_of_memory(tc_machine *m, tc_value stmt);
TC_NORETURN void tc_interp_out_of_steps(tc_machine *m, tc_value stmt);
const char *tc_interp_name(const tc_machine *m, tc_buf buf);

/* Adds `n` steps; stops when there are too many. */
static inline void tc_interp_spend(tc_machine *m, uint64_t n, tc_value stmt) {
  m->steps += n;
  if (m->steps > m->max_steps || n > m->max_steps) tc_interp_out_of_steps(m, stmt);
}

/* The value of a register that steers the run. */
static inline int64_t tc_interp_int(tc_machine *m, uint32_t slot, tc_value stmt, const char *what) {
  tc_reg r = m->regs[slot];
  if (r.poison) tc_interp_undefined(m, stmt, r, what);
  return r.x.i;
}

#endif
