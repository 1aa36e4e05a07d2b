#if defined(__x86_64__) && defined(__linux__)
#include "../include/variants.h"

#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// As v4, with the instruction for pairs of bfloat16.
#define VARIANT bathyscope_v4_bf16
#define VARIANT_NAME "x86-64-v4-bf16"
#define TILE_ROWS 6
#define TILE_PANELS(rows) 4
#define DOT_PAIRS avx512_dot_pairs
#define AVX512_PAIRS

#pragma clang attribute push( \
    __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512))), \
    apply_to = function)
#include "../loops/loops.h"
#pragma clang attribute pop
#endif
