/* The Python half of the evaluator against CPython: lang_eval.def holds expressions and the repr
 * that CPython gives them; below are programs, refused programs with their codes, and kernels for
 * the rules that only exist here (run-time blocks, entries, -D). */
#include "lang/eval_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct session {
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
  tc_lang *lang;
} session;

static uint64_t n_passed, n_failed;

static void open_session(session *s) {
  tc_arena_init(&s->arena, &s->unwind, 0);
  s->diags = tc_diags_new(&s->arena, tc_source_new(&s->arena));
  s->lang = tc_lang_new(&s->arena, s->diags, tc_names_new(&s->arena));
}

static void fail(const char *what, const char *saw, const char *wanted) {
  n_failed++;
  printf("lang_eval: %s\n  saw      %s\n  expected %s\n", what, saw, wanted);
}

static void expect(const char *what, const char *saw, const char *wanted) {
  if (strcmp(saw, wanted) == 0)
    n_passed++;
  else
    fail(what, saw, wanted);
}

static const char *first_error(const session *s) {
  for (uint32_t i = 0; i < s->diags->all.n; i++) {
    const tc_diag_info *row = tc_diag_row(s->diags->all.at[i].id);
    if (row->severity == TC_ERROR) return row->code;
  }
  return "no error";
}

static bool has_code(const session *s, const char *code) {
  for (uint32_t i = 0; i < s->diags->all.n; i++)
    if (strcmp(tc_diag_row(s->diags->all.at[i].id)->code, code) == 0) return true;
  return false;
}

static const char *texts(session *s) {
  tc_sb sb = tc_sb_in(&s->arena);
  tc_diags_render(s->diags, TC_DIAG_TEXT, &sb);
  return sb.n ? sb.at : "";
}

/* ---- values ---- */

/* The repr of the module-level name `value` of a program; "Exxxx" when it is refused. */
static char *value_of(const char *text, uint64_t steps) {
  session *s = calloc(1, sizeof *s);
  char *result = NULL;
  if (!s) abort();
  open_session(s);
  int why = setjmp(s->unwind.at);
  if (why == 0) {
    tc_lang_set_step_limit(s->lang, steps);
    tc_eval *ev = tc_lang_start(s->lang, NULL, 0);
    tc_module *module = tc_module_load(ev, "__main__", "t.py", tc_str_of(text));
    tc_running top = {.module = module};
    tc_val value = {0};
    ev->running = &top;
    bool found = tc_module_get(ev, module, tc_names_add(ev->names, TC_STR("value")), &value);
    const char *shown = found ? tc_str_dup(&s->arena, tc_eval_repr(ev, value)) : "no value";
    result = strdup(shown);
  } else if (why == TC_WHY_ERROR) {
    result = strdup(first_error(s));
  } else {
    result = strdup(why == TC_WHY_BUG ? s->unwind.text : "out of memory");
  }
  tc_arena_free(&s->arena);
  free(s);
  return result;
}

static void expect_value(const char *text, const char *wanted) {
  char *saw = value_of(text, 0);
  expect(text, saw, wanted);
  free(saw);
}

static void expect_expression(const char *expression, const char *wanted) {
  static const char IMPORTS[] = "import math, itertools, functools\nvalue = (";
  size_t n = strlen(expression) + sizeof IMPORTS + 8;
  char *text = malloc(n);
  if (!text) abort();
  snprintf(text, n, "%s%s)\n", IMPORTS, expression);
  char *saw = value_of(text, 0);
  expect(expression, saw, wanted);
  free(saw);
  free(text);
}

static void test_expressions(void) {
#define CASE(expression, wanted) expect_expression(expression, wanted);
#include "lang_eval.def"
#undef CASE
}

