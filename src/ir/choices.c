#include "ir/choices.h"

#include <string.h>

typedef struct choice_row {
  const char *name;
  int64_t least;
  uint32_t words; /* bits of tc_choice_word */
} choice_row;

typedef struct key_row {
  const char *key;
  enum tc_choice_name name;
  enum tc_choice_word word;
} key_row;

#define W(word)           (1u << TC_CHOOSE_##word)
#define CHOICE_WORD(word) #word,
#define CHOICE(name, least, words, doc)
#define CHOICE_KEY(key, name, word)
#define CHOICE_PREFIX(prefix)
static const char *const WORDS[] = {
#include "ir/choices.def"
};
#undef CHOICE_WORD
#undef CHOICE
#define CHOICE_WORD(word)
#define CHOICE(name, least, words, doc) {#name, least, words},
static const choice_row ROWS[] = {
#include "ir/choices.def"
};
#undef CHOICE
#undef CHOICE_KEY
#define CHOICE(name, least, words, doc)
#define CHOICE_KEY(key, name, word) {key, TC_CHOICE_##name, TC_CHOOSE_##word},
static const key_row KEYS[] = {
#include "ir/choices.def"
};
#undef CHOICE_KEY
#undef CHOICE_PREFIX
#define CHOICE_KEY(key, name, word)
#define CHOICE_PREFIX(prefix) prefix,
static const char *const PREFIXES[] = {
#include "ir/choices.def"
};
#undef W
#undef CHOICE_WORD
#undef CHOICE
#undef CHOICE_KEY
#undef CHOICE_PREFIX

static const char OWN[] = "tilec.";

static tc_str without_prefix(tc_str name) {
  uint32_t n = (uint32_t)sizeof OWN - 1;
  return tc_str_starts(name, OWN) ? (tc_str){name.at + n, name.n - n} : name;
}

static const char *nearest(tc_str name) {
  tc_near near = tc_near_to(name, 5);
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    tc_near_offer(&near, tc_str_of(ROWS[i].name));
  return near.best.at;
}

static bool find(tc_diags *diags, tc_str name, tc_span span, enum tc_choice_name *out) {
  tc_str own = without_prefix(name);
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (tc_str_is(own, ROWS[i].name)) return *out = (enum tc_choice_name)i, true;
  TC_DIAG(diags, D_choice_unknown, span, tc_str_dup(diags->arena, name));
  const char *near = nearest(own);
  if (near) tc_diag_help(diags, "did you mean %s%s?", OWN, near);
  return false;
}

/* "auto, on or off", for a message. */
static const char *words_of(tc_arena *arena, const choice_row *row) {
  tc_sb out = tc_sb_in(arena);
  uint32_t left = row->words;
  for (uint32_t w = 0; left; w++) {
    if (!(left >> w & 1)) continue;
    left &= ~(1u << w);
    if (out.n) tc_sb_adds(&out, left ? ", " : " or ");
    if (w == TC_CHOOSE_number) {
      tc_sb_printf(&out, "a whole number from %d on", (int)row->least);
    } else {
      tc_sb_adds(&out, WORDS[w]);
    }
  }
  return out.at;
}

enum { MOST_DIGITS = 6 };

static bool read_number(tc_str text, int64_t *out) {
  *out = 0;
  for (uint32_t i = 0; i < text.n; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return false;
    *out = *out * 10 + (text.at[i] - '0');
  }
  return text.n && text.n <= MOST_DIGITS;
}

static bool read_value(const choice_row *row, tc_str value, tc_choice *out) {
  bool numbers = row->words >> TC_CHOOSE_number & 1;
  for (uint32_t w = 0; w < TC_COUNT(WORDS); w++)
    if (w != TC_CHOOSE_number && (row->words >> w & 1) && tc_str_is(value, WORDS[w]))
      return out->word = (enum tc_choice_word)w, true;
  if (!numbers || !read_number(value, &out->number)) return false;
  out->word = TC_CHOOSE_number;
  if (out->number == 0 && (row->words >> TC_CHOOSE_off & 1)) return out->word = TC_CHOOSE_off, true;
  return out->number >= row->least;
}

bool tc_choices_set(tc_choices *choices, tc_diags *diags, tc_str name, tc_str value, tc_span span) {
  enum tc_choice_name at;
  if (!find(diags, name, span, &at)) return false;
  tc_choice c = {.asked = true, .span = span};
  if (read_value(&ROWS[at], value, &c)) return choices->of[at] = c, true;
  TC_DIAG(diags, D_choice_value, span, OWN, ROWS[at].name, words_of(diags->arena, &ROWS[at]),
          tc_str_dup(diags->arena, value));
  return false;
}

bool tc_choices_parse(tc_choices *choices, tc_diags *diags, tc_str list, tc_span span) {
  while (list.n) {
    const char *comma = memchr(list.at, ',', list.n);
    tc_str item = {list.at, comma ? (uint32_t)(comma - list.at) : list.n};
    uint32_t used = item.n + (comma != NULL);
    list = (tc_str){list.at + used, list.n - used};
    if (!item.n) continue;
    const char *equals = memchr(item.at, '=', item.n);
    uint32_t n = equals ? (uint32_t)(equals - item.at) : item.n;
    tc_str value = equals ? (tc_str){equals + 1, item.n - n - 1} : TC_STR("");
    if (!tc_choices_set(choices, diags, (tc_str){item.at, n}, value, span)) return false;
  }
  return true;
}

static bool is_foreign(tc_str key) {
  for (size_t i = 0; i < TC_COUNT(PREFIXES); i++)
    if (tc_str_starts(key, PREFIXES[i])) return true;
  return false;
}

bool tc_choices_key(tc_diags *diags, tc_str key, tc_str value, bool truth, tc_span span,
                    const char **text) {
  tc_choices choices = {.of = {{.word = TC_CHOOSE_auto}}};
  enum tc_choice_name at;
  *text = NULL;
  for (size_t i = 0; i < TC_COUNT(KEYS); i++) {
    tc_choice c = {.word = KEYS[i].word};
    if (tc_str_is(key, KEYS[i].key) && truth)
      *text = tc_choice_text(diags->arena, KEYS[i].name, &c);
  }
  if (is_foreign(key)) return true;
  if (!find(diags, key, span, &at)) return false;
  if (!tc_choices_set(&choices, diags, key, value, span)) return false;
  *text = tc_choice_text(diags->arena, at, &choices.of[at]);
  return true;
}

const char *tc_choice_text(tc_arena *arena, enum tc_choice_name name, const tc_choice *choice) {
  if (choice->word == TC_CHOOSE_number)
    return tc_format(arena, "%s=%d", ROWS[name].name, (int)choice->number);
  return tc_format(arena, "%s=%s", ROWS[name].name, WORDS[choice->word]);
}
