/* Abstract syntax trees. A node is a kind, a span and the union arm of that kind; ast.def lists the
 * kinds, their fields and what they mean. Trees are immutable once parsed and live in the arena the
 * parser was given. Positions imply load, store or delete: there is no context field, the parser
 * has checked that targets are targets.
 *
 *   switch (node->kind) {
 *   case TC_AST_BINARY: return apply(node->binary.op, eval(node->binary.left), ...);
 *
 * A tree is never higher than TC_AST_MAX_HEIGHT, so a recursive walk needs no depth check of its
 * own. */
#ifndef TC_LANG_AST_H
#define TC_LANG_AST_H

#include "base/source.h"

enum {
  TC_AST_MAX_NESTING = 200, /* brackets, lambdas, unary operators, ... around one expression */
  TC_AST_MAX_HEIGHT = 500, /* nodes above each other in one expression, `a + a + ...` included    */
  TC_AST_MAX_BLOCKS = 100, /* blocks around one statement                                         */
};

enum tc_ast_kind {
#define NODE(kind, arm, group, fields) TC_AST_##kind,
#define LEAF(kind, arm, group)         TC_AST_##kind,
#include "lang/ast.def"
  TC_AST_COUNT
};

/* X(NAME, "spelling") */
#define TC_BINOPS(X)                                                                               \
  X(ADD, "+")                                                                                      \
  X(SUB, "-")                                                                                      \
  X(MUL, "*")                                                                                      \
  X(DIV, "/")                                                                                      \
  X(FLOORDIV, "//")                                                                                \
  X(MOD, "%")                                                                                      \
  X(POW, "**")                                                                                     \
  X(MATMUL, "@")                                                                                   \
  X(AND, "&")                                                                                      \
  X(OR, "|")                                                                                       \
  X(XOR, "^")                                                                                      \
  X(SHL, "<<")                                                                                     \
  X(SHR, ">>")
#define TC_UNOPS(X) X(NEG, "-") X(POS, "+") X(INVERT, "~") X(NOT, "not")
#define TC_CMPOPS(X)                                                                               \
  X(EQ, "==")                                                                                      \
  X(NE, "!=")                                                                                      \
  X(LT, "<")                                                                                       \
  X(LE, "<=")                                                                                      \
  X(GT, ">")                                                                                       \
  X(GE, ">=")                                                                                      \
  X(IS, "is")                                                                                      \
  X(IS_NOT, "is not")                                                                              \
  X(IN, "in")                                                                                      \
  X(NOT_IN, "not in")

#define X(name, text) TC_BINOP_##name,
enum tc_ast_binop { TC_BINOPS(X) TC_BINOP_COUNT };
#undef X
#define X(name, text) TC_UNOP_##name,
enum tc_ast_unop { TC_UNOPS(X) TC_UNOP_COUNT };
#undef X
#define X(name, text) TC_CMPOP_##name,
enum tc_ast_cmpop { TC_CMPOPS(X) TC_CMPOP_COUNT };
#undef X
enum tc_ast_boolop { TC_BOOLOP_AND, TC_BOOLOP_OR };

enum tc_ast_paramkind {
  TC_PARAMKIND_POSITIONAL, /* before `/`                    */
  TC_PARAMKIND_PLAIN,      /* by position or by name        */
  TC_PARAMKIND_STAR,       /* *args                         */
  TC_PARAMKIND_KEYWORD,    /* after `*` or `*args`          */
  TC_PARAMKIND_STARSTAR,   /* **kwargs, always the last one */
};

enum tc_ast_conversion {
  TC_CONVERSION_NONE,  /* format(value, spec)        */
  TC_CONVERSION_STR,   /* !s                         */
  TC_CONVERSION_REPR,  /* !r, and {x=} without more  */
  TC_CONVERSION_ASCII, /* !a                         */
};

typedef struct tc_ast tc_ast;

typedef struct tc_ast_list {
  uint32_t n;
  const tc_ast *at[];
} tc_ast_list;

typedef struct tc_name_list {
  uint32_t n;
  tc_name at[];
} tc_name_list;

/* What Python decides about names before anything runs. A name in `bound` is local to the function
 * even where it is read before it is assigned. */
typedef struct tc_ast_scope {
  const tc_name_list *bound;   /* parameters first, then in order of first binding; no duplicates */
  const tc_name_list *globals; /* named by `global`, not in `bound`                               */
  const tc_name_list *nonlocals; /* named by `nonlocal`, not in `bound` */
  bool is_generator; /* the body yields                                                 */
} tc_ast_scope;

#define TC_FIELD_NODE       const tc_ast *
#define TC_FIELD_OPT        const tc_ast *
#define TC_FIELD_LIST       const tc_ast_list *
#define TC_FIELD_BLOCK      const tc_ast_list *
#define TC_FIELD_CLAUSES    const tc_ast_list *
#define TC_FIELD_SCOPE      const tc_ast_scope *
#define TC_FIELD_NAME       tc_name
#define TC_FIELD_NAMES      const tc_name_list *
#define TC_FIELD_STR        tc_str
#define TC_FIELD_SPAN       tc_span
#define TC_FIELD_FLAG       bool
#define TC_FIELD_COUNT      uint32_t
#define TC_FIELD_U64        uint64_t
#define TC_FIELD_F64        double
#define TC_FIELD_BINOP      enum tc_ast_binop
#define TC_FIELD_UNOP       enum tc_ast_unop
#define TC_FIELD_BOOLOP     enum tc_ast_boolop
#define TC_FIELD_CMPOPS     const enum tc_ast_cmpop *
#define TC_FIELD_PARAMKIND  enum tc_ast_paramkind
#define TC_FIELD_CONVERSION enum tc_ast_conversion

struct tc_ast {
  enum tc_ast_kind kind;
  tc_span span;
  union {
#define F(type, name) TC_FIELD_##type name;
#define NODE(kind, arm, group, fields)                                                             \
  struct tc_node_##arm {                                                                           \
    fields                                                                                         \
  } arm;
#define LEAF(kind, arm, group)
#include "lang/ast.def"
  };
};

/* The name of the row in ast.def: "BINARY", "LIST_COMP". */
const char *tc_ast_kind_name(enum tc_ast_kind kind);
bool tc_ast_is_stmt(const tc_ast *node);
/* "+", "not in", ... */
const char *tc_ast_binop_text(enum tc_ast_binop op);
const char *tc_ast_unop_text(enum tc_ast_unop op);
const char *tc_ast_cmpop_text(enum tc_ast_cmpop op);
/* Calls `visit` for each child of `node` in source order of its fields; absent children are left
 * out. */
void tc_ast_each_child(const tc_ast *node, void (*visit)(void *cx, const tc_ast *child), void *cx);
/* The text of --emit=ast: one line per statement, blocks indented by two, expressions in prefix
 * form. */
void tc_ast_print(const tc_ast *node, const tc_names *names, tc_sb *out);

#endif