static void test_statements(void) {
  static const struct {
    const char *text, *wanted;
  } CASES[] = {
      {"def f(n):\n  s = 0\n  for i in range(n):\n    if i == 3: continue\n    if i == 6: break\n"
       "    s += i\n  else:\n    s = -1\n  return s\nvalue = f(10), f(2)\n",
       "(12, -1)"},
      {"def f(n):\n  i = 0\n  while i < n:\n    i += 2\n    if i == 6: break\n  else:\n    return "
       "-i\n"
       "  return i\nvalue = f(5), f(9)\n",
       "(6, 6)"},
      {"z = 1j\nt = t'{z}'\nn = '\\N{DIGIT ONE}'\ntype A[T] = list[T]\n"
       "def f[T](x: T) -> T: return f'{x['a']}{', '.join(x)}'\ntry: pass\nexcept A, B: pass\n"
       "value = f({'a': 1, 'b': 2})\n",
       "'1a, b'"},
      {"def f():\n  a, (b, [c, d]) = 1, (2, [3, 4])\n  a, b = b, a\n  x = y = [c]\n  x.append(d)\n"
       "  return a, b, x, y, x is y\nvalue = f()\n",
       "(2, 1, [3, 4], [3, 4], True)"},
      {"def make():\n  n = 0\n  def add(x):\n    return x + n\n  n = 10\n  return add\n"
       "value = make()(5)\n",
       "15"},
      {"def f(a, b=2, *args, c, d=4, **kw):\n  return a, b, args, c, d, kw\n"
       "value = f(1, c=3), f(1, 5, 6, 7, c=3, e=9)\n",
       "((1, 2, (), 3, 4, {}), (1, 5, (6, 7), 3, 4, {'e': 9}))"},
      {"def f(x, acc=[]):\n  acc.append(x)\n  return acc\nf(1)\nvalue = (f(2), f(3))\n",
       "([2, 3], [2, 3])"},
      {"x = [1]\nx += [2]\nx.append(3)\nx[0] = 9\nvalue = x\n", "[9, 2, 3]"},
      {"x = 1\ny = x\nx = 2\nvalue = (x, y)\n", "(2, 1)"},
      {"value = 1\nif value == 1:\n  value = 5\nelse:\n  value = 6\n", "5"},
      {"value = 1\nif False:\n  value = 5\n", "1"},
      {"d = {}\nfor k in 'ab':\n  d[k] = k * 2\nvalue = d\n", "{'a': 'aa', 'b': 'bb'}"},
      {"import torch\ntorch.manual_seed(0)\nx = torch.zeros(3)\nclass M(torch.nn.Module): pass\n"
       "try:\n  import q\nexcept ImportError:\n  q = None\nvalue = 3\n",
       "3"},
      {"import torch\nvalue = torch.float16\n", "float16"},
      {"if __name__ == '__main__':\n  value = 1\n  import nothing\n  nothing.go()\nvalue = 2\n",
       "2"},
      {"class P:\n  k = 3\n  def __init__(self, x):\n    self.x = x\n  @property\n  def "
       "twice(self):\n"
       "    return self.x * 2\n  @staticmethod\n  def s(a):\n    return a + 1\n  @classmethod\n"
       "  def c(cls, x):\n    return cls(x)\n  def __call__(self, y):\n    return self.x + y + "
       "self.k\n"
       "  def __getitem__(self, i):\n    return i * 10\n  def __len__(self): return 7\n"
       "  def __repr__(self): return f'P({self.x})'\n  def __eq__(self, o): return self.x == o.x\n"
       "class Q(P):\n  k = 4\n  def __init__(self, x):\n    super().__init__(x + 1)\n    self.y = "
       "1\n"
       "p = P(5)\nq = Q(5)\nvalue = (p.twice, P.s(1), P.c(8).x, p(1), q(1), q.twice, q[3], len(p), "
       "p,\n"
       "         str(q), p == P(5), p != q, isinstance(q, P), type(q) is Q, type(p).__name__)\n",
       "(10, 2, 8, 9, 11, 12, 30, 7, P(5), 'P(6)', True, True, True, True, 'P')"},
      {"class C:\n  n = 2\n  def f(self): return n\nn = 7\nvalue = C().f()\n", "7"},
      {"def f():\n  x: int = 3\n  y: int\n  assert x == 3, 'never ' + y\n  pass\n  'text'\n  ...\n"
       "  return x\nvalue = f()\n",
       "3"},
      {"import functools\n@functools.lru_cache(maxsize=None)\ndef f(n):\n"
       "  return n if n < 2 else f(n - 1) + f(n - 2)\nvalue = f(15)\n",
       "610"},
      {"import tilelang, tilec\nimport tilelang.language as T\n"
       "value = (tilelang.cdiv(7, 2), tilec.math.next_power_of_2(65), T.float16 == 'float16',\n"
       "         f'{T.bfloat16}', T.float32 is tilelang.language.float32, str(T.int8) + '!',\n"
       "         {T.float16: 1}['float16'], isinstance(T.int8, str), T.int32.upper(),\n"
       "         isinstance(T.int8, T.dtype), isinstance(3, (T.dtype, T.Tensor)))\n",
       "(4, 128, True, 'bfloat16', True, 'int8!', 1, True, 'INT32', True, False)"},
      {"def f(xs):\n  for x in xs:\n    if x < 3: xs.append(x + 10)\n  return xs\nvalue = f([1, 2, "
       "5])\n",
       "[1, 2, 5, 11, 12]"},
      {"x = [1, 2, 3, 4]\ndef f(x):\n  x[1:3] = [9]\n  x[::2] = [7, 8]\n  y = list(x)\n  "
       "y.insert(0, 5)\n"
       "  z = y.pop()\n  y.remove(9)\n  y.reverse()\n  return x, y, z\nvalue = f(x)\n",
       "([7, 9, 8], [7, 5], 8)"},
      {"def f(d):\n  d.update({2: 3}, x=1)\n  a = d.pop(2)\n  b = d.pop(9, None)\n  c = "
       "d.setdefault(7, [])\n"
       "  c.append(1)\n  return d, a, b\nvalue = f({1: 1})\n",
       "({1: 1, 'x': 1, 7: [1]}, 3, None)"},
      {"def f():\n  s = {1}\n  s.add(2)\n  s.discard(5)\n  s.update([3], [4])\n  s.remove(1)\n  "
       "return s\n"
       "value = f()\n",
       "{2, 3, 4}"},
      {"def f():\n  import math as m\n  from itertools import product as p\n  return m.floor(1.5), "
       "p([1])\n"
       "value = f()\n",
       "(1, [(1,)])"},
      {"y = [x for x in range(3)]\nx = 5\nvalue = [x for _ in y]\n", "[5, 5, 5]"},
      {"from typing import Optional, TYPE_CHECKING\nif TYPE_CHECKING:\n  import q\n"
       "def f(a: Optional[int] = None) -> 'x': return a\nvalue = f()\n",
       "None"},
      {"def f(n): return g(n)\ndef g(n): return n + 1\nvalue = f(1)\n", "2"},
      {"import torch, numpy as np\nfrom tilelang.language.fp8 import determine_fp8_type as fp8\n"
       "from tvm import DataType\nfrom tilelang.transform import simplify_prim_func\n"
       "@simplify_prim_func\ndef f(): return 7\n"
       "value = (torch.cuda.is_available(), torch.cuda.get_device_capability(), "
       "torch.version.hip,\n"
       "         torch.cuda.get_device_name(), torch.cuda.current_device(), fp8(), fp8('e5m2'),\n"
       "         DataType('int8').bits, np.float32, f())\n",
       "(True, (0, 0), None, 'cpu', 0, float8_e4m3fn, float8_e5m2, 8, float32, 7)"},
      {"import torch\nx = torch.rand(3) * 2 - torch.y[1]\na, (b, c) = x.shape\nx = -x\nvalue = 4\n",
       "4"},
      {"from dataclasses import dataclass, field\nimport dataclasses\n@dataclass\nclass P:\n"
       "  x: int\n  y: int = 2\n  z: list = field(default_factory=list)\n  k = 9\n"
       "  def sum(self): return self.x + self.y\n"
       "@dataclasses.dataclass(frozen=True)\nclass Q(P):\n  w: int = dataclasses.field(default=5)\n"
       "  def __post_init__(self): self.v = self.w + 1\n"
       "q = Q(1, w=3)\nvalue = (P(1).sum(), P(3, y=4).y, P(1) == P(1), P(1) == P(2), q.v, Q(1).v,\n"
       "         P(1).z is P(1).z, P(1, z=[4]).z)\n",
       "(3, 4, True, False, 4, 6, False, [4])"},
      {"def f(n):\n  for i in [0]:\n    if n > 0:\n      return 1 + f(n - 1)\n  return 0\nvalue = "
       "f(190)\n",
       "190"},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    expect_value(CASES[i].text, CASES[i].wanted);
}

static void test_refused(void) {
  static const struct {
    const char *code, *text;
  } CASES[] = {
      {"E0201", "value = nothing\n"},
      {"E0201", "value = later\nlater = 1\n"},
      {"E0202", "def f():\n  x = y\n  y = 1\nvalue = f()\n"},
      {"E0202", "def f():\n  if False: y = 1\n  return y\nvalue = f()\n"},
      {"E0206", "import torch\nvalue = len(torch.zeros(3))\n"},
      {"E0206", "import torch\nvalue = 1 if torch.nn else 2\n"},
      {"E0206", "import torch\nvalue = 1 if torch.x + 1 else 2\n"},
      {"E0206", "try:\n  import q\nexcept ImportError:\n  q = None\nvalue = q is None\n"},
      {"E0206", "import q\nvalue = isinstance(q.x, int)\n"},
      {"E0206", "import q\nvalue = hasattr(q, 'x')\n"},
      {"E0206", "import torch\nx = torch.rand(3)\na, b = x.shape\nvalue = 1 if a else 2\n"},
      {"E0206", "import torch\nx = torch.rand(3)\nvalue = x[0] == 1\n"},
      {"E0206", "import torch\ndef f(): return torch.rand(3) + 1\nvalue = f()\n"},
      {"E0206", "import torch\nx = -torch.rand(3)\nvalue = not x\n"},
      {"E0214", "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nvalue = P()\n"},
      {"E0214",
       "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nvalue = P(1, 2)\n"},
      {"E0214",
       "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nvalue = P(1, x=2)\n"},
      {"E0214",
       "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nvalue = P(y=2)\n"},
      {"E0218", "from dataclasses import dataclass\nclass P:\n  x: int\nvalue = dataclass(P)\n"},
      {"E0239", "from tilelang.language.fp8 import determine_fp8_type as f\nvalue = f('e2m1')\n"},
      {"E0206", "import torch\nclass M(torch.nn.Module): pass\nvalue = bool(M())\n"},
      {"E0206", "import torch\n@torch.compile\ndef f(): pass\nvalue = len(f())\n"},
      {"E0206", "with open('x') as f:\n  y = 1\nvalue = int(y + 1)\n"},
      {"E0206", "async def f(): pass\nvalue = not f()\n"},
      {"E0206", "from tilelang.carver.arch import driver\nvalue = driver.get_num_sms()\n"},
      {"E0207", "value = 'a'.uper()\n"},
      {"E0207", "class C: pass\nvalue = C().x\n"},
      {"E0208", "value = 1 + 'a'\n"},
      {"E0208", "value = -[]\n"},
      {"E0208", "value = 1 < 'a'\n"},
      {"E0208", "value = 1.5 & 2\n"},
      {"E0209", "value = 9223372036854775807 + 1\n"},
      {"E0209", "value = -9223372036854775808 - 1\n"},
      {"E0209", "value = 4294967296 * 4294967296\n"},
      {"E0209", "value = 10 ** 30\n"},
      {"E0209", "value = 1 << 63\n"},
      {"E0209", "value = 99999999999999999999\n"},
      {"E0209", "value = -(-9223372036854775808)\n"},
      {"E0209", "value = -9223372036854775808 // -1\n"},
      {"E0209", "value = int('99999999999999999999')\n"},
      {"E0210", "value = 1 // 0\n"},
      {"E0210", "value = 1.0 % 0\n"},
      {"E0210", "value = 0 ** -1\n"},
      {"E0211", "value = [1][1]\n"},
      {"E0211", "value = 'abc'[-4]\n"},
      {"E0212", "value = {1: 2}[3]\n"},
      {"E0213", "value = (3)(4)\n"},
      {"E0214", "def f(a): pass\nvalue = f()\n"},
      {"E0214", "def f(a): pass\nvalue = f(1, 2)\n"},
      {"E0214", "def f(a): pass\nvalue = f(1, b=2)\n"},
      {"E0214", "def f(a): pass\nvalue = f(1, a=2)\n"},
      {"E0214", "def f(a, /): pass\nvalue = f(a=2)\n"},
      {"E0214", "def f(*, a): pass\nvalue = f(2)\n"},
      {"E0214", "value = len()\n"},
      {"E0214", "value = sorted([1], 3)\n"},
      {"E0214", "value = sorted([1], kex=3)\n"},
      {"E0214", "class C: pass\nvalue = C(1)\n"},
      {"E0215", "def f(n): return f(n + 1)\nvalue = f(0)\n"},
      {"E0215", "x = []\nfor i in range(100000): x = [x]\nvalue = repr(x)\n"},
      {"E0215", "x = []\nx.append(x)\nvalue = str(x)\n"},
      {"E0216", "def f():\n  while True: pass\nvalue = f()\n"},
      {"E0217", "value = [0 for i in range(10**18)]\n"},
      {"E0209", "value = 2**63 - 1\n"},
      {"E0216", "value = sum([0] * 4000000 for i in range(100))\n"},
      {"E0217", "value = [0] * 1000000000\n"},
      {"E0217", "value = 'abc' * 1000000000\n"},
      {"E0217", "value = list(range(10**12))\n"},
      {"E0217", "value = (1,) * (2**62)\n"},
      {"E0217", "value = 'x'.ljust(10**12)\n"},
      {"E0218", "def f():\n  try: return 1\n  finally: pass\nvalue = f()\n"},
      {"E0218", "def f():\n  x = 1\n  del x\nvalue = f()\n"},
      {"E0218", "x = 1\ndef f():\n  global x\n  x = 2\nvalue = f()\n"},
      {"E0218",
       "def g():\n  x = 1\n  def f():\n    nonlocal x\n    x = 2\n  return f()\nvalue = g()\n"},
      {"E0218", "def f():\n  yield 1\nvalue = f()\n"},
      {"E0108", "value = 2 + 1j\n"},
      {"E0106", "value = '\\N{DIGIT ONE}'\n"},
      {"E0218", "value = t'{1}'\n"},
      {"E0218", "value = (x := 3)\n"},
      {"E0218", "def f(x):\n  match x:\n    case 1: pass\nvalue = f(1)\n"},
      {"E0218", "def f():\n  a, *b = 1, 2\nvalue = f()\n"},
      {"E0218", "value = 1 @ 2\n"},
      {"E0218", "value = b'x'\n"},
      {"E0218", "class A: pass\nclass B: pass\nclass C(A, B): pass\nvalue = C()\n"},
      {"E0219", "def f(): assert 1 > 2, 'text'\nvalue = f()\n"},
      {"E0220", "def f(): raise ValueError(f'bad {1}')\nvalue = f()\n"},
      {"E0221", "a, b = 1, 2, 3\nvalue = a\n"},
      {"E0226", "def f():\n  with 3: pass\nvalue = f()\n"},
      {"E0227", "value = [x for x in 3]\n"},
      {"E0227", "a, b = 3\nvalue = a\n"},
      {"E0239", "value = int('x')\n"},
      {"E0239", "value = float('1.2.3')\n"},
      {"E0239", "import math\nvalue = math.sqrt(-1)\n"},
      {"E0239", "import math\nvalue = math.log(0)\n"},
      {"E0239", "value = [1].index(2)\n"},
      {"E0239", "value = range(1, 2, 0)\n"},
      {"E0239", "value = [1, 2][::0]\n"},
      {"E0239", "value = max([])\n"},
      {"E0239", "value = '{} {}'.format(1)\n"},
      {"E0239", "value = '%d %d' % (1,)\n"},
      {"E0239", "value = 1 << -1\n"},
      {"E0239", "value = (-2) ** 0.5\n"},
      {"E0239", "value = int(1e30)\n"},
      {"E0240", "value = len(3)\n"},
      {"E0240", "value = [1]['a']\n"},
      {"E0240", "value = 'a'.join([1])\n"},
      {"E0240", "x = 3\nx[0] = 1\nvalue = x\ndef f():\n  y = 3\n  y[0] = 1\nvalue = f()\n"},
      {"E0241", "value = {[1]: 2}\n"},
      {"E0241", "value = {{1: 2}}\n"},
      {"E0242", "value = f'{1:.2d}'\n"},
      {"E0242", "value = f'{\"a\":d}'\n"},
      {"E0242", "value = f'{None:5}'\n"},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    expect_value(CASES[i].text, CASES[i].code);
}

/* ---- kernels ---- */

static tc_str no_file(void *data, tc_arena *arena, const char *path) {
  (void)arena;
  const char *const *files = data;
  for (; files && *files; files += 2)
    if (strcmp(files[0], path) == 0) return tc_str_of(files[1]);
  return (tc_str){0};
}

typedef struct kernel_case {
  const char *wanted;  /* "ok", or the code that must be among the reports */
  const char *defines; /* "M=4 dtype=float16", or NULL */
  const char *text;
  const char *entry;
} kernel_case;

static uint32_t read_defines(session *s, const char *text, tc_lang_define *out) {
  uint32_t n = 0;
  char *copy = tc_str_dup(&s->arena, tc_str_of(text ? text : ""));
  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
    char *equals = strchr(word, '=');
    *equals = 0;
    out[n++] = (tc_lang_define){word, equals + 1};
  }
  return n;
}

static void walk(const tc_ir *ir, tc_region region, tc_sb *out) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
    tc_sb_printf(out, "%s ", row->name);
    for (uint32_t k = 0; k < row->n_regions; k++) {
      tc_sb_adds(out, "{ ");
      walk(ir, tc_child(ir, op, k), out);
      tc_sb_adds(out, "} ");
    }
  }
}

