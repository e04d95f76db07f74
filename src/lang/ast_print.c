#include "lang/ast.h"

enum field_type {
  FIELD_END,
  FIELD_NODE,
  FIELD_OPT,
  FIELD_LIST,
  FIELD_BLOCK,
  FIELD_CLAUSES,
  FIELD_SCOPE,
  FIELD_NAME,
  FIELD_NAMES,
  FIELD_STR,
  FIELD_SPAN,
  FIELD_FLAG,
  FIELD_COUNT,
  FIELD_U64,
  FIELD_F64,
  FIELD_BINOP,
  FIELD_UNOP,
  FIELD_BOOLOP,
  FIELD_CMPOPS,
  FIELD_PARAMKIND,
  FIELD_CONVERSION,
};

typedef struct field_info {
  const char *name;
  enum field_type type;
  size_t at; /* in the arm */
} field_info;

/* The fields of a kind, ended by FIELD_END. */
static const field_info *fields_of(enum tc_ast_kind kind) { /* table */
  static const field_info NO_FIELDS[] = {{0}};
  switch (kind) {
#define F(type, name) {#name, FIELD_##type, offsetof(this_node, name)},
#define NODE(kind, arm, group, fields)                                                             \
  case TC_AST_##kind: {                                                                            \
    typedef struct tc_node_##arm this_node;                                                        \
    static const field_info FIELDS[] = {fields{0}};                                                \
    return FIELDS;                                                                                 \
  }
#define LEAF(kind, arm, group)                                                                     \
  case TC_AST_##kind:                                                                              \
    return NO_FIELDS;
#include "lang/ast.def"
  case TC_AST_COUNT:
    break;
  }
  return NO_FIELDS;
}

enum group { EXPR, STMT, PART };

static const struct {
  const char *name;
  enum group group;
} KINDS[] = {
#define F(type, name)
#define NODE(kind, arm, group, fields) {#kind, group},
#define LEAF(kind, arm, group)         {#kind, group},
#include "lang/ast.def"
};

const char *tc_ast_kind_name(enum tc_ast_kind kind) {
  return KINDS[kind].name;
}
bool tc_ast_is_stmt(const tc_ast *node) {
  return KINDS[node->kind].group == STMT;
}

#define X(name, text) text,
static const char *const BINOPS[] = {TC_BINOPS(X)};
static const char *const UNOPS[] = {TC_UNOPS(X)};
static const char *const CMPOPS[] = {TC_CMPOPS(X)};
#undef X

const char *tc_ast_binop_text(enum tc_ast_binop op) {
  return BINOPS[op];
}
const char *tc_ast_unop_text(enum tc_ast_unop op) {
  return UNOPS[op];
}
const char *tc_ast_cmpop_text(enum tc_ast_cmpop op) {
  return CMPOPS[op];
}

/* The field `f` of `node` as an lvalue of `type`; all arms begin at the same place. */
#define GET(node, f, type)                                                                         \
  (*(type const *)(const void *)((const char *)(node) + offsetof(tc_ast, name) + (f)->at))

/* Printed on lines of its own. */
static bool is_nested(const field_info *f) {
  return f->type == FIELD_BLOCK || f->type == FIELD_CLAUSES;
}

void tc_ast_each_child(const tc_ast *node, void (*visit)(void *cx, const tc_ast *child), void *cx) {
  for (const field_info *f = fields_of(node->kind); f->type != FIELD_END; f++) {
    if (f->type == FIELD_NODE || f->type == FIELD_OPT) {
      const tc_ast *child = GET(node, f, TC_FIELD_OPT);
      if (child) visit(cx, child);
    } else if (f->type == FIELD_LIST || is_nested(f)) {
      const tc_ast_list *list = GET(node, f, TC_FIELD_LIST);
      for (uint32_t i = 0; i < list->n; i++)
        visit(cx, list->at[i]);
    }
  }
}

/* --- printing --- */

typedef struct printer {
  const tc_names *names;
  tc_sb *out;
} printer;

static void print_inline(const printer *p, const tc_ast *node);

static void print_name(const printer *p, tc_name name) {
  if (name.id) {
    tc_sb_add(p->out, tc_names_text(p->names, name));
  } else {
    tc_sb_char(p->out, '-');
  }
}

static void print_names(const printer *p, const char *label, const tc_name_list *names) {
  for (uint32_t i = 0; i < names->n; i++) {
    tc_sb_adds(p->out, i ? " " : label);
    print_name(p, names->at[i]);
  }
}

/* Bytes are shown so that they survive an editor: everything but printable ASCII is escaped. */
static void print_bytes(const printer *p, tc_str text) {
  tc_sb_adds(p->out, "b\"");
  for (uint32_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.at[i];
    bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    tc_sb_printf(p->out, plain ? "%c" : "\\x%02x", c);
  }
  tc_sb_char(p->out, '"');
}

static void print_list(const printer *p, const tc_ast_list *list) {
  tc_sb_char(p->out, '[');
  for (uint32_t i = 0; i < list->n; i++) {
    if (i) tc_sb_char(p->out, ' ');
    print_inline(p, list->at[i]);
  }
  tc_sb_char(p->out, ']');
}

static void print_scope(const printer *p, const tc_ast_scope *scope) {
  tc_sb_char(p->out, '{');
  print_names(p, "", scope->bound);
  print_names(p, " global ", scope->globals);
  print_names(p, " nonlocal ", scope->nonlocals);
  tc_sb_adds(p->out, scope->is_generator ? " yields}" : "}");
}

