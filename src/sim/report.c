/* What is found, in words: the first finding of a run is kept, with the line of the text and that
 * of the kernel, which comments of the text give. */
#include "sim/sim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tc_sim_kind_word(enum tc_sim_kind kind) {
  static const char *const words[] = {
#define X(id, word) word,
      TC_SIM_KINDS(X)
#undef X
  };
  return words[kind];
}

const char *tc_sim_meeting_word(sim_meeting meeting) { /* table */
  switch (meeting) {
  case SIM_MEET_NONE:
    break;
  case SIM_MEET_ELECT:
    return "elect";
  case SIM_MEET_UNIFORM:
    return "uniform";
  case SIM_MEET_SHUFFLE:
    return "a shuffle";
  case SIM_MEET_VOTE:
    return "a vote";
  case SIM_MEET_WARP:
    return "sync_warp";
  case SIM_MEET_NAMED:
    return "a barrier of the block";
  case SIM_MEET_ARRIVE:
    return "arrive_named";
  case SIM_MEET_REGISTERS:
    return "registers";
  case SIM_MEET_LDMATRIX:
    return "ldmatrix";
  case SIM_MEET_STMATRIX:
    return "stmatrix";
  case SIM_MEET_MMA:
    return "mma";
  case SIM_MEET_WGMMA_FENCE:
    return "wgmma_fence";
  case SIM_MEET_WGMMA:
    return "wgmma";
  case SIM_MEET_WGMMA_COMMIT:
    return "wgmma_commit";
  case SIM_MEET_WGMMA_WAIT:
    return "wgmma_wait";
  }
  return "nothing";
}

/* ---- lines ---- */