/* Names of the parameters in order, then the statements of the body. */
static void summary(const tc_ir *ir, tc_sb *out) {
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *p = &ir->params.at[i];
    tc_name name =
        p->kind == TC_PARAM_BUFFER ? tc_buf_at(ir, p->buf)->name : tc_var_at(ir, p->var)->name;
    tc_sb_printf(out, "%s ", tc_name_of(ir, name));
  }
  walk(ir, ir->body, out);
}

static void run_kernel(const kernel_case *c, const char *const *files, const char *body) {
  session *s = calloc(1, sizeof *s);
  if (!s) abort();
  open_session(s);
  int why = setjmp(s->unwind.at);
  if (why == 0) {
    tc_lang_define defines[8];
    uint32_t n = read_defines(s, c->defines, defines);
    union {
      const char *const *in;
      void *out;
    } data = {files};
    tc_lang_set_reader(s->lang, no_file, data.out);
    const tc_ir *ir = tc_lang_compile(s->lang, "k.py", tc_str_of(c->text), c->entry, defines, n);
    tc_sb saw = tc_sb_in(&s->arena);
    summary(ir, &saw);
    if (body) expect(c->text, saw.at ? saw.at : "", body);
  }
  if (why == TC_WHY_BUG || why == TC_WHY_MEMORY)
    fail(c->text, s->unwind.text, c->wanted);
  else if (strcmp(c->wanted, "ok") == 0 ? s->diags->all.n == 0 : has_code(s, c->wanted))
    n_passed++;
  else
    fail(c->text, texts(s), c->wanted);
  tc_arena_free(&s->arena);
  free(s);
}

