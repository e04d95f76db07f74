#include "rt/strand_private.h"

#include <stdio.h>
#include <string.h>

const char *tc_rt_strand_site(const strand_machine *machine, uint32_t site) {
  const tc_rt_strands *plan = machine->call->plan;
  return site < plan->n_sites ? plan->sites[site] : "?";
}

/* Two strands of a block stand at one place for one reason. */
static bool report_is_same(const strand *a, const strand *b) {
  if (a->state == STRAND_ENDED || b->state == STRAND_ENDED) return a->state == b->state;
  return a->state == b->state && a->site == b->site;
}

/* Threads that have come to the meeting of the strand. */
static int report_came(const strand *s) {
  int came = 0;
  for (uint32_t i = 0; i < s->block->machine->call->plan->n; i++) {
    const strand *other = &s->block->strands[i];
    bool here = other->state == STRAND_MEETS && other->on.group == s->on.group;
    if (here && other->site == s->site) came += other->shown.end - other->shown.first;
  }
  return came;
}

/* What the strand waits for, as far as its site does not say it. */
static void report_detail(const strand *s, char *text, size_t size_b) {
  const tc_rt_range *g;
  const tc_mbar *bar;
  text[0] = 0;
  switch (s->state) {
  case STRAND_MEETS:
    g = &s->block->machine->call->plan->groups[s->on.group];
    snprintf(text, size_b, " (%d of %d threads)", report_came(s), (int)(g->end - g->first));
    break;
  case STRAND_NAMED:
    snprintf(text, size_b, " (%d of %d threads)", (int)s->block->named[s->on.id].came,
             (int)s->block->named[s->on.id].count);
    break;
  case STRAND_MBAR:
    bar = s->on.mbar.bar;
    snprintf(text, size_b, " (phase %u; %d of %d arrivals and %lld bytes are missing)",
             s->on.mbar.parity, (int)bar->pending, (int)bar->expected, (long long)bar->bytes);
    break;
  case STRAND_READY:
  case STRAND_LOOKS:
  case STRAND_GRID:
  case STRAND_WARP:
  case STRAND_ENDED:
    break;
  }
}

static void report_add(tc_rt_error *error, const char *text) {
  size_t n = strlen(error->text);
  snprintf(error->text + n, sizeof error->text - n, "%s", text);
}

/* Strands [first, end) of the block stand at the same place. */
static void report_run(strand_machine *m, const strand_block *b, uint32_t first, uint32_t end) {
  const strand *s = &b->strands[first];
  int from = s->shown.first, to = b->strands[end - 1].shown.end - 1;
  char line[300], detail[100], who[60];
  report_detail(s, detail, sizeof detail);
  if (from == to)
    snprintf(who, sizeof who, "thread %d", from);
  else
    snprintf(who, sizeof who, "threads %d to %d", from, to);
  const char *verb = from == to ? "waits" : "wait";
  if (s->state == STRAND_ENDED)
    snprintf(line, sizeof line, "; %s %s ended", who, from == to ? "has" : "have");
  else
    snprintf(line, sizeof line, "; %s %s at %s%s", who, verb, tc_rt_strand_site(m, s->site),
             detail);
  report_add(&m->error, line);
}

static bool report_block(strand_machine *m, const strand_block *b) {
  uint32_t n = m->call->plan->n, live = 0;
  for (uint32_t i = 0; i < n; i++)
    live += b->strands[i].state != STRAND_ENDED;
  if (!live) return false;
  char line[100];
  snprintf(line, sizeof line, " in block (%d, %d, %d)", (int)b->at[0], (int)b->at[1],
           (int)b->at[2]);
  report_add(&m->error, line);
  for (uint32_t first = 0, end; first < n; first = end) {
    end = first + 1;
    while (end < n && report_is_same(&b->strands[first], &b->strands[end]))
      end++;
    report_run(m, b, first, end);
  }
  return true;
}

void tc_rt_strand_report(strand_machine *machine, uint32_t code, const char *why) {
  tc_rt_fail(&machine->error, code, "%s", why);
  for (uint32_t k = 0, shown = 0; k < machine->n_blocks && shown < 2; k++) {
    if (shown) report_add(&machine->error, "; and");
    if (report_block(machine, &machine->blocks[k])) shown++;
  }
}
