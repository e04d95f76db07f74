/* The hub that objects made ahead of time share: one pool whoever comes first, and a clear answer
 * to what another version left there. */
#include "check_kit.h"
#include "rt/aot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static void one_share(void) {
  tc_rt_hub hub = {.reserved = {0}};
  tc_rt_error error = {0};
  const tc_rt_share *first = tc_rt_aot_join(&hub, "f", "1.0", &error);
  CHECK(first && first->magic == TC_RT_SHARE_MAGIC && first->version == TC_RT_SHARE_VERSION);
  CHECK(first && first->size_b == sizeof *first && first->n_threads >= 1);
  CHECK(tc_rt_aot_join(&hub, "g", "1.1", &error) == first && error.code == 0);
  CHECK(first && strcmp(first->made_by, "1.0") == 0);
  if (first) tc_rt_pool_free(first->pool);
  free((void *)(uintptr_t)first);
}

typedef struct visitor {
  tc_rt_hub *hub;
  const tc_rt_share *found;
} visitor;

static void *visit(void *data) {
  visitor *v = data;
  tc_rt_error error = {0};
  v->found = tc_rt_aot_join(v->hub, "f", "1.0", &error);
  return NULL;
}

static void all_at_once(void) {
  enum { N = 8 };
  for (int round = 0; round < 20; round++) {
    tc_rt_hub hub = {.reserved = {0}};
    pthread_t threads[N];
    visitor visitors[N];
    for (int i = 0; i < N; i++) {
      visitors[i] = (visitor){&hub, NULL};
      pthread_create(&threads[i], NULL, visit, &visitors[i]);
    }
    for (int i = 0; i < N; i++)
      pthread_join(threads[i], NULL);
    for (int i = 1; i < N; i++)
      CHECK(visitors[i].found && visitors[i].found == visitors[0].found);
    tc_rt_pool_free(visitors[0].found->pool);
    free((void *)(uintptr_t)visitors[0].found);
  }
}

/* E0667 */
static void other_versions(void) {
  const tc_rt_share later = {
      .magic = TC_RT_SHARE_MAGIC, .version = TC_RT_SHARE_VERSION + 1, .made_by = "7.5.3"};
  const tc_rt_share broken = {.magic = 1, .version = TC_RT_SHARE_VERSION, .made_by = "?"};
  tc_rt_hub hub = {.reserved = {0}};
  tc_rt_error error = {0};
  atomic_store(&hub.share, &later);
  CHECK(!tc_rt_aot_join(&hub, "softmax", "0.1.0", &error) && error.code == TC_RT_E_VERSION);
  CHECK_TEXT(error.text, "softmax was built by tilec 0.1.0");
  CHECK_TEXT(error.text, "7.5.3");
  error.code = 0;
  atomic_store(&hub.share, &broken);
  CHECK(!tc_rt_aot_join(&hub, "softmax", "0.1.0", &error) && error.code == TC_RT_E_VERSION);
}

int main(void) {
  one_share();
  all_at_once();
  other_versions();
  return check_report();
}