#define HEAD "import tilelang\nimport tilelang.language as T\n"
#define KERNEL                                                                                     \
  HEAD "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32'), n: T.int32):\n"                         \
       "  with T.Kernel(4, threads=32) as bx:\n"

static void test_scopes(void) {
  static const kernel_case CASES[] = {
      {"ok", NULL, KERNEL "    x = A[bx]\n    A[bx] = x + 1.0\n", NULL},
      {"E0203", NULL, KERNEL "    for i in T.serial(4):\n      x = i\n    A[0] = x\n", NULL},
      {"E0203", NULL, KERNEL "    if n > 2:\n      x = 1\n    A[0] = x\n", NULL},
      {"E0203", NULL, KERNEL "    if n > 2:\n      x = 1\n    else:\n      x = 2\n    A[0] = x\n",
       NULL},
      {"E0203", NULL, KERNEL "    x = 1\n  with T.Kernel(2) as by:\n    A[by] = x\n", NULL},
      {"E0204", NULL, KERNEL "    x = 1\n    if n > 2:\n      x = 2\n    A[0] = x\n", NULL},
      {"E0204", NULL,
       KERNEL "    x = 1\n    if n > 2:\n      pass\n    elif n > 1:\n      x = 3\n    A[0] = x\n",
       NULL},
      {"E0204", NULL,
       KERNEL
       "    x = 1\n    for i in T.serial(4):\n      if n > i:\n        x = 3\n    A[0] = x\n",
       NULL},
      {"E0204", NULL,
       KERNEL "    x = 1\n    while A[0] > 0.0:\n      A[0] = 0.0\n      x = 3\n    A[0] = x\n",
       NULL},
      {"E0205", NULL, KERNEL "    x = 0\n    for i in T.serial(4):\n      x += i\n", NULL},
      {"E0205", NULL,
       KERNEL "    x = 0\n    for i in T.serial(4):\n      if n > 1:\n        x = x + 1\n", NULL},
      /* the other branch sees the old value; the same value is no change */
      {"ok", NULL, KERNEL "    x = 1.0\n    if n > 2:\n      x = 2.0\n    else:\n      A[0] = x\n",
       NULL},
      {"ok", NULL, KERNEL "    x = 1.0\n    if n > 2:\n      x = 1.0\n    A[0] = x\n", NULL},
      {"ok", NULL,
       KERNEL "    x = 1.0\n    for i in T.serial(4):\n      x = 2.0\n      A[i] = x\n    x = "
              "3.0\n    A[0] = x\n",
       NULL},
      {"ok", NULL, KERNEL "    for c in [1, 2]:\n      x = c\n    A[0] = x * 1.0\n", NULL},
      {"ok", NULL, KERNEL "    if True:\n      x = 2.0\n    A[0] = x\n", NULL},
      {"E0202", NULL, KERNEL "    if False:\n      x = 2.0\n    A[0] = x\n", NULL},
      {"ok", NULL,
       KERNEL
       "    v = T.alloc_var('float32')\n    for i in T.serial(4):\n      v += A[i]\n    A[0] = v\n",
       NULL},
      {"E0245", NULL, KERNEL "    xs = []\n    for i in T.serial(4):\n      xs.append(i)\n", NULL},
      {"E0245", NULL, KERNEL "    d = {}\n    if n > 1:\n      d['a'] = 1\n", NULL},
      {"ok", NULL, KERNEL "    xs = [A[0]]\n    xs.append(A[1])\n    A[2] = xs[0] + xs[1]\n", NULL},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&CASES[i], NULL, NULL);
}

