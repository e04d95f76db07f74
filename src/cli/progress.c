/* A line on the terminal for work that takes longer than a moment. Nothing is shown when standard
 * error is no terminal, with -q, or as JSON. */
#include "cli/cli.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_S = 2 };

struct cli_progress {
  pthread_mutex_t lock;
  pthread_cond_t end;
  pthread_t thread;
  bool running, shown, stop;
  const char *what;
};

static void *show(void *data) {
  struct cli_progress *p = data;
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_sec += QUIET_S;
  pthread_mutex_lock(&p->lock);
  for (int seconds = QUIET_S; !p->stop; seconds++, at.tv_sec++) {
    int why = 0;
    while (!p->stop && why != ETIMEDOUT)
      why = pthread_cond_timedwait(&p->end, &p->lock, &at);
    if (p->stop) break;
    fprintf(stderr, "\r\033[K%s ... %d s", p->what, seconds);
    fflush(stderr);
    p->shown = true;
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

void cli_progress_start(cli *c, const char *what) {
  cli_progress_end(c);
  if (c->quiet || c->json || !isatty(STDERR_FILENO)) return;
  if (!c->progress) {
    c->progress = cli_memory(sizeof *c->progress);
    pthread_mutex_init(&c->progress->lock, NULL);
    pthread_cond_init(&c->progress->end, NULL);
  }
  struct cli_progress *p = c->progress;
  p->what = what;
  p->stop = p->shown = false;
  p->running = pthread_create(&p->thread, NULL, show, p) == 0;
}

void cli_progress_end(const cli *c) {
  struct cli_progress *p = c->progress;
  if (!p || !p->running) return;
  pthread_mutex_lock(&p->lock);
  p->stop = true;
  pthread_cond_signal(&p->end);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  if (p->shown) fputs("\r\033[K", stderr);
  p->running = false;
}
