#include "rt/fiber.h"

#include "rt/os.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(TC_RT_FIBER_PORTABLE)
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__)
#define TC_RT_FIBER_PORTABLE 0
#else
#define TC_RT_FIBER_PORTABLE 1
#endif
#endif

#if TC_RT_FIBER_PORTABLE
#include <ucontext.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(HAS_ASAN)
#define HAS_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(HAS_TSAN)
#define HAS_TSAN 1
#endif

#if defined(HAS_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(HAS_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

/* More than a page, so that one large frame does not step over it. Address space only. */
static const size_t FIBER_GUARD_B = 64 << 10;
enum {
  FIBER_COLORS = 11,
  FIBER_COLOR_B = 6 * 64
}; /* see fiber_map; a switch touches about six lines */
#if defined(HAS_ASAN) || defined(HAS_TSAN)
enum { FIBER_STACK_FACTOR = 4 }; /* frames with red zones */
#else
enum { FIBER_STACK_FACTOR = 1 };
#endif

struct tc_rt_fiber {
  tc_rt_fibers *owner;
  tc_rt_fiber *next; /* in the list of free ones */
  tc_rt_fiber *link; /* in the list of all stacks */
  tc_rt_fiber_fn *fn;
  void *data;
  bool started, finished, in_use;
  unsigned char *low; /* the lowest byte of the stack; for home, only what the sanitizer says */
  size_t size_b;
#if TC_RT_FIBER_PORTABLE
  ucontext_t context;
#else
  void *sp; /* while it does not run */
#endif
#if defined(HAS_ASAN)
  void *fake; /* the sanitizer's other stack, while it does not run */
#endif
#if defined(HAS_TSAN)
  void *tsan;
#endif
};

struct tc_rt_fibers {
  tilec_allocator allocator;
  bool hooked;
  size_t stack_b; /* without the guard */
  size_t n_stacks;
  tc_rt_fiber home;
  tc_rt_fiber *current, *previous; /* who runs, and who switched to it */
  tc_rt_fiber *free, *all;
};

/* The most that a record at the top of its stack, with what is left free there, takes. */
enum { FIBER_RECORD_B = sizeof(tc_rt_fiber) + 64 + FIBER_COLORS * FIBER_COLOR_B };

/* ---- what the sanitizers are told ---- */

static void tell_leaving(tc_rt_fiber *from, const tc_rt_fiber *to, bool for_good) {
#if defined(HAS_ASAN)
  __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake, to->low, to->size_b);
#endif
#if defined(HAS_TSAN)
  if (from == &from->owner->home) from->tsan = __tsan_get_current_fiber();
#endif
  (void)from, (void)to, (void)for_good;
}

/* Home's stack is learnt here, by the first fiber that is entered from it. */
static void tell_arrived(tc_rt_fiber *self) {
#if defined(HAS_ASAN)
  const void *low;
  size_t size_b;
  __sanitizer_finish_switch_fiber(self->fake, &low, &size_b);
  tc_rt_fiber *home = &self->owner->home;
  if (self->owner->previous == home) home->low = (unsigned char *)(uintptr_t)low;
  if (self->owner->previous == home) home->size_b = size_b;
#endif
  (void)self;
}

/* Forgets what the sanitizers hold for a fiber that will not go on. */
#if defined(HAS_ASAN)
__attribute__((no_sanitize("address")))
#endif
static void
tell_forgotten(tc_rt_fiber *fiber) {
#if defined(HAS_ASAN)
  /* Only a switch away for good releases the other stack, so one there and back is announced. */
  if (!fiber->finished && fiber->fake) {
    void *fake;
    const void *low;
    size_t size_b;
    __sanitizer_start_switch_fiber(&fake, fiber->low, fiber->size_b);
    __sanitizer_finish_switch_fiber(fiber->fake, &low, &size_b);
    __sanitizer_start_switch_fiber(NULL, low, size_b);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
  }
  if (fiber->started) __asan_unpoison_memory_region(fiber->low, fiber->size_b);
#endif
#if defined(HAS_TSAN)
  __tsan_destroy_fiber(fiber->tsan);
#endif
  (void)fiber;
}

