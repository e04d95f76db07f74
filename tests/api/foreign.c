/* Kernels whose names live in another language: here in tables of this file. What such a kernel
 * becomes is compared with what the same text becomes when the names stand in it. */
#include "check_kit.h"
#include "tilec/tilec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- a world ---- */

/* Numbers of objects. */
enum {
  MAIN = 1,
  HELPER, /* a function whose text is known        */
  MACRO,
  TWICE,  /* a function without text: called       */
  EMIT,   /* the same: calls T operations          */
  CONFIG, /* an object with attributes             */
  TABLE,  /* a list                                */
  BOOM,   /* raises                                */
  SPIN,   /* wants to stop                         */
  BAD,    /* makes a mistake with a kernel's value */
  LOOPS,  /* asks for the truth of a staged value  */
  WALKS,  /* iterates over what it is given        */
  ROWS,   /* a record: T.dynamic("M")              */
  SHAPE,  /* a tuple                               */
  PAIRS,  /* an iterable without a length          */
  PAIRS_ITERATOR,
  ORDINARY /* has text, but is called when it can be */
};

typedef struct world {
  const char *text; /* of the file the functions are in */
  int line[ORDINARY + 1];
  int begun, ended, released, asked_twice, called_ordinary;
  int next;
  char stored[64];
} world;

static tilec_value nothing(void) {
  return (tilec_value){.kind = TILEC_VALUE_UNBOUND};
}
static tilec_value integer(int64_t i) {
  return (tilec_value){.kind = TILEC_VALUE_INT, .as.i = i};
}
static tilec_value text_of(uint32_t kind, const char *text) {
  return (tilec_value){.kind = kind, .n = (uint32_t)strlen(text), .as.text = text};
}
static tilec_value object(uint64_t number) {
  return (tilec_value){.kind = TILEC_VALUE_OBJECT, .object = number};
}
static tilec_value function(uint64_t number, int flags) {
  return (tilec_value){.kind = TILEC_VALUE_FUNCTION, .as.i = flags, .object = number};
}

static int is_text(const tilec_value *v, const char *text) {
  return v->kind == TILEC_VALUE_TEXT && v->n == strlen(text) && memcmp(v->as.text, text, v->n) == 0;
}

static const struct {
  const char *name;
  uint32_t kind;
  uint64_t object;
  int64_t i;
  const char *text;
} NAMES[] = {
    {"T", TILEC_VALUE_NAME, 0, 0, "tilelang.language"},
    {"math", TILEC_VALUE_NAME, 0, 0, "math"},
    {"N", TILEC_VALUE_INT, 0, 64, NULL},
    {"helper", TILEC_VALUE_FUNCTION, HELPER, 0, NULL},
    {"fill_with", TILEC_VALUE_FUNCTION, MACRO, TILEC_FUNCTION_MACRO, NULL},
    {"twice", TILEC_VALUE_OBJECT, TWICE, 0, NULL},
    {"emit", TILEC_VALUE_OBJECT, EMIT, 0, NULL},
    {"config", TILEC_VALUE_OBJECT, CONFIG, 0, NULL},
    {"table", TILEC_VALUE_LIST, TABLE, 0, NULL},
    {"boom", TILEC_VALUE_OBJECT, BOOM, 0, NULL},
    {"spin", TILEC_VALUE_OBJECT, SPIN, 0, NULL},
    {"bad", TILEC_VALUE_OBJECT, BAD, 0, NULL},
    {"loops", TILEC_VALUE_OBJECT, LOOPS, 0, NULL},
    {"walks", TILEC_VALUE_OBJECT, WALKS, 0, NULL},
    {"M", TILEC_VALUE_RECORD, ROWS, 0, NULL},
    {"shape", TILEC_VALUE_TUPLE, SHAPE, 0, NULL},
    {"pairs", TILEC_VALUE_OBJECT, PAIRS, 0, NULL},
    {"ordinary", TILEC_VALUE_FUNCTION, ORDINARY, TILEC_FUNCTION_ORDINARY, NULL},
    {"unknown", TILEC_VALUE_NAME, 0, 0, "tilelang.language.no_such_name"},
    {"alien", TILEC_VALUE_NAME, 0, 0, "no.such.module"},
};

