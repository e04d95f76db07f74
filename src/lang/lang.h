/* The front end: text of a kernel file in, a function in `surface` state out. It is a partial
 * evaluator: Python values keep Python meaning at compile time, staged values (buffers,
 * expressions) emit IR. Nothing here knows a target; facts about a device come in through
 * tc_lang_device. */
#ifndef TC_LANG_LANG_H
#define TC_LANG_LANG_H

#include "ir/ir.h"
#include "lang/ast.h"

typedef struct tc_lang tc_lang;

/* `-D name=text`: `text` is a Python literal (int, float, True, None, string, tuple, list, dict)
 * or, when it does not parse as one, the string itself. A dotted dtype (T.float16) is a dtype. */
typedef struct tc_lang_define {
  const char *name, *text;
} tc_lang_define;

/* Facts a kernel may ask about the device at compile time. */
typedef struct tc_lang_device {
  int64_t n_sms; /* multiprocessors, or cores */
  int64_t capability_major, capability_minor;
  const char *name; /* of the target; NULL: "cpu" */
} tc_lang_device;

/* Reads a sibling file for `import`; NULL text when there is none. `arena` receives the text. */
typedef tc_str tc_lang_read(void *data, tc_arena *arena, const char *path);

/* One session: its arena holds everything it makes. Diagnostics go to `diags` (whose source map
 * receives the files). `read` may be NULL: then no sibling file exists. */
tc_lang *tc_lang_new(tc_arena *arena, tc_diags *diags, tc_names *names);
void tc_lang_set_reader(tc_lang *lang, tc_lang_read *read, void *data);
void tc_lang_set_device(tc_lang *lang, const tc_lang_device *device);
/* Asked now and then: not 0 ends the evaluation. */
void tc_lang_set_interrupt(tc_lang *lang, int (*interrupted)(void *data), void *data);
/* Compile-time steps (evaluated nodes) before E02xx; 0: 50 million. */
void tc_lang_set_step_limit(tc_lang *lang, uint64_t steps);

/* Shapes of arguments that are known when compiling. A name made by T.const that is an extent of
 * such an argument and was not given with -D becomes a compile-time value, as in a call with
 * tensors. */
typedef struct tc_lang_shape {
  const char *name; /* of the parameter */
  uint32_t rank;
  const int64_t *extent; /* of the array: in bytes in the last dimension of a packed type */
} tc_lang_shape;
/* `shapes` is read by the next tc_lang_compile and must live until then. */
void tc_lang_set_shapes(tc_lang *lang, const tc_lang_shape *shapes, uint32_t n);

/* pass_configs from outside, which win over those of the source; as for shapes. */
void tc_lang_set_configs(tc_lang *lang, const tc_lang_define *configs, uint32_t n);

/* Names and the entry come from a resolver (foreign.h). The next compilation only names what it
 * compiles by `path` and `entry`. */
struct tilec_trace;
void tc_lang_set_foreign(tc_lang *lang, struct tilec_trace *trace);

/* Compiles the entry `entry` (NULL: the only one) of the module text. A lazy factory or an eager
 * function gets its parameters and T.const names from `defines`; every define must be used. On a
 * mistake a diagnostic is recorded and control unwinds with TC_WHY_ERROR. */
tc_ir *tc_lang_compile(tc_lang *lang, const char *path, tc_str text, const char *entry,
                       const tc_lang_define *defines, uint32_t n_defines);
/* How much of it all went to parsing. */
uint64_t tc_lang_parse_ns(const tc_lang *lang);
/* The name of the function the last tc_lang_compile chose. */
const char *tc_lang_entry(const tc_lang *lang);

/* The T.* vocabulary, as its table says. */
typedef struct tc_lang_word {
  const char *name, *signature, *doc;
  bool missing;  /* known, not implemented */
  bool anywhere; /* has a meaning outside kernel functions */
} tc_lang_word;
uint32_t tc_lang_n_words(void);
tc_lang_word tc_lang_word_at(uint32_t i);

/* Only parses; NULL when there were mistakes. For --emit=ast. */
const tc_ast *tc_lang_parse(tc_lang *lang, const char *path, tc_str text);

#endif
