/* The command line. Long options take their value after = or as the next word; options and files
 * may be mixed; -- ends options. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cli_pairs_add(cli_pairs *pairs, const char *name, const char *value) {
  if (pairs->n == pairs->cap) {
    size_t cap = pairs->cap ? pairs->cap * 2 : 8;
    cli_pair *grown = cli_memory(cap * sizeof *grown);
    if (pairs->n) memcpy(grown, pairs->at, pairs->n * sizeof *grown);
    pairs->at = grown;
    pairs->cap = cap;
  }
  pairs->at[pairs->n++] = (cli_pair){name, value};
}

const cli_pair *cli_pairs_find(const cli_pairs *pairs, const char *name) {
  for (size_t i = 0; i < pairs->n; i++)
    if (strcmp(pairs->at[i].name, name) == 0) return &pairs->at[i];
  return NULL;
}

bool cli_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *x) {
  char *end;
  if (!*text || *text == ' ') return false;
  errno = 0;
  long long value = strtoll(text, &end, 0);
  if (*end || errno || value < lowest || value > highest) return false;
  *x = value;
  return true;
}

bool cli_parse_float(const char *text, double *x) {
  char *end;
  if (!*text || *text == ' ') return false;
  *x = strtod(text, &end);
  return !*end;
}

char **cli_split(const char *list, size_t *n) {
  char *copy = cli_format("%s", list), **words = cli_memory((strlen(list) + 1) * sizeof *words);
  *n = 0;
  for (char *at = copy; at;) {
    char *comma = strchr(at, ',');
    if (comma) *comma = 0;
    words[(*n)++] = at;
    at = comma ? comma + 1 : NULL;
  }
  return words;
}

/* ---- options ---- */

enum takes { NOTHING, VALUE, MAYBE /* only after = */ };

typedef struct flag {
  const char *name;
  enum takes takes;
  int (*set)(cli *c, const char *value);
} flag;

static int bad(const cli *c, const char *what, const char *value, const char *wanted) {
  return cli_fail(c, EXIT_USAGE, "", "%s is '%s', expected %s", what, value, wanted);
}

static int add_pair(const cli *c, cli_pairs *pairs, const char *what, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text) return bad(c, what, text, "NAME=VALUE");
  const char *name = cli_format("%.*s", (int)(equals - text), text);
  if (cli_pairs_find(pairs, name))
    return cli_fail(c, EXIT_USAGE, "", "%s: '%s' is given twice", what, name);
  cli_pairs_add(pairs, name, equals + 1);
  return EXIT_OK;
}

static int set_define(cli *c, const char *v) {
  return add_pair(c, &c->defines, "-D", v);
}
static int set_in(cli *c, const char *v) {
  return add_pair(c, &c->inputs, "--in", v);
}
static int set_out(cli *c, const char *v) {
  return add_pair(c, &c->outputs, "--out", v);
}
static int set_peer(cli *c, const char *v) {
  return c->peer = v, EXIT_OK;
}
static int set_peer_target(cli *c, const char *v) {
  return c->peer_target = v, EXIT_OK;
}
static int set_peer_define(cli *c, const char *v) {
  return add_pair(c, &c->peer_defines, "--peer-define", v);
}
static int set_emit(cli *c, const char *v) {
  return c->emit = v, EXIT_OK;
}
static int set_passes(cli *c, const char *v) {
  return c->passes = v, EXIT_OK;
}
static int set_output(cli *c, const char *v) {
  return c->output = v, EXIT_OK;
}
static int set_name(cli *c, const char *v) {
  return c->name = v, EXIT_OK;
}
static int set_quiet(cli *c, const char *v) {
  return (void)v, c->quiet = true, EXIT_OK;
}
static int set_help(cli *c, const char *v) {
  return (void)v, c->help = true, EXIT_OK;
}
static int set_check(cli *c, const char *v) {
  return (void)v, c->check = true, EXIT_OK;
}
static int set_deep(cli *c, const char *v) {
  return (void)v, c->deep = true, EXIT_OK;
}
static int set_pipeline(cli *c, const char *v) {
  return (void)v, c->print_pipeline = true, EXIT_OK;
}
static int set_verbose(cli *c, const char *v) {
  return (void)v, c->verbosity++, EXIT_OK;
}