static tilec_value look_up(const tilec_value *name) {
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    if (!is_text(name, NAMES[i].name)) continue;
    if (NAMES[i].text) return text_of(NAMES[i].kind, NAMES[i].text);
    uint32_t n = NAMES[i].kind == TILEC_VALUE_LIST     ? 3
                 : NAMES[i].kind == TILEC_VALUE_RECORD ? 4
                 : NAMES[i].kind == TILEC_VALUE_TUPLE  ? 2
                                                       : 0;
    return (tilec_value){
        .kind = NAMES[i].kind, .n = n, .as.i = NAMES[i].i, .object = NAMES[i].object};
  }
  return nothing();
}

static tilec_value source_item(const world *w, const tilec_value *of, int64_t i) {
  static const char *const FUNCTIONS[] = {
      [MAIN] = "main", [HELPER] = "helper", [MACRO] = "fill_with", [ORDINARY] = "ordinary"};
  uint64_t number = of->object - 1000;
  switch (i) {
  case 0:
    return text_of(TILEC_VALUE_TEXT, w->text);
  case 1:
    return text_of(TILEC_VALUE_TEXT, "world.py");
  case 2:
    return integer(1);
  case 3:
    return integer(w->line[number]);
  default:
    return text_of(TILEC_VALUE_TEXT, FUNCTIONS[number]);
  }
}

static tilec_value item(const world *w, const tilec_value *args) {
  int64_t i = args[1].as.i;
  if (args[0].object > 1000) return source_item(w, args, i);
  if (args[0].object == TABLE) return integer(10 * (i + 1));
  if (args[0].object == SHAPE) return integer(i ? 32 : 16);
  /* T.dynamic("M") */
  return i == 0   ? integer(TILEC_OP_CALL)
         : i == 1 ? text_of(TILEC_VALUE_NAME, "tilelang.language.dynamic")
         : i == 2 ? integer(0)
                  : text_of(TILEC_VALUE_TEXT, "M");
}

/* x * 2, by the evaluation. */
static tilec_status twice(world *w, tilec_trace *trace, const tilec_value *args,
                          tilec_value *result) {
  tilec_value by[3] = {text_of(TILEC_VALUE_TEXT, "*"), args[2], integer(2)};
  w->asked_twice++;
  return tilec_trace_do(trace, TILEC_OP_BINARY, by, 3, result);
}

/* T.fill(buffer, value=value) */
static tilec_status emit(tilec_trace *trace, const tilec_value *args, tilec_value *result) {
  tilec_value call[5] = {text_of(TILEC_VALUE_NAME, "tilelang.language.fill"), integer(1), args[2],
                         text_of(TILEC_VALUE_TEXT, "value"), args[3]};
  return tilec_trace_do(trace, TILEC_OP_CALL, call, 5, result);
}

static tilec_status call(world *w, tilec_trace *trace, const tilec_value *args, size_t n,
                         tilec_value *result) {
  tilec_value out;
  tilec_status status;
  switch (args[0].object) {
  case TWICE:
    return twice(w, trace, args, result);
  case EMIT:
    return emit(trace, args, result);
  case ORDINARY:
    w->called_ordinary++;
    *result = integer(args[2].as.i + 1);
    return TILEC_OK;
  case BOOM:
    *result = text_of(TILEC_VALUE_TEXT, "ValueError: boom");
    return TILEC_RAISED;
  case SPIN:
    return TILEC_INTERRUPTED;
  case BAD: /* a mistake that is swallowed counts all the same */
    status = tilec_trace_do(trace, TILEC_OP_LEN, &args[n - 1], 1, &out);
    CHECK(status == TILEC_ERROR);
    CHECK(tilec_trace_text(trace)[0] != 0);
    CHECK(tilec_trace_do(trace, TILEC_OP_REPR, &args[n - 1], 1, &out) == TILEC_ERROR);
    *result = integer(1);
    return TILEC_OK;
  case WALKS:
    return tilec_trace_do(trace, TILEC_OP_ITERATE, &args[2], 1, result);
  case LOOPS:
    status = tilec_trace_do(trace, TILEC_OP_TRUTH, &args[2], 1, &out);
    *result = text_of(TILEC_VALUE_TEXT, "RuntimeError: no truth");
    return status;
  default:
    *result = text_of(TILEC_VALUE_TEXT, "TypeError: not callable");
    return TILEC_RAISED;
  }
}

