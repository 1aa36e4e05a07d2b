#if defined(__x86_64__) && defined(__linux__)
#include "../include/variants.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Sixteen registers of eight: 6 x 16 results, a panel's weights and a factor.
#define VARIANT bathyscope_v3
#define VARIANT_NAME "x86-64-v3"
#define TILE_ROWS 6
#define TILE_PANELS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "../loops/loops.h"
#pragma clang attribute pop
#endif
