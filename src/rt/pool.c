#include "rt/pool.h"

#include "rt/os.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SCRATCH_ALIGN_B = 64, STACK_B = 4 << 20, CHUNKS_PER_THREAD = 16 };

typedef struct scratch {
  struct scratch *next; /* in the pool's list of free ones */
  unsigned char *at;
  size_t size_b;
} scratch;

typedef struct run {
  struct run *next;
  tc_rt_block *block;
  void *data;
  int64_t n_blocks, chunk;
  size_t scratch_b;
  atomic_int_fast64_t claimed; /* blocks [0, claimed) are taken; may pass n_blocks */
  atomic_int_fast32_t result;
  uint32_t n_inside; /* workers that run blocks of it; under the pool's lock */
} run;

struct tc_rt_pool {
  tilec_allocator allocator;
  bool hooked;
  pid_t owner; /* the process that has the threads */
  uint32_t n_threads, n_started;
  bool started, stop;
  pthread_mutex_t lock;
  pthread_cond_t work, left; /* a run was added; a worker left a run */
  run *runs;
  scratch *free;
  pthread_t threads[];
};

static const tilec_allocator *hooks(const tc_rt_pool *pool) {
  return pool->hooked ? &pool->allocator : NULL;
}

static size_t pool_size_b(uint32_t n_threads) {
  return sizeof(tc_rt_pool) + n_threads * sizeof(pthread_t);
}

tc_rt_pool *tc_rt_pool_new(const tilec_allocator *allocator, uint32_t n_threads) {
  if (!n_threads) n_threads = tc_rt_cpu_count("");
  tc_rt_pool *pool = tc_rt_alloc(allocator, pool_size_b(n_threads), _Alignof(max_align_t));
  if (!pool) return NULL;
  *pool = (tc_rt_pool){.hooked = allocator != NULL, .owner = getpid(), .n_threads = n_threads};
  if (allocator) pool->allocator = *allocator;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->left, NULL);
  return pool;
}

uint32_t tc_rt_pool_threads(const tc_rt_pool *pool) {
  return pool->n_threads;
}

/* ---- scratch memory ---- */

static scratch *scratch_new(const tc_rt_pool *pool, size_t size_b) {
  size_t header_b = (sizeof(scratch) + SCRATCH_ALIGN_B - 1) / SCRATCH_ALIGN_B * SCRATCH_ALIGN_B;
  if (size_b > SIZE_MAX - header_b) return NULL;
  scratch *s = tc_rt_alloc(hooks(pool), header_b + size_b, SCRATCH_ALIGN_B);
  if (s) *s = (scratch){NULL, (unsigned char *)s + header_b, size_b};
  return s;
}

static void scratch_free(const tc_rt_pool *pool, scratch *s) {
  size_t header_b = (size_t)(s->at - (unsigned char *)s);
  tc_rt_free(hooks(pool), s, header_b + s->size_b);
}

/* A free one of at least size_b, or a new one. Called with the lock held. */
static scratch *scratch_take(tc_rt_pool *pool, size_t size_b) {
  for (scratch **at = &pool->free; *at; at = &(*at)->next) {
    scratch *s = *at;
    if (s->size_b < size_b) continue;
    *at = s->next;
    return s;
  }
  return scratch_new(pool, size_b);
}

/* Keeps at most one per thread, the larger ones: a list that only grew would hold on to the memory
 * of the most parallel moment for ever. */
static void scratch_give(tc_rt_pool *pool, scratch *s) {
  s->next = pool->free;
  pool->free = s;
  uint32_t n = 0;
  scratch **smallest = &pool->free;
  for (scratch **at = &pool->free; *at; at = &(*at)->next, n++)
    if ((*at)->size_b < (*smallest)->size_b) smallest = at;
  if (n <= pool->n_threads) return;
  scratch *dropped = *smallest;
  *smallest = dropped->next;
  scratch_free(pool, dropped);
}

/* ---- the floating-point environment ---- */

/* Saving and setting the whole environment takes longer than a small block. On x86-64 a look at
 * three registers says that it is the default one, which it nearly always is; then only the
 * exception flags that blocks raised are to be taken back. */
typedef struct fp_state {
  bool is_default;
  uint32_t mxcsr;
  fenv_t saved;
} fp_state;

#if defined(__x86_64__) && defined(__GNUC__)
static bool fp_quick(fp_state *fp) {
  enum { CONTROL = 0x37f, STATUS_FLAGS = 0x3f, MXCSR = 0x1f80, MXCSR_FLAGS = 0x3f };
  uint16_t control, status;
  __asm__ volatile("fnstcw %0" : "=m"(control));
  __asm__ volatile("fnstsw %0" : "=m"(status));
  __asm__ volatile("stmxcsr %0" : "=m"(fp->mxcsr));
  return control == CONTROL && !(status & STATUS_FLAGS)
         && (fp->mxcsr & ~(uint32_t)MXCSR_FLAGS) == MXCSR;
}

static void fp_quick_end(const fp_state *fp) {
  uint16_t status;
  uint32_t mxcsr;
  __asm__ volatile("fnstsw %0" : "=m"(status));
  __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
  if (status & 0x3f) __asm__ volatile("fnclex");
  if (mxcsr != fp->mxcsr) __asm__ volatile("ldmxcsr %0" : : "m"(fp->mxcsr));
}
#else
static bool fp_quick(fp_state *fp) {
  return (void)fp, false;
}
static void fp_quick_end(const fp_state *fp) {
  (void)fp;
}
#endif

static void fp_begin(fp_state *fp) {
  fp->is_default = fp_quick(fp);
  if (fp->is_default) return;
  fegetenv(&fp->saved);
  fesetenv(FE_DFL_ENV);
}