static tilec_value attribute(const tilec_value *args) {
  if (args[0].object != CONFIG) return nothing();
  if (is_text(&args[1], "block")) return integer(16);
  if (is_text(&args[1], "dtype")) return text_of(TILEC_VALUE_NAME, "torch.float16");
  return nothing();
}

static tilec_value next(world *w) {
  return w->next < 3 ? integer(w->next++) : nothing();
}

/* table */
static tilec_status run(void *data, tilec_trace *trace, tilec_op op, const tilec_value *args,
                        size_t n, tilec_value *result) {
  world *w = data;
  *result = (tilec_value){.kind = TILEC_VALUE_NONE};
  switch (op) {
  case TILEC_OP_BEGIN:
    w->begun++;
    break;
  case TILEC_OP_END:
    w->ended++;
    break;
  case TILEC_OP_ENTRY:
    *result = function(MAIN, TILEC_FUNCTION_KERNEL);
    break;
  case TILEC_OP_SOURCE:
    *result = (tilec_value){.kind = TILEC_VALUE_TUPLE, .n = 5, .object = 1000 + args[0].object};
    break;
  case TILEC_OP_LOOKUP:
    *result = look_up(&args[1]);
    break;
  case TILEC_OP_DEFAULT:
    *result = integer(7);
    break;
  case TILEC_OP_DEFINE:
  case TILEC_OP_ANNOTATION:
    *result = nothing();
    break;
  case TILEC_OP_ITEM:
    *result = item(w, args);
    break;
  case TILEC_OP_GETATTR:
    *result = attribute(args);
    break;
  case TILEC_OP_SETITEM:
    snprintf(w->stored, sizeof w->stored, "%.*s=%d", (int)args[1].n, args[1].as.text,
             (int)args[2].as.i);
    break;
  case TILEC_OP_CALL:
    return call(w, trace, args, n, result);
  case TILEC_OP_ITERATE:
    w->next = 0;
    *result = args[0].object == PAIRS ? object(PAIRS_ITERATOR) : nothing();
    break;
  case TILEC_OP_NEXT:
    *result = next(w);
    break;
  case TILEC_OP_COMPARE: /* every object is greater than every number */
    *result = (tilec_value){.kind = TILEC_VALUE_BOOL, .as.i = is_text(&args[0], ">")};
    break;
  case TILEC_OP_REPR:
  case TILEC_OP_STR:
    *result = text_of(TILEC_VALUE_TEXT, "<config>");
    break;
  default:
    *result = text_of(TILEC_VALUE_TEXT, "TypeError: unsupported");
    return TILEC_RAISED;
  }
  return TILEC_OK;
}

static void release(void *data) {
  ((world *)data)->released++;
}

/* ---- compiling in it ---- */

static tilec_context *context;

/* The line of `def NAME`. */
static int line_of(const char *text, const char *name) {
  char def[64];
  snprintf(def, sizeof def, "def %s(", name);
  const char *at = strstr(text, def);
  int line = 1;
  for (const char *c = text; at && c < at; c++)
    line += *c == '\n';
  return at ? line : 0;
}

