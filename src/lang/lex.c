#include "lang/lex_impl.h"

#include <string.h>

const tc_token_info tc_token_table[TC_TOKEN_COUNT] = {
#define CLASS(kind, text)           {text, sizeof(text) - 1, false, false, false},
#define KEYWORD(kind, text, begins) {"'" text "'", sizeof(text) - 1, true, begins, false},
#define PUNCT(kind, text)           {"'" text "'", sizeof(text) - 1, false, false, true},
#include "lang/tokens.def"
};

const char *tc_token_text(enum tc_token_kind kind) {
  return tc_token_table[kind].text;
}
bool tc_token_is_keyword(enum tc_token_kind kind) {
  return tc_token_table[kind].keyword;
}

tc_str tc_lex_text(const tc_lexer *lex) {
  return lex->file->text;
}
uint32_t tc_lex_errors(const tc_lexer *lex) {
  return lex->file->n_errors;
}

tc_span tc_lex_span(const tc_lexer *lex, uint32_t at, uint32_t end) {
  return tc_source_span(lex->file->source, lex->file->first + at, end - at);
}

/* Counts a mistake. After the last one that is shown the text is not worth reading. */
bool tc_lex_count_error(tc_lexer *lex) {
  if (lex->quiet) return false;
  lex->file->n_errors++;
  if (lex->file->diags->n_errors < TC_DIAG_LIMIT) return true;
  tc_lex_stop(lex);
  lex->quiet = true;
  return false;
}

void tc_lex_help(tc_lexer *lex, const char *text) {
  if (!lex->quiet) tc_diag_help(lex->file->diags, "%s", text);
}

/* --- opening a file --- */

enum { TAB_COLUMNS = 8 };

static void add_keyword(tc_lex_file *file, enum tc_token_kind kind) {
  uint32_t slot = tc_lex_keyword_hash(tc_token_spelling(kind), tc_token_table[kind].n);
  while (file->keywords[slot])
    slot = (slot + 1) % TC_LEX_KEYWORD_SLOTS;
  file->keywords[slot] = (uint8_t)kind;
}

static void add_sign(tc_lex_file *file, enum tc_token_kind kind) {
  uint8_t *link = &file->signs[tc_token_spelling(kind)[0] & 127];
  while (*link && tc_token_table[*link].n > tc_token_table[kind].n)
    link = &file->shorter[*link];
  file->shorter[kind] = *link;
  *link = (uint8_t)kind;
}

static void index_kinds(tc_lex_file *file) {
  for (uint32_t kind = 0; kind < TC_TOKEN_COUNT; kind++) {
    if (tc_token_table[kind].keyword) add_keyword(file, kind);
    if (tc_token_table[kind].sign) add_sign(file, kind);
  }
}

/* Eight bytes at a time while they are ASCII other than NUL. */
static bool plain_word(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
  return ((word | (word - ones)) & high) == 0;
}

static bool check_text(tc_lexer *lex) {
  const char *text = lex->file->text.at;
  uint32_t n = lex->file->text.n;
  for (uint32_t i = 0; i < n;) {
    if (n - i >= 8 && plain_word(text + i)) {
      i += 8;
      continue;
    }
    uint32_t size = tc_utf8_size((tc_str){text + i, n - i});
    if (!size) {
      TC_LEX_REPORT(lex, D_not_utf8, tc_lex_span(lex, i, i + 1), (unsigned)(unsigned char)text[i]);
      return false;
    }
    if (!text[i]) {
      TC_LEX_REPORT(lex, D_nul_byte, tc_lex_span(lex, i, i + 1));
      return false;
    }
    i += size;
  }
  return true;
}

static bool measure_indent(tc_lexer *lex, tc_indent *in);

tc_lexer tc_lex_open(tc_arena *arena, tc_source *source, tc_diags *diags, uint32_t file_at,
                     bool indented) {
  tc_lex_file *file = TC_NEW(arena, tc_lex_file);
  file->source = source;
  file->diags = diags;
  file->text = tc_source_text(source, file_at, &file->first);
  index_kinds(file);
  tc_lexer lex = {.file = file, .end = file->text.n, .n_indents = 1, .line_start = true};
  if (!check_text(&lex)) tc_lex_stop(&lex);
  if (lex.end >= 3 && memcmp(file->text.at, "\xEF\xBB\xBF", 3) == 0) lex.at = 3;
  if (indented) {
    tc_lexer ahead = lex;
    ahead.quiet = true;
    measure_indent(&ahead, &file->indents[0]);
  }
  return lex;
}

void tc_lex_stop(tc_lexer *lex) {
  lex->end = lex->at;
  lex->n_brackets = lex->bottom;
}

