/* Names: function scopes, and the rule for names bound inside run-time blocks (language: a plain
 * name is a let). Inside a staged block a binding holds; when the block ends it is undone, and
 * where that loses a value the name is marked, so that a later use is a diagnostic and never an old
 * value. */
#include "lang/eval_private.h"

/* ---- counters ---- */

void tc_eval_spend(tc_eval *ev, uint64_t n) {
  if (ev->steps_left < n) EVAL_FAIL(ev, D_step_limit, tc_eval_here(ev));
  uint64_t before = ev->steps_left;
  ev->steps_left -= n;
  const tc_lang *lang = ev->lang;
  bool poll = before >> EVAL_POLL_SHIFT != ev->steps_left >> EVAL_POLL_SHIFT;
  if (poll && lang->interrupted && lang->interrupted(lang->interrupted_data))
    EVAL_FAIL(ev, D_interrupted, tc_eval_here(ev));
}

void tc_eval_enter(tc_eval *ev) {
  tc_eval_spend(ev, 1);
  if (++ev->nesting > EVAL_MAX_NESTING)
    EVAL_FAIL(ev, D_deep_evaluation, tc_eval_here(ev), (int)EVAL_MAX_NESTING, "levels");
}

/* ---- places ---- */

static tc_span running_span(tc_eval *ev, tc_running *r);

static tc_span span_in(tc_eval *ev, tc_running *r, const tc_ast *node) {
  if (!node) return r && r->call ? running_span(ev, r) : (tc_span){0};
  if (!r || !r->call) return node->span;
  tc_span call = running_span(ev, r);
  uint64_t key = (uint64_t)node->span.id << 32 | call.id;
  uint32_t id;
  if (tc_map_get(&ev->lang->inlined, key, &id)) return (tc_span){id};
  tc_span span = tc_source_inlined(ev->source, node->span, call);
  tc_map_put(&ev->lang->inlined, key, span.id);
  return span;
}

static tc_span running_span(tc_eval *ev, tc_running *r) {
  if (!r->span.id) r->span = span_in(ev, r->caller, r->call);
  return r->span;
}

tc_span tc_eval_span(tc_eval *ev, const tc_ast *node) {
  return span_in(ev, ev->running, node);
}

tc_span tc_eval_here(tc_eval *ev) {
  return tc_eval_span(ev, ev->node);
}

tc_span tc_eval_at(tc_eval *ev, const tc_ast *node) {
  ev->node = node;
  return ev->here = tc_eval_span(ev, node);
}

const char *tc_eval_name(const tc_eval *ev, tc_name name) {
  return tc_names_text(ev->names, name).at;
}

/* ---- environments ---- */

tc_env *tc_env_new(tc_eval *ev, tc_env *outer, tc_module *module, const tc_ast_scope *scope) {
  tc_env *env = TC_NEW(ev->arena, tc_env);
  uint32_t n = scope->bound->n, serial = tc_block_serial(ev);
  *env = (tc_env){.outer = outer,
                  .module = module,
                  .scope = scope,
                  .cells = TC_NEW_ARRAY(ev->arena, n, tc_cell)};
  for (uint32_t i = 0; i < n; i++)
    env->cells[i].block = serial;
  return env;
}

tc_cell *tc_env_find(const tc_env *env, tc_name name) {
  const tc_name_list *bound = env->scope->bound;
  for (uint32_t i = 0; i < bound->n; i++)
    if (bound->at[i].id == name.id) return &env->cells[i];
  return NULL;
}

/* ---- staged blocks ---- */

const char *tc_block_text(enum tc_block_kind kind) {
  switch (kind) {
  case TC_BLOCK_WITH:
    return "'with' block";
  case TC_BLOCK_BRANCH:
    return "run-time 'if'";
  case TC_BLOCK_FOR:
    return "loop";
  case TC_BLOCK_WHILE:
    return "'while' loop";
  }
  return "block";
}

static bool repeats(const tc_staged_block *block) {
  return block->kind == TC_BLOCK_FOR || block->kind == TC_BLOCK_WHILE;
}