static tilec_program *program_in(world *w, const char *text) {
  tilec_program *program = NULL;
  tilec_resolver resolver = {.size = sizeof resolver, .run = run, .release = release, .data = w};
  tilec_program_options o = {
      .size = sizeof o, .path = "world.py", .entry = "main", .resolver = &resolver};
  *w = (world){.text = text};
  w->line[MAIN] = line_of(text, "main");
  w->line[HELPER] = line_of(text, "helper");
  w->line[MACRO] = line_of(text, "fill_with");
  w->line[ORDINARY] = line_of(text, "ordinary");
  CHECK(tilec_program_new(context, &o, &program, NULL) == TILEC_OK);
  return program;
}

/* The IR of a kernel of the world is that of a file. */
static void same(const char *body, const char *file_body) {
  char text[4096];
  world w;
  tilec_text *ours = NULL, *theirs = NULL;
  tilec_error *error = NULL;
  tilec_program *plain = NULL, *program = program_in(&w, body);
  tilec_status status = tilec_program_emit(program, "ir", &ours, &error);
  if (!CHECK(status == TILEC_OK)) printf("%s\n", tilec_error_diagnostics(error, TILEC_FORMAT_TEXT));
  tilec_error_release(error);
  snprintf(text, sizeof text, "import tilelang.language as T\n@T.prim_func\n%s", file_body);
  tilec_program_options o = {
      .size = sizeof o, .path = "file.py", .text = text, .text_size = strlen(text)};
  CHECK(tilec_program_new(context, &o, &plain, NULL) == TILEC_OK);
  status = tilec_program_emit(plain, "ir", &theirs, &error);
  if (!CHECK(status == TILEC_OK)) printf("%s\n", tilec_error_diagnostics(error, TILEC_FORMAT_TEXT));
  tilec_error_release(error);
  if (!CHECK(strcmp(tilec_text_data(ours), tilec_text_data(theirs)) == 0))
    printf("%s---\n%s", tilec_text_data(ours), tilec_text_data(theirs));
  CHECK(w.begun == 1 && w.ended == 1 && !w.released);
  tilec_text_release(ours);
  tilec_text_release(theirs);
  tilec_program_release(plain);
  tilec_program_release(program);
  CHECK(w.released == 1);
}

/* The kernel is refused with this code, and a text that holds `part`. */
static void refused(const char *body, tilec_status want, const char *code, const char *part) {
  world w;
  tilec_error *error = NULL;
  tilec_text *text = NULL;
  tilec_program *program = program_in(&w, body);
  tilec_status status = tilec_program_emit(program, "ir", &text, &error);
  if (!CHECK(status == want)) printf("%s for:\n%s\n", tilec_status_name(status), body);
  CHECK_TEXT(tilec_error_code(error), code);
  CHECK_TEXT(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), part);
  CHECK(w.begun == w.ended);
  tilec_error_release(error);
  tilec_program_release(program);
}

#define HEAD                                                                                       \
  "def main(A: T.Tensor((64,), T.float16), B: T.Tensor((64,), T.float16)):\n"                      \
  "    with T.Kernel(4, threads=32) as bx:\n"

static void names_and_objects(void) {
  same("def main(A: T.Tensor((N,), config.dtype)):\n"
       "    with T.Kernel(N // config.block, threads=32) as bx:\n"
       "        A[bx] = table[1] + math.ceil(2.5) + len(table)\n",
       "def main(A: T.Tensor((64,), T.float16)):\n"
       "    with T.Kernel(4, threads=32) as bx:\n"
       "        A[bx] = 26\n");
  /* M is one dimension, however often it is named. */
  same("def main(A: T.Tensor((M, 16), T.float32), B: T.Tensor(shape, T.int8), x: T.int32):\n"
       "    with T.Kernel(M, threads=32) as bx:\n"
       "        A[bx, 0] = M + x\n"
       "        B[0, 0] = 1\n",
       "def main(A: T.Tensor((T.dynamic('M'), 16), T.float32), B: T.Tensor((16, 32), T.int8), "
       "x: T.int32):\n"
       "    with T.Kernel(T.dynamic('M'), threads=32) as bx:\n"
       "        A[bx, 0] = T.dynamic('M') + x\n"
       "        B[0, 0] = 1\n");
  same(HEAD "        for p in pairs:\n"
            "            A[p] = 1\n"
            "        if config > 3:\n"
            "            B[0] = 2\n"
            "        if config < 3:\n"
            "            B[1] = 2\n",
       HEAD "        A[0] = 1\n"
            "        A[1] = 1\n"
            "        A[2] = 1\n"
            "        B[0] = 2\n");
}

