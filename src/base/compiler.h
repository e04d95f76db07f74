/* The few things that differ between compilers, behind macros, so that the rest is plain C11. */
#ifndef TC_BASE_COMPILER_H
#define TC_BASE_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#define TC_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define TC_UNUSED                  __attribute__((unused))
#define TC_NORETURN                __attribute__((noreturn))
#else
#define TC_PRINTF(fmt_at, args_at)
#define TC_UNUSED
#define TC_NORETURN
#endif

#define TC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
