#include "pass/pass.h"

#include "ir/print.h"
#include "ir/verify.h"
#include "pass/dump.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* One run of the driver. It catches what unwinds out of a pass, because only here is it known which
 * pass that was and what the IR was before it; then it lets it go on to the API entry. */
typedef struct run {
  tc_ir *ir;
  const tc_pass_options *options;
  tc_pass_report *report;
  const tc_pass_row *rows;
  uint32_t n_rows;
  enum tc_state goal;
  bool single; /* one pass by name */

  tc_unwind inner, *outer;
  tc_arena scratch;
  const tc_pass_row *row; /* running; NULL between passes */
  tc_str before;          /* the text of the IR, when something is dumped */
  uint32_t n_run;
  uint32_t has; /* bits of tc_property */
  tc_sb note;   /* of pipeline.txt */
} run;

static const uint32_t STATES = (1u << TC_STATE_COUNT) - 1;

static uint64_t now_ns(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- texts and dumps ---- */

static bool wants_text(const run *r) {
  return r->options->dump_dir || r->options->repro_dir;
}

static tc_str text_now(run *r) {
  tc_sb out = tc_sb_in(r->ir->arena);
  tc_ir_print(r->ir, r->options->places ? TC_PRINT_PLACES : 0, &r->scratch, &out);
  return tc_sb_str(&out);
}

static void dump(run *r, const char *name, tc_str text) {
  char path[TC_DUMP_PATH_B];
  if (!r->options->dump_dir) return;
  const char *why = tc_dump_write(path, r->options->dump_dir, name, text);
  if (why) TC_DIAG(r->ir->diags, D_dump_failed, (tc_span){0}, path, why);
}

static void dump_step(run *r, const char *name, bool changed, tc_str text) {
  char file[128];
  if (!r->options->dump_dir) return;
  snprintf(file, sizeof file, "%02u-%.100s.tir", r->n_run, name);
  tc_sb_printf(&r->note, "%02u-%s%s\n", r->n_run, name, changed ? "" : " unchanged");
  if (changed) dump(r, file, text);
  dump(r, "pipeline.txt", tc_sb_str(&r->note));
}

/* ---- one pass ---- */

static enum tc_state state_given(const tc_pass_row *row) {
  for (int s = 0; s < TC_STATE_COUNT; s++)
    if (row->gives >> s & 1) return (enum tc_state)s;
  return TC_STATE_COUNT;
}

static void establish(run *r, const tc_pass_row *row) {
  r->has = (r->has & ~row->breaks) | row->gives;
  if (state_given(row) == TC_STATE_COUNT) return;
  r->ir->state = state_given(row);
  r->has = (r->has & ~STATES) | 1u << r->ir->state;
}

static uint64_t verify(run *r) {
  if (r->options->no_verify) return 0;
  uint64_t start = now_ns();
  const char *problem = tc_verify(r->ir, r->ir->state);
  if (problem)
    tc_bug(r->ir->arena->unwind, "it broke a rule of state %s: %s", tc_state_name(r->ir->state),
           problem);
  return now_ns() - start;
}

static void record(run *r, tc_pass_time time) {
  if (r->report) tc_vec_push(r->ir->arena, &r->report->times, time);
}

static void compare_texts(run *r, tc_pass_time *time) {
  if (!wants_text(r)) return;
  tc_str after = text_now(r);
  time->compared = true;
  time->changed = !tc_str_equal(after, r->before);
  r->before = after;
}

static void run_one(run *r, const tc_pass_row *row) {
  tc_arena_rewind(&r->scratch, (tc_arena_mark){0});
  r->scratch.unwind = r->ir->arena->unwind;
  r->row = row;
  r->n_run++;
  tc_pass_context cx = {.scratch = &r->scratch, .caps = r->options->caps, .options = r->options};
  bool idle = false;
  cx.idle = &idle;
  cx.prover = tc_prover_new(r->ir, r->options->prove, r->options->prove_stats, &r->scratch);
  tc_pass_time time = {.name = row->name, .outcome = TC_PASS_RAN};
  uint32_t n_errors = r->ir->diags->n_errors;
  uint64_t start = now_ns();
  row->fn(r->ir, &cx);
  time.pass_ns = now_ns() - start;
  establish(r, row);
  time.n_ops = r->ir->n_ops;
  bool refused = r->ir->diags->n_errors > n_errors;
  /* What a pass refused may be left half done. */
  if (!refused && !idle) time.verify_ns = verify(r);
  r->row = NULL;
  compare_texts(r, &time);
  dump_step(r, row->name, time.changed, r->before);
  record(r, time);
  if (refused) tc_diag_stop(r->ir->diags);
}

/* ---- which passes run ---- */

static bool stops_at(const run *r, const tc_pass_row *row) {
  return r->options->stop_after && strcmp(r->options->stop_after, row->name) == 0;
}

/* Names what is missing, and what would give it. */
TC_NORETURN static void refuse_order(run *r, const tc_pass_row *row, uint32_t missing) {
  uint32_t p = 0;
  while (!(missing >> p & 1))
    p++;
  const char *wanted = tc_property_name((enum tc_property)p);
  if (p < TC_STATE_COUNT)
    wanted = tc_format(r->ir->arena, "state %s, and the state is %s", wanted,
                       tc_state_name(r->ir->state));
  TC_DIAG(r->ir->diags, D_pass_order, (tc_span){0}, row->name, wanted);
  for (uint32_t i = 0; i < r->n_rows; i++)
    if (r->rows[i].gives >> p & 1) {
      tc_diag_help(r->ir->diags, "pass %s gives it", r->rows[i].name);
      break;
    }
  tc_diag_stop(r->ir->diags);
}

static enum tc_pass_outcome outcome_of(const run *r, uint32_t i) {
  const tc_pass_row *row = &r->rows[i];
  enum tc_state to = state_given(row);
  uint32_t wanted_states = row->needs & STATES, later = STATES & ~((2u << r->ir->state) - 1);
  if (to != TC_STATE_COUNT && to <= r->ir->state) return TC_PASS_DONE_BEFORE;
  bool past = wanted_states && !(wanted_states & (1u << r->ir->state)) && !(wanted_states & later);
  if (past) return TC_PASS_DONE_BEFORE;
  if (row->guard & ~r->options->caps) return TC_PASS_NOT_FOR_TARGET;
  if (r->options->disabled >> i & 1 && row->optional) return TC_PASS_OFF;
  return TC_PASS_RAN;
}

static void poll(const run *r) {
  const tc_pass_options *o = r->options;
  if (!o->interrupted || !o->interrupted(o->interrupted_data)) return;
  TC_DIAG(r->ir->diags, D_interrupted, (tc_span){0});
  tc_diag_stop(r->ir->diags);
}

static void run_pipeline(run *r) {
  for (uint32_t i = 0; i < r->n_rows; i++) {
    const tc_pass_row *row = &r->rows[i];
    enum tc_state to = state_given(row);
    if (to != TC_STATE_COUNT && to > r->goal) return;
    enum tc_pass_outcome outcome = outcome_of(r, i);
    if (outcome != TC_PASS_RAN) {
      record(r, (tc_pass_time){.name = row->name, .outcome = outcome});
    } else if (row->needs & ~r->has) {
      refuse_order(r, row, row->needs & ~r->has);
    } else {
      poll(r);
      run_one(r, row);
    }
    if (stops_at(r, row)) return;
  }
  if (r->ir->state < r->goal)
    tc_bug(r->ir->arena->unwind, "no pass gives state %s", tc_state_name(r->goal));
}

static void check_stop(run *r) {
  if (!r->options->stop_after) return;
  for (uint32_t i = 0; i < r->n_rows; i++)
    if (stops_at(r, &r->rows[i])) return;
  TC_DIAG(r->ir->diags, D_pass_unknown, (tc_span){0}, r->options->stop_after);
  const char *near = tc_pass_nearest(tc_str_of(r->options->stop_after));
  if (near) tc_diag_help(r->ir->diags, "did you mean %s?", near);
  tc_diag_stop(r->ir->diags);
}

static void run_all(run *r) {
  const char *problem = tc_pass_check_table(r->rows, r->n_rows, r->ir->arena);
  if (problem && !r->single) tc_bug(r->ir->arena->unwind, "%s", problem);
  check_stop(r);
  if (!r->options->no_verify) {
    problem = tc_verify(r->ir, r->ir->state);
    if (problem) tc_bug(r->ir->arena->unwind, "what passes were given is not valid: %s", problem);
  }
  if (wants_text(r)) r->before = text_now(r);
  dump_step(r, "input", true, r->before);
  if (!r->single) {
    run_pipeline(r);
    return;
  }
  uint32_t missing = r->rows->needs & STATES & ~r->has;
  if (missing) refuse_order(r, r->rows, missing);
  run_one(r, r->rows);
}

/* ---- leaving ---- */

/* Allocates nothing, because memory may be what ran out. */
TC_NORETURN static void report_bug(run *r) {
  char path[TC_DUMP_PATH_B];
  const char *name = r->row ? r->row->name : NULL;
  if (!name) tc_bug(r->outer, "%s", r->inner.text);
  if (!r->options->repro_dir) tc_bug(r->outer, "pass %s: %s", name, r->inner.text);
  const char *why = tc_dump_write(path, r->options->repro_dir, "repro.tir", r->before);
  /* The record of an unwind is short: the path matters more than the end of the reason. */
  if (why)
    tc_bug(r->outer, "pass %s: %.140s; %s was not written: %s", name, r->inner.text, path, why);
  tc_bug(r->outer, "pass %s: %.140s; to see it again: tilec opt --run %s %s", name, r->inner.text,
         name, path);
}

static void guarded(run *r) {
  tc_arena *arenas[2] = {r->ir->arena, r->ir->diags->arena};
  r->outer = arenas[0]->unwind;
  r->has = 1u << r->ir->state;
  r->note = tc_sb_in(r->ir->arena);
  tc_arena_init_like(&r->scratch, r->ir->arena, &r->inner, 0);
  int why = setjmp(r->inner.at);
  if (why == 0) {
    arenas[0]->unwind = arenas[1]->unwind = &r->inner;
    run_all(r);
  }
  arenas[0]->unwind = arenas[1]->unwind = r->outer;
  tc_arena_free(&r->scratch);
  if (why == TC_WHY_BUG) report_bug(r);
  if (why) tc_unwind_to(r->outer, (enum tc_why)why);
}

void tc_pipeline_run_rows(tc_ir *ir, const tc_pass_row *rows, uint32_t n,
                          const tc_pass_options *options, enum tc_state goal,
                          tc_pass_report *report) {
  run r = {.ir = ir, .options = options, .report = report, .rows = rows, .n_rows = n, .goal = goal};
  guarded(&r);
}

void tc_pipeline_run(tc_ir *ir, const tc_pass_options *options, enum tc_state goal,
                     tc_pass_report *report) {
  uint32_t n;
  const tc_pass_row *rows = tc_pass_rows(&n);
  tc_pipeline_run_rows(ir, rows, n, options, goal, report);
}

void tc_pass_run(tc_ir *ir, const tc_pass_row *row, const tc_pass_options *options,
                 tc_pass_report *report) {
  run r = {
      .ir = ir, .options = options, .report = report, .rows = row, .n_rows = 1, .single = true};
  guarded(&r);
}

/* ---- the report ---- */

void tc_pass_print_report(const tc_pass_report *report, tc_sb *out) {
  static const char *const OUTCOMES[] = {"", "off", "not for this target", "done before"};
  for (uint32_t i = 0; i < report->times.n; i++) {
    const tc_pass_time *t = &report->times.at[i];
    if (t->outcome != TC_PASS_RAN) {
      tc_sb_printf(out, "%-10s %s\n", t->name, OUTCOMES[t->outcome]);
      continue;
    }
    tc_sb_printf(out, "%-10s %9.3f ms  verify %9.3f ms  %8u ops%s\n", t->name,
                 (double)t->pass_ns * 1e-6, (double)t->verify_ns * 1e-6, t->n_ops,
                 !t->compared ? ""
                 : t->changed ? "  changed"
                              : "  unchanged");
  }
}