static int set_dim(cli *c, const char *v) {
  int64_t x;
  int code = add_pair(c, &c->dims, "--dim", v);
  if (code) return code;
  const char *value = c->dims.at[c->dims.n - 1].value;
  return cli_parse_int(value, 0, INT64_MAX, &x) ? EXIT_OK
                                                : bad(c, "--dim", v, "NAME=NUMBER, 0 or more");
}

static int set_random(cli *c, const char *v) {
  int64_t x = 0;
  if (v && !cli_parse_int(v, 0, INT64_MAX, &x)) return bad(c, "--random", v, "a whole number");
  c->random = true;
  c->seed = (uint64_t)x;
  return EXIT_OK;
}

static int set_bench(cli *c, const char *v) {
  c->bench = true;
  if (v && !cli_parse_int(v, 1, 1000000000, &c->n_bench))
    return bad(c, "--bench", v, "a number of runs, 1 or more");
  return EXIT_OK;
}

static int set_runs(cli *c, const char *v) {
  return cli_parse_int(v, 1, 1000000000, &c->n_bench)
             ? EXIT_OK
             : bad(c, "--runs", v, "a number of runs, 1 or more");
}

static int set_flops(cli *c, const char *v) {
  return cli_parse_float(v, &c->flops) && c->flops > 0 ? EXIT_OK
                                                       : bad(c, "--flops", v, "a number above 0");
}

static int set_tolerance(cli *c, const char *what, const char *v, double *x) {
  return cli_parse_float(v, x) && *x >= 0 ? EXIT_OK : bad(c, what, v, "a number, 0 or more");
}
static int set_rtol(cli *c, const char *v) {
  return set_tolerance(c, "--rtol", v, &c->rtol);
}
static int set_atol(cli *c, const char *v) {
  return set_tolerance(c, "--atol", v, &c->atol);
}

static int set_format(cli *c, const char *v) {
  c->json = strcmp(v, "json") == 0;
  if (c->json) c->format = TILEC_FORMAT_JSON;
  return c->json || strcmp(v, "text") == 0 ? EXIT_OK : bad(c, "--format", v, "text or json");
}

static int set_color(cli *c, const char *v) {
  bool always = strcmp(v, "always") == 0, never = strcmp(v, "never") == 0;
  if (!always && !never && strcmp(v, "auto") != 0)
    return bad(c, "--color", v, "auto, always or never");
  if (!c->json && (always || never)) c->format = always ? TILEC_FORMAT_COLOR : TILEC_FORMAT_TEXT;
  return EXIT_OK;
}

static const flag FLAGS[] = {
    {"-D", VALUE, set_define},
    {"--define", VALUE, set_define},
    {"--in", VALUE, set_in},
    {"--out", VALUE, set_out},
    {"--dim", VALUE, set_dim},
    {"--random", MAYBE, set_random},
    {"--check", NOTHING, set_check},
    {"--deep", NOTHING, set_deep},
    {"--bench", MAYBE, set_bench},
    {"--runs", VALUE, set_runs},
    {"--flops", VALUE, set_flops},
    {"--peer", VALUE, set_peer},
    {"--peer-target", VALUE, set_peer_target},
    {"--peer-define", VALUE, set_peer_define},
    {"--rtol", VALUE, set_rtol},
    {"--atol", VALUE, set_atol},
    {"--emit", VALUE, set_emit},
    {"--form", VALUE, set_emit},
    {"--run", VALUE, set_passes},
    {"-o", VALUE, set_output},
    {"--output", VALUE, set_output},
    {"--name", VALUE, set_name},
    {"--format", VALUE, set_format},
    {"--color", VALUE, set_color},
    {"-q", NOTHING, set_quiet},
    {"--quiet", NOTHING, set_quiet},
    {"-v", NOTHING, set_verbose},
    {"--verbose", NOTHING, set_verbose},
    {"--print-pipeline", NOTHING, set_pipeline},
    {"-h", NOTHING, set_help},
    {"--help", NOTHING, set_help},
};
enum { N_FLAGS = sizeof FLAGS / sizeof *FLAGS };