/* ---- the switch ---- */

static void fiber_main(tc_rt_fiber *self);

#if TC_RT_FIBER_PORTABLE

/* makecontext passes int arguments only. */
static void fiber_start(unsigned high, unsigned low) {
  fiber_main((tc_rt_fiber *)((uintptr_t)high << 16 << 16 | (uintptr_t)low));
}

static bool fiber_prepare(tc_rt_fiber *fiber) {
  if (getcontext(&fiber->context)) return false;
  fiber->context.uc_stack.ss_sp = fiber->low;
  fiber->context.uc_stack.ss_size = fiber->size_b;
  fiber->context.uc_link = NULL;
  uintptr_t at = (uintptr_t)fiber;
  makecontext(&fiber->context, (void (*)(void))fiber_start, 2, (unsigned)(at >> 16 >> 16),
              (unsigned)at);
  return true;
}

static void fiber_swap(tc_rt_fiber *from, tc_rt_fiber *to) {
  swapcontext(&from->context, &to->context);
}

#else

/* Both are labels in this file's assembler text, not symbols of the program: several objects that
 * hold this file, perhaps of different versions, may be linked together. (So the file cannot be
 * compiled for optimisation at link time, which splits the text from the code.)
 *
 * Saves the callee-saved registers and floating-point modes on the stack and the stack pointer in
 * *save, then takes those at `to`. Returns in the one that stands there. */
__attribute__((visibility("hidden"))) void tc_fiber_swap(void **save, void *to);
/* Where the first switch to a fiber goes: calls the second saved register with the first one. */
__attribute__((visibility("hidden"))) void tc_fiber_start(void);

#if defined(__APPLE__)
#define ASM_FUNCTION(name) ".p2align 4\n_" #name ":\n.cfi_startproc\n"
#define ASM_END(name)      ".cfi_endproc\n"
#else
#define ASM_FUNCTION(name) ".p2align 4\n.type " #name ", %function\n" #name ":\n.cfi_startproc\n"
#define ASM_END(name)      ".cfi_endproc\n.size " #name ", .-" #name "\n"
#endif

#if defined(__x86_64__)

/* System V ABI, 3.2.1: rbx, rbp, r12-r15, the control bits of mxcsr and the x87 control word belong
 * to the caller. A return address and this frame are 8 * 8 bytes. */
enum {
  FIBER_FRAME_WORDS = 8,
  FIBER_MODES_AT = 0,
  FIBER_ARG_AT = 5,
  FIBER_FN_AT = 4,
  FIBER_RETURN_AT = 7
};

__asm__(".text\n" ASM_FUNCTION(tc_fiber_swap) /* clang-format off */
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  subq $8, %rsp\n"
        "  .cfi_adjust_cfa_offset 56\n"
        "  stmxcsr (%rsp)\n"
        "  fnstcw 4(%rsp)\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  ldmxcsr (%rsp)\n"
        "  fldcw 4(%rsp)\n"
        "  addq $8, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  .cfi_adjust_cfa_offset -56\n"
        "  ret\n" ASM_END(tc_fiber_swap)
        ASM_FUNCTION(tc_fiber_start)
        "  .cfi_undefined rip\n"
        "  movq %rbx, %rdi\n"
        "  xorl %ebp, %ebp\n"
        "  call *%r12\n"
        "  ud2\n" ASM_END(tc_fiber_start)); /* clang-format on */

static void save_modes(void **frame) {
  unsigned char *at = (unsigned char *)&frame[FIBER_MODES_AT];
  __asm__ volatile("stmxcsr (%0)\n\tfnstcw 4(%0)" : : "r"(at) : "memory");
}

#else /* __aarch64__ */

/* Procedure Call Standard for AArch64, 6.1: x19-x29, sp, the low halves of v8-v15 and the modes in
 * fpcr belong to the caller. Writing fpcr is slow, so it is written only when it differs. */
