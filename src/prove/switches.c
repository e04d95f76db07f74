#include "prove/prove.h"

#include <string.h>

static bool is_gap(char c) {
  return c == ',' || c == ' ' || c == '\t' || c == ';';
}

/* The next word of *text, which moves behind it; empty at the end. */
static tc_str next_word(tc_str *text) {
  while (text->n && is_gap(*text->at))
    text->at++, text->n--;
  tc_str word = {text->at, 0};
  while (word.n < text->n && !is_gap(word.at[word.n]))
    word.n++;
  text->at += word.n;
  text->n -= word.n;
  return word;
}

static bool read_number(tc_str digits, uint64_t *x) {
  *x = 0;
  for (uint32_t i = 0; i < digits.n; i++) {
    if (digits.at[i] < '0' || digits.at[i] > '9' || *x > UINT64_MAX / 10 - 1) return false;
    *x = *x * 10 + (uint64_t)(digits.at[i] - '0');
  }
  return digits.n > 0;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(tc_str a, const char *b) {
  if (a.n != strlen(b)) return false;
  for (uint32_t i = 0; i < a.n; i++)
    if (lower(a.at[i]) != b[i]) return false;
  return true;
}

static bool find_user(tc_str name, uint32_t *user) {
  for (*user = 0; *user < TC_PROVE_USERS; ++*user)
    if (same_word(name, tc_prove_user_name((enum tc_prove_user) * user))) return true;
  return false;
}

static bool find_layer(tc_str name, uint32_t *layer) {
  for (*layer = 0; *layer < TC_PROVE_LAYERS; ++*layer)
    if (same_word(name, tc_prove_layer_name((enum tc_prove_layer) * layer))) return true;
  return false;
}

/* The user and the layer `facts` have one name: no-facts is the layer, no-facts-pass the user. */
static bool switch_off(tc_str name, tc_prove_options *options) {
  static const char PASS[] = "-pass";
  uint32_t n, suffix = (uint32_t)sizeof PASS - 1;
  if (find_layer(name, &n)) {
    options->layers_off |= UINT32_C(1) << n;
    return true;
  }
  if (name.n > suffix && same_word((tc_str){name.at + name.n - suffix, suffix}, PASS))
    name.n -= suffix;
  if (!find_user(name, &n)) return false;
  options->users_off |= UINT32_C(1) << n;
  return true;
}

static bool read_word(tc_str word, tc_prove_options *options) {
  if (same_word(word, "on")) return options->off = false, true;
  if (same_word(word, "off")) return options->off = true;
  if (same_word(word, "deep")) return options->deep = true;
  if (tc_str_starts(word, "budget="))
    return read_number((tc_str){word.at + 7, word.n - 7}, &options->budget);
  return tc_str_starts(word, "no-") && switch_off((tc_str){word.at + 3, word.n - 3}, options);
}

bool tc_prove_parse_switches(tc_str text, tc_prove_options *options, tc_str *bad) {
  for (tc_str word = next_word(&text); word.n; word = next_word(&text)) {
    if (read_word(word, options)) continue;
    *bad = word;
    return false;
  }
  return true;
}

bool tc_prove_parse_z3(tc_str name, tc_str value, tc_prove_options *options) {
  static const char PREFIX[] = "TILELANG_DISABLE_Z3";
  uint32_t n = (uint32_t)sizeof PREFIX - 1, user = 0;
  if (!tc_str_starts(name, PREFIX)) return false;
  tc_str rest = {name.at + n, name.n - n};
  bool one = rest.n > 1 && rest.at[0] == '_';
  if (one && !find_user((tc_str){rest.at + 1, rest.n - 1}, &user)) return false;
  if (!one && rest.n) return false;
  if (value.n == 0 || same_word(value, "0") || same_word(value, "false") || same_word(value, "off"))
    return true;
  if (one)
    options->users_off |= UINT32_C(1) << user;
  else
    options->off = true;
  return true;
}
