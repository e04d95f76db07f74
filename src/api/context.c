/* Contexts, and the memory of everything made from them. */
#include "api/api_impl.h"

#include "rt/os.h"
#include "target/cuda/cuda.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool tc_api_read_struct(void *ours, size_t ours_b, const void *theirs) {
  size_t size_b;
  memcpy(&size_b, theirs, sizeof size_b);
  if (size_b < sizeof size_b || size_b > 4096) return false; /* forgotten, or no struct of ours */
  memset(ours, 0, ours_b);
  memcpy(ours, theirs, size_b < ours_b ? size_b : ours_b);
  return true;
}

bool tc_api_write_struct(void *theirs, const void *ours, size_t ours_b) {
  size_t size_b;
  memcpy(&size_b, theirs, sizeof size_b);
  if (size_b < sizeof size_b || size_b > 4096) return false;
  size_t n = size_b < ours_b ? size_b : ours_b;
  memcpy((char *)theirs + sizeof size_b, (const char *)ours + sizeof size_b, n - sizeof size_b);
  if (size_b > ours_b) memset((char *)theirs + ours_b, 0, size_b - ours_b);
  return true;
}

const tilec_allocator *tc_api_hooks(const tilec_context *context) {
  return context->hooked ? &context->hooks : NULL;
}

void *tc_api_new(const tilec_context *context, size_t size_b) {
  void *at = tc_rt_alloc(tc_api_hooks(context), size_b, _Alignof(max_align_t));
  if (at) memset(at, 0, size_b);
  return at;
}

void tc_api_delete(const tilec_context *context, void *at, size_t size_b) {
  tc_rt_free(tc_api_hooks(context), at, size_b);
}

bool tc_api_first_time(tilec_context *context, bool *said) {
  pthread_mutex_lock(&context->lock);
  bool first = !*said;
  *said = true;
  pthread_mutex_unlock(&context->lock);
  return first;
}

TC_PRINTF(3, 0)
static void warn_line(const tilec_context *context, const char *word, const char *fmt,
                      va_list args) {
  char text[1024];
  size_t n = (size_t)snprintf(text, sizeof text, "%s ", word);
  vsnprintf(text + n, sizeof text - n, fmt, args);
  context->warn(context->data, text);
}

void tc_api_warn(const tilec_context *context, const char *fmt, ...) {
  if (!context->warn) return;
  va_list args;
  va_start(args, fmt);
  warn_line(context, "warning:", fmt, args);
  va_end(args);
}

void tc_api_warn_coded(const tilec_context *context, const char *code, const char *fmt, ...) {
  char word[32];
  if (!context->warn) return;
  snprintf(word, sizeof word, "warning: [%s]", code);
  va_list args;
  va_start(args, fmt);
  warn_line(context, word, fmt, args);
  va_end(args);
}

void tc_api_note(const tilec_context *context, const char *fmt, ...) {
  if (!context->warn) return;
  va_list args;
  va_start(args, fmt);
  warn_line(context, "note:", fmt, args);
  va_end(args);
}

void tc_api_log(tilec_context *context, int level, const char *fmt, ...) {
  if (!context->warn || tc_api_option_number(context, TC_OPTION_log) < (uint64_t)level) return;
  va_list args;
  va_start(args, fmt);
  warn_line(context, "note:", fmt, args);
  va_end(args);
}

void tc_context_print(tilec_context *context, const char *text, size_t n) {
  pthread_mutex_lock(&context->print_lock);
  if (context->print) {
    context->print(context->data, text, n);
  } else {
    fwrite(text, 1, n, stdout);
  }
  pthread_mutex_unlock(&context->print_lock);
}

/* ---- life ---- */

static bool good_allocator(const tilec_allocator *given, tilec_allocator *ours) {
  return tc_api_read_struct(ours, sizeof *ours, given) && ours->alloc && ours->free;
}

/* Printing is recursive, because a T.print callback may launch a kernel that prints. */
static bool init_locks(tilec_context *context) {
  if (!tc_rt_lock_init_recursive(&context->print_lock)) return false;
  if (pthread_mutex_init(&context->lock, NULL) == 0) return true;
  pthread_mutex_destroy(&context->print_lock);
  return false;
}