static void functions(void) {
  static const char TEXT[] =
      "# a file with more in it\n" HEAD "        s = T.alloc_shared((16,), T.float16)\n"
      "        fill_with(s, 3)\n"
      "        emit(s, twice(A[bx]))\n"
      "        B[bx] = helper(A[bx]) + helper(2)\n"
      "\n"
      "class Unrelated:\n"
      "    def helper(x):\n"
      "        return 0\n"
      "@decorator\n"
      "def fill_with(buffer, value):\n"
      "    for i in T.Parallel(16):\n"
      "        buffer[i] = value\n";
  char text[sizeof TEXT + 200];
  snprintf(text, sizeof text, "def helper(x, y=5):\n    return x * y + N\n%s", TEXT);
  same(text, HEAD "        s = T.alloc_shared((16,), T.float16)\n"
                  "        for i in T.Parallel(16):\n"
                  "            s[i] = 3\n"
                  "        a = A[bx]\n"
                  "        T.fill(s, value=a * 2)\n"
                  "        B[bx] = A[bx] * 7 + 64 + 78\n");
}

static void ordinary_functions(void) {
  world w;
  tilec_text *text = NULL;
  tilec_error *error = NULL;
  tilec_program *program =
      program_in(&w, "def ordinary(x):\n    return x - 1\n" HEAD "        A[bx] = ordinary(5)\n"
                     "        B[bx] = ordinary(bx)\n");
  CHECK(tilec_program_emit(program, "ir", &text, &error) == TILEC_OK);
  CHECK_TEXT(tilec_text_data(text), "6");
  CHECK_TEXT(tilec_text_data(text), "%bx - 1");
  CHECK(w.called_ordinary == 1);
  tilec_text_release(text);
  tilec_program_release(program);
}

static void refusals(void) {
  refused(HEAD "        A[0] = boom(A[1])\n", TILEC_RAISED, "E0251", "world.py:3:16");
  refused(HEAD "        A[0] = boom(A[1])\n", TILEC_RAISED, "E0251", "ValueError: boom");
  refused(HEAD "        A[0] = spin()\n", TILEC_INTERRUPTED, "E0256", "world.py:3:16");
  refused(HEAD "        A[0] = bad(bx)\n", TILEC_ERROR, "E0", "world.py:3:16");
  refused(HEAD "        A[0] = loops(bx)\n", TILEC_ERROR, "E0222", "world.py:3:16");
  refused(HEAD "        table.append(4)\n", TILEC_ERROR, "E0252", "a list");
  refused(HEAD "        A[0] = nowhere\n", TILEC_ERROR, "E0", "nowhere");
  refused(HEAD "        A[0] = config.missing\n", TILEC_ERROR, "E0", "<config>");
  refused(HEAD "        A[0] = unknown\n", TILEC_ERROR, "E0", "no_such_name");
  refused(HEAD "        A[0] = alien\n", TILEC_ERROR, "E0255", "no.such.module");
  refused(HEAD "        A[0] = walks(T.serial(4))\n", TILEC_ERROR, "E0253", "a loop");
  refused(HEAD "        A[0] = config + 1\n", TILEC_RAISED, "E0251", "unsupported");
  refused("def other():\n    pass\n", TILEC_ERROR, "E0254", "cannot be found");
  refused("def main(A: T.Tensor((4,), 'int8')):\n    A[0 = 1\n", TILEC_ERROR, "E01", "world.py:2");
}