static void print_cmpops(const printer *p, const tc_ast *node) {
  for (uint32_t i = 0; i + 1 < node->compare.operands->n; i++)
    tc_sb_printf(p->out, "%s%s", i ? ", " : "", tc_ast_cmpop_text(node->compare.ops[i]));
}

static void print_field(const printer *p, const tc_ast *node, const field_info *f) { /* table */
  static const char *const PARAMKINDS[] = {"positional", "plain", "*", "keyword", "**"};
  static const char *const CONVERSIONS[] = {"-", "!s", "!r", "!a"};
  switch (f->type) {
  case FIELD_NODE:
  case FIELD_OPT:
    if (GET(node, f, TC_FIELD_OPT)) {
      print_inline(p, GET(node, f, TC_FIELD_OPT));
    } else {
      tc_sb_char(p->out, '-');
    }
    break;
  case FIELD_LIST:
  case FIELD_BLOCK:
  case FIELD_CLAUSES:
    print_list(p, GET(node, f, TC_FIELD_LIST));
    break;
  case FIELD_SCOPE:
    print_scope(p, GET(node, f, TC_FIELD_SCOPE));
    break;
  case FIELD_NAME:
    print_name(p, GET(node, f, tc_name));
    break;
  case FIELD_NAMES:
    print_names(p, "", GET(node, f, TC_FIELD_NAMES));
    break;
  case FIELD_STR:
    tc_sb_quoted(p->out, GET(node, f, tc_str));
    break;
  case FIELD_FLAG:
    tc_sb_adds(p->out, GET(node, f, bool) ? "yes" : "no");
    break;
  case FIELD_COUNT:
    tc_sb_printf(p->out, "%u", GET(node, f, uint32_t));
    break;
  case FIELD_U64:
    tc_sb_printf(p->out, "%llu", (unsigned long long)GET(node, f, uint64_t));
    break;
  case FIELD_F64:
    tc_sb_printf(p->out, "%a", GET(node, f, double));
    break;
  case FIELD_BINOP:
    tc_sb_adds(p->out, tc_ast_binop_text(GET(node, f, enum tc_ast_binop)));
    break;
  case FIELD_UNOP:
    tc_sb_adds(p->out, tc_ast_unop_text(GET(node, f, enum tc_ast_unop)));
    break;
  case FIELD_BOOLOP:
    tc_sb_adds(p->out, GET(node, f, enum tc_ast_boolop) == TC_BOOLOP_AND ? "and" : "or");
    break;
  case FIELD_CMPOPS:
    print_cmpops(p, node);
    break;
  case FIELD_PARAMKIND:
    tc_sb_adds(p->out, PARAMKINDS[GET(node, f, enum tc_ast_paramkind)]);
    break;
  case FIELD_CONVERSION:
    tc_sb_adds(p->out, CONVERSIONS[GET(node, f, enum tc_ast_conversion)]);
    break;
  case FIELD_SPAN:
  case FIELD_END:
    break;
  }
}

static void print_kind(const printer *p, enum tc_ast_kind kind) {
  for (const char *c = tc_ast_kind_name(kind); *c; c++)
    tc_sb_char(p->out, *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c);
}

/* (kind field field ...); names, numbers and strings stand for themselves. */
static void print_inline(const printer *p, const tc_ast *node) {
  switch ((int)node->kind) {
  case TC_AST_NAME:
    print_name(p, node->name.name);
    return;
  case TC_AST_INT:
    tc_sb_add(p->out, node->int_.text);
    return;
  case TC_AST_FLOAT:
    tc_sb_add(p->out, node->float_.text);
    return;
  case TC_AST_STRING:
    tc_sb_quoted(p->out, node->string.value);
    return;
  case TC_AST_BYTES:
    print_bytes(p, node->bytes.value);
    return;
  default:
    break;
  }
  const field_info *fields = fields_of(node->kind);
  if (fields->type != FIELD_END) tc_sb_char(p->out, '(');
  print_kind(p, node->kind);
  for (const field_info *f = fields; f->type != FIELD_END; f++) {
    if (f->type == FIELD_SPAN) continue;
    tc_sb_char(p->out, ' ');
    print_field(p, node, f);
  }
  if (fields->type != FIELD_END) tc_sb_char(p->out, ')');
}

static void print_line(const printer *p, const tc_ast *node, int indent) {
  tc_sb_printf(p->out, "%*s", indent, "");
  print_kind(p, node->kind);
  for (const field_info *f = fields_of(node->kind); f->type != FIELD_END; f++) {
    if (f->type == FIELD_SPAN || is_nested(f)) continue;
    tc_sb_char(p->out, ' ');
    print_field(p, node, f);
  }
  tc_sb_char(p->out, '\n');
  for (const field_info *f = fields_of(node->kind); f->type != FIELD_END; f++) {
    if (!is_nested(f)) continue;
    const tc_ast_list *list = GET(node, f, TC_FIELD_LIST);
    bool labelled = list->n && (f->name[0] == 'o' || f->name[0] == 'f'); /* orelse, finally */
    if (labelled) tc_sb_printf(p->out, "%*s%s:\n", indent + 2, "", f->name);
    for (uint32_t i = 0; i < list->n; i++)
      print_line(p, list->at[i], indent + (labelled ? 4 : 2));
  }
}

void tc_ast_print(const tc_ast *node, const tc_names *names, tc_sb *out) {
  printer p = {names, out};
  if (node->kind == TC_AST_MODULE || tc_ast_is_stmt(node)) {
    print_line(&p, node, 0);
  } else {
    print_inline(&p, node);
    tc_sb_char(out, '\n');
  }
}
