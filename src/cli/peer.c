/* What `tilec bench --peer` measures beside a kernel: a function in a shared object, which gets the
 * kernel's own arguments, or another kernel, or the same one compiled otherwise, with arrays of its
 * own that hold the same numbers. */
#include "cli/run.h"

#include <dlfcn.h>
#include <string.h>

/* ---- a function ---- */

static bool is_library(const char *file, size_t n) {
  return n > 3 && strncmp(file + n - 3, ".so", 3) == 0;
}

static int open_function(const cli *c, cli_peer *peer, size_t n) {
  const char *symbol = peer->name + n + 1;
  bool bare = !memchr(peer->name, '/', n); /* the loader would look elsewhere */
  const char *path = cli_format("%s%.*s", bare ? "./" : "", (int)n, peer->name);
  peer->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!peer->library) return cli_fail(c, EXIT_USER, "", "--peer %s: %s", peer->name, dlerror());
  void *at = dlsym(peer->library, symbol);
  if (!at)
    return cli_fail(c, EXIT_USER, "", "--peer %s: there is no '%s' in it", peer->name, symbol);
  memcpy(&peer->fn, &at, sizeof at); /* a function pointer, which ISO C does not convert */
  return EXIT_OK;
}

/* ---- a kernel ---- */

/* The values of the kernel's, but where others are given; an empty one takes a value away. */
static cli_pairs join_defines(const cli *c) {
  cli_pairs all = {0};
  for (size_t i = 0; i < c->defines.n; i++)
    if (!cli_pairs_find(&c->peer_defines, c->defines.at[i].name))
      cli_pairs_add(&all, c->defines.at[i].name, c->defines.at[i].value);
  for (size_t i = 0; i < c->peer_defines.n; i++)
    if (*c->peer_defines.at[i].value)
      cli_pairs_add(&all, c->peer_defines.at[i].name, c->peer_defines.at[i].value);
  return all;
}

static int check_alike(const cli_job *j, const cli_peer *peer) {
  const cli_job *other = &peer->job;
  if (other->n != j->n)
    return cli_fail(j->c, EXIT_USER, "E0657", "--peer %s takes %zu arguments, and %s takes %zu",
                    peer->name, other->n, j->info.name, j->n);
  for (size_t i = 0; i < j->n; i++) {
    const cli_value *a = &j->values[i], *b = &other->values[i];
    bool same = a->param.kind == b->param.kind && a->param.rank == b->param.rank
                && a->param.dtype == b->param.dtype && !a->own.array == !b->own.array
                && a->n_table == b->n_table;
    if (same && a->own.array) {
      const tilec_tensor *ta = tilec_array_tensor(a->own.array);
      const tilec_tensor *tb = tilec_array_tensor(b->own.array);
      same = memcmp(ta->shape, tb->shape, ta->rank * sizeof *ta->shape) == 0;
    }
    if (!same)
      return cli_fail(j->c, EXIT_USER, "E0657",
                      "--peer %s: its argument '%s' is not like argument '%s' of %s", peer->name,
                      b->param.name, a->param.name, j->info.name);
  }
  return EXIT_OK;
}

static int open_kernel(const cli_job *j, cli_peer *peer) {
  peer->own = *j->c;
  peer->own.words[1] = peer->name;
  peer->own.defines = join_defines(j->c);
  peer->job = (cli_job){.c = &peer->own, .target = j->c->peer_target};
  int code = cli_job_open(&peer->job);
  return code ? code : check_alike(j, peer);
}

/* ---- both ---- */

int cli_peer_open(const cli_job *j, cli_peer *peer) {
  const cli *c = j->c;
  peer->name = c->peer;
  const char *colon = strrchr(peer->name, ':');
  size_t n = colon ? (size_t)(colon - peer->name) : strlen(peer->name);
  if (!is_library(peer->name, n)) return open_kernel(j, peer);
  if (!colon || !colon[1])
    return cli_fail(c, EXIT_USAGE, "", "--peer is '%s', expected FILE.so:FUNCTION", peer->name);
  if (c->peer_target || c->peer_defines.n)
    return cli_fail(c, EXIT_USAGE, "", "--peer %s is a function: it has no target and no values",
                    peer->name);
  return open_function(c, peer, n);
}

void cli_peer_close(cli_peer *peer) {
  if (peer->job.c) cli_job_close(&peer->job);
  if (peer->library) dlclose(peer->library);
}

cli_job *cli_peer_job(cli_job *j, cli_peer *peer) {
  return peer->fn ? j : &peer->job;
}

/* ---- checking ---- */

static void swap(tilec_array **a, tilec_array **b) {
  tilec_array *x = *a;
  *a = *b;
  *b = x;
}

/* What the arrays of `from` hold now is what those of `to` are compared with. */
static void compare_with_arrays(cli_job *to, cli_job *from) {
  for (size_t i = 0; i < to->n; i++) {
    swap(&from->values[i].own.array, &to->values[i].own.oracle);
    for (size_t k = 0; k < to->values[i].n_table; k++)
      swap(&from->values[i].table[k].array, &to->values[i].table[k].oracle);
  }
}

static void compare_with_oracle(cli_job *to, cli_job *from) {
  for (size_t i = 0; i < to->n; i++) {
    swap(&from->values[i].own.oracle, &to->values[i].own.oracle);
    for (size_t k = 0; k < to->values[i].n_table; k++)
      swap(&from->values[i].table[k].oracle, &to->values[i].table[k].oracle);
  }
}

static int launch_peer(cli_job *j, const cli_peer *peer, const cli_set *set) {
  uint64_t time_ns;
  const tilec_arg *args = set->args;
  const tilec_timing once = {.size = sizeof once,
                             .sets = &args,
                             .n_sets = 1,
                             .n_args = j->n,
                             .n_runs = 1,
                             .peer = peer->fn};
  tilec_error *error;
  tilec_status status = tilec_kernel_time(j->kernel, &once, &time_ns, &error);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(j->c, status, error);
}

/* Both have run, and the copies hold what the interpreter makes of them. */
static int check_each(cli_job *j, cli_peer *peer, const cli_set *own, const cli_set *other) {
  cli_job *pj = cli_peer_job(j, peer);
  int code = cli_set_fetch(j, own);
  if (!code) code = cli_job_agrees(j);
  if (code) return code;
  j->checked = true;
  if (pj != j) compare_with_oracle(pj, j);
  code = cli_set_fetch(pj, other);
  if (!code) code = cli_job_agrees(pj);
  return code ? cli_fail(j->c, code, "", "that is what the peer %s made of it", peer->name) : code;
}

int cli_peer_check(cli_job *j, cli_peer *peer, const cli_set *own, const cli_set *other) {
  cli_job *pj = cli_peer_job(j, peer);
  tilec_arg *args = cli_memory(j->n * sizeof *args);
  int code = cli_job_copy(j, args);
  if (!code) code = cli_set_fill(j, own);
  if (!code) code = cli_set_fill(pj, other);
  if (!code && j->c->check) code = cli_job_oracle(j, args);
  if (!code) code = cli_job_launch(j, j->kernel, own->args, "running");
  if (!code) code = launch_peer(pj, peer, other);
  if (!code && j->c->check) return check_each(j, peer, own, other);
  if (!code) code = cli_set_fetch(pj, other);
  if (code) return code;
  compare_with_arrays(j, pj);
  code = cli_set_fetch(j, own);
  return code ? code : cli_job_agrees(j);
}