static void test_control(void) {
  static const kernel_case CASES[] = {
      {"E0222", NULL, KERNEL "    x = [1, 2][bx]\n", NULL},
      {"E0222", NULL, KERNEL "    x = [i for i in range(3) if bx > i]\n", NULL},
      {"E0222", NULL, KERNEL "    x = int(bx)\n", NULL},
      {"E0222", NULL, KERNEL "    x = min(bx, 3)\n", NULL},
      {"E0222", NULL, KERNEL "    x = f'{A[0]}'\n", NULL},
      {"E0222", NULL, KERNEL "    x = [i for i in range(n)]\n", NULL},
      {"E0223", NULL, KERNEL "    while 1 < 2:\n      A[0] = 1.0\n", NULL},
      {"E0224", NULL, KERNEL "    while 1 > 2:\n      A[0] = 1.0\n    A[1] = 1.0\n", NULL},
      {"E0225", NULL, KERNEL "    for i in T.serial(4):\n      break\n      A[i] = 1.0\n", NULL},
      {"E0228", NULL, KERNEL "    for c in [1, 2]:\n      if n > c:\n        break\n", NULL},
      {"E0229", NULL,
       HEAD "@T.macro\ndef m(n):\n  if n > 1:\n    return 1\n  return 2\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32'), n: T.int32):\n"
            "  with T.Kernel(4) as bx:\n    A[0] = m(n)\n",
       NULL},
      {"E0230", NULL,
       HEAD "@T.macro\ndef m(A):\n  A[0] = 1.0\n  return 1\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32'), n: T.int32):\n"
            "  with T.Kernel(4) as bx:\n    if n > 1 and m(A) > 0:\n      A[1] = 2.0\n",
       NULL},
      {"E0231", NULL,
       HEAD "@T.macro\ndef m(x: T.Ref):\n  x = 1.0\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32'), n: T.int32):\n"
            "  with T.Kernel(4) as bx:\n    m(3)\n",
       NULL},
      {"E0218", NULL,
       KERNEL "    for i in T.serial(4):\n      A[i] = 1.0\n    else:\n      A[0] = 2.0\n", NULL},
      {"E0218", NULL, KERNEL "    del A\n", NULL},
      {"E0226", NULL, KERNEL "    with T.serial(3) as x:\n      pass\n", NULL},
      {"E0243", NULL, KERNEL "    T.clear\n    A[0] = 1.0\n", NULL},
      {"E0244", NULL, KERNEL "    T.serial(3)\n", NULL},
      {"E0250", NULL, KERNEL "    k(A, 3)\n", NULL},
      {"E0232", NULL,
       HEAD "@tilelang.jit\ndef f(M=2):\n  n = T.dynamic('n')\n  if n > 3:\n    M = 1\n"
            "  @T.prim_func\n  def k(A: T.Tensor((M,), 'float32')):\n"
            "    with T.Kernel(1): A[0] = 1.0\n  return k\n",
       NULL},
      {"E0206", "M=1", HEAD "import torch\n@tilelang.jit\ndef f(M):\n  return torch.zeros(M)\n",
       NULL},
      {"E0219", "M=5",
       HEAD "@tilelang.jit\ndef f(M):\n  assert M % 2 == 0, f'odd {M}'\n  return M\n", NULL},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&CASES[i], NULL, NULL);
}