/* A store into an object of the world is that world's. */
static void stores(void) {
  world w;
  tilec_text *text = NULL;
  tilec_program *program = program_in(&w, HEAD "        config['key'] = 5\n        A[bx] = 1\n");
  CHECK(tilec_program_emit(program, "ir", &text, NULL) == TILEC_OK);
  CHECK(strcmp(w.stored, "key=5") == 0);
  tilec_text_release(text);
  tilec_program_release(program);
}

/* ---- without a kernel ---- */

static tilec_value last;
static char last_text[64];
static tilec_status keep_result(void *data, tilec_trace *trace, tilec_op op,
                                const tilec_value *args, size_t n, tilec_value *result) {
  (void)data, (void)trace, (void)n;
  *result = (tilec_value){.kind = TILEC_VALUE_NONE};
  if (op != TILEC_OP_RESULT) return TILEC_OK;
  last = args[0];
  bool text = last.kind == TILEC_VALUE_TEXT || last.kind == TILEC_VALUE_NAME
              || last.kind >= TILEC_VALUE_STAGED;
  snprintf(last_text, sizeof last_text, "%.*s", text ? (int)last.n : 0, text ? last.as.text : "");
  return TILEC_OK;
}

static tilec_status evaluate(const char *name, const tilec_value *args, size_t n,
                             tilec_error **error) {
  tilec_resolver resolver = {.size = sizeof resolver, .run = keep_result};
  tilec_value all[6] = {text_of(TILEC_VALUE_NAME, name), integer(0)};
  memcpy(all + 2, args, n * sizeof *args);
  return tilec_evaluate(context, &resolver, TILEC_OP_CALL, all, n + 2, error);
}

static void without_kernel(void) {
  tilec_error *error = NULL;
  tilec_value two[2] = {integer(100), integer(7)};
  CHECK(evaluate("tilelang.language.ceildiv", two, 2, NULL) == TILEC_OK);
  CHECK(last.kind == TILEC_VALUE_INT && last.as.i == 15);
  two[0] = text_of(TILEC_VALUE_TEXT, "M");
  CHECK(evaluate("tilelang.language.dynamic", two, 1, NULL) == TILEC_OK);
  CHECK(last.kind == TILEC_VALUE_VAR);
  CHECK_TEXT(last_text, "expression");
  CHECK(evaluate("tilelang.language.alloc_shared", two, 2, &error) == TILEC_ERROR);
  CHECK_TEXT(tilec_error_text(error), "with T.Kernel");
  tilec_error_release(error);
  tilec_resolver resolver = {.size = sizeof resolver, .run = keep_result};
  two[0] = text_of(TILEC_VALUE_NAME, "tilelang.language");
  two[1] = text_of(TILEC_VALUE_TEXT, "float16");
  CHECK(tilec_evaluate(context, &resolver, TILEC_OP_GETATTR, two, 2, NULL) == TILEC_OK);
  CHECK_TEXT(last_text, "tilelang.language.float16");
  CHECK(tilec_evaluate(context, &resolver, TILEC_OP_BEGIN, two, 2, NULL) == TILEC_USAGE);
  CHECK(tilec_evaluate(context, NULL, TILEC_OP_CALL, two, 2, NULL) == TILEC_USAGE);
  CHECK(tilec_trace_do(NULL, TILEC_OP_LEN, two, 1, &last) == TILEC_USAGE);
}

static void words(void) {
  int found = 0;
  for (size_t i = 0; i < tilec_word_count(); i++) {
    tilec_word w = {.size = sizeof w};
    CHECK(tilec_word_at(i, &w) == TILEC_OK && w.name);
    if (strcmp(w.name, "ceildiv") == 0) found = w.anywhere && !w.missing && w.signature[0] == '(';
  }
  CHECK(found);
  tilec_word w = {.size = sizeof w};
  CHECK(tilec_word_at(tilec_word_count(), &w) == TILEC_USAGE);
}

/* ---- interruption between passes ---- */

static int n_polls, stop_at;
static int interrupted(void *data) {
  (void)data;
  return ++n_polls == stop_at;
}

