/* The driver of passes, with passes made for it: order, switches, dumps, and what happens when a
 * pass breaks the IR or fails. */
#include "text_kit.h"

#include "ir/build.h"
#include "pass/dump.h"
#include "pass/pass.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static const tc_span nowhere = {0};

static const char TEXT[] = "tir 1 surface\nfunc @f {\n  dim %n: int32\n  eval %n\n}\n";

/* ---- passes that do one thing ---- */

static void append_eval(tc_ir *ir, int64_t x) {
  tc_value v = tc_i32(ir, x);
  tc_stmt(ir, ir->body, TC_OP_eval, tc_scalar_type(TC_DT_void), &v, 1, 0, nowhere);
}

static void pass_first(tc_ir *ir, const tc_pass_context *cx) {
  TC_NEW_ARRAY(cx->scratch, 100, char);
  if (cx->caps & 4) append_eval(ir, 44);
  append_eval(ir, 1);
}
static void pass_nothing(tc_ir *ir, const tc_pass_context *cx) {
  (void)ir;
  if (!cx->prover) abort();
}
static void pass_second(tc_ir *ir, const tc_pass_context *cx) {
  (void)cx;
  append_eval(ir, 2);
}
static void pass_breaker(tc_ir *ir, const tc_pass_context *cx) {
  (void)cx;
  tc_stmt(ir, ir->body, TC_OP_break, tc_scalar_type(TC_DT_void), NULL, 0, 0, nowhere);
}
static void pass_bug(tc_ir *ir, const tc_pass_context *cx) {
  TC_NEW_ARRAY(cx->scratch, 1000, char);
  append_eval(ir, 666); /* half done */
  tc_bug(ir->arena->unwind, "seven is %d", 8);
}
static void pass_scratch_bug(tc_ir *ir, const tc_pass_context *cx) {
  (void)ir;
  tc_bug(cx->scratch->unwind, "in scratch");
}
static void pass_error(tc_ir *ir, const tc_pass_context *cx) {
  (void)cx;
  TC_DIAG(ir->diags, D_tir_invalid, nowhere, "tile", "the user's mistake");
  pass_breaker(ir, cx); /* what a pass refused need not be valid */
}
static void pass_error_stop(tc_ir *ir, const tc_pass_context *cx) {
  pass_error(ir, cx);
  tc_diag_stop(ir->diags);
}
static void pass_memory(tc_ir *ir, const tc_pass_context *cx) {
  (void)ir;
  tc_unwind_to(cx->scratch->unwind, TC_WHY_MEMORY);
}

#define HAS(name) (1u << TC_PROPERTY_##name)
static const tc_pass_row GOOD[] = {
    {"first", pass_first, HAS(surface), HAS(tile), 0, 0, false, ""},
    {"nothing", pass_nothing, HAS(tile), HAS(checked), 0, 0, true, ""},
    {"second", pass_second, HAS(tile), HAS(ranges), HAS(checked), 0, true, ""},
    {"special", pass_second, HAS(tile), 0, 0, 2, false, ""},
    {"third", pass_nothing, HAS(tile) | HAS(ranges), HAS(scheduled), 0, 0, false, ""},
};

static tc_pass_row one(tc_pass_fn *fn) {
  return (tc_pass_row){"one", fn, HAS(surface), HAS(tile), 0, 0, false, ""};
}

/* ---- running what may unwind ---- */

struct outcome {
  int why;
  tc_ir *ir;
  tc_pass_report report;
  char text[sizeof((tc_unwind *)0)->text];
};

/* Runs rows over TEXT with the kit's own unwind record in the way, as the API entry would. */
static void run_rows(struct text_kit *k, const tc_pass_row *rows, uint32_t n,
                     const tc_pass_options *options, enum tc_state goal, struct outcome *out) {
  tc_unwind saved = k->unwind;
  *out = (struct outcome){.ir = text_must_parse(k, TEXT)};
  int why = setjmp(k->unwind.at);
  if (why == 0) {
    if (n == 1) {
      tc_pass_run(out->ir, rows, options, &out->report);
    } else {
      tc_pipeline_run_rows(out->ir, rows, n, options, goal, &out->report);
    }
  }
  out->why = why;
  memcpy(out->text, k->unwind.text, sizeof out->text);
  k->unwind = saved;
  text_check(k, k->arena.unwind == &k->unwind, "the arena unwinds to its entry again");
}

