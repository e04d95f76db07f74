#include "lang/parse_impl.h"

static const tc_ast *unary(tc_parser *p);

/* A tree to go on with when there is none; the parser has failed. */
static const tc_ast *nothing(tc_parser *p) {
  return tc_parse_node(p, TC_AST_NONE, p->token.at, 0);
}

const tc_ast *tc_parse_starred(tc_parser *p, const tc_ast *value, uint32_t start) {
  tc_ast *node = tc_parse_node(p, TC_AST_STARRED, start, p->height);
  node->starred.value = value;
  return node;
}

const tc_ast *tc_parse_unstarred(tc_parser *p, const tc_ast *node, const char *what) {
  if (node->kind != TC_AST_STARRED) return node;
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_bad_star, node->span, what);
  return node->starred.value;
}

/* --- atoms, primaries --- */

bool tc_parse_begins_expression(enum tc_token_kind kind) {
  switch ((int)kind) {
  case TC_TOKEN_NAME:
  case TC_TOKEN_INT:
  case TC_TOKEN_FLOAT:
  case TC_TOKEN_IMAGINARY:
  case TC_TOKEN_STRING:
  case TC_TOKEN_TRUE:
  case TC_TOKEN_FALSE:
  case TC_TOKEN_NONE:
  case TC_TOKEN_LAMBDA:
  case TC_TOKEN_ELLIPSIS:
    return true;
  default:
    return false;
  }
}

static const tc_ast *name_atom(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_name name = tc_parse_intern(p, &p->token);
  tc_parse_advance(p);
  tc_ast *node = tc_parse_node(p, TC_AST_NAME, start, 0);
  node->name.name = name;
  return node;
}

static const tc_ast *leaf(tc_parser *p, enum tc_ast_kind kind) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  return tc_parse_node(p, kind, start, 0);
}

/* For `a && b`, `a || b` and `x++`: the operand is missing between two equal signs or behind them.
 */
static const char *foreign_operator(const tc_parser *p) {
  const char *text = tc_lex_text(&p->lex).at + p->end;
  char last = p->end > 1 ? text[-1] : 0;
  if (p->token.kind == TC_TOKEN_AMPERSAND && last == '&') return "logical and is written `and`";
  if (p->token.kind == TC_TOKEN_PIPE && last == '|') return "logical or is written `or`";
  if ((last == '+' || last == '-') && text[-2] == last)
    return "there is no ++ or --: write x += 1 or x -= 1";
  return NULL;
}

static void no_expression(tc_parser *p) {
  if (tc_parse_unclosed(p) || !tc_parse_may_report(p)) return;
  TC_DIAG(p->cx.diags, D_missing_expression, tc_parse_here(p), tc_parse_found(p));
  const char *help = foreign_operator(p);
  if (help) tc_diag_help(p->cx.diags, "%s", help);
  tc_parse_fail(p);
}

static const tc_ast *atom(tc_parser *p) {
  switch ((int)p->token.kind) {
  case TC_TOKEN_NAME:
    return name_atom(p);
  case TC_TOKEN_INT:
  case TC_TOKEN_FLOAT:
    return tc_parse_number(p);
  case TC_TOKEN_IMAGINARY:
    return leaf(p, TC_AST_IMAGINARY);
  case TC_TOKEN_STRING:
    return tc_parse_strings(p);
  case TC_TOKEN_TRUE:
    return leaf(p, TC_AST_TRUE);
  case TC_TOKEN_FALSE:
    return leaf(p, TC_AST_FALSE);
  case TC_TOKEN_NONE:
    return leaf(p, TC_AST_NONE);
  case TC_TOKEN_ELLIPSIS:
    return leaf(p, TC_AST_ELLIPSIS);
  case TC_TOKEN_LPAREN:
    return tc_parse_paren(p);
  case TC_TOKEN_LBRACKET:
    return tc_parse_list_display(p);
  case TC_TOKEN_LBRACE:
    return tc_parse_braces(p);
  default:
    no_expression(p);
    return nothing(p);
  }
}

static const tc_ast *attribute(tc_parser *p, const tc_ast *object, uint32_t start) {
  uint32_t height = p->height;
  tc_span name_span = {0};
  tc_name name = tc_parse_name(p, &name_span);
  tc_ast *node = tc_parse_node(p, TC_AST_ATTRIBUTE, start, height);
  node->attribute.object = object;
  node->attribute.name = name;
  node->attribute.name_span = name_span;
  return node;
}

static const tc_ast *call(tc_parser *p, const tc_ast *callee, uint32_t start) {
  uint32_t height = p->height;
  const tc_ast_list *args = tc_parse_args(p, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_CALL, start, height);
  node->call.callee = callee;
  node->call.args = args;
  return node;
}

