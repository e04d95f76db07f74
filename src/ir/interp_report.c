/* What goes wrong between threads, said with the places of all of them. */
#include "ir/interp_threads.h"

#include <inttypes.h>

static tc_span span_of(const tc_machine *m, tc_value stmt) {
  return stmt.id ? tc_op_at(m->ir, stmt)->span : (tc_span){0};
}

/* Threads as the subject of a sentence. */
typedef struct subject {
  const char *text; /* "thread 5", "threads 0 to 31", with the block */
  bool many;
} subject;

static subject subject_of(const tc_machine *m, const tc_gang *gang, const bool *in) {
  tc_sb sb = tc_sb_in(m->ir->diags->arena);
  int64_t n = m->crew->plan->threads, count = 0;
  uint32_t runs = 0;
  for (int64_t t = 0; t < n; t++)
    count += in[t];
  tc_sb_adds(&sb, count == 1 ? "thread " : "threads ");
  for (int64_t t = 0; t < n; t++) {
    int64_t first = t;
    if (!in[t]) continue;
    while (t + 1 < n && in[t + 1])
      t++;
    if (runs == 4) {
      tc_sb_adds(&sb, ", ...");
      break;
    }
    if (runs++) tc_sb_adds(&sb, ", ");
    tc_sb_printf(&sb, first == t ? "%" PRId64 : "%" PRId64 " to %" PRId64, first, t);
  }
  if (m->crew->blocks > 1) tc_sb_printf(&sb, " of block %" PRIu64, gang->number);
  return (subject){sb.at, count != 1};
}

/* ---- deadlock ---- */

static const char *barrier_text(tc_arena *arena, const tc_strand *s) {
  long long arrived = s->meeting->arrived, expected = s->meeting->expected;
  return tc_format(arena, "here for other threads: %lld of %lld %s come", arrived, expected,
                   arrived == 1 ? "has" : "have");
}

/* What its phase lacks: arrivals, bytes or both. */
static const char *mbarrier_text(const tc_machine *m, const tc_strand *s) {
  const tc_mbar *bar = s->bar;
  tc_sb sb = tc_sb_in(m->ir->diags->arena);
  int64_t bytes = bar->bytes - bar->in_flight_b;
  tc_sb_printf(&sb, "here for phase %" PRIu64 " of '%s', which lacks ", bar->phase,
               tc_interp_name(m, bar->buf));
  if (bar->pending || !bytes)
    tc_sb_printf(&sb, "%lld of %lld arrival%s", (long long)bar->pending, (long long)bar->count,
                 bar->count == 1 ? "" : "s");
  if (bytes)
    tc_sb_printf(&sb, "%s%" PRId64 " byte%s", bar->pending ? " and " : "", bytes,
                 bytes == 1 ? "" : "s");
  return sb.at;
}

static const char *memory_name(const tc_machine *m, tc_value stmt) {
  if (tc_is(m->ir, stmt, TC_OP_wait)) return tc_interp_name(m, tc_wait_of(m->ir, stmt)->buf);
  return tc_interp_name(m, tc_access_buf(m->ir, stmt));
}

/* What the subject does: "waits here for ...". */
static const char *stand_text(const tc_machine *m, const tc_strand *s, bool many) {
  tc_arena *arena = m->ir->diags->arena;
  const char *waits = many ? "wait" : "waits", *own = many ? "their" : "its";
  switch (s->stand) {
  case TC_STAND_TEAM:
    return tc_format(arena, "%s here for the other threads of %s group, to do this together", waits,
                     own);
  case TC_STAND_BARRIER:
    return tc_format(arena, "%s %s", waits, barrier_text(arena, s));
  case TC_STAND_RING:
    return tc_format(arena, "%s here for ring '%s'", waits,
                     tc_name_of(m->ir, m->ir->rings.at[tc_ring_ref_of(m->ir, s->stmt)->ring].name));
  case TC_STAND_LANES:
    return tc_format(arena, "%s here for the other lanes of %s warp", waits, own);
  case TC_STAND_MBARRIER:
    return tc_format(arena, "%s %s", waits, mbarrier_text(m, s));
  case TC_STAND_MEMORY:
    return tc_format(arena, "%s here for an element of '%s'", waits, memory_name(m, s->stmt));
  case TC_STAND_SPIN:
    return tc_format(arena, "%s here at '%s' again and again", many ? "look" : "looks",
                     memory_name(m, s->stmt));
  case TC_STAND_JOIN:
    return tc_format(arena, "%s here for single threads", waits);
  case TC_STAND_READY:
  case TC_STAND_DONE:
    break;
  }
  return many ? "have stopped here" : "has stopped here";
}

