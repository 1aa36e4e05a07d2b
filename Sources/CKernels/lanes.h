#pragma once

#include <stdint.h>
#include <string.h>

// One source, compiled for several instruction sets; the loader picks at run time.
#if defined(__x86_64__) && defined(__linux__)
#define BATHYSCOPE_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define BATHYSCOPE_CLONES
#endif

#define BATHYSCOPE_INLINE static inline __attribute__((always_inline))

// Sixteen floats whatever the machine's registers, so that sums are taken in the same order everywhere.
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));

BATHYSCOPE_INLINE void load(lanes *out, const float *p) { memcpy(out, p, sizeof *out); }
BATHYSCOPE_INLINE void store(float *p, const lanes *x) { memcpy(p, x, sizeof *x); }