enum {
  FIBER_FRAME_WORDS = 22,
  FIBER_RETURN_AT = 1,
  FIBER_ARG_AT = 2,
  FIBER_FN_AT = 3,
  FIBER_MODES_AT = 20
};

__asm__(".text\n" ASM_FUNCTION(tc_fiber_swap) /* clang-format off */
        "  stp x29, x30, [sp, #-176]!\n"
        "  .cfi_adjust_cfa_offset 176\n"
        "  stp x19, x20, [sp, #16]\n"
        "  stp x21, x22, [sp, #32]\n"
        "  stp x23, x24, [sp, #48]\n"
        "  stp x25, x26, [sp, #64]\n"
        "  stp x27, x28, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  mrs x9, fpcr\n"
        "  str x9, [sp, #160]\n"
        "  mov x10, sp\n"
        "  str x10, [x0]\n"
        "  mov sp, x1\n"
        "  ldr x10, [sp, #160]\n"
        "  cmp x9, x10\n"
        "  b.eq 1f\n"
        "  msr fpcr, x10\n"
        "1:\n"
        "  ldp x19, x20, [sp, #16]\n"
        "  ldp x21, x22, [sp, #32]\n"
        "  ldp x23, x24, [sp, #48]\n"
        "  ldp x25, x26, [sp, #64]\n"
        "  ldp x27, x28, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  ldp x29, x30, [sp], #176\n"
        "  .cfi_adjust_cfa_offset -176\n"
        "  ret\n" ASM_END(tc_fiber_swap)
        ASM_FUNCTION(tc_fiber_start)
        "  .cfi_undefined x30\n"
        "  mov x0, x19\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  blr x20\n"
        "  brk #1\n" ASM_END(tc_fiber_start)); /* clang-format on */

static void save_modes(void **frame) {
  uint64_t modes;
  __asm__ volatile("mrs %0, fpcr" : "=r"(modes));
  frame[FIBER_MODES_AT] = (void *)(uintptr_t)modes;
}

#endif

/* The frame that tc_fiber_swap takes, below the fiber's record. ISO C does not convert function
 * pointers to void *; POSIX promises that they share a representation. */
static bool fiber_prepare(tc_rt_fiber *fiber) {
  void (*entry)(tc_rt_fiber *) = fiber_main, (*first)(void) = tc_fiber_start;
  void **frame = (void **)(void *)fiber - FIBER_FRAME_WORDS;
  memset(frame, 0, FIBER_FRAME_WORDS * sizeof *frame);
  save_modes(frame);
  frame[FIBER_ARG_AT] = fiber;
  memcpy(&frame[FIBER_FN_AT], &entry, sizeof entry);
  memcpy(&frame[FIBER_RETURN_AT], &first, sizeof first);
  fiber->sp = frame;
  return true;
}

static void fiber_swap(tc_rt_fiber *from, tc_rt_fiber *to) {
  tc_fiber_swap(&from->sp, to->sp);
}

#endif

static void fiber_go(tc_rt_fiber *from, tc_rt_fiber *to, bool for_good) {
  tc_rt_fibers *fibers = from->owner;
  fibers->current = to;
  fibers->previous = from;
  tell_leaving(from, to, for_good);
#if defined(HAS_TSAN)
  __tsan_switch_to_fiber(to->tsan,
                         0); /* here: each function must leave the fiber it was entered in */
#endif
  fiber_swap(from, to);
  tell_arrived(from);
}

static void fiber_main(tc_rt_fiber *self) {
  tell_arrived(self);
  self->started = true;
  tc_rt_fiber *next = self->fn(self->data);
  self->finished = true;
  fiber_go(self, next ? next : &self->owner->home, true);
}

void tc_rt_fiber_switch(tc_rt_fibers *fibers, tc_rt_fiber *to) {
  if (!to) to = &fibers->home;
  if (to != fibers->current) fiber_go(fibers->current, to, false);
}

/* ---- stacks ---- */

/* A new stack with the record at its top. If all began at the same place in a page, the few lines
 * that each switch touches would compete for the same sets of the cache: with 1024 fibers a switch
 * took three times as long. */
