#if defined(__x86_64__) && defined(__linux__)
#include "../include/variants.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// 32 registers of sixteen: 6 x 64 results.
#define VARIANT bathyscope_v4
#define VARIANT_NAME "x86-64-v4"
#define TILE_ROWS 6
#define TILE_PANELS(rows) 4

#pragma clang attribute push( \
    __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#include "../loops/loops.h"
#pragma clang attribute pop
#endif
