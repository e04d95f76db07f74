/* Passes: functions that change the IR in place, and the driver that runs them in the order of
 * passes.def. The driver does for all of them what none does itself: it checks that what a pass
 * needs holds, verifies the IR after it, times it, dumps it, skips it when switched off, and, when
 * a pass breaks the IR or fails, writes the IR from before it to a file that shows the bug again:
 *
 *   tilec opt --run canon repro.tir
 *
 * No pass knows a target: what differs between targets are bits of capabilities. */
#ifndef TC_PASS_PASS_H
#define TC_PASS_PASS_H

#include "ir/choices.h"
#include "ir/ir.h"
#include "prove/prove.h"

/* ---- what passes need and give ---- */

enum tc_property {
#define STATE(name, letter, doc) TC_PROPERTY_##name,
#include "ir/states.def"
#undef STATE
#define PROPERTY(name, doc) TC_PROPERTY_##name,
#include "pass/properties.def"
#undef PROPERTY
  TC_PROPERTY_COUNT
};
_Static_assert((int)TC_PROPERTY_surface == (int)TC_STATE_surface, "states come first");
const char *tc_property_name(enum tc_property property);

/* ---- capabilities ---- */

enum tc_cap {
#define CAP(name, doc) TC_CAP_##name,
#include "pass/caps.def"
#undef CAP
  TC_CAP_COUNT
};
#define TC_CAP_BIT(name) (UINT64_C(1) << TC_CAP_##name)
const char *tc_cap_name(enum tc_cap cap);

/* Numbers of a target that has cap `lanes`. */
typedef struct tc_target_limits {
  int64_t shared_b;          /* shared memory that one block may have                 */
  uint32_t sms;              /* multiprocessors                                       */
  uint32_t registers_per_sm; /* of 32 bits                                            */
  uint32_t max_threads;      /* of a block                                            */
  /* What the cost model counts with (ir/targets.def); 0: not known. */
  uint32_t mma_per_clock; /* multiply-adds of 16-bit operands of one multiprocessor */
  uint64_t l2_b;
} tc_target_limits;

/* ---- options ---- */

/* All zero: everything runs and is verified, nothing is written. */
typedef struct tc_pass_options {
  uint64_t disabled; /* bit per row, see tc_pass_disable                              */
  uint64_t caps;     /* TC_CAP_BITs of the target                                       */
  bool no_verify;
  bool places;                   /* source places as comments in dumps                            */
  const char *stop_after;        /* name of the last pass to run, or NULL                         */
  const char *dump_dir;          /* existing directory for NN-name.tir and pipeline.txt, or NULL  */
  const char *repro_dir;         /* existing directory for repro.tir, or NULL: none is written    */
  const tc_prove_options *prove; /* may be NULL */
  tc_prove_stats *prove_stats;   /* may be NULL */
  const tc_target_limits *limits; /* NULL for targets without cap `lanes` */
  tc_choices choices;             /* of the schedule, before those of the source */
  int (*interrupted)(void *data); /* asked between passes: not 0 ends the run; or NULL */
  void *interrupted_data;
} tc_pass_options;

typedef struct tc_pass_context {
  tc_arena *scratch; /* empty at the start of a pass, gone after it                          */
  tc_prover *prover; /* new for each pass: it remembers facts about the IR as it was then    */
  uint64_t caps;
  const tc_pass_options *options;
  bool *idle; /* set by a pass that changed nothing: what was verified before still holds     */
} tc_pass_context;

typedef void tc_pass_fn(tc_ir *ir, const tc_pass_context *cx);

/* ---- the table ---- */

typedef struct tc_pass_row {
  const char *name;
  tc_pass_fn *fn;
  uint32_t needs, gives, breaks; /* bits of tc_property */
  uint64_t guard;
  bool optional;
  const char *help;
} tc_pass_row;
/* All passes, in the order in which they run; static. */
const tc_pass_row *tc_pass_rows(uint32_t *n);
/* NULL when there is none. */
const tc_pass_row *tc_pass_find(tc_str name);
/* The name most like this one, for "did you mean", or NULL. */
const char *tc_pass_nearest(tc_str name);
/* NULL when every pass of the table finds what it needs, else a sentence about the first that does
 * not. */
const char *tc_pass_check_table(const tc_pass_row *rows, uint32_t n, tc_arena *arena);
/* The table as text, for --print-pipeline. */
void tc_pass_print_table(tc_sb *out);
/* -fno-NAME. False, and a diagnostic (E0812, E0814), when that cannot be done. */
bool tc_pass_disable(tc_pass_options *options, tc_diags *diags, tc_str name);

/* ---- running ---- */

enum tc_pass_outcome { TC_PASS_RAN, TC_PASS_OFF, TC_PASS_NOT_FOR_TARGET, TC_PASS_DONE_BEFORE };
typedef struct tc_pass_time {
  const char *name;
  enum tc_pass_outcome outcome;
  uint64_t pass_ns, verify_ns;
  uint32_t n_ops;         /* records of the function afterwards */
  bool compared, changed; /* compared: texts were made, because something is dumped */
} tc_pass_time;
typedef struct tc_pass_report {
  TC_VEC(tc_pass_time) times;
} tc_pass_report;
/* A line per pass. */
void tc_pass_print_report(const tc_pass_report *report, tc_sb *out);

/* Runs what takes `ir` from its state to `goal`, and what belongs to the goal's state. Leaves by
 * unwinding: TC_WHY_ERROR when a pass reported errors (they are in ir->diags), TC_WHY_BUG when a
 * pass failed or broke the IR (the text names the pass and the repro file). `report` may be NULL;
 * it is filled as far as things went. */
void tc_pipeline_run(tc_ir *ir, const tc_pass_options *options, enum tc_state goal,
                     tc_pass_report *report);
/* The same with another table. */
void tc_pipeline_run_rows(tc_ir *ir, const tc_pass_row *rows, uint32_t n,
                          const tc_pass_options *options, enum tc_state goal,
                          tc_pass_report *report);
/* Runs one pass, which must find the state it needs (E0813); what else it needs is assumed. */
void tc_pass_run(tc_ir *ir, const tc_pass_row *row, const tc_pass_options *options,
                 tc_pass_report *report);

/* ---- the passes ---- */

#define PASS(name, needs, gives, breaks, guard, kind, help)                                        \
  void tc_pass_##name(tc_ir *ir, const tc_pass_context *cx);
#include "pass/passes.def"
#undef PASS

#endif