static tc_rt_fiber *fiber_map(tc_rt_fibers *fibers) {
  size_t map_b = FIBER_GUARD_B + fibers->stack_b,
         color_b = fibers->n_stacks % FIBER_COLORS * FIBER_COLOR_B;
  unsigned char *map =
      mmap(NULL, map_b, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return NULL;
  if (mprotect(map + FIBER_GUARD_B, fibers->stack_b, PROT_READ | PROT_WRITE)) {
    munmap(map, map_b);
    return NULL;
  }
  size_t record_b = (sizeof(tc_rt_fiber) + 63) / 64 * 64 + color_b;
  tc_rt_fiber *fiber = (tc_rt_fiber *)(void *)(map + map_b - record_b);
  fibers->n_stacks++;
  *fiber = (tc_rt_fiber){.owner = fibers, .link = fibers->all, .low = map + FIBER_GUARD_B};
  fiber->size_b = fibers->stack_b - record_b;
  return fibers->all = fiber;
}

tc_rt_fiber *tc_rt_fiber_new(tc_rt_fibers *fibers, tc_rt_fiber_fn *fn, void *data) {
  tc_rt_fiber *fiber = fibers->free;
  if (!fiber && !(fiber = fiber_map(fibers))) return NULL;
  if (fiber == fibers->free) fibers->free = fiber->next;
  fiber->fn = fn;
  fiber->data = data;
  fiber->started = fiber->finished = false;
  fiber->in_use = fiber_prepare(fiber);
#if defined(HAS_ASAN)
  fiber->fake = NULL;
#endif
#if defined(HAS_TSAN)
  fiber->tsan = __tsan_create_fiber(0);
#endif
  if (fiber->in_use) return fiber;
  fiber->in_use = true; /* so that it goes the way of the others */
  tc_rt_fiber_free(fiber);
  return NULL;
}

void tc_rt_fiber_free(tc_rt_fiber *fiber) {
  if (!fiber || !fiber->in_use) return;
  tell_forgotten(fiber);
  fiber->in_use = false;
  fiber->next = fiber->owner->free;
  fiber->owner->free = fiber;
}

tc_rt_fibers *tc_rt_fibers_new(const tilec_allocator *allocator, size_t stack_b) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), extra_b = FIBER_RECORD_B + page + FIBER_GUARD_B;
  if (stack_b > (SIZE_MAX - extra_b) / FIBER_STACK_FACTOR) return NULL;
  tc_rt_fibers *fibers = tc_rt_alloc(allocator, sizeof *fibers, _Alignof(max_align_t));
  if (!fibers) return NULL;
  *fibers = (tc_rt_fibers){.hooked = allocator != NULL};
  if (allocator) fibers->allocator = *allocator;
  fibers->stack_b = (stack_b * FIBER_STACK_FACTOR + FIBER_RECORD_B + page - 1) / page * page;
  fibers->home.owner = fibers;
  fibers->current = fibers->previous = &fibers->home;
  return fibers;
}

void tc_rt_fibers_free(tc_rt_fibers *fibers) {
  if (!fibers) return;
  size_t map_b = FIBER_GUARD_B + fibers->stack_b;
  for (tc_rt_fiber *fiber = fibers->all, *link; fiber; fiber = link) {
    link = fiber->link;
    tc_rt_fiber_free(fiber);
    munmap(fiber->low - FIBER_GUARD_B, map_b);
  }
  tilec_allocator copy = fibers->allocator;
  tc_rt_free(fibers->hooked ? &copy : NULL, fibers, sizeof *fibers);
}

/* ---- questions ---- */

tc_rt_fiber *tc_rt_fiber_current(const tc_rt_fibers *fibers) {
  return fibers->current == &fibers->home ? NULL : fibers->current;
}

bool tc_rt_fiber_is_finished(const tc_rt_fiber *fiber) {
  return fiber->finished;
}

void *tc_rt_fiber_data(const tc_rt_fiber *fiber) {
  return fiber->data;
}
