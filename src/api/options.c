/* The table of options, the values of a context, and the environment. */
#include "api/api_impl.h"

#include <string.h>

enum kind { TEXT, PATH, BYTES, COUNT, CHOICE, SWITCH, LIST };

typedef struct row {
  const char *name, *variable, *flag;
  enum kind kind;
  const char *values, *initial, *help;
  bool keyed;
} row;

static const row ROWS[] = {
#define OPTION(name, variable, flag, kind, values, initial, keyed, help)                           \
  {#name, variable, flag, kind, values, initial, help, keyed},
#include "api/options.def"
#undef OPTION
};

size_t tilec_option_count(void) {
  return TC_OPTION_COUNT;
}

tilec_status tilec_option_at(size_t i, tilec_option *out) {
  if (i >= TC_OPTION_COUNT || !out) return TILEC_USAGE;
  const row *r = &ROWS[i];
  tilec_option ours = {sizeof ours, r->name,    r->variable, r->flag,
                       r->values,   r->initial, r->help,     r->keyed};
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

/* ---- values ---- */

static bool parse_count(const char *text, uint64_t *x) {
  uint64_t n = 0;
  if (!*text) return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return false;
    uint64_t digit = (uint64_t)(*text - '0');
    if (n > (UINT64_MAX - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *x = n;
  return true;
}

static bool parse_bytes(const char *text, uint64_t *x) {
  static const char UNITS[] = "KMGT";
  char digits[24];
  size_t n = strspn(text, "0123456789");
  if (!n || n >= sizeof digits) return false;
  memcpy(digits, text, n);
  digits[n] = 0;
  uint64_t value, shift = 0;
  if (!parse_count(digits, &value)) return false;
  if (text[n]) {
    char unit = text[n] >= 'a' ? (char)(text[n] - 'a' + 'A') : text[n];
    const char *at = strchr(UNITS, unit);
    if (!at || !*at || (text[n + 1] && strcmp(text + n + 1, "B") && strcmp(text + n + 1, "iB")))
      return false;
    shift = 10 * (uint64_t)(at - UNITS + 1);
  }
  if (value > UINT64_MAX >> shift) return false;
  *x = value << shift;
  return true;
}

static bool is_choice(const char *list, const char *value) {
  size_t n = strlen(value);
  for (const char *at = list; at;) {
    const char *end = strchr(at, '|');
    size_t word = end ? (size_t)(end - at) : strlen(at);
    if (word == n && memcmp(at, value, n) == 0) return true;
    at = end ? end + 1 : NULL;
  }
  return false;
}

/* NULL when the option takes the value, else what it would take. */
static const char *wanted(int option, const char *value) {
  const row *r = &ROWS[option];
  uint64_t x;
  switch (r->kind) {
  case TEXT:
  case PATH:
  case LIST:
    return NULL;
  case BYTES:
    return parse_bytes(value, &x) ? NULL : "a number of bytes such as 500M or 2G";
  case COUNT:
    return parse_count(value, &x) ? NULL : "a whole number";
  case CHOICE:
  case SWITCH:
    return is_choice(r->values, value) ? NULL : r->values;
  }
  return NULL;
}

/* With the lock held. */
static const char *value_of(const tilec_context *context, enum tc_option option) {
  const char *set = context->options[option];
  return set ? set : ROWS[option].initial;
}

/* One allocation under the lock would unwind with it held, so the size is asked for first; a value
 * that grew meanwhile is asked for again. */
const char *tc_api_option(tilec_context *context, enum tc_option option, tc_arena *arena) {
  size_t room = 256;
  for (;;) {
    char *copy = tc_arena_alloc(arena, room);
    pthread_mutex_lock(&context->lock);
    const char *value = value_of(context, option);
    size_t n = strlen(value) + 1;
    if (n <= room) memcpy(copy, value, n);
    pthread_mutex_unlock(&context->lock);
    if (n <= room) return copy;
    room = n;
  }
}

uint64_t tc_api_option_number(tilec_context *context, enum tc_option option) {
  uint64_t x = 0;
  pthread_mutex_lock(&context->lock);
  const char *value = value_of(context, option);
  if (ROWS[option].kind == SWITCH) {
    x = strcmp(value, "on") == 0;
  } else if (!parse_bytes(value, &x)) {
    x = 0;
  }
  pthread_mutex_unlock(&context->lock);
  return x;
}

void tc_api_keyed_options(tilec_context *context, tc_sb *out) {
  for (int i = 0; i < TC_OPTION_COUNT; i++)
    if (ROWS[i].keyed)
      tc_sb_printf(out, "%s=%s\n", ROWS[i].name,
                   tc_api_option(context, (enum tc_option)i, out->arena));
}

/* ---- setting ---- */

static int find_option(const char *name) {
  for (int i = 0; i < TC_OPTION_COUNT; i++)
    if (strcmp(ROWS[i].name, name) == 0) return i;
  return -1;
}

static const char *nearest(const char *name, bool variable) {
  tc_near near = tc_near_to(tc_str_of(name), 8);
  for (int i = 0; i < TC_OPTION_COUNT; i++)
    tc_near_offer(&near, tc_str_of(variable ? ROWS[i].variable : ROWS[i].name));
  return near.best.at;
}

static tilec_status assign(tilec_context *context, int option, const char *value,
                           tilec_error **error) {
  size_t n = value ? strlen(value) + 1 : 0;
  char *copy = value ? tc_api_new(context, n) : NULL;
  if (value && !copy) return tc_api_no_memory(error);
  if (value) memcpy(copy, value, n);
  pthread_mutex_lock(&context->lock);
  char *old = context->options[option];
  context->options[option] = copy;
  pthread_mutex_unlock(&context->lock);
  if (old) tc_api_delete(context, old, strlen(old) + 1);
  return TILEC_OK;
}

static tilec_status set(tilec_context *context, int option, const char *value, const char *said,
                        tilec_error **error) {
  const char *right = value ? wanted(option, value) : NULL;
  if (right) return tc_api_usage(error, context, "%s is '%s', expected %s", said, value, right);
  return assign(context, option, value, error);
}

tilec_status tilec_context_set(tilec_context *context, const char *name, const char *value,
                               tilec_error **error) {
  if (error) *error = NULL;
  if (!context || !name) return tc_api_usage(error, context, "tilec_context_set: NULL argument");
  int option = find_option(name);
  const char *near = option < 0 ? nearest(name, false) : NULL;
  if (option < 0)
    return tc_api_usage(error, context, "there is no option '%s'%s%s%s", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  return set(context, option, value, name, error);
}

tilec_status tilec_context_get(tilec_context *context, const char *name, tilec_text **out,
                               tilec_error **error) {
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !name || !out)
    return tc_api_usage(error, context, "tilec_context_get: NULL argument");
  int option = find_option(name);
  if (option < 0) return tc_api_usage(error, context, "there is no option '%s'", name);
  pthread_mutex_lock(&context->lock);
  const char *value = value_of(context, (enum tc_option)option);
  *out = tc_api_text(context, value, strlen(value));
  pthread_mutex_unlock(&context->lock);
  return *out ? TILEC_OK : tc_api_no_memory(error);
}

/* ---- the environment ---- */

extern char **environ;

static void warn_unknown(const tilec_context *context, const char *name) {
  const char *near = nearest(name, true);
  tc_api_warn(context, "the variable %s means nothing to tilec%s%s%s", name,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

tilec_status tc_options_from_environment(tilec_context *context, tilec_error **error) {
  for (char **at = environ; at && *at; at++) {
    char name[64];
    const char *equals = strchr(*at, '=');
    size_t n = equals ? (size_t)(equals - *at) : 0;
    if (n >= sizeof name) n = sizeof name - 1;
    memcpy(name, *at, n);
    name[n] = 0;
    if (strncmp(name, "TILELANG_DISABLE_Z3", 19) == 0) /* honoured for those who switch over */
      tc_prove_parse_z3(tc_str_of(name), tc_str_of(equals + 1), &context->prove);
    if (strncmp(name, "TILEC_", 6)) continue;
    int option = -1;
    for (int i = 0; i < TC_OPTION_COUNT; i++)
      if (strcmp(ROWS[i].variable, name) == 0) option = i;
    if (option < 0) {
      warn_unknown(context, name);
    } else if (equals[1]) { /* set to nothing: as if not set */
      tilec_status status = set(context, option, equals + 1, name, error);
      if (status != TILEC_OK) return status;
    }
  }
  return TILEC_OK;
}
