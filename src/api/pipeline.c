/* The pipeline with the options of a context. */
#include "api/api_impl.h"

#include "jit/files.h"
#include "pass/pass.h"
#include "target/cuda/cuda.h"

#include <errno.h>
#include <string.h>

size_t tilec_pass_count(void) {
  uint32_t n;
  tc_pass_rows(&n);
  return n;
}

tilec_status tilec_pass_at(size_t i, tilec_pass *out) {
  uint32_t n;
  const tc_pass_row *rows = tc_pass_rows(&n);
  if (i >= n || !out) return TILEC_USAGE;
  tilec_pass ours = {sizeof ours, rows[i].name, rows[i].help};
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

static void print_table(tc_session *s, void *data) {
  tc_str *text = data;
  tc_sb out = tc_sb_in(&s->arena);
  tc_pass_print_table(&out);
  *text = tc_sb_str(&out);
}

tilec_status tilec_pass_table(tilec_context *context, tilec_text **out, tilec_error **error) {
  tc_session session;
  tc_str text = {"", 0};
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !out) return tc_api_usage(error, context, "tilec_pass_table: NULL argument");
  tc_session_start(&session, context);
  tilec_status status = tc_api_guard(&session, print_table, &text, error);
  if (status == TILEC_OK) *out = tc_api_text(context, text.at, text.n);
  if (status == TILEC_OK && !*out) status = tc_api_no_memory(error);
  tc_session_end(&session);
  return status;
}

/* The next name of a list separated by commas; empty at its end. */
static tc_str next_name(const char **at) {
  while (**at == ',' || **at == ' ')
    ++*at;
  tc_str name = {*at, 0};
  while (name.at[name.n] && name.at[name.n] != ',' && name.at[name.n] != ' ')
    name.n++;
  *at += name.n;
  return name;
}

static const tc_pass_row *find_pass(tc_session *s, tc_str name) {
  const tc_pass_row *row = tc_pass_find(name);
  if (row) return row;
  const char *near = tc_pass_nearest(name);
  tc_session_stop(s, TILEC_USAGE, "", "there is no pass '%.*s'%s%s%s", TC_ARG_STR(name),
                  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

typedef struct setup {
  tc_pass_options options;
  tc_prove_options prove;
  tc_prove_stats stats;
  tc_pass_report report;
} setup;

static void set_prover(tc_session *s, setup *set) {
  tc_str bad;
  tc_str text = tc_str_of(tc_api_option(s->context, TC_OPTION_prove, &s->arena));
  set->prove = s->context->prove;
  set->options.prove = &set->prove;
  set->options.prove_stats = &set->stats;
  if (!tc_prove_parse_switches(text, &set->prove, &bad))
    tc_session_stop(
        s, TILEC_USAGE, "",
        "option prove: '%.*s' is no switch of the prover (off, deep, budget=N, no-LAYER, "
        "no-PASS)",
        TC_ARG_STR(bad));
}

static const char *existing_directory(tc_session *s, const char *path) {
  if (!*path) return NULL;
  if (!tc_make_dirs(path))
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0655", "cannot make the directory %s: %s", path,
                    strerror(errno));
  return path;
}

static setup *set_up(tc_session *s) {
  setup *set = TC_NEW(&s->arena, setup);
  const char *list = tc_api_option(s->context, TC_OPTION_disable, &s->arena);
  for (tc_str name = next_name(&list); name.n; name = next_name(&list))
    if (!tc_pass_disable(&set->options, s->diags, name)) tc_diag_stop(s->diags);
  tc_str schedule = tc_str_of(tc_api_option(s->context, TC_OPTION_schedule, &s->arena));
  if (!tc_choices_parse(&set->options.choices, s->diags, schedule, (tc_span){0}))
    tc_diag_stop(s->diags);
  set_prover(s, set);
  set->options.interrupted = s->context->interrupted;
  set->options.interrupted_data = s->context->data;
  set->options.dump_dir =
      existing_directory(s, tc_api_option(s->context, TC_OPTION_dump, &s->arena));
  set->options.repro_dir =
      existing_directory(s, tc_api_option(s->context, TC_OPTION_repro, &s->arena));
  return set;
}

/* Notes how long the verifier took of what the passes did; says it all if asked. */
static void report(tc_session *s, const setup *set) {
  uint64_t verify_ns = 0;
  tc_phase_enter(s, TC_PHASE_other);
  for (uint32_t i = 0; i < set->report.times.n; i++)
    verify_ns += set->report.times.at[i].verify_ns;
  tc_phase_move(s, TC_PHASE_passes, TC_PHASE_verify, verify_ns);
  if (!tc_api_option_number(s->context, TC_OPTION_time_report)) return;
  tc_sb out = tc_sb_in(&s->arena);
  tc_pass_print_report(&set->report, &out);
  tc_prove_print_stats(&set->stats, &out);
  char *line = out.at;
  while (line && *line) {
    char *end = strchr(line, '\n');
    if (end) *end = 0;
    tc_api_note(s->context, "%s", line);
    line = end ? end + 1 : NULL;
  }
}

void tc_program_to_tile(tc_session *s, tc_ir *ir, uint64_t caps, bool may_stop) {
  tc_phase_enter(s, TC_PHASE_passes);
  setup *set = set_up(s);
  set->options.caps = caps;
  const char *stop = tc_api_option(s->context, TC_OPTION_stop_after, &s->arena);
  if (*stop && may_stop) set->options.stop_after = find_pass(s, tc_str_of(stop))->name;
  tc_pipeline_run(ir, &set->options, TC_STATE_tile, &set->report);
  report(s, set);
}

void tc_program_to_state(tc_session *s, tc_ir *ir, const tc_api_target *target, enum tc_state goal,
                         bool may_stop) {
  tc_phase_enter(s, TC_PHASE_passes);
  setup *set = set_up(s);
  set->options.caps = target->caps;
  set->options.limits = &target->limits;
  const char *stop = tc_api_option(s->context, TC_OPTION_stop_after, &s->arena);
  if (*stop && may_stop) set->options.stop_after = find_pass(s, tc_str_of(stop))->name;
  tc_pipeline_run(ir, &set->options, goal, &set->report);
  report(s, set);
}

/* With what is true of the target, when it is a GPU's. */
void tc_program_run_passes(tc_session *s, tc_ir *ir, const char *names) {
  tc_phase_enter(s, TC_PHASE_passes);
  setup *set = set_up(s);
  const tc_target_row *gpu = tc_api_gpu_meant(s);
  tc_target_limits limits;
  if (gpu) {
    limits = tc_cuda_limits(gpu);
    set->options.caps = tc_cuda_caps(gpu);
    set->options.limits = &limits;
  }
  for (tc_str name = next_name(&names); name.n; name = next_name(&names))
    tc_pass_run(ir, find_pass(s, name), &set->options, &set->report);
  report(s, set);
}
