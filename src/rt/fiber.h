/* Fibers: functions with a stack of their own that hand the processor to each other.
 *
 * A context (tc_rt_fibers) keeps the stacks, and reuses them, for one operating-system thread at a
 * time: the thread that makes the first switch is the context's home, and every fiber must be
 * finished or freed before another thread goes on with the context. Contexts are independent.
 * The switch is symmetric: the running fiber, or home, names the one that goes on. Each fiber keeps
 * its own callee-saved registers and floating-point modes. A stack lies above pages without access,
 * so that a fiber that runs over its end stops the process instead of writing over another's
 * memory.
 *
 * No longjmp and no C++ exception may leave a fiber. AddressSanitizer and ThreadSanitizer are told
 * of the switches in builds that have them; ThreadSanitizer allows some thousand fibers. The own
 * switch (fiber.c) does not maintain a user shadow stack (x86 CET, AArch64 GCS): a process in which
 * one is enabled needs the portable switch, built with -DTC_RT_FIBER_PORTABLE=1. */
#ifndef TC_RT_FIBER_H
#define TC_RT_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "tilec/tilec.h"

typedef struct tc_rt_fibers tc_rt_fibers;
typedef struct tc_rt_fiber tc_rt_fiber;

/* What a fiber runs. It finishes by returning the one that goes on: a fiber, or NULL for home. */
typedef tc_rt_fiber *tc_rt_fiber_fn(void *data);

/* `stack_b` is what each fiber may use, rounded up to whole pages; builds with a sanitizer get
 * more. `allocator` (NULL: the C library) is copied and gives the context; stacks come from mmap.
 * NULL when out of memory. */
tc_rt_fibers *tc_rt_fibers_new(const tilec_allocator *allocator, size_t stack_b);
/* From home, finished or not all its fibers are freed. NULL is fine. */
void tc_rt_fibers_free(tc_rt_fibers *fibers);

/* A fiber that begins when it is switched to. NULL when there is no memory for its stack, or the
 * system grants no further mappings. */
tc_rt_fiber *tc_rt_fiber_new(tc_rt_fibers *fibers, tc_rt_fiber_fn *fn, void *data);
/* Finished or not, but not the running one. Its stack is kept for the next fiber; what an
 * unfinished function holds is not released. NULL is fine. */
void tc_rt_fiber_free(tc_rt_fiber *fiber);

/* Leaves the running fiber, or home, and goes on in `to` (NULL: home), which must not be finished.
 * Returns when somebody switches back. */
void tc_rt_fiber_switch(tc_rt_fibers *fibers, tc_rt_fiber *to);

/* The running fiber, NULL at home. */
tc_rt_fiber *tc_rt_fiber_current(const tc_rt_fibers *fibers);
bool tc_rt_fiber_is_finished(const tc_rt_fiber *fiber);
void *tc_rt_fiber_data(const tc_rt_fiber *fiber);

#endif