uint32_t tc_block_serial(const tc_eval *ev) {
  return ev->block ? ev->block->serial : 0;
}

void tc_block_open(tc_eval *ev, tc_staged_block *block, enum tc_block_kind kind,
                   const tc_ast *node) {
  *block = (tc_staged_block){.outer = ev->block,
                             .kind = kind,
                             .node = node,
                             .serial = ++ev->lang->n_blocks,
                             .trail = ev->lang->trail.n,
                             .depth = ev->block ? ev->block->depth + 1 : 1};
  if (block->depth > EVAL_MAX_BLOCKS)
    EVAL_FAIL(ev, D_deep_evaluation, tc_eval_span(ev, node), (int)EVAL_MAX_BLOCKS,
              "run-time blocks");
  if (repeats(block)) block->loops = ++ev->lang->n_loops;
  ev->block = block;
}

void tc_block_close(tc_eval *ev, tc_staged_block *block, tc_trails *ended) {
  tc_trails *trail = &ev->lang->trail;
  ev->block = block->outer;
  while (trail->n > block->trail) {
    tc_trail t = trail->at[--trail->n];
    tc_trail inside = {t.cell, *t.cell};
    *t.cell = t.before;
    t.cell->read = inside.before.read;
    if (!tc_py_same(inside.before.value, t.before.value) || inside.before.lost)
      tc_vec_push(ev->arena, ended, inside);
  }
}

void tc_block_forget(tc_eval *ev, const tc_staged_block *block, const tc_trails *ended) {
  for (uint32_t i = 0; i < ended->n; i++) {
    tc_cell *cell = ended->at[i].cell;
    const tc_cell *inside = &ended->at[i].before;
    const tc_lost *lost = inside->lost;
    if (!lost) {
      tc_lost *made = TC_NEW(ev->arena, tc_lost);
      *made = (tc_lost){.what = tc_block_text(block->kind),
                        .block = block->node,
                        .bound = inside->bound,
                        .stale = cell->value.kind != TC_V_UNBOUND};
      lost = made;
    }
    /* Through the trail: the block around this one loses the value too. */
    tc_cell_set(ev, cell, (tc_val){0}, inside->bound);
    cell->lost = lost;
  }
}

/* x += 1 in a loop reads the value from before the loop, every time. */
static void warn_no_accumulation(tc_eval *ev, const tc_cell *cell, tc_val value,
                                 const tc_ast *node) {
  if (cell->value.kind == TC_V_UNBOUND || value.kind == TC_V_UNBOUND
      || tc_py_same(cell->value, value) || node->kind != TC_AST_NAME)
    return;
  const tc_staged_block *loop = NULL;
  for (const tc_staged_block *b = ev->block; b && b->serial > cell->block; b = b->outer)
    if (repeats(b) && cell->read >= b->loops) loop = b;
  if (!loop) return;
  TC_DIAG(ev->diags, D_no_accumulation, tc_eval_span(ev, node), tc_eval_name(ev, node->name.name),
          tc_block_text(loop->kind));
  if (cell->bound)
    tc_diag_note(ev->diags, cell->bound->span, "every iteration starts from this value");
  tc_diag_help(ev->diags, "use T.alloc_var for a variable that changes at run time");
}

void tc_cell_set(tc_eval *ev, tc_cell *cell, tc_val value, const tc_ast *node) {
  uint32_t serial = tc_block_serial(ev);
  if (ev->block && cell->block != serial) {
    tc_vec_push(ev->arena, &ev->lang->trail, ((tc_trail){cell, *cell}));
    if (node) warn_no_accumulation(ev, cell, value, node);
  }
  *cell = (tc_cell){.value = value, .bound = node, .block = serial, .read = cell->read};
}

