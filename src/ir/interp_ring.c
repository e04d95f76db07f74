/* Rings in the oracle. Each version of a ring's buffers has storage of its own, and before a
 * statement touches such a buffer its storage becomes that of the right version: the one acquired
 * last for a write, the one waited for last for a read. A copy into a ring is done when it is
 * issued; that nobody sees it too early is what commit and wait say.
 *
 * A version is free when all groups that give versions of the ring back have given it, or, where
 * groups skip each other's versions, when one has. A ring without versions is a baton: the groups
 * that wait for it have it in turn, in the order of their threads. */
#include "ir/interp_threads.h"

#include <string.h>

typedef struct position { /* of a group in the ring */
  uint64_t waited, released;
} position;

struct tc_ring_state {
  bool live;
  uint32_t n_givers; /* releases that free a version */
  uint64_t acquired, committed;
  uint32_t *given;      /* by slot: how often its version was given back */
  position *positions;  /* by team */
  uint32_t *number;     /* by team: its place among those that give back */
  uint32_t n_users;     /* as many */
  tc_storage *versions; /* [slot][buffer] */
  tc_storage **held;    /* by buffer: the version whose storage the machine holds */
  uint64_t turn;        /* baton: how often it was handed on */
  tc_strand *waiting;
};

/* ---- what the program says ---- */

typedef struct users {
  uint32_t ring;
  bool *team; /* that waits for the ring, or gives it back */
  uint32_t at, next;
  bool skips;
} users;

static void find_users(const tc_ir *ir, tc_region region, users *u) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions, outer = u->at;
    bool ours = tc_op_row((enum tc_opcode)op->opcode)->payload == TC_PL_RINGREF
                && ir->ringrefs.at[op->payload].ring == u->ring;
    if (ours && op->opcode == TC_OP_ring_skip) u->skips = true;
    if (ours && op->opcode == TC_OP_ring_release) u->team[u->at] = true;
    if (op->opcode == TC_OP_group) u->at = ++u->next;
    for (uint32_t r = 0; r < n; r++)
      find_users(ir, tc_child(ir, op, r), u);
    u->at = outer;
  }
}

/* ---- states ---- */

static struct tc_ring_state *state_of(tc_machine *m, uint32_t ring, tc_value stmt) {
  tc_gang *gang = m->crew->now->gang;
  if (!gang->rings) gang->rings = tc_interp_room(m, m->ir->rings.n, sizeof *gang->rings, stmt);
  return &gang->rings[ring];
}

/* A storage like the one that the buffer's allocation made. */
static void new_version(tc_machine *m, tc_storage *version, const tc_storage *like, tc_value stmt) {
  if (!version->data) {
    *version = *like;
    version->marks = NULL;
    version->trace = NULL;
    version->data = tc_interp_room(m, like->cap_b, 1, stmt);
    version->shadow = tc_interp_room(m, like->cap_b, 1, stmt);
  }
  memset(version->shadow, 0xff, (size_t)like->cap_b);
}

/* Room once for all blocks that the gang runs. */
static void make_room(tc_machine *m, const tc_ring *ring, struct tc_ring_state *s, tc_value stmt) {
  uint32_t n_teams = m->crew->plan->n_teams;
  s->positions = tc_interp_room(m, n_teams, sizeof *s->positions, stmt);
  s->number = tc_interp_room(m, n_teams, sizeof *s->number, stmt);
  s->given = tc_interp_room(m, ring->depth, sizeof *s->given, stmt);
  s->versions = tc_interp_room(m, (uint64_t)ring->depth * ring->n_bufs, sizeof *s->versions, stmt);
  s->held = tc_interp_room(m, ring->n_bufs, sizeof(tc_storage *), stmt);
}

void tc_interp_ring(tc_machine *m, const tc_insn *p) {
  const tc_op *op = tc_op_at(m->ir, p->at);
  const tc_ring *ring = &m->ir->rings.at[op->payload];
  struct tc_ring_state *s = state_of(m, op->payload, p->at);
  uint32_t n_teams = m->crew->plan->n_teams;
  users u = {.ring = op->payload, .team = tc_interp_room(m, n_teams, sizeof *u.team, p->at)};
  find_users(m->ir, m->crew->body, &u);
  if (!s->positions) make_room(m, ring, s, p->at);
  s->live = true;
  s->acquired = s->committed = s->turn = s->n_users = 0;
  for (uint32_t i = 0; i < n_teams; i++) {
    s->positions[i] = (position){0};
    s->number[i] = s->n_users;
    s->n_users += u.team[i];
  }
  s->n_givers = u.skips || !s->n_users ? 1 : s->n_users;
  for (uint32_t v = 0; v < ring->depth; v++) {
    s->given[v] = 0;
    for (uint32_t b = 0; b < ring->n_bufs; b++)
      new_version(m, &s->versions[v * ring->n_bufs + b], &m->storages[ring->bufs[b].id], p->at);
  }
  for (uint32_t b = 0; b < ring->n_bufs; b++)
    s->held[b] = NULL;
}

/* ---- steps ---- */

