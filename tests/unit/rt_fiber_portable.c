/* The tests of rt_fiber.c with the switch that is made of ucontext. */
#define TC_RT_FIBER_PORTABLE 1
#include "rt/fiber.c"
#include "rt_fiber.c"
