/* Choices of the schedule (choices.def): asked for by the source or on the command line, and read
 * by the passes that would otherwise decide. */
#ifndef TC_IR_CHOICES_H
#define TC_IR_CHOICES_H

#include "base/diag.h"

enum tc_choice_word {
#define CHOICE_WORD(word) TC_CHOOSE_##word,
#define CHOICE(name, least, words, doc)
#define CHOICE_KEY(key, name, word)
#define CHOICE_PREFIX(prefix)
#include "ir/choices.def"
#undef CHOICE_WORD
#undef CHOICE
  TC_CHOOSE_COUNT
};
enum tc_choice_name {
#define CHOICE_WORD(word)
#define CHOICE(name, least, words, doc) TC_CHOICE_##name,
#include "ir/choices.def"
#undef CHOICE_WORD
#undef CHOICE
#undef CHOICE_KEY
#undef CHOICE_PREFIX
  TC_CHOICE_COUNT
};

/* All zero: nothing is asked for. */
typedef struct tc_choice {
  enum tc_choice_word word;
  bool asked;     /* `auto` can be asked for, too */
  int64_t number; /* with the word `number` */
  tc_span span;   /* where it was asked for; 0: on the command line */
} tc_choice;
typedef struct tc_choices {
  tc_choice of[TC_CHOICE_COUNT];
} tc_choices;

/* Asks for one: `name` is a name of the table, with or without "tilec." before it, `value` one of
 * its words or a number. False, and a diagnostic, when there is no such thing. */
bool tc_choices_set(tc_choices *choices, tc_diags *diags, tc_str name, tc_str value, tc_span span);
/* The same for a list such as "roles=pingpong,lockstep=4". */
bool tc_choices_parse(tc_choices *choices, tc_diags *diags, tc_str list, tc_span span);
/* What a key of a pass configuration stands for, as text for a hint: "roles=none". NULL: nothing,
 * or not this. False, and a diagnostic, when there is no such key or value. `truth`: the value,
 * were it a condition. */
bool tc_choices_key(tc_diags *diags, tc_str key, tc_str value, bool truth, tc_span span,
                    const char **text);
/* "roles=pingpong", as tc_choices_parse takes it. */
const char *tc_choice_text(tc_arena *arena, enum tc_choice_name name, const tc_choice *choice);

#endif