static void test_shape(void) {
  /* Loads come where the source reads, and only when a lazy operand's turn comes; names of the
   * summary are parameters, then the statements of all blocks. */
  static const struct {
    const char *body, *text;
  } CASES[] = {
      {"A n kernel { load load store store } ", KERNEL "    A[0], A[1] = A[1], A[0]\n"},
      {"A n kernel { load store store } ", KERNEL "    A[0] = A[1] = A[2]\n"},
      {"A n kernel { load store store } ", KERNEL "    x = A[0]\n    A[0] = 5.0\n    A[1] = x\n"},
      {"A n kernel { load load store } ", KERNEL "    A[0] = A[1] if n > 1 else A[2]\n"},
      {"A n kernel { while { load yield } { load store } } ",
       KERNEL "    while A[0] < 3.0:\n      A[0] += 1.0\n"},
      {"A n kernel { if { store } { if { store } { store } } } ",
       KERNEL "    if n > 3:\n      A[0] = 1.0\n    elif n > 2:\n      A[0] = 2.0\n    else:\n     "
              " A[0] = 3.0\n"},
      {"A n kernel { for { store } } ", KERNEL "    for i in range(4):\n      A[i] = 1.0\n"},
      {"A n kernel { for { store } } ", KERNEL "    for i in range(n):\n      A[i] = 1.0\n"},
      {"A n kernel { store store } ", KERNEL "    for c in [0.0, 1.0]:\n      A[int(c)] = c\n"},
      {"A n kernel { for { if { break } { } store } } ",
       KERNEL "    for i in T.serial(9):\n      if A is None or n == i:\n        break\n      A[i] "
              "= 1.0\n"},
      /* containers hold what was read when they were made */
      {"A n kernel { load load store store } ",
       KERNEL "    xs = [A[i] for i in range(2)]\n    A[0] = 1.0\n    A[1] = xs[0] + xs[1]\n"},
      {"A n kernel { load store store } ",
       KERNEL "    d = {}\n    d['a'] = A[0]\n    A[0] = 1.0\n    A[1] = d['a']\n"},
      {"A n kernel { load store store } ",
       KERNEL "    xs = []\n    xs.append(A[0])\n    A[0] = 1.0\n    A[1] = xs[0]\n"},
      {"A n kernel { store } ",
       KERNEL "    if n is None and A[0] > 1.0:\n      A[1] = 2.0\n    A[0] = 1.0\n"},
      {"A n kernel { load load if { store } { } } ",
       KERNEL "    if A[0] > 1.0 and A[1] > 2.0:\n      A[2] = 3.0\n"},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&(kernel_case){"ok", NULL, CASES[i].text, NULL}, NULL, CASES[i].body);
}