static void run_good(struct text_kit *k, const tc_pass_options *options, enum tc_state goal,
                     struct outcome *out) {
  run_rows(k, GOOD, TC_COUNT(GOOD), options, goal, out);
}

/* "first nothing- ..." : what happened to each pass, - for off, * for another target, = for done.
 */
static const char *trace(struct text_kit *k, const struct outcome *o) {
  tc_sb sb = tc_sb_in(&k->arena);
  for (uint32_t i = 0; i < o->report.times.n; i++) {
    static const char *const MARKS[] = {"", "-", "*", "="};
    const tc_pass_time *t = &o->report.times.at[i];
    tc_sb_printf(&sb, "%s%s%s", i ? " " : "", t->name, MARKS[t->outcome]);
  }
  return sb.at ? sb.at : "";
}

static void has_code(struct text_kit *k, const char *code, const char *part) {
  const char *text = text_diags(k);
  if (!text_check(k, strstr(text, code) && strstr(text, part), part)) printf("saw: %s", text);
}

/* ---- the table ---- */

static void the_table_is_in_order(struct text_kit *k) {
  uint32_t n;
  const tc_pass_row *rows = tc_pass_rows(&n);
  const char *problem = tc_pass_check_table(rows, n, &k->arena);
  text_check(k, !problem, problem ? problem : "");
  for (uint32_t i = 0; i < n; i++) {
    text_check(k, tc_pass_find(tc_str_of(rows[i].name)) == &rows[i], rows[i].name);
    text_check(k, rows[i].fn && rows[i].help[0], rows[i].name);
  }
  tc_sb table = tc_sb_in(&k->arena);
  tc_pass_print_table(&table);
  text_check(k, strstr(table.at, "canon      surface strands -> tile\n") != NULL, table.at);
  text_check(k, !tc_pass_find(TC_STR("nobody")), "no pass is named nobody");
  text_check(k, strcmp(tc_pass_nearest(TC_STR("cannon")), "canon") == 0, "cannon is like canon");
  text_check(k, !tc_pass_nearest(TC_STR("reticulate")), "reticulate is like nothing");
}

static void disorder_is_found(struct text_kit *k) {
  text_check(k, !tc_pass_check_table(GOOD, TC_COUNT(GOOD), &k->arena), "the good table");
  const tc_pass_row late[] = {GOOD[0], GOOD[4], GOOD[2]};
  text_equal(k, "a property too late", tc_pass_check_table(late, 3, &k->arena),
             "pass third needs 'ranges', which no pass before it gives");
  const tc_pass_row gone[] = {
      GOOD[0], GOOD[1], GOOD[2], {"last", pass_nothing, HAS(checked), 0, 0, 0, false, ""}};
  text_equal(k, "a property that was broken", tc_pass_check_table(gone, 4, &k->arena),
             "pass last needs 'checked', which no pass before it gives");
  const tc_pass_row past[] = {GOOD[0], {"back", pass_nothing, HAS(surface), 0, 0, 0, false, ""}};
  text_equal(k, "a state that is over", tc_pass_check_table(past, 2, &k->arena),
             "pass back needs 'surface', which no pass before it gives");
  const tc_pass_row twice[] = {GOOD[0], GOOD[1], GOOD[1]};
  text_equal(k, "one name twice", tc_pass_check_table(twice, 3, &k->arena),
             "two passes are named nothing");
  struct outcome o;
  run_rows(k, late, 3, &(tc_pass_options){0}, TC_STATE_scheduled, &o);
  text_check(k, o.why == TC_WHY_BUG && strstr(o.text, "third needs"), o.text);
}

