/* A libnvrtc for tests. Words in the text say what happens:
 *
 *   FAIL       a compile error            HANG   never ends by itself, but asks whether to go on
 *   SERIAL     ptxas serialises wgmma     NONE   success without a binary
 *
 * Otherwise the binary is "\177ELF", the options, and the text; the log has what ptxas -v says
 * about a kernel named "main_kernel". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

typedef struct program {
  char *text, *binary;
  size_t binary_b;
  char log[2000];
  int (*callback)(void *, void *);
  void *data;
} program;

/* Whether a word stands in a text; names that end in it (TC_FAIL) do not count. */
static int says(const char *text, const char *word) {
  for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
    if (at == text || at[-1] != '_') return 1;
  return 0;
}

PUBLIC int nvrtcVersion(int *major, int *minor);
PUBLIC int nvrtcCreateProgram(program **out, const char *text, const char *name, int n,
                              const char *const *headers, const char *const *names);
PUBLIC int nvrtcDestroyProgram(program **p);
PUBLIC int nvrtcSetFlowCallback(program *p, int (*callback)(void *, void *), void *data);
PUBLIC int nvrtcCompileProgram(program *p, int n, const char *const *options);
PUBLIC int nvrtcGetProgramLogSize(program *p, size_t *size_b);
PUBLIC int nvrtcGetProgramLog(program *p, char *log);
PUBLIC int nvrtcGetCUBINSize(program *p, size_t *size_b);
PUBLIC int nvrtcGetCUBIN(program *p, char *binary);

int nvrtcVersion(int *major, int *minor) {
  *major = 77;
  *minor = 1;
  return 0;
}

int nvrtcCreateProgram(program **out, const char *text, const char *name, int n,
                       const char *const *headers, const char *const *names) {
  (void)name, (void)headers, (void)names;
  if (n) return 3;
  *out = calloc(1, sizeof **out);
  if (!*out) return 1;
  (*out)->text = strdup(text);
  return 0;
}

int nvrtcDestroyProgram(program **p) {
  free((*p)->text);
  free((*p)->binary);
  free(*p);
  *p = NULL;
  return 0;
}

int nvrtcSetFlowCallback(program *p, int (*callback)(void *, void *), void *data) {
  p->callback = callback;
  p->data = data;
  return 0;
}

int nvrtcCompileProgram(program *p, int n, const char *const *options) {
  if (says(p->text, "HANG")) {
    while (!p->callback || !p->callback(p->data, NULL))
      usleep(10000);
    return 13;
  }
  if (says(p->text, "FAIL")) {
    snprintf(p->log, sizeof p->log, "kernel.cu(3): error: expected a \";\"\n1 error detected\n");
    return 6;
  }
  snprintf(p->log, sizeof p->log,
           "%sptxas info    : 0 bytes gmem\n"
           "ptxas info    : Compiling entry function 'main_kernel' for 'sm_90a'\n"
           "ptxas info    : Function properties for main_kernel\n"
           "    16 bytes stack frame, 24 bytes spill stores, 32 bytes spill loads\n"
           "ptxas info    : Used 168 registers, used 2 barriers, 1024 bytes smem, 400 bytes "
           "cmem[0]\n"
           "ptxas info    : Compile time = 12.500 ms\n",
           says(p->text, "SERIAL")
               ? "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions "
                 "are serialized due to insufficient register resources\n"
               : "");
  if (says(p->text, "NONE")) return 0;
  size_t room = strlen(p->text) + 100;
  for (int i = 0; i < n; i++)
    room += strlen(options[i]) + 2;
  p->binary = malloc(room);
  if (!p->binary) return 1;
  p->binary_b = (size_t)snprintf(p->binary, room, "\177ELF");
  for (int i = 0; i < n; i++)
    p->binary_b += (size_t)snprintf(p->binary + p->binary_b, room - p->binary_b, " %s", options[i]);
  p->binary_b += (size_t)snprintf(p->binary + p->binary_b, room - p->binary_b, "\n%s", p->text);
  return 0;
}

int nvrtcGetProgramLogSize(program *p, size_t *size_b) {
  *size_b = strlen(p->log) + 1;
  return 0;
}

int nvrtcGetProgramLog(program *p, char *log) {
  memcpy(log, p->log, strlen(p->log) + 1);
  return 0;
}

int nvrtcGetCUBINSize(program *p, size_t *size_b) {
  *size_b = p->binary_b;
  return 0;
}

int nvrtcGetCUBIN(program *p, char *binary) {
  memcpy(binary, p->binary, p->binary_b);
  return 0;
}