static tc_str text_line(const tc_sim_module *module, int line) {
  const char *at = module->text, *end = at + module->text_n;
  for (int i = 1; i < line && at; i++) {
    at = memchr(at, '\n', (size_t)(end - at));
    if (at) at++;
  }
  if (!at || line < 1) return (tc_str){"", 0};
  const char *stop = memchr(at, '\n', (size_t)(end - at));
  return (tc_str){at, (uint32_t)((stop ? stop : end) - at)};
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The number after "line " or after the ':' of a file's name, in a comment. 0: none. */
static int noted_line(tc_str text) {
  for (uint32_t i = 0; i + 2 < text.n; i++) {
    if (text.at[i] != '/' || (text.at[i + 1] != '*' && text.at[i + 1] != '/')) continue;
    for (uint32_t k = i + 3; k < text.n; k++) {
      bool word = k >= 5 && memcmp(text.at + k - 5, "line ", 5) == 0;
      if (is_digit(text.at[k]) && (word || text.at[k - 1] == ':')) return atoi(text.at + k);
    }
  }
  return 0;
}

int tc_sim_kernel_line(const tc_sim_module *module, int line) {
  for (; line > 0; line--) {
    int noted = noted_line(text_line(module, line));
    if (noted) return noted;
  }
  return 0;
}

/* "line 12 of the text (k.py:7): code" */
static size_t add_place(const sim_run *run, char *to, size_t room, int line) {
  tc_str code = text_line(run->module, line);
  while (code.n && (*code.at == ' ' || *code.at == '\t'))
    code.at++, code.n--;
  if (code.n > 100) code.n = 100;
  int kernel_line = tc_sim_kernel_line(run->module, line);
  const char *source = run->options->source ? run->options->source : "kernel line";
  int n = kernel_line ? snprintf(to, room, "line %d of the text (%s%s%d): %.*s", line, source,
                                 run->options->source ? ":" : " ", kernel_line, TC_ARG_STR(code))
                      : snprintf(to, room, "line %d of the text: %.*s", line, TC_ARG_STR(code));
  return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* ---- findings ---- */

/* Whether it is the first of the run: of several teams that fail at once only one is reported. */
static bool record(sim_team *team, enum tc_sim_kind kind, int line, int other, const char *text) {
  sim_run *run = team->run;
  team->failed = true;
  if (atomic_flag_test_and_set(&run->reported)) return false;
  atomic_store(&run->stopped, true);
  tc_sim_report *r = run->report;
  r->kind = kind;
  r->line = line;
  r->other_line = other;
  r->kernel_line = tc_sim_kernel_line(run->module, line);
  r->other_kernel_line = tc_sim_kernel_line(run->module, other);
  size_t n = (size_t)snprintf(r->text, sizeof r->text, "%s: %s", tc_sim_kind_word(kind), text);
  if (n >= sizeof r->text) n = sizeof r->text - 1;
  const int lines[] = {line, other};
  for (int i = 0; i < 2 && n + 8 < sizeof r->text; i++) {
    if (lines[i] <= 0) continue;
    n += (size_t)snprintf(r->text + n, sizeof r->text - n, "\n  %s ", i ? "and" : "at");
    n += add_place(run, r->text + n, sizeof r->text - n, lines[i]);
  }
  return true;
}

static bool say(sim_team *team, enum tc_sim_kind kind, int line, int other, const char *who,
                const char *fmt, va_list args) {
  char text[2048];
  int n = snprintf(text, sizeof text, "%s", who);
  vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
  return record(team, kind, line, other, text);
}

void tc_sim_found(sim_team *team, enum tc_sim_kind kind, int line, int other, const char *fmt,
                  ...) {
  va_list args;
  va_start(args, fmt);
  say(team, kind, line, other, "", fmt, args);
  va_end(args);
}

static void add_thread(const tc_sim_thread *t, char *to, size_t room) {
  snprintf(to, room, "block (%d, %d, %d), thread %d: ", t->bid[0], t->bid[1], t->bid[2], t->tid);
}

TC_NORETURN void tc_sim_fault(tc_sim_thread *t, enum tc_sim_kind kind, int other, const char *fmt,
                              ...) {
  char who[96];
  va_list args;
  add_thread(t, who, sizeof who);
  tc_sim_atomic_end(t);
  va_start(args, fmt);
  bool first = say(t->block->team, kind, t->line, other, who, fmt, args);
  va_end(args);
  if (first && kind == TC_SIM_KIND_fail) t->block->team->run->report->site = t->site;
  for (;;) /* nobody switches back */
    tc_rt_fiber_switch(t->block->team->fibers, NULL);
}

/* ---- everybody waits ---- */

static bool same_wait(const tc_sim_thread *a, const tc_sim_thread *b) {
  return a->state == b->state && (a->state == SIM_ENDED || a->line == b->line)
         && (a->state != SIM_WAITING || a->wait_bar == b->wait_bar);
}

static size_t add_bar(const sim_block *block, const tc_sim_thread *t, char *to, size_t room) {
  uint32_t index = block->barrier_at[(t->wait_bar - TC_SIM_SHARED_BASE) / 8];
  const sim_mbarrier *bar = &block->barriers[index - 1];
  return (size_t)snprintf(
      to, room,
      " wait for phase %u of the mbarrier at shared + %u, whose phase %u lacks %lld of %u arrivals "
      "and %lld bytes;",
      t->wait_phase, t->wait_bar - TC_SIM_SHARED_BASE, bar->phase, (long long)bar->pending,
      bar->count, (long long)bar->bytes);
}

static size_t add_named(const sim_block *block, const tc_sim_thread *t, char *to, size_t room) {
  uint32_t id = t->warp->meet_a;
  if (t->warp->meeting != SIM_MEET_NAMED || t->warp->arrived < t->warp->n) return 0;
  return (size_t)snprintf(to, room, " barrier %u has %u of %u threads;", id,
                          block->named[id].arrived, block->named[id].count);
}

static size_t add_waiters(const sim_run *run, const sim_block *block, uint32_t first, uint32_t end,
                          char *to, size_t room) {
  const tc_sim_thread *t = &block->threads[first];
  size_t n = (size_t)snprintf(to, room, "\n  block (%d, %d, %d), threads %u to %u:", block->bid[0],
                              block->bid[1], block->bid[2], first, end - 1);
  if (t->state == SIM_ENDED) return n + (size_t)snprintf(to + n, room - n, " have ended");
  if (t->state == SIM_WAITING && t->wait_bar) n += add_bar(block, t, to + n, room - n);
  if (t->state == SIM_WAITING && !t->wait_bar)
    n += (size_t)snprintf(to + n, room - n, " want registers;");
  if (t->state == SIM_MEETING) {
    n += (size_t)snprintf(to + n, room - n, " are at %s, where the others do not come;",
                          tc_sim_meeting_word(t->warp->meeting));
    n += add_named(block, t, to + n, room - n);
  }
  n += (size_t)snprintf(to + n, room - n, " ");
  return n + add_place(run, to + n, room - n, t->line);
}

void tc_sim_deadlock(sim_team *team) {
  enum { TEXT_B = 3600, LINE_B = 600 };
  char text[TEXT_B];
  int line = 0;
  size_t n = (size_t)snprintf(text, sizeof text, "nobody can go on, and nothing is on its way");
  for (uint32_t b = 0; b < team->n_blocks; b++) {
    const sim_block *block = &team->blocks[b];
    if (block->n_ended == block->n_threads) continue;
    for (uint32_t i = 0, end; i < block->n_threads && n + LINE_B < sizeof text; i = end) {
      for (end = i + 1; end < block->n_threads; end++)
        if (!same_wait(&block->threads[i], &block->threads[end])) break;
      if (!line && block->threads[i].state != SIM_ENDED) line = block->threads[i].line;
      n += add_waiters(team->run, block, i, end, text + n, sizeof text - n);
    }
  }
  if (!record(team, TC_SIM_KIND_deadlock, 0, 0, text)) return; /* the report is another team's */
  team->run->report->line = line;
  team->run->report->kernel_line = tc_sim_kernel_line(team->run->module, line);
}