/* ---- which passes run ---- */

static void passes_run_up_to_the_goal(struct text_kit *k) {
  struct outcome o;
  tc_pass_options options = {0};
  run_good(k, &options, TC_STATE_tile, &o);
  text_check(k, o.why == 0 && o.ir->state == TC_STATE_tile, o.text);
  text_equal(k, "to tile", trace(k, &o), "first nothing second special*");
  text_equal(k, "the function after", text_print(k, o.ir),
             "tir 1 tile\nfunc @f {\n  dim %n: int32\n  eval %n\n  eval 1\n  eval 2\n}\n");
  run_good(k, &options, TC_STATE_scheduled, &o);
  text_check(k, o.why == 0 && o.ir->state == TC_STATE_scheduled, o.text);
  text_equal(k, "to scheduled", trace(k, &o), "first nothing second special* third");
  run_good(k, &options, TC_STATE_surface, &o);
  text_equal(k, "nowhere", trace(k, &o), "");
  run_good(k, &options, TC_STATE_lane, &o);
  text_check(k, o.why == TC_WHY_BUG && strstr(o.text, "no pass gives state lane"), o.text);

  options.caps = 6;
  run_good(k, &options, TC_STATE_tile, &o);
  text_equal(k, "with capabilities", trace(k, &o), "first nothing second special");
  text_check(k, strstr(text_print(k, o.ir), "eval 44\n") != NULL, "passes see the capabilities");
}

static void passes_already_done_are_skipped(struct text_kit *k) {
  struct outcome o = {.ir = text_must_parse(k, "tir 1 tile\nfunc @f {\n}\n")};
  tc_pipeline_run_rows(o.ir, GOOD, TC_COUNT(GOOD), &(tc_pass_options){0}, TC_STATE_tile, &o.report);
  text_equal(k, "from tile", trace(k, &o), "first= nothing second special*");
}

static void passes_can_be_left_out(struct text_kit *k) {
  struct outcome o;
  tc_pass_options options = {.disabled = 3};
  run_good(k, &options, TC_STATE_tile, &o);
  text_equal(k, "one is off, one is required", trace(k, &o), "first nothing- second special*");
  options.disabled = 4;
  run_good(k, &options, TC_STATE_scheduled, &o);
  text_check(k, o.why == TC_WHY_ERROR, "what third needs was switched off");
  has_code(k, "E0813", "pass third cannot run here: it needs ranges");
  has_code(k, "E0813", "help: pass second gives it");
  options = (tc_pass_options){.stop_after = "nothing"};
  run_good(k, &options, TC_STATE_scheduled, &o);
  text_equal(k, "stopped", trace(k, &o), "first nothing");
  options.stop_after = "nobody";
  run_good(k, &options, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_ERROR && !o.report.times.n, "nobody is no pass");
  has_code(k, "E0812", "no pass is named 'nobody'");
}

static void switches_are_read(struct text_kit *k) {
  tc_pass_options options = {0};
  text_must_parse(k, TEXT);
  text_check(k, tc_pass_disable(&options, k->diags, TC_STR("facts")), "-fno-facts");
  text_check(k, options.disabled != 0, "facts is off");
  uint64_t before = options.disabled;
  text_check(k, !tc_pass_disable(&options, k->diags, TC_STR("canon")), "-fno-canon");
  has_code(k, "E0814", "pass canon cannot be switched off");
  text_check(k, !tc_pass_disable(&options, k->diags, TC_STR("fact")), "-fno-fact");
  has_code(k, "E0812", "did you mean facts?");
  text_check(k, options.disabled == before, "nothing else is off");
}

static void one_pass_alone(struct text_kit *k) {
  struct outcome o;
  run_rows(k, &GOOD[0], 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == 0 && o.ir->state == TC_STATE_tile, o.text);
  run_rows(k, &GOOD[2], 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_ERROR, "second needs state tile");
  has_code(k, "E0813", "it needs state tile, and the state is surface");
}

/* ---- what goes wrong ---- */