static const tc_ast *subscript(tc_parser *p, const tc_ast *object, uint32_t start) {
  uint32_t height = p->height;
  const tc_ast *index = tc_parse_index(p);
  height = tc_parse_taller(height, p->height);
  if (!tc_parse_accept(p, TC_TOKEN_RBRACKET)) tc_parse_unexpected(p, "',' or ']'");
  tc_ast *node = tc_parse_node(p, TC_AST_SUBSCRIPT, start, height);
  node->subscript.object = object;
  node->subscript.index = index;
  return node;
}

static const tc_ast *primary(tc_parser *p) {
  uint32_t start = p->token.at;
  const tc_ast *node = atom(p);
  for (;;) {
    if (tc_parse_accept(p, TC_TOKEN_DOT)) {
      node = attribute(p, node, start);
    } else if (tc_parse_accept(p, TC_TOKEN_LPAREN)) {
      node = call(p, node, start);
    } else if (tc_parse_accept(p, TC_TOKEN_LBRACKET)) {
      node = subscript(p, node, start);
    } else {
      return node;
    }
  }
}

/* --- operators --- */

typedef struct operator_info {
  uint8_t level; /* of a binary operator; 0: none */
  uint8_t op;    /* TC_BINOP_ of a binary or assigning operator, TC_CMPOP_ of a comparison */
  bool compares;
} operator_info;

static const operator_info OPERATORS[] = {
#define CLASS(kind, text)             {0, 0, false},
#define KEYWORD(kind, text, begins)   {0, 0, false},
#define PUNCT(kind, text)             {0, 0, false},
#define BINARY(kind, text, level, op) {level, TC_BINOP_##op, false},
#define COMPARE(kind, text, op)       {0, TC_CMPOP_##op, true},
#include "lang/tokens.def"
};

static const tc_ast *binary_node(tc_parser *p, enum tc_ast_binop op, const tc_ast *left,
                                 const tc_ast *right, uint32_t start, uint32_t height) {
  tc_ast *node = tc_parse_node(p, TC_AST_BINARY, start, height);
  node->binary.op = op;
  node->binary.left = left;
  node->binary.right = right;
  return node;
}

static const tc_ast *power(tc_parser *p) {
  uint32_t start = p->token.at;
  const tc_ast *left;
  if (tc_parse_accept(p, TC_TOKEN_AWAIT)) {
    const tc_ast *value = primary(p);
    tc_ast *node = tc_parse_node(p, TC_AST_AWAIT, start, p->height);
    node->await.value = value;
    left = node;
  } else {
    left = primary(p);
  }
  if (!tc_parse_accept(p, TC_TOKEN_STARSTAR)) return left;
  uint32_t height = p->height;
  if (!tc_parse_enter(p)) return left;
  const tc_ast *right = unary(p);
  tc_parse_leave(p);
  return binary_node(p, TC_BINOP_POW, left, right, start, tc_parse_taller(height, p->height));
}

static const tc_ast *prefix(tc_parser *p, enum tc_ast_unop op,
                            const tc_ast *(*operand_of)(tc_parser *)) {
  uint32_t start = p->token.at;
  if (!tc_parse_enter(p)) return nothing(p);
  tc_parse_advance(p);
  const tc_ast *operand = operand_of(p);
  tc_parse_leave(p);
  tc_ast *node = tc_parse_node(p, TC_AST_UNARY, start, p->height);
  node->unary.op = op;
  node->unary.operand = operand;
  return node;
}

static const tc_ast *unary(tc_parser *p) {
  switch ((int)p->token.kind) {
  case TC_TOKEN_MINUS:
    return prefix(p, TC_UNOP_NEG, unary);
  case TC_TOKEN_PLUS:
    return prefix(p, TC_UNOP_POS, unary);
  case TC_TOKEN_TILDE:
    return prefix(p, TC_UNOP_INVERT, unary);
  default:
    return power(p);
  }
}

/* Operators of `min_level` and tighter, by precedence climbing. */
static const tc_ast *binary(tc_parser *p, uint32_t min_level) {
  uint32_t start = p->token.at;
  const tc_ast *left = unary(p);
  while (OPERATORS[p->token.kind].level >= min_level) {
    operator_info info = OPERATORS[p->token.kind];
    uint32_t height = p->height;
    tc_parse_advance(p);
    const tc_ast *right = binary(p, info.level + 1u);
    left = binary_node(p, (enum tc_ast_binop)info.op, left, right, start,
                       tc_parse_taller(height, p->height));
  }
  return left;
}