static void test_calls(void) {
  static const struct {
    const char *body, *text;
  } CASES[] = {
      /* a macro's parameter is a value, a T.Ref is the place; helpers are inlined */
      {"A kernel { alloc store load store load store } ", HEAD
       "@T.macro\ndef by_value(x):\n  x = 3.0\n@T.macro\ndef by_ref(x: T.Ref):\n  x = 3.0\n"
       "def twice(x): return x * 2.0\n"
       "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32')):\n  with T.Kernel(4) as bx:\n"
       "    v = T.alloc_var('float32')\n    by_value(v)\n    by_ref(v)\n    A[0] = twice(v)\n"},
      {"A kernel { load store load store load } ",
       HEAD "@T.macro\ndef inc(x: T.Ref):\n  x = x + 1.0\n  x += 2.0\n  y = x\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32')):\n  with T.Kernel(4) as bx:\n    "
            "inc(A[bx])\n"},
      {"A kernel { store store store } ",
       HEAD "@T.macro\ndef m(A, n):\n  A[n] = 1.0\n  if n > 0: m(A, n - 1)\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32')):\n  with T.Kernel(4) as bx:\n    "
            "m(A, 2)\n"},
      {"A kernel { for { store } for { store } } ",
       HEAD "@T.macro\ndef m(A, f):\n  for i in range(4):\n    A[i] = f(i)\n"
            "def h(A, n):\n  for i in range(n):\n    A[i] = 1.0\n"
            "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32')):\n  with T.Kernel(4) as bx:\n"
            "    m(A, lambda i: i * 1.0)\n    m(A, lambda i: 2.0)\n"},
      {"A kernel { store store } ", HEAD "def h(A, n):\n  for i in range(n):\n    A[i] = 1.0\n"
                                         "@T.prim_func\ndef k(A: T.Tensor((64,), 'float32')):\n  "
                                         "with T.Kernel(4) as bx:\n    h(A, 2)\n"},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&(kernel_case){"ok", NULL, CASES[i].text, NULL}, NULL, CASES[i].body);
}

/* ---- entries ---- */

#define FACTORY                                                                                    \
  HEAD "@tilelang.jit(out_idx=[-1], pass_configs={'tl.x': True})\n"                                \
       "def f(M, N: int, dtype=T.float32):\n"                                                      \
       "  @T.prim_func\n  def k(A: T.Tensor((M, N), dtype), B: T.Tensor((M, N), dtype)):\n"        \
       "    with T.Kernel(M) as bx:\n      B[bx, 0] = A[bx, 0]\n  return k\n"
#define EAGER                                                                                      \
  HEAD "@tilelang.jit\ndef e(A, B, s: T.float32, block: int = 32, *, dtype='float32'):\n"          \
       "  M, N = T.const('M, N')\n  B: T.Tensor((N,), dtype)\n  A: T.Tensor((M, N), dtype)\n"      \
       "  C = T.empty((M, N), dtype=dtype)\n"                                                      \
       "  with T.Kernel(T.ceildiv(M, block)) as bx:\n    C[bx, 0] = A[bx, 0] * s\n  return C\n"

#define TORCH_SIZE                                                                                 \
  HEAD "import torch\nX = torch.rand(3, 4) * 2\nM, N = X.shape\n@T.prim_func\n"                    \
       "def k(A: T.Tensor((M,), 'float32')):\n  with T.Kernel(M) as bx:\n    A[bx] = 1.0\n"

