#include "toolchain/ptxas.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *code, *meaning;
} GAVE_UP[] = {
#define PTXAS_GAVE_UP(code, meaning) {code, meaning},
#include "toolchain/ptxas.def"
#undef PTXAS_GAVE_UP
};

/* The next line of a text, without its end. False at the end. */
static bool next_line(tc_str *text, tc_str *line) {
  if (!text->n) return false;
  const char *end = memchr(text->at, '\n', text->n);
  uint32_t n = end ? (uint32_t)(end - text->at) : text->n, whole = n + (end != NULL);
  *line = (tc_str){text->at, n};
  *text = (tc_str){text->at + whole, text->n - whole};
  return true;
}

/* Where `part` stands in a line, or NULL. */
static const char *find(tc_str line, const char *part) {
  size_t n = strlen(part);
  for (uint32_t i = 0; i + n <= line.n; i++)
    if (memcmp(line.at + i, part, n) == 0) return line.at + i;
  return NULL;
}

/* The number that stands before `unit` ("168" of "Used 168 registers"); 0 when there is none. */
static uint32_t number_before(tc_str line, const char *unit) {
  const char *at = find(line, unit);
  if (!at || at == line.at) return 0;
  const char *end = at - 1, *digits = end; /* one blank lies between */
  while (digits > line.at && digits[-1] >= '0' && digits[-1] <= '9')
    digits--;
  uint32_t x = 0;
  for (; digits < end; digits++)
    x = x * 10 + (uint32_t)(*digits - '0');
  return x;
}

/* The number with a fraction that stands after `what`; 0 when there is none. */
static double number_after(tc_str line, const char *what) {
  const char *at = find(line, what), *end = line.at + line.n;
  double x = 0, unit = 1;
  if (!at) return 0;
  for (at += strlen(what); at < end && *at >= '0' && *at <= '9'; at++)
    x = x * 10 + (*at - '0');
  if (at < end && *at == '.')
    for (at++; at < end && *at >= '0' && *at <= '9'; at++)
      x += (*at - '0') * (unit /= 10);
  return x;
}

/* The name after `what`, in quotes or up to the end of the line. */
static const char *name_after(tc_str line, const char *what, tc_arena *arena) {
  const char *at = find(line, what), *end = line.at + line.n;
  if (!at) return NULL;
  at += strlen(what);
  if (at < end && *at == '\'') at++;
  tc_str name = {at, 0};
  while (at + name.n < end && !strchr("' \r", at[name.n]))
    name.n++;
  return tc_str_dup(arena, name);
}

void tc_ptxas_read(tc_cubin *cubin, tc_str messages, tc_arena *arena) {
  TC_VEC(tc_cubin_kernel) kernels = {0};
  tc_str line;
  cubin->ptxas_ns = 0;
  while (next_line(&messages, &line)) {
    const char *name = name_after(line, "Compiling entry function ", arena);
    if (name) tc_vec_push(arena, &kernels, ((tc_cubin_kernel){.name = name}));
    if (!kernels.n) continue;
    tc_cubin_kernel *k = &kernels.at[kernels.n - 1];
    if (find(line, "bytes stack frame")) {
      k->stack_b = number_before(line, "bytes stack frame");
      k->spill_stores_b = number_before(line, "bytes spill stores");
      k->spill_loads_b = number_before(line, "bytes spill loads");
    } else if (find(line, "Compile time")) {
      cubin->ptxas_ns += (uint64_t)(number_after(line, "Compile time = ") * 1e6);
    } else if (find(line, "Used ")) {
      k->registers = number_before(line, "registers");
      k->barriers = number_before(line, "barriers");
      k->shared_b = number_before(line, "bytes smem");
    }
  }
  cubin->kernels = kernels.at;
  cubin->n_kernels = kernels.n;
}

static const char *complaint(tc_str line) {
  if (!find(line, "ptxas")) return NULL;
  for (size_t i = 0; i < TC_COUNT(GAVE_UP); i++)
    if (find(line, GAVE_UP[i].code)) return GAVE_UP[i].meaning;
  /* Other versions may number their messages otherwise. */
  if (find(line, "wgmma") && find(line, "serialized")) return GAVE_UP[1].meaning;
  return find(line, "setmaxnreg") && find(line, "ignored") ? GAVE_UP[0].meaning : NULL;
}

bool tc_ptxas_is_content(tc_str messages, tc_diags *diags, tc_arena *arena) {
  bool content = true;
  tc_str line;
  while (next_line(&messages, &line)) {
    const char *meaning = complaint(line);
    if (!meaning) continue;
    if (content) TC_DIAG(diags, D_ptxas_gave_up, (tc_span){0}, meaning);
    tc_diag_note(diags, (tc_span){0}, "%s", tc_str_dup(arena, line));
    content = false;
  }
  return content;
}