TC_NORETURN static void bad_ring(tc_machine *m, const tc_insn *p, const char *what) {
  const tc_ring_ref *ref = tc_ring_ref_of(m->ir, p->at);
  TC_DIAG(m->ir->diags, D_bad_ring, tc_op_at(m->ir, p->at)->span,
          tc_name_of(m->ir, m->ir->rings.at[ref->ring].name), what);
  tc_interp_stop(m);
}

static void wait_until_woken(tc_machine *m, const tc_insn *p, struct tc_ring_state *s) {
  tc_interp_stand(m->crew, TC_STAND_RING, p->at, &s->waiting);
}

static void acquire(tc_machine *m, const tc_insn *p, struct tc_ring_state *s, const tc_ring *ring) {
  uint64_t slot = s->acquired % ring->depth;
  if (s->acquired != s->committed) bad_ring(m, p, "the version acquired before is not full yet");
  while (s->acquired >= ring->depth && s->given[slot] < s->n_givers)
    wait_until_woken(m, p, s);
  s->given[slot] = 0;
  s->acquired++;
}

static void release(tc_machine *m, const tc_insn *p, struct tc_ring_state *s, const tc_ring *ring,
                    position *me) {
  uint32_t lag = tc_ring_ref_of(m->ir, p->at)->lag;
  if (me->waited < me->released + lag + 1)
    bad_ring(m, p, "the version was never waited for, or given back already");
  if (me->waited != me->released + lag + 1) bad_ring(m, p, "an earlier version is still in use");
  s->given[me->released++ % ring->depth]++;
  tc_interp_wake(m->crew, &s->waiting);
}

static void pass_baton(tc_machine *m, const tc_insn *p, struct tc_ring_state *s) {
  uint64_t mine = s->number[m->crew->now->team - m->crew->now->gang->teams], n = s->n_users;
  if (!n) bad_ring(m, p, "no group hands it on");
  if (tc_is(m->ir, p->at, TC_OP_ring_wait)) {
    while (s->turn % n != mine)
      wait_until_woken(m, p, s);
  } else if (tc_is(m->ir, p->at, TC_OP_ring_release)) {
    if (s->turn % n != mine) bad_ring(m, p, "another group has it");
    s->turn++;
    tc_interp_wake(m->crew, &s->waiting);
  } else {
    bad_ring(m, p, "a ring without versions is only waited for and given back");
  }
}

/* table */
static void one_step(tc_machine *m, const tc_insn *p, struct tc_ring_state *s,
                     const tc_ring *ring) {
  tc_gang *gang = m->crew->now->gang;
  position *me = &s->positions[m->crew->now->team - gang->teams];
  switch (tc_op_at(m->ir, p->at)->opcode) {
  case TC_OP_ring_acquire:
    acquire(m, p, s, ring);
    break;
  case TC_OP_ring_commit:
    if (s->acquired == s->committed) bad_ring(m, p, "no version was acquired");
    s->committed++;
    tc_interp_wake(m->crew, &s->waiting);
    break;
  case TC_OP_ring_wait:
    while (s->committed <= me->waited)
      wait_until_woken(m, p, s);
    me->waited++;
    break;
  case TC_OP_ring_release:
    release(m, p, s, ring, me);
    break;
  case TC_OP_ring_skip:
    if (me->waited != me->released) bad_ring(m, p, "an earlier version is still in use");
    me->waited += (uint64_t)tc_interp_int(m, p->a, p->at, "the number of versions");
    me->released = me->waited;
    break;
  default:
    break;
  }
}

void tc_interp_ring_step(tc_machine *m, const tc_insn *p) {
  const tc_ring_ref *ref = tc_ring_ref_of(m->ir, p->at);
  const tc_ring *ring = &m->ir->rings.at[ref->ring];
  struct tc_ring_state *s = state_of(m, ref->ring, p->at);
  const tc_strand *now = m->crew->now;
  if (!s->live) bad_ring(m, p, "it does not exist yet");
  if (now->parent || now->range.count != now->team->range.count)
    tc_interp_unsupported(m, p->at, "a step of a ring by a part of a group");
  if (ring->depth) {
    one_step(m, p, s, ring);
  } else {
    pass_baton(m, p, s);
  }
}

/* ---- versions ---- */

void tc_interp_ring_select(tc_machine *m, const tc_insn *p) {
  const tc_ring_code *code = p->record;
  for (uint32_t i = 0; i < code->n; i++) {
    const tc_ring_use *use = &code->use[i];
    const tc_ring *ring = &m->ir->rings.at[use->ring];
    struct tc_ring_state *s = state_of(m, use->ring, p->at);
    const tc_strand *now = m->crew->now;
    const position *me = &s->positions[now->team - now->gang->teams];
    uint64_t next = use->writes ? s->acquired : me->waited;
    if (!next || !ring->depth) {
      TC_DIAG(m->ir->diags, D_bad_ring, tc_op_at(m->ir, p->at)->span, tc_name_of(m->ir, ring->name),
              "no version of it is at hand here");
      tc_interp_stop(m);
    }
    tc_storage *version = &s->versions[(next - 1) % ring->depth * ring->n_bufs + use->buf];
    tc_storage *here = &m->storages[ring->bufs[use->buf].id];
    if (s->held[use->buf]) *s->held[use->buf] = *here;
    s->held[use->buf] = version;
    *here = *version;
  }
}
