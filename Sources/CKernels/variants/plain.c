#include "../include/variants.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Whatever the compiler's target has: SSE2 on x86-64, NEON on arm64. Sixteen registers of SSE2 hold
// 3 x 16 results, the 32 of NEON 6 x 16.
#define VARIANT bathyscope_plain
#if defined(__aarch64__)
#define VARIANT_NAME "arm64"
#define TILE_ROWS 6
#define TILE_PANELS(rows) ((rows) == 1 ? 4 : (rows) <= 3 ? 2 : 1)
#else
#if defined(__x86_64__)
#define VARIANT_NAME "x86-64"
#else
#define VARIANT_NAME "generic"
#endif
#define TILE_ROWS 3
#define TILE_PANELS(rows) ((rows) == 1 ? 2 : 1)
// Emulated: nobody's fast path, and so the place to exercise the layout of the processors that have it.
#define DOT_PAIRS emulated_dot_pairs
#endif

#include "../loops/loops.h"
