/* From text to tree: a hand-written recursive descent parser with precedence climbing over the
 * lexer of lex.h. It accepts the grammar of Python 3.10; what tilec does not evaluate (try, class,
 * yield, ...) is parsed like everything else, so that a file that also holds driver code loads, and
 * `match` and `async` statements become UNSUPPORTED nodes. After a mistake it goes on with the next
 * statement, so several mistakes show at once. Time is linear in the text and recursion is bounded
 * by the limits of ast.h, whatever the bytes are. */
#ifndef TC_LANG_PARSE_H
#define TC_LANG_PARSE_H

#include "base/diag.h"
#include "lang/ast.h"

/* What a parse reads and writes. `arena` receives the tree; `names` the identifiers. Literal texts
 * (INT, FLOAT) are slices of the source, so the tree must not outlive `source`. */
typedef struct tc_parse_cx {
  tc_arena *arena;
  tc_names *names;
  tc_source *source;
  tc_diags *diags;
} tc_parse_cx;

enum tc_parse_flags {
  TC_PARSE_WHOLE = 0,
  /* The text is cut out of a file: the indentation of its first line is where its margin is
   * (inspect.getsource of a nested function). `return` and `yield` at the margin are errors still.
   */
  TC_PARSE_INDENTED = 1,
};

/* Parses the file that tc_source_add placed at `file_at`. Returns its MODULE, or NULL when at least
 * one error was reported. */
const tc_ast *tc_parse_module(const tc_parse_cx *cx, uint32_t file_at, enum tc_parse_flags flags);

/* Parses a file that holds one expression (`-D name=VALUE`): what may stand on the right of `=`,
 * with blanks and line ends around it. NULL when an error was reported. */
const tc_ast *tc_parse_expression(const tc_parse_cx *cx, uint32_t file_at);

#endif