static void failures_name_the_pass(struct text_kit *k) {
  struct outcome o;
  tc_pass_row row = one(pass_breaker);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_BUG, "a broken function is our bug");
  text_equal(k, "the culprit", o.text,
             "pass one: it broke a rule of state tile: break: there is no loop to leave here "
             "(jumps)");
  run_rows(k, &row, 1, &(tc_pass_options){.no_verify = true}, TC_STATE_tile, &o);
  text_check(k, o.why == 0, "without verification nobody notices");
  row = one(pass_bug);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_BUG, "a bug is a bug");
  text_equal(k, "a bug inside", o.text, "pass one: seven is 8");
  row = one(pass_scratch_bug);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_equal(k, "a bug in scratch memory", o.text, "pass one: in scratch");
  row = one(pass_memory);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_MEMORY, "out of memory stays that");
}

static void errors_are_the_users(struct text_kit *k) {
  struct outcome o;
  tc_pass_row row = one(pass_error);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_ERROR && k->diags->n_errors == 1, "a reported error stops");
  row = one(pass_error_stop);
  run_rows(k, &row, 1, &(tc_pass_options){0}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_ERROR && k->diags->n_errors == 1, "a pass may stop by itself");
}

static void input_is_verified(struct text_kit *k) {
  tc_unwind saved = k->unwind;
  tc_ir *ir = text_must_parse(k, "tir 1 surface\nfunc @f {\n  break\n}\n");
  int why = setjmp(k->unwind.at);
  if (why == 0)
    tc_pipeline_run_rows(ir, GOOD, TC_COUNT(GOOD), &(tc_pass_options){0}, TC_STATE_tile, NULL);
  bool named = strstr(k->unwind.text, "what passes were given is not valid") != NULL;
  k->unwind = saved;
  text_check(k, why == TC_WHY_BUG && named, "the input is verified");
}

/* ---- files ---- */

static const char *temporary_directory(struct text_kit *k) {
  char *path = tc_str_dup(&k->arena, TC_STR("/tmp/tilec-test-XXXXXX"));
  if (!mkdtemp(path)) tc_bug(&k->unwind, "no temporary directory");
  return path;
}

static const char *read_file(struct text_kit *k, const char *directory, const char *name) {
  char *text = tc_arena_alloc(&k->arena, 65536);
  FILE *file = fopen(tc_format(&k->arena, "%s/%s", directory, name), "rb");
  if (!file) return "no file";
  text[fread(text, 1, 65535, file)] = 0;
  fclose(file);
  return text;
}

/* Returns how many files there were. */
static int remove_directory(struct text_kit *k, const char *path) {
  int n = 0;
  DIR *directory = opendir(path);
  for (struct dirent *e; directory && (e = readdir(directory));) {
    if (e->d_name[0] == '.') continue;
    remove(tc_format(&k->arena, "%s/%s", path, e->d_name));
    n++;
  }
  if (directory) closedir(directory);
  rmdir(path);
  return n;
}

static void dumps_are_written(struct text_kit *k) {
  struct outcome o;
  const char *directory = temporary_directory(k);
  run_good(k, &(tc_pass_options){.dump_dir = directory}, TC_STATE_tile, &o);
  text_check(k, o.why == 0, o.text);
  text_equal(k, "the input", read_file(k, directory, "00-input.tir"), TEXT);
  text_equal(k, "after first", read_file(k, directory, "01-first.tir"),
             "tir 1 tile\nfunc @f {\n  dim %n: int32\n  eval %n\n  eval 1\n}\n");
  text_equal(k, "after second", read_file(k, directory, "03-second.tir"), text_print(k, o.ir));
  text_equal(k, "the list", read_file(k, directory, "pipeline.txt"),
             "00-input\n01-first\n02-nothing unchanged\n03-second\n");
  text_check(k, o.report.times.at[0].changed && !o.report.times.at[1].changed, "changes are known");
  text_check(k, remove_directory(k, directory) == 4, "four files, no temporary ones");

  run_good(k, &(tc_pass_options){.dump_dir = "/nonexistent/place"}, TC_STATE_tile, &o);
  text_check(k, o.why == 0, "a dump that fails does no harm");
  has_code(k, "E0815", "cannot write /nonexistent/place/00-input.tir");
}