static void interruption(void) {
  static const char TEXT[] =
      "import tilelang.language as T\n@T.prim_func\n" HEAD "        A[bx] = B[bx]\n";
  tilec_context *stoppable = NULL;
  tilec_program *program = NULL;
  tilec_context_options c = {.size = sizeof c, .interrupted = interrupted};
  tilec_program_options o = {
      .size = sizeof o, .path = "k.py", .text = TEXT, .text_size = strlen(TEXT)};
  CHECK(tilec_context_new(&c, &stoppable, NULL) == TILEC_OK);
  CHECK(tilec_program_new(stoppable, &o, &program, NULL) == TILEC_OK);
  CHECK(tilec_program_check(program, TILEC_FORMAT_TEXT, NULL, NULL) == TILEC_OK);
  int polls = n_polls;
  CHECK(polls >= 3);
  for (stop_at = 1; stop_at <= polls; stop_at++) {
    tilec_error *error = NULL;
    n_polls = 0;
    CHECK(tilec_program_check(program, TILEC_FORMAT_TEXT, NULL, &error) == TILEC_INTERRUPTED);
    CHECK_TEXT(tilec_error_code(error), "E0256");
    tilec_error_release(error);
  }
  tilec_program_release(program);
  tilec_context_release(stoppable);
}

/* A C compiler that takes its time is killed. */
static time_t started;
static int after_a_second(void *data) {
  (void)data;
  return time(NULL) > started + 1;
}

static void interrupted_compiler(void) {
  char cc[] = "/tmp/tilec_cc_XXXXXX";
  static const char SCRIPT[] = "#!/bin/sh\ncase \"$*\" in *--version*) echo cc 1.0;; "
                               "*) exec sleep 60;; esac\n";
  static const char TEXT[] =
      "import tilelang.language as T\n@T.prim_func\n" HEAD "        A[bx] = B[bx]\n";
  tilec_context *stoppable = NULL;
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  tilec_context_options c = {.size = sizeof c, .interrupted = after_a_second};
  tilec_program_options o = {
      .size = sizeof o, .path = "k.py", .text = TEXT, .text_size = strlen(TEXT)};
  int fd = mkstemp(cc);
  if (!CHECK(fd >= 0 && write(fd, SCRIPT, strlen(SCRIPT)) == (ssize_t)strlen(SCRIPT))) return;
  CHECK(fchmod(fd, 0700) == 0 && close(fd) == 0);
  CHECK(tilec_context_new(&c, &stoppable, NULL) == TILEC_OK);
  CHECK(tilec_context_set(stoppable, "cc", cc, NULL) == TILEC_OK);
  CHECK(tilec_context_set(stoppable, "cache", "off", NULL) == TILEC_OK);
  CHECK(tilec_program_new(stoppable, &o, &program, NULL) == TILEC_OK);
  started = time(NULL);
  CHECK(tilec_kernel_new(program, "cpu", &kernel, &error) == TILEC_INTERRUPTED);
  CHECK_TEXT(tilec_error_code(error), "E0256");
  CHECK(time(NULL) < started + 20);
  unlink(cc);
  tilec_error_release(error);
  tilec_program_release(program);
  tilec_context_release(stoppable);
}