const tc_ast *tc_parse_operand(tc_parser *p) {
  return binary(p, 1);
}

/* Accepts a comparison operator; `not` here begins `not in`. */
static bool compare_op(tc_parser *p, enum tc_ast_cmpop *op) {
  enum tc_token_kind kind = p->token.kind;
  if (OPERATORS[kind].compares) {
    *op = (enum tc_ast_cmpop)OPERATORS[kind].op;
  } else if (kind == TC_TOKEN_IN) {
    *op = TC_CMPOP_IN;
  } else if (kind == TC_TOKEN_IS) {
    *op = TC_CMPOP_IS;
  } else if (kind == TC_TOKEN_NOT) {
    *op = TC_CMPOP_NOT_IN;
  } else {
    return false;
  }
  tc_parse_advance(p);
  if (kind == TC_TOKEN_IS && tc_parse_accept(p, TC_TOKEN_NOT)) *op = TC_CMPOP_IS_NOT;
  if (kind == TC_TOKEN_NOT) tc_parse_expect(p, TC_TOKEN_IN);
  return true;
}

static const tc_ast *comparison(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  const tc_ast *first = tc_parse_operand(p);
  enum tc_ast_cmpop op;
  if (!compare_op(p, &op)) return first;
  TC_VEC(enum tc_ast_cmpop) ops = {0};
  tc_parse_push(p, first);
  do {
    tc_vec_push(p->cx.arena, &ops, op);
    tc_parse_push(p, tc_parse_operand(p));
  } while (compare_op(p, &op));
  const tc_ast_list *operands = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_COMPARE, start, height);
  node->compare.ops = ops.at;
  node->compare.operands = operands;
  return node;
}

static const tc_ast *inversion(tc_parser *p) {
  return tc_parse_at(p, TC_TOKEN_NOT) ? prefix(p, TC_UNOP_NOT, inversion) : comparison(p);
}

/* operand (token operand)*, as one n-ary node */
static const tc_ast *boolean(tc_parser *p, enum tc_token_kind token, enum tc_ast_boolop op,
                             const tc_ast *(*operand_of)(tc_parser *)) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  const tc_ast *first = operand_of(p);
  if (!tc_parse_at(p, token)) return first;
  tc_parse_push(p, first);
  while (tc_parse_accept(p, token))
    tc_parse_push(p, operand_of(p));
  const tc_ast_list *operands = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_BOOLEAN, start, height);
  node->boolean.op = op;
  node->boolean.operands = operands;
  return node;
}

static const tc_ast *conjunction(tc_parser *p) {
  return boolean(p, TC_TOKEN_AND, TC_BOOLOP_AND, inversion);
}

const tc_ast *tc_parse_disjunction(tc_parser *p) {
  return boolean(p, TC_TOKEN_OR, TC_BOOLOP_OR, conjunction);
}

/* --- whole expressions --- */

static const tc_ast *lambda(tc_parser *p) {
  uint32_t start = p->token.at, height = 0;
  tc_parse_advance(p);
  const tc_ast_list *params = tc_parse_params(p, TC_TOKEN_COLON, &height);
  tc_parse_expect(p, TC_TOKEN_COLON);
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_FUNCTION);
  tc_parse_bind_params(p, params);
  const tc_ast *body = tc_parse_expr(p);
  height = tc_parse_taller(height, p->height);
  const tc_ast_scope *names = tc_parse_close_scope(p);
  tc_ast *node = tc_parse_node(p, TC_AST_LAMBDA, start, height);
  node->lambda.params = params;
  node->lambda.body = body;
  node->lambda.scope = names;
  return node;
}

static const tc_ast *ternary(tc_parser *p) {
  uint32_t start = p->token.at;
  const tc_ast *then = tc_parse_disjunction(p);
  if (!tc_parse_accept(p, TC_TOKEN_IF)) return then;
  uint32_t height = p->height;
  const tc_ast *test = tc_parse_disjunction(p);
  height = tc_parse_taller(height, p->height);
  if (!tc_parse_accept(p, TC_TOKEN_ELSE))
    tc_parse_unexpected(p, "'else' (a choice is `a if condition else b`)");
  const tc_ast *other = tc_parse_expr(p);
  tc_ast *node = tc_parse_node(p, TC_AST_TERNARY, start, tc_parse_taller(height, p->height));
  node->ternary.then = then;
  node->ternary.test = test;
  node->ternary.other = other;
  return node;
}

const tc_ast *tc_parse_expr(tc_parser *p) {
  if (!tc_parse_enter(p)) return nothing(p);
  const tc_ast *node = tc_parse_at(p, TC_TOKEN_LAMBDA) ? lambda(p) : ternary(p);
  tc_parse_leave(p);
  return node;
}