tc_lexer tc_lex_field(const tc_lexer *lex, uint32_t at, uint32_t end) {
  tc_lexer field = *lex;
  field.at = at;
  field.end = end;
  field.bottom = field.n_brackets;
  field.n_dedents = 0;
  field.in_field = true;
  field.line_start = field.owes_line = false;
  return field;
}

/* --- characters --- */

static void skip_comment(tc_lexer *lex) {
  const char *text = lex->file->text.at;
  while (lex->at < lex->end && text[lex->at] != '\n' && text[lex->at] != '\r')
    lex->at++;
}

tc_token tc_lex_bad_character(tc_lexer *lex, uint32_t n, const char *way_out) {
  const unsigned char *c = (const unsigned char *)lex->file->text.at + lex->at;
  uint32_t code = n == 1   ? c[0]
                  : n == 2 ? (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu)
                           : (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
  char shown[16] = {'\'', (char)code, '\''};
  static const char HEX[] = "0123456789ABCDEF";
  if (code <= ' ' || code >= 0x7F) {
    memcpy(shown, "U+", 2);
    for (int i = 0; i < 4; i++)
      shown[2 + i] = HEX[code >> (12 - 4 * i) & 15];
  }
  uint32_t at = lex->at;
  lex->at += n;
  TC_LEX_REPORT(lex, D_bad_character, tc_lex_span(lex, at, lex->at), shown);
  if (way_out) tc_lex_help(lex, way_out);
  return tc_lex_token(lex, TC_TOKEN_BAD, at);
}

/* --- layout: lines, indentation, brackets --- */

bool tc_lex_opener(const tc_lexer *lex, uint32_t before, uint32_t *at) {
  for (uint32_t i = lex->n_brackets; i-- > lex->bottom;) {
    *at = lex->file->brackets[i];
    if (*at < before) return true;
  }
  return false;
}

static uint32_t line_begin(const tc_lexer *lex, uint32_t at) {
  const char *text = lex->file->text.at;
  while (at && text[at - 1] != '\n' && text[at - 1] != '\r')
    at--;
  return at;
}

static void add_blank(tc_indent *in, char c) {
  in->column = c == '\t'   ? (in->column / TAB_COLUMNS + 1) * TAB_COLUMNS
               : c == '\f' ? 0
                           : in->column + 1;
  in->narrow = c == '\f' ? 0 : in->narrow + 1;
}

bool tc_lex_at_margin(const tc_lexer *lex, uint32_t at, uint32_t *first) {
  const char *text = lex->file->text.at;
  tc_indent in = {0};
  uint32_t i = line_begin(lex, at);
  for (; text[i] == ' ' || text[i] == '\t' || text[i] == '\f'; i++)
    add_blank(&in, text[i]);
  *first = i;
  return i <= at && in.column <= lex->file->indents[lex->n_indents - 1].column && text[i] != ')'
         && text[i] != ']' && text[i] != '}';
}

void tc_lex_restart(tc_lexer *lex, uint32_t at) {
  lex->at = line_begin(lex, at);
  lex->n_brackets = lex->bottom;
  lex->owes_line = true;
  lex->line_start = true;
}

/* Skips blank lines and measures the first other one; false at the end of the text. */
static bool measure_indent(tc_lexer *lex, tc_indent *in) {
  *in = (tc_indent){0};
  while (lex->at < lex->end) {
    char c = tc_lex_peek(lex, 0);
    uint32_t size;
    if (c == ' ' || c == '\t' || c == '\f') {
      add_blank(in, c);
      lex->at++;
    } else if (c == '#') {
      skip_comment(lex);
    } else if ((size = tc_lex_line_end(lex)) != 0) {
      lex->at += size;
      *in = (tc_indent){0};
    } else {
      return true;
    }
  }
  return false;
}

/* Opens a block or counts the blocks that end before the line at `at`. */
static void change_indent(tc_lexer *lex, tc_indent in) {
  tc_indent *top = &lex->file->indents[lex->n_indents - 1];
  tc_span span = tc_lex_span(lex, line_begin(lex, lex->at), lex->at);
  bool mixed = in.column > top->column ? in.narrow <= top->narrow : false;
  if (in.column > top->column) {
    top[1] = in;
    lex->n_indents++;
  }
  while (lex->n_indents > 1 && in.column < lex->file->indents[lex->n_indents - 1].column) {
    lex->n_indents--;
    lex->n_dedents++;
  }
  top = &lex->file->indents[lex->n_indents - 1];
  if (mixed || (in.column == top->column && in.narrow != top->narrow)) {
    TC_LEX_REPORT(lex, D_mixed_tabs, span);
  } else if (in.column != top->column) {
    TC_LEX_REPORT(lex, D_bad_dedent, span, in.column + 1);
  }
}

static tc_token begin_line(tc_lexer *lex, bool *is_token) {
  tc_indent in;
  bool more = measure_indent(lex, &in);
  lex->line_start = false;
  *is_token = true;
  if (!more) {
    lex->n_dedents = lex->n_indents - 1;
    lex->n_indents = 1;
  } else if (lex->n_indents > TC_AST_MAX_BLOCKS
             && in.column > lex->file->indents[lex->n_indents - 1].column) {
    TC_LEX_REPORT(lex, D_deep_nesting, tc_lex_span(lex, lex->at, lex->at + 1), TC_AST_MAX_BLOCKS,
                  "blocks");
    tc_lex_stop(lex);
    return tc_lex_token(lex, TC_TOKEN_BAD, lex->at);
  } else {
    uint32_t before = lex->n_indents;
    change_indent(lex, in);
    if (lex->n_indents > before) return tc_lex_token(lex, TC_TOKEN_INDENT, lex->at);
  }
  *is_token = false;
  return tc_lex_token(lex, TC_TOKEN_END, lex->at);
}

/* In brackets a line was crossed: does the statement that holds the brackets end here unclosed?
 * After a report the indentation decides; before one, only keywords that are errors inside brackets
 * in any case (see read_name). */
static bool ends_brackets(const tc_lexer *lex) {
  uint32_t first;
  return lex->recovering && !lex->in_field && tc_lex_at_margin(lex, lex->at, &first);
}

/* Skips blanks, comments, joined lines. True when a line was crossed inside brackets. */
static bool skip_blanks(tc_lexer *lex) {
  bool crossed = false, joined = lex->n_brackets > lex->bottom || lex->in_field;
  for (;;) {
    char c = tc_lex_peek(lex, 0);
    uint32_t size;
    if (c == ' ' || c == '\t' || c == '\f') {
      lex->at++;
    } else if (c == '#') {
      skip_comment(lex);
    } else if (joined && (size = tc_lex_line_end(lex)) != 0) {
      lex->at += size;
      crossed = true;
    } else if (c == '\\' && (tc_lex_peek(lex, 1) == '\n' || tc_lex_peek(lex, 1) == '\r')) {
      lex->at++;
      lex->at += tc_lex_line_end(lex);
    } else {
      return crossed;
    }
  }
}

static tc_token open_bracket(tc_lexer *lex, enum tc_token_kind kind) {
  uint32_t at = lex->at++;
  if (lex->n_brackets == TC_AST_MAX_NESTING) {
    TC_LEX_REPORT(lex, D_deep_nesting, tc_lex_span(lex, at, lex->at), TC_AST_MAX_NESTING,
                  "brackets");
    tc_lex_stop(lex);
    return tc_lex_token(lex, TC_TOKEN_BAD, at);
  }
  lex->file->brackets[lex->n_brackets++] = at;
  return tc_lex_token(lex, kind, at);
}

static tc_token close_bracket(tc_lexer *lex, enum tc_token_kind kind, char opener) {
  uint32_t at = lex->at, from;
  char closer = tc_lex_peek(lex, 0);
  bool open = tc_lex_opener(lex, lex->at, &from);
  if (!open && lex->in_field) { /* the brace that ends the field, or an error for the parser */
    lex->at++;
    return tc_lex_token(lex, kind, at);
  }
  lex->at++;
  if (open) lex->n_brackets--;
  if (open && lex->file->text.at[from] == opener) return tc_lex_token(lex, kind, at);
  char text[32] = "closes no open bracket";
  if (open) {
    memcpy(text, "does not close '?'", 19);
    text[16] = lex->file->text.at[from];
  }
  TC_LEX_REPORT(lex, D_wrong_bracket, tc_lex_span(lex, at, lex->at), closer, text);
  if (open && !lex->quiet)
    tc_diag_note(lex->file->diags, tc_lex_span(lex, from, from + 1), "opened here");
  return tc_lex_token(lex, TC_TOKEN_BAD, at);
}

tc_token tc_lex_unclosed(tc_lexer *lex, tc_token found, const char *why) {
  uint32_t from = 0;
  tc_lex_opener(lex, lex->at, &from);
  TC_LEX_REPORT(lex, D_unclosed_bracket, tc_lex_span(lex, from, from + 1),
                lex->file->text.at[from]);
  if (why && !lex->quiet)
    tc_diag_note(lex->file->diags, tc_lex_span(lex, found.at, found.end), "%s", why);
  return (tc_token){.kind = TC_TOKEN_BAD, .at = found.at, .end = found.end};
}

/* --- signs --- */

static tc_token bad_backslash(tc_lexer *lex) {
  uint32_t at = lex->at++;
  if (lex->in_field) {
    TC_LEX_REPORT(lex, D_bad_fstring, tc_lex_span(lex, at, lex->at),
                  "a field cannot hold a backslash");
  } else {
    TC_LEX_REPORT(lex, D_bad_continuation, tc_lex_span(lex, at, lex->at));
  }
  return tc_lex_token(lex, TC_TOKEN_BAD, at);
}

static tc_token longest_sign(tc_lexer *lex) {
  const tc_lex_file *file = lex->file;
  uint32_t at = lex->at, left = lex->end - at;
  uint8_t kind = (unsigned char)file->text.at[at] < 128 ? file->signs[file->text.at[at] & 127] : 0;
  for (; kind; kind = file->shorter[kind]) {
    if (tc_token_table[kind].n > left
        || memcmp(file->text.at + at, tc_token_spelling(kind), tc_token_table[kind].n) != 0)
      continue;
    if (kind == TC_TOKEN_BANG && !lex->in_field) break;
    lex->at += tc_token_table[kind].n;
    return tc_lex_token(lex, (enum tc_token_kind)kind, at);
  }
  const char *way_out = NULL;
  if (file->text.at[at] == '!') way_out = "negation is written `not x`";
  if (file->text.at[at] == '?') way_out = "a choice is written `a if condition else b`";
  return tc_lex_bad_character(lex, 1, way_out);
}

static tc_token read_sign(tc_lexer *lex) {
  switch (tc_lex_peek(lex, 0)) {
  case '(':
    return open_bracket(lex, TC_TOKEN_LPAREN);
  case '[':
    return open_bracket(lex, TC_TOKEN_LBRACKET);
  case '{':
    return open_bracket(lex, TC_TOKEN_LBRACE);
  case ')':
    return close_bracket(lex, TC_TOKEN_RPAREN, '(');
  case ']':
    return close_bracket(lex, TC_TOKEN_RBRACKET, '[');
  case '}':
    return close_bracket(lex, TC_TOKEN_RBRACE, '{');
  case '\\':
    return bad_backslash(lex);
  case '.':
    return tc_lex_is_digit(tc_lex_peek(lex, 1)) ? tc_lex_number(lex) : longest_sign(lex);
  default:
    return longest_sign(lex);
  }
}

/* --- the next token --- */

static tc_token read_end(tc_lexer *lex) {
  uint32_t from;
  if (lex->in_field) return tc_lex_token(lex, TC_TOKEN_END, lex->at);
  if (tc_lex_opener(lex, lex->at, &from)) {
    tc_token token = tc_lex_unclosed(lex, tc_lex_token(lex, TC_TOKEN_BAD, lex->at), NULL);
    lex->n_brackets = lex->bottom;
    return token;
  }
  if (lex->owes_line || lex->n_indents > 1) {
    lex->line_start = true;
    return tc_lex_next(lex);
  }
  return tc_lex_token(lex, TC_TOKEN_END, lex->at);
}

static tc_token read_token(tc_lexer *lex) {
  bool crossed = skip_blanks(lex);
  if (lex->at >= lex->end) return read_end(lex);
  char c = tc_lex_peek(lex, 0);
  uint32_t at = lex->at, size = tc_lex_line_end(lex);
  if (size || (crossed && ends_brackets(lex))) {
    if (!size) tc_lex_restart(lex, at);
    lex->at = size ? at + size : lex->at;
    lex->line_start = true;
    lex->owes_line = false;
    return (tc_token){.kind = TC_TOKEN_NEWLINE, .at = size ? at : lex->at, .end = lex->at};
  }
  lex->owes_line = true;
  if (tc_lex_is_name_start(c)) return tc_lex_name(lex, crossed);
  if (tc_lex_is_digit(c)) return tc_lex_number(lex);
  if (c == '"' || c == '\'') return tc_lex_string(lex, at, 0);
  return read_sign(lex);
}

tc_token tc_lex_next(tc_lexer *lex) {
  if (lex->line_start && lex->owes_line) {
    lex->owes_line = false;
    return tc_lex_token(lex, TC_TOKEN_NEWLINE, lex->at);
  }
  if (lex->line_start) {
    bool is_token;
    tc_token token = begin_line(lex, &is_token);
    if (is_token) return token;
  }
  if (lex->n_dedents) {
    lex->n_dedents--;
    return tc_lex_token(lex, TC_TOKEN_DEDENT, lex->at);
  }
  return read_token(lex);
}