void tc_block_check_change(tc_eval *ev, uint32_t made_in, tc_val item, const char *what) {
  if (made_in == EVAL_READ_ONLY) EVAL_FAIL(ev, D_foreign_change, tc_eval_here(ev), what);
  for (const tc_staged_block *b = ev->block; b && b->serial > made_in; b = b->outer) {
    if (b->kind == TC_BLOCK_WITH && !tc_val_is_staged(item)) continue;
    TC_DIAG(ev->diags, D_staged_mutation, tc_eval_here(ev), what, tc_block_text(b->kind));
    tc_diag_note(ev->diags, b->node->span, "the block begins here");
    tc_diag_stop(ev->diags);
  }
}

/* ---- reading and binding names ---- */

TC_NORETURN static void undefined_name(tc_eval *ev, tc_name name) {
  tc_near near = tc_py_near(tc_names_text(ev->names, name));
  for (const tc_env *env = ev->running->env; env; env = env->outer)
    for (uint32_t i = 0; i < env->scope->bound->n; i++)
      if (env->cells[i].value.kind != TC_V_UNBOUND)
        tc_near_offer(&near, tc_names_text(ev->names, env->scope->bound->at[i]));
  const tc_module *module = ev->running->module;
  for (uint32_t i = 0; i < module->uses.n; i++)
    tc_near_offer(&near, tc_names_text(ev->names, module->uses.at[i].name));
  const char *builtin = tc_py_nearest(TC_PY_BUILTINS, near.name);
  if (!near.best.n && builtin) near.best = tc_str_of(builtin);
  TC_DIAG(ev->diags, D_undefined_name, tc_eval_here(ev), near.name.at);
  if (near.best.n) tc_diag_help(ev->diags, "did you mean '%.*s'?", TC_ARG_STR(near.best));
  tc_diag_stop(ev->diags);
}

TC_NORETURN static void unbound_name(tc_eval *ev, const tc_cell *cell, tc_name name) {
  const tc_lost *lost = cell->lost;
  const char *text = tc_eval_name(ev, name);
  if (!lost) EVAL_FAIL(ev, D_unbound_local, tc_eval_here(ev), text);
  if (lost->stale)
    TC_DIAG(ev->diags, D_stale_name, tc_eval_here(ev), text, lost->what);
  else
    TC_DIAG(ev->diags, D_lost_name, tc_eval_here(ev), text, lost->what);
  if (lost->bound) tc_diag_note(ev->diags, lost->bound->span, "bound here");
  if (lost->block) tc_diag_note(ev->diags, lost->block->span, "inside this block");
  tc_diag_help(ev->diags, lost->stale ? "make it a T.alloc_var before the block"
                                      : "bind it before the block, or use T.alloc_var");
  tc_diag_stop(ev->diags);
}

tc_val tc_scope_load(tc_eval *ev, tc_name name, const tc_ast *node) {
  tc_val value;
  ev->node = node;
  for (tc_env *env = ev->running->env; env; env = env->outer) {
    if (env->is_class && env != ev->running->env) continue;
    tc_cell *cell = tc_env_find(env, name);
    if (!cell) continue;
    cell->read = ev->lang->n_loops;
    if (cell->value.kind != TC_V_UNBOUND) return cell->value;
    if (!env->is_class) unbound_name(ev, cell, name);
  }
  if (tc_module_get(ev, ev->running->module, name, &value)) return value;
  if (tc_py_find(TC_PY_BUILTINS, tc_names_text(ev->names, name), &value)) return value;
  ev->node = node;
  undefined_name(ev, name);
}

tc_val tc_scope_peek(tc_eval *ev, tc_name name) {
  tc_cell *cell = ev->running->env ? tc_env_find(ev->running->env, name) : NULL;
  return cell ? cell->value : (tc_val){0};
}

void tc_scope_store(tc_eval *ev, tc_name name, tc_val value, const tc_ast *node) {
  if (!ev->running->env) {
    tc_module_set(ev, ev->running->module, name, value);
    return;
  }
  tc_cell *cell = tc_env_find(ev->running->env, name);
  if (!cell)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, node), "assignment to a name of an outer scope",
              "");
  tc_cell_set(ev, cell, value, node);
}