const tc_ast *tc_parse_named(tc_parser *p) {
  uint32_t start = p->token.at;
  bool name = tc_parse_at(p, TC_TOKEN_NAME);
  const tc_ast *left = tc_parse_expr(p);
  if (!tc_parse_at(p, TC_TOKEN_WALRUS)) return left;
  if (!name || left->kind != TC_AST_NAME) {
    if (tc_parse_may_report(p))
      TC_DIAG(p->cx.diags, D_bad_target, left->span, "use := to assign to", "anything but a name");
  }
  tc_parse_advance(p);
  const tc_ast *value = tc_parse_expr(p);
  tc_ast *node = tc_parse_node(p, TC_AST_WALRUS, start, p->height);
  node->walrus.value = value;
  if (left->kind == TC_AST_NAME) {
    node->walrus.name = left->name.name;
    tc_parse_scope *inner = p->scope; /* it binds around comprehensions */
    while (p->scope->kind == TC_IN_COMPREHENSION)
      p->scope = p->scope->outer;
    tc_parse_bind(p, left->name.name);
    p->scope = inner;
  }
  return node;
}

static const tc_ast *star_or_expr(tc_parser *p) {
  uint32_t start = p->token.at;
  if (!tc_parse_accept(p, TC_TOKEN_STAR)) return tc_parse_expr(p);
  return tc_parse_starred(p, tc_parse_operand(p), start);
}

/* After a comma at the end of an unparenthesised tuple. */
static bool ends_tuple(const tc_parser *p) {
  switch ((int)p->token.kind) {
  case TC_TOKEN_NEWLINE:
  case TC_TOKEN_END:
  case TC_TOKEN_SEMICOLON:
  case TC_TOKEN_ASSIGN:
  case TC_TOKEN_COLON:
  case TC_TOKEN_IN:
  case TC_TOKEN_RPAREN:
  case TC_TOKEN_RBRACKET:
  case TC_TOKEN_RBRACE:
  case TC_TOKEN_BANG:
    return true;
  default:
    return false;
  }
}

static const tc_ast *tuple_of(tc_parser *p, const tc_ast *(*item)(tc_parser *)) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  const tc_ast *first = item(p);
  if (!tc_parse_at(p, TC_TOKEN_COMMA)) {
    if (first->kind != TC_AST_STARRED) return first;
    first = tc_parse_unstarred(p, first, "a lone value");
    if (!p->failed) tc_diag_help(p->cx.diags, "a tuple of one element ends in a comma");
    return first;
  }
  tc_parse_push(p, first);
  while (tc_parse_accept(p, TC_TOKEN_COMMA) && !ends_tuple(p))
    tc_parse_push(p, item(p));
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_TUPLE, start, height);
  node->tuple.items = items;
  return node;
}

const tc_ast *tc_parse_tuple(tc_parser *p) {
  return tuple_of(p, star_or_expr);
}

static const tc_ast *star_or_operand(tc_parser *p) {
  uint32_t start = p->token.at;
  if (!tc_parse_accept(p, TC_TOKEN_STAR)) return tc_parse_operand(p);
  return tc_parse_starred(p, tc_parse_operand(p), start);
}

const tc_ast *tc_parse_target_tuple(tc_parser *p) {
  return tuple_of(p, star_or_operand);
}
const tc_ast *tc_parse_target(tc_parser *p) {
  return star_or_operand(p);
}

static const tc_ast *yield(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_scope *scope = p->scope;
  while (scope->kind == TC_IN_COMPREHENSION)
    scope = scope->outer;
  if (scope->kind != TC_IN_FUNCTION && !p->lenient && tc_parse_may_report(p))
    TC_DIAG(p->cx.diags, D_out_of_place, tc_parse_here(p), "yield", "a function");
  scope->is_generator = true;
  tc_parse_advance(p);
  if (tc_parse_accept(p, TC_TOKEN_FROM)) {
    const tc_ast *from = tc_parse_expr(p);
    tc_ast *node = tc_parse_node(p, TC_AST_YIELD_FROM, start, p->height);
    node->yield_from.value = from;
    return node;
  }
  p->height = 0;
  const tc_ast *value = ends_tuple(p) ? NULL : tc_parse_tuple(p);
  tc_ast *node = tc_parse_node(p, TC_AST_YIELD, start, p->height);
  node->yield.value = value;
  return node;
}

const tc_ast *tc_parse_value(tc_parser *p) {
  return tc_parse_at(p, TC_TOKEN_YIELD) ? yield(p) : tc_parse_tuple(p);
}