static void fp_end(const fp_state *fp) {
  if (fp->is_default) {
    fp_quick_end(fp);
  } else {
    fesetenv(&fp->saved);
  }
}

/* ---- blocks ---- */

int32_t tc_rt_run_one(tc_rt_block *block, void *data) {
  _Alignas(SCRATCH_ALIGN_B) unsigned char memory[TC_RT_SMALL_SCRATCH_B];
  fp_state fp;
  fp_begin(&fp);
  int32_t result = block(data, 0, memory);
  fp_end(&fp);
  return result;
}

static void run_blocks(run *r, unsigned char *memory) {
  fp_state fp;
  fp_begin(&fp);
  for (;;) {
    int64_t first = atomic_fetch_add_explicit(&r->claimed, r->chunk, memory_order_relaxed);
    if (first >= r->n_blocks) break;
    int64_t end = r->n_blocks - first < r->chunk ? r->n_blocks : first + r->chunk;
    for (int64_t block = first; block < end; block++) {
      int_fast32_t none = 0;
      int32_t result = r->block(r->data, block, memory);
      if (!result) continue;
      atomic_compare_exchange_strong(&r->result, &none, result);
      atomic_store(&r->claimed, r->n_blocks);
      break;
    }
  }
  fp_end(&fp);
}

static run *find_work(tc_rt_pool *pool) {
  for (run *r = pool->runs; r; r = r->next)
    if (atomic_load_explicit(&r->claimed, memory_order_relaxed) < r->n_blocks) return r;
  return NULL;
}

/* With the lock held, which is let go while blocks run. False when there is no memory to work in.
 */
static bool help(tc_rt_pool *pool, run *r) {
  r->n_inside++;
  scratch *s = scratch_take(pool, r->scratch_b);
  if (s) {
    pthread_mutex_unlock(&pool->lock);
    run_blocks(r, s->at);
    pthread_mutex_lock(&pool->lock);
    scratch_give(pool, s);
  }
  if (--r->n_inside == 0) pthread_cond_broadcast(&pool->left);
  return s != NULL;
}

static void *worker(void *data) {
  tc_rt_pool *pool = data;
  pthread_mutex_lock(&pool->lock);
  while (!pool->stop) {
    run *r = find_work(pool);
    if (!r || !help(pool, r)) pthread_cond_wait(&pool->work, &pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

/* Starts what the system lets us start; with fewer threads everything still works. Workers take no
 * signals: those belong to the program's own threads. */
static void start_threads(tc_rt_pool *pool) {
  pool->started = true;
  sigset_t all, old;
  sigfillset(&all);
  pthread_attr_t attr;
  if (pthread_attr_init(&attr)) return;
  pthread_attr_setstacksize(&attr, STACK_B);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (pool->n_started + 1 < pool->n_threads) {
    if (pthread_create(&pool->threads[pool->n_started], &attr, worker, pool)) break;
    pool->n_started++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attr);
}

static void remove_run(tc_rt_pool *pool, const run *r) {
  for (run **at = &pool->runs; *at; at = &(*at)->next)
    if (*at == r) {
      *at = r->next;
      return;
    }
}

static void run_shared(tc_rt_pool *pool, run *r, unsigned char *memory) {
  pthread_mutex_lock(&pool->lock);
  if (!pool->started) start_threads(pool);
  run **last = &pool->runs;
  while (*last)
    last = &(*last)->next;
  *last = r;
  int64_t wanted = r->n_blocks - 1;
  for (uint32_t i = 0; i < pool->n_started && i < wanted; i++)
    pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  run_blocks(r, memory);
  pthread_mutex_lock(&pool->lock);
  remove_run(pool, r);
  while (r->n_inside)
    pthread_cond_wait(&pool->left, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

uint32_t tc_rt_pool_run(tc_rt_pool *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                        uint64_t scratch_b, int32_t *result, tc_rt_error *error) {
  /* After fork() the lock may be held by a thread that no longer exists: touch nothing shared. */
  bool forked = pool->owner != getpid();
  run r = {.block = block,
           .data = data,
           .n_blocks = n_blocks,
           .chunk = n_blocks / ((int64_t)pool->n_threads * CHUNKS_PER_THREAD),
           .scratch_b = (size_t)scratch_b};
  if (r.chunk < 1) r.chunk = 1;
  scratch *s = NULL;
  if (scratch_b == (size_t)scratch_b) {
    if (!forked) pthread_mutex_lock(&pool->lock);
    s = forked ? scratch_new(pool, r.scratch_b) : scratch_take(pool, r.scratch_b);
    if (!forked) pthread_mutex_unlock(&pool->lock);
  }
  if (!s)
    return tc_rt_fail(error, TC_RT_E_WORKSPACE, "%llu bytes of scratch memory cannot be had",
                      (unsigned long long)scratch_b);
  if (forked || pool->n_threads == 1 || n_blocks == 1) {
    run_blocks(&r, s->at);
  } else {
    run_shared(pool, &r, s->at);
  }
  *result = (int32_t)atomic_load(&r.result);
  if (!forked) pthread_mutex_lock(&pool->lock);
  if (forked) {
    scratch_free(pool, s);
  } else {
    scratch_give(pool, s);
    pthread_mutex_unlock(&pool->lock);
  }
  return TC_RT_OK;
}

void tc_rt_pool_free(tc_rt_pool *pool) {
  if (!pool) return;
  if (pool->owner == getpid()) {
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->n_started; i++)
      pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
  }
  for (scratch *s = pool->free, *next; s; s = next) {
    next = s->next;
    scratch_free(pool, s);
  }
  tilec_allocator copy = pool->allocator;
  bool hooked = pool->hooked;
  tc_rt_free(hooked ? &copy : NULL, pool, pool_size_b(pool->n_threads));
}