/* pass_configs from outside win over those of the source. */
static void outer_configs(void) {
  static const char *const TEXT = "def main(A: T.Tensor((64,), 'float32')):\n"
                                  "    T.annotate_pass_configs({'tilec.roles': 'none'})\n"
                                  "    with T.Kernel(1) as bx:\n"
                                  "        T.annotate_pass_configs({'tilec.raster': 'linear'})\n"
                                  "        T.fill(A, 0)\n";
  static const tilec_define CONFIGS[] = {{"tilec.roles", "pingpong"},
                                         {"tl.disable_wgmma", "on"},
                                         {"tl.disable_tma_lower", "off"},
                                         {"tir.noalias", "on"}};
  static const tilec_define UNKNOWN = {"tilec.rolls", "pingpong"};
  world w = {.text = TEXT, .line[MAIN] = 1};
  tilec_resolver resolver = {.size = sizeof resolver, .run = run, .release = release, .data = &w};
  tilec_program_options o = {.size = sizeof o,
                             .path = "world.py",
                             .entry = "main",
                             .resolver = &resolver,
                             .configs = CONFIGS,
                             .n_configs = 4};
  tilec_program *program;
  tilec_text *text;
  tilec_error *error;
  CHECK(tilec_program_new(context, &o, &program, NULL) == TILEC_OK);
  CHECK(tilec_program_emit(program, "ir", &text, NULL) == TILEC_OK);
  CHECK(strstr(tilec_text_data(text), "hint config \"roles=pingpong\"\n") != NULL);
  CHECK(strstr(tilec_text_data(text), "hint config \"wgmma=off\"\n") != NULL);
  CHECK(strstr(tilec_text_data(text), "hint config \"raster=linear\"\n") != NULL);
  CHECK(strstr(tilec_text_data(text), "none") == NULL);
  CHECK(strstr(tilec_text_data(text), "tma") == NULL);
  tilec_text_release(text);
  tilec_program_release(program);
  o.configs = &UNKNOWN;
  o.n_configs = 1;
  CHECK(tilec_program_new(context, &o, &program, NULL) == TILEC_OK);
  CHECK(tilec_program_check(program, TILEC_FORMAT_TEXT, NULL, &error) == TILEC_ERROR);
  CHECK_TEXT(tilec_error_code(error), "E0838");
  tilec_error_release(error);
  tilec_program_release(program);
  o.configs = NULL;
  CHECK(tilec_program_new(context, &o, &program, NULL) == TILEC_USAGE);
}

/* ---- histories ---- */

/* The IR of `program`, and how many calls its helpers got meanwhile. */
static tilec_text *emit_in(tilec_program *program, world *w, int *calls) {
  tilec_text *text = NULL;
  int before = w->called_ordinary;
  CHECK(tilec_program_emit(program, "ir", &text, NULL) == TILEC_OK);
  *calls = w->called_ordinary - before;
  return text;
}

/* A resolver that has answered once is not asked again, neither for what it gave nor for what it
 * did to values of the kernel; without a history it is. */
static void answers_are_kept(void) {
  static const char *const TEXT =
      "def ordinary(x):\n    return x - 1\n" HEAD "        s = T.alloc_shared((16,), T.float16)\n"
      "        A[bx] = ordinary(5)\n"
      "        emit(s, twice(A[bx]))\n";
  for (int kept = 0; kept < 2; kept++) {
    world w = {.text = TEXT, .line = {0}};
    tilec_history *history = kept ? tilec_history_new() : NULL;
    tilec_resolver resolver = {
        .size = sizeof resolver, .run = run, .release = release, .data = &w, .history = history};
    tilec_program_options o = {
        .size = sizeof o, .path = "world.py", .entry = "main", .resolver = &resolver};
    tilec_program *program;
    int calls;
    w.line[MAIN] = line_of(TEXT, "main");
    w.line[ORDINARY] = line_of(TEXT, "ordinary");
    CHECK(tilec_program_new(context, &o, &program, NULL) == TILEC_OK);
    tilec_history_release(history); /* the program has a reference of its own */
    tilec_text *first = emit_in(program, &w, &calls);
    CHECK(calls == 1);
    tilec_text *second = emit_in(program, &w, &calls);
    CHECK(calls == !kept);
    CHECK(strcmp(tilec_text_data(first), tilec_text_data(second)) == 0);
    CHECK(w.begun == 2 && w.ended == 2); /* which are told, history or not */
    tilec_text_release(first);
    tilec_text_release(second);
    tilec_program_release(program);
  }
}

int main(void) {
  if (!CHECK(tilec_context_new(NULL, &context, NULL) == TILEC_OK)) return check_report();
  names_and_objects();
  functions();
  ordinary_functions();
  refusals();
  stores();
  without_kernel();
  words();
  interruption();
  interrupted_compiler();
  outer_configs();
  answers_are_kept();
  tilec_context_release(context);
  return check_report();
}