tilec_status tilec_context_new(const tilec_context_options *options, tilec_context **out,
                               tilec_error **error) {
  tilec_context_options o = {0};
  tilec_allocator hooks = {0};
  if (error) *error = NULL;
  if (!out) return tc_api_usage(error, NULL, "tilec_context_new: out is NULL");
  *out = NULL;
  if (options && !tc_api_read_struct(&o, sizeof o, options))
    return tc_api_usage(error, NULL, "tilec_context_options.size is not set");
  if (o.allocator && !good_allocator(o.allocator, &hooks))
    return tc_api_usage(error, NULL, "tilec_allocator: size, alloc and free must be set");
  tilec_context *context =
      tc_rt_alloc(o.allocator ? &hooks : NULL, sizeof *context, _Alignof(max_align_t));
  if (!context) return tc_api_no_memory(error);
  memset(context, 0, sizeof *context);
  atomic_init(&context->n_refs, 1);
  context->hooked = o.allocator != NULL;
  context->hooks = hooks;
  context->print = o.print;
  context->warn = o.warn;
  context->data = o.data;
  context->interrupted = o.interrupted;
  context->emit_cuda = tc_cuda_emit;
  if (!init_locks(context)) {
    tc_api_delete(context, context, sizeof *context);
    return tc_api_no_memory(error);
  }
  tilec_status status = TILEC_OK;
  if (o.read_environment) status = tc_options_from_environment(context, error);
  if (status != TILEC_OK) {
    tilec_context_release(context);
    return status;
  }
  *out = context;
  return TILEC_OK;
}

tilec_context *tilec_context_retain(tilec_context *context) {
  if (context) atomic_fetch_add_explicit(&context->n_refs, 1, memory_order_relaxed);
  return context;
}

void tilec_context_release(tilec_context *context) {
  if (!context || atomic_fetch_sub_explicit(&context->n_refs, 1, memory_order_acq_rel) != 1) return;
  tc_rt_pool_free(context->pool);
  tc_cuda_close(context->cuda);
  for (int i = 0; i < TC_OPTION_COUNT; i++)
    if (context->options[i])
      tc_api_delete(context, context->options[i], strlen(context->options[i]) + 1);
  pthread_mutex_destroy(&context->print_lock);
  pthread_mutex_destroy(&context->lock);
  tilec_allocator hooks = context->hooks;
  tc_rt_free(context->hooked ? &hooks : NULL, context, sizeof *context);
}

tc_rt_pool *tc_context_pool(tilec_context *context) {
  uint64_t jobs = tc_api_option_number(context, TC_OPTION_jobs);
  pthread_mutex_lock(&context->lock);
  if (!context->pool)
    context->pool = tc_rt_pool_new(tc_api_hooks(context), jobs > 4096 ? 4096 : (uint32_t)jobs);
  tc_rt_pool *pool = context->pool;
  pthread_mutex_unlock(&context->lock);
  return pool;
}

/* The path is read before the lock is taken, which reading options takes too. A driver that was not
 * there may be there the next time. */
static void open_cuda(tc_session *s, void *data) {
  tilec_context *context = s->context;
  tc_rt_error *error = data;
  const char *path = tc_api_option(context, TC_OPTION_libcuda, &s->arena);
  pthread_mutex_lock(&context->lock);
  if (!context->cuda) context->cuda = tc_cuda_open(path, tc_api_hooks(context), error);
  pthread_mutex_unlock(&context->lock);
}

tc_cuda *tc_context_cuda(tilec_context *context, tc_rt_error *error) {
  pthread_mutex_lock(&context->lock);
  tc_cuda *cuda = context->cuda;
  pthread_mutex_unlock(&context->lock);
  if (cuda) return cuda;
  tc_session session;
  tc_session_start(&session, context);
  if (tc_api_guard(&session, open_cuda, error, NULL) != TILEC_OK)
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for the CUDA driver");
  tc_session_end(&session);
  return error->code ? NULL : context->cuda;
}

tc_cuda *tc_api_cuda(tc_session *s) {
  tc_rt_error error;
  char code[TC_CODE_B];
  error.code = 0;
  tc_cuda *cuda = tc_context_cuda(s->context, &error);
  if (cuda) return cuda;
  tc_session_stop(s, error.code == TC_RT_E_NO_CUDA ? TILEC_NO_TARGET : TILEC_MEMORY,
                  tc_api_code_text(error.code, code), "%s", error.text);
}