/* The library's own options, by the flag in their row. */
static const char *library_option(const char *word, size_t n, bool *is_switch) {
  for (size_t i = 0; i < tilec_option_count(); i++) {
    tilec_option row = {.size = sizeof row};
    if (tilec_option_at(i, &row) != TILEC_OK) continue;
    if (strlen(row.flag) != n || strncmp(row.flag, word, n) != 0) continue;
    *is_switch = strcmp(row.values, "on|off") == 0;
    return row.name;
  }
  return NULL;
}

typedef struct words {
  int n, at;
  char **argv;
} words;

/* The value of an option: after =, glued to a short one, or the next word. */
static int value_of(const cli *c, words *w, const char *word, size_t name_n, const char **value) {
  if (word[name_n] == '=') return *value = word + name_n + 1, EXIT_OK;
  if (word[name_n]) return *value = word + name_n, EXIT_OK;
  if (w->at == w->n) return cli_fail(c, EXIT_USAGE, "", "%s needs a value", word);
  *value = w->argv[w->at++];
  return EXIT_OK;
}

static int set_library_option(cli *c, words *w, const char *word, size_t n, const char *name,
                              bool is_switch) {
  const char *value = "on";
  if (!is_switch || word[n]) {
    int code = value_of(c, w, word, n, &value);
    if (code) return code;
  }
  cli_pairs_add(&c->options, name, value);
  return EXIT_OK;
}

static int read_option(cli *c, words *w, const char *word) {
  const char *equals = strchr(word, '=');
  bool is_long = word[1] == '-', is_switch = false;
  size_t n = is_long ? (equals ? (size_t)(equals - word) : strlen(word)) : 2;
  if (strncmp(word, "-fno-", 5) == 0 && word[5]) {
    cli_pairs_add(&c->options, "disable", word + 5);
    return EXIT_OK;
  }
  for (int i = 0; i < N_FLAGS; i++) {
    const flag *f = &FLAGS[i];
    const char *value = NULL;
    if (strlen(f->name) != n || strncmp(f->name, word, n) != 0) continue;
    if (f->takes == NOTHING && word[n]) {
      if (is_long) return cli_fail(c, EXIT_USAGE, "", "%s takes no value", f->name);
      for (const char *at = word + 1; *at; at++) /* -vv */
        if (*at != word[1]) return cli_fail(c, EXIT_USAGE, "", "there is no option %s", word);
      for (const char *at = word + 2; *at; at++)
        f->set(c, NULL);
    }
    if (f->takes == MAYBE && word[n]) value = word + n + 1;
    int code = f->takes == VALUE ? value_of(c, w, word, n, &value) : EXIT_OK;
    return code ? code : f->set(c, value);
  }
  const char *name = library_option(word, n, &is_switch);
  if (name) return set_library_option(c, w, word, n, name, is_switch);
  return cli_fail(c, EXIT_USAGE, "", "there is no option %.*s; `tilec help` lists them", (int)n,
                  word);
}

int cli_read_args(cli *c, int argc, char **argv) {
  words w = {argc, 1, argv};
  bool plain = false; /* after -- */
  while (w.at < w.n) {
    const char *word = w.argv[w.at++];
    if (!plain && strcmp(word, "--") == 0) {
      plain = true;
    } else if (!plain && word[0] == '-' && word[1]) {
      int code = read_option(c, &w, word);
      if (code) return code;
    } else {
      if (c->n_words == sizeof c->words / sizeof *c->words)
        return cli_fail(c, EXIT_USAGE, "", "too many words, beginning with '%s'", word);
      c->words[c->n_words++] = word;
    }
  }
  return EXIT_OK;
}