static bool alike(const tc_strand *a, const tc_strand *b) {
  return a->gang == b->gang && a->stand == b->stand && a->stmt.id == b->stmt.id && a->bar == b->bar;
}

/* One note for all strands like `s`; false when an earlier one covered it. */
static bool note_stand(tc_crew *crew, const tc_strand *s) {
  tc_machine *m = crew->m;
  for (const tc_strand *o = crew->live; o != s; o = o->next_live)
    if (alike(o, s)) return false;
  bool *in = TC_NEW_ARRAY(m->ir->diags->arena, (size_t)crew->plan->threads, bool);
  for (const tc_strand *o = s; o; o = o->next_live)
    for (int64_t t = 0; alike(o, s) && t < o->range.count; t++)
      in[o->range.first + t] = true;
  subject who = subject_of(m, s->gang, in);
  tc_diag_note(m->ir->diags, span_of(m, s->stmt), "%s %s", who.text, stand_text(m, s, who.many));
  return true;
}

enum { MAX_NOTES = 6 };

void tc_interp_deadlock(tc_crew *crew) {
  tc_machine *m = crew->m;
  uint32_t notes = 0;
  /* The first that waits for something else than its own threads gives the place. */
  const tc_strand *first = crew->live;
  for (const tc_strand *s = first; s; s = s->next_live)
    if (first->stand == TC_STAND_JOIN && s->stand != TC_STAND_JOIN) first = s;
  unsigned long long waiting = 0;
  for (const tc_strand *s = crew->live; s; s = s->next_live)
    if (s->stand != TC_STAND_JOIN) waiting += (unsigned long long)s->range.count;
  TC_DIAG(m->ir->diags, D_deadlock, span_of(m, first->stmt), waiting, waiting == 1 ? "s" : "",
          tc_name_of(m->ir, crew->kernel->name));
  for (const tc_strand *s = crew->live; s && notes < MAX_NOTES; s = s->next_live)
    if (s->stand != TC_STAND_JOIN) notes += note_stand(crew, s);
  tc_unwind_to(m->arena.unwind, TC_WHY_ERROR);
}

/* ---- threads that should be at one place ---- */

static subject one_strand(const tc_machine *m, const tc_strand *s) {
  bool *in = TC_NEW_ARRAY(m->ir->diags->arena, (size_t)m->crew->plan->threads, bool);
  for (int64_t t = 0; t < s->range.count; t++)
    in[s->range.first + t] = true;
  return subject_of(m, s->gang, in);
}

void tc_interp_divergent(tc_machine *m, tc_value stmt, const tc_strand *other) {
  subject here = one_strand(m, m->crew->now), there = one_strand(m, other);
  TC_DIAG(m->ir->diags, D_divergent, span_of(m, stmt), here.text, here.many ? "" : "s",
          here.many ? "their" : "its");
  tc_diag_note(m->ir->diags, span_of(m, other->stmt), "%s %s", there.text,
               stand_text(m, other, there.many));
  tc_interp_stop(m);
}

void tc_interp_missing_lane(tc_machine *m, tc_value stmt, int64_t thread, int64_t other) {
  TC_DIAG(m->ir->diags, D_divergent, span_of(m, stmt),
          tc_format(m->ir->diags->arena, "thread %lld", (long long)thread), "s", "its");
  tc_diag_note(m->ir->diags, (tc_span){0},
               "thread %lld should take part and does not come here, or names other lanes",
               (long long)other);
  tc_interp_stop(m);
}

void tc_interp_bad_mbarrier(tc_machine *m, tc_value stmt, tc_buf buf, const char *what) {
  TC_DIAG(m->ir->diags, D_bad_mbarrier, span_of(m, stmt), tc_interp_name(m, buf), what);
  tc_diag_note(m->ir->diags, tc_buf_at(m->ir, buf)->span, "'%s' is declared here",
               tc_interp_name(m, buf));
  tc_interp_stop(m);
}

/* ---- in flight ---- */

void tc_interp_in_flight(tc_machine *m, tc_value stmt, tc_buf buf, bool writes, tc_value issue,
                         bool signal) {
  bool product = issue.id && tc_is(m->ir, issue, TC_OP_gemm);
  const char *what = product ? "matrix product" : "copy";
  TC_DIAG(m->ir->diags, D_in_flight, span_of(m, stmt), tc_interp_name(m, buf),
          writes ? "written" : "read", what);
  tc_diag_note(m->ir->diags, span_of(m, issue), "the %s was issued here; %s", what,
               signal ? "nobody has waited for its barrier since"
                      : "not all threads that issued it have waited for it since");
  tc_interp_stop(m);
}