static void test_entries(void) {
  static const kernel_case CASES[] = {
      {"ok", "M=4 N=8", FACTORY, NULL},
      {"ok", "M=4 N=8 dtype=float16", FACTORY, "f"},
      {"ok", "M=4 N=8 dtype=T.bfloat16", FACTORY, NULL},
      {"ok", "M=2**3 N=-(-8)", FACTORY, NULL},
      {"E0235", "M=4", FACTORY, NULL},
      {"E0236", "M=4 N=8 dtyp=float16", FACTORY, NULL},
      {"E0233", "M=4", FACTORY, "g"},
      {"E0201", NULL, HEAD "@tilelang.jit(pass_configs={'tl.x': nothing})\ndef f(): pass\n", NULL},
      /* a variable of the module that only Python can compute */
      {"ok", "M=64", TORCH_SIZE, NULL},
      {"E0206", NULL, TORCH_SIZE, NULL},
      {"E0236", "torch=3 M=64", TORCH_SIZE, NULL},
      {"ok", NULL,
       HEAD
       "from tilelang.tools.cuda import iket\n@T.prim_func\ndef k(A: T.Tensor((4,), 'float32')):\n"
       "  with T.Kernel(4) as bx, iket.range('all'):\n"
       "    iket.mark('before', payload=iket.payload(bx, dtype='int32'))\n    A[bx] = 1.0\n",
       NULL},
      {"E0233", NULL, HEAD "x = 1\n", NULL},
      {"E0234", NULL, FACTORY "@T.prim_func\ndef other(A: T.Tensor((4,), 'float32')): pass\n",
       NULL},
      {"E0237", "M=4", HEAD "@tilelang.jit\ndef f(M): return M\n", NULL},
      {"E0237", NULL, HEAD "@tilelang.jit\ndef f(M): return M\nx = 3\n", "x"},
      {"ok", NULL, EAGER, NULL},
      {"ok", "M=64 N=32 block=16", EAGER, NULL},
      {"ok", NULL,
       HEAD "@tilelang.jit\ndef e(A):\n  M = T.const('M')\n  A: T.Tensor((M,), 'float32')\n"
            "  assert M % 8 == 0, f'{M} is not {8} * {M // 8}'\n"
            "  with T.Kernel(M): A[0] = 1.0\n",
       NULL},
      {"E0236", "K=64", EAGER, NULL},
      {"E0249", "A=64", EAGER, NULL},
      {"E0249", "s=64", EAGER, NULL},
      {"E0235", NULL,
       HEAD "@tilelang.jit\ndef e(A, block: int):\n  A: T.Tensor((4,), 'float32')\n"
            "  with T.Kernel(block): A[0] = 1.0\n",
       NULL},
      {"ok", NULL,
       HEAD "kernel = T.prim_func\nmake = tilelang.jit\n"
            "def build(n):\n  @kernel\n  def k(A: T.Tensor((n,), 'float32')):\n"
            "    with T.Kernel(n): A[0] = 1.0\n  return k\n@make\ndef f(n=4):\n  return build(n)\n",
       NULL},
      {"ok", "n=3",
       HEAD "def f(n):\n  @T.prim_func\n  def k(A: T.Tensor((n,), 'float32')):\n"
            "    with T.Kernel(n): A[0] = 1.0\n  return k\n"
            "if __name__ == '__main__':\n  print(f(3))\n",
       NULL},
      {"ok", NULL,
       HEAD "@tilelang.autotune(configs=unknown())\n@tilelang.jit\ndef f(n=3):\n  @T.prim_func\n"
            "  def unused(A: T.Tensor((nothing,), 'float32')): pass\n"
            "  @T.prim_func\n  def k(A: T.Tensor((n,), 'float32')):\n"
            "    with T.Kernel(n): A[0] = 1.0\n  return k\n",
       NULL},
      {"E0248", NULL,
       HEAD
       "@tilelang.jit\ndef f(n=3):\n  print('n', n)\n  @T.prim_func\n"
       "  def k(A: T.Tensor((n,), 'float32')):\n    with T.Kernel(n): A[0] = 1.0\n  return k\n",
       NULL},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&CASES[i], NULL, NULL);
  run_kernel(&(kernel_case){"ok", "M=64", EAGER, NULL}, NULL, "A B s C kernel { load store } ");
}

static void test_imports(void) {
  static const char *const FILES[] = {
      "util.py",
      "import torch\nbroken = torch.zeros(3)\ndef size(n): return n * 2\n",
      "pkg/__init__.py",
      "from .inner import deep\n",
      "pkg/inner.py",
      "from ..util import size\nimport tilelang.language as T\ndef deep(n): return size(n) + 1\n",
      "space/mod.py",
      "x = 5\n",
      "bad.py",
      "def (:\n",
      NULL,
      NULL};
#define USE(imports, expression)                                                                   \
  HEAD imports "@T.prim_func\ndef k(A: T.Tensor((" expression ",), 'float32')):\n"                 \
               "  with T.Kernel(1): A[0] = 1.0\n"
  static const kernel_case CASES[] = {
      {"ok", NULL, USE("from util import broken, size\n", "size(2)"), NULL},
      {"ok", NULL, USE("import util as u\n", "u.size(2)"), NULL},
      {"ok", NULL, USE("import pkg\n", "pkg.deep(2)"), NULL},
      {"ok", NULL, USE("from pkg.inner import deep\n", "deep(2)"), NULL},
      {"ok", NULL, USE("from pkg import inner\n", "inner.deep(2)"), NULL},
      {"ok", NULL, USE("import space.mod\n", "space.mod.x"), NULL},
      {"ok", NULL, USE("from util import *\nfrom math import *\n", "size(floor(2.5))"), NULL},
      {"ok", NULL, USE("import nowhere\nfrom nowhere.x import y\n", "2"), NULL},
      {"E0206", NULL, USE("from util import broken, size\n", "broken"), NULL},
      {"E0206", NULL, USE("import nowhere\n", "nowhere.f()"), NULL},
      {"E0247", NULL, USE("from util import nothing\n", "nothing"), NULL},
      {"E0207", NULL, USE("import util\n", "util.nothing"), NULL},
      {"E0116", NULL, USE("import bad\n", "bad.x"), NULL},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++)
    run_kernel(&CASES[i], FILES, NULL);
}

static void test_inlined_places(void) {
  /* A mistake inside a helper shows the way there. */
  session s;
  memset(&s, 0, sizeof s);
  open_session(&s);
  if (setjmp(s.unwind.at) == 0)
    tc_lang_compile(s.lang, "k.py",
                    TC_STR(HEAD "def inner(x): return x + 'a'\ndef outer(x): return inner(x)\n"
                                "@T.prim_func\ndef k(A: T.Tensor((4,), 'float32')):\n"
                                "  with T.Kernel(1): A[0] = outer(1)\n"),
                    NULL, NULL, 0);
  const char *saw = texts(&s);
  bool ok = strstr(saw, "k.py:3:22: error[E0208]")
            && strstr(saw, "k.py:4:22: note: in the call here")
            && strstr(saw, "k.py:7:28: note: in the call here");
  if (ok)
    n_passed++;
  else
    fail("places of an inlined mistake", saw, "lines 3, 4 and 7");
  tc_arena_free(&s.arena);
}

int main(void) {
  test_expressions();
  test_statements();
  test_refused();
  test_scopes();
  test_control();
  test_shape();
  test_calls();
  test_entries();
  test_imports();
  test_inlined_places();
  printf("lang_eval: %" PRIu64 " passed, %" PRIu64 " failed\n", n_passed, n_failed);
  return n_failed != 0;
}