static void repros_are_written(struct text_kit *k) {
  struct outcome o;
  const char *directory = temporary_directory(k);
  tc_pass_row row = one(pass_bug);
  run_rows(k, &row, 1, &(tc_pass_options){.repro_dir = directory}, TC_STATE_tile, &o);
  text_equal(k, "the IR before the pass", read_file(k, directory, "repro.tir"), TEXT);
  const char *wanted = tc_format(&k->arena,
                                 "pass one: seven is 8; to see it again: tilec opt "
                                 "--run one %s/repro.tir",
                                 directory);
  text_equal(k, "the words", o.text, wanted);
  row = one(pass_breaker);
  run_rows(k, &row, 1, &(tc_pass_options){.repro_dir = directory}, TC_STATE_tile, &o);
  text_check(k, strstr(o.text, "repro.tir") != NULL, o.text);
  row = one(pass_nothing);
  text_check(k, remove_directory(k, directory) == 1, "one file");

  row = one(pass_bug);
  run_rows(k, &row, 1, &(tc_pass_options){.repro_dir = "/nonexistent"}, TC_STATE_tile, &o);
  text_check(k, o.why == TC_WHY_BUG && strstr(o.text, "was not written: No such file"), o.text);
}

static void files_are_whole(struct text_kit *k) {
  const char *directory = temporary_directory(k);
  char path[TC_DUMP_PATH_B];
  text_check(k, !tc_dump_write(path, directory, "x", TC_STR("long text")), "a new file");
  text_check(k, !tc_dump_write(path, directory, "x", TC_STR("short")), "a file again");
  text_equal(k, "the last text", read_file(k, directory, "x"), "short");
  mkdir(tc_format(&k->arena, "%s/d", directory), 0700);
  text_check(k, tc_dump_write(path, directory, "d", TC_STR("t")) != NULL, "a directory in the way");
  char *longer = tc_arena_alloc(&k->arena, TC_DUMP_PATH_B + 1);
  memset(longer, 'x', TC_DUMP_PATH_B);
  text_check(k, tc_dump_write(path, longer, "x", TC_STR("t")) != NULL, "a path too long");
  rmdir(tc_format(&k->arena, "%s/d", directory));
  text_check(k, remove_directory(k, directory) == 1, "no temporary file is left");
}

static void reports_are_readable(struct text_kit *k) {
  struct outcome o;
  run_good(k, &(tc_pass_options){.disabled = 2}, TC_STATE_tile, &o);
  tc_sb out = tc_sb_in(&k->arena);
  tc_pass_print_report(&o.report, &out);
  text_check(k, strstr(out.at, "nothing    off\n") != NULL, out.at);
  text_check(k, strstr(out.at, "special    not for this target\n") != NULL, out.at);
  text_check(k, strstr(out.at, "first ") && strstr(out.at, " ms  verify "), out.at);
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, the_table_is_in_order);
  TEXT_CASE(&totals, disorder_is_found);
  TEXT_CASE(&totals, passes_run_up_to_the_goal);
  TEXT_CASE(&totals, passes_already_done_are_skipped);
  TEXT_CASE(&totals, passes_can_be_left_out);
  TEXT_CASE(&totals, switches_are_read);
  TEXT_CASE(&totals, one_pass_alone);
  TEXT_CASE(&totals, failures_name_the_pass);
  TEXT_CASE(&totals, errors_are_the_users);
  TEXT_CASE(&totals, input_is_verified);
  TEXT_CASE(&totals, dumps_are_written);
  TEXT_CASE(&totals, repros_are_written);
  TEXT_CASE(&totals, files_are_whole);
  TEXT_CASE(&totals, reports_are_readable);
  return text_report(&totals, "pass_driver");
}
