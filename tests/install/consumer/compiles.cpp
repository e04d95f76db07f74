#include "compiles.c"
