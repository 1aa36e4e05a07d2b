// The inner loops, to be compiled once for each instruction set by a file in variants/, which says
//
//   VARIANT       the name of the table that the file defines
//   VARIANT_NAME  what users call it
//   TILE_ROWS, TILE_PANELS(rows)  the largest tile of a product that stays in registers
//   DOT_PAIRS     where products of bfloat16 pairs are to be used
//
// before it includes this one inside a `#pragma clang attribute push` with its target.

#define INLINE static inline __attribute__((always_inline))
#define KERNEL(result, name) static result kernel_##name

#include "lanes.h"

#include "halves.h"
#include "layers.h"
#include "activations.h"
#include "norms.h"
#include "attention.h"
#include "multiply.h"
#include "pack.h"

// The last one, because its pragma lasts to the end.
#include "expand.h"

#define ENTRY(result, name, parameters, arguments) .name = kernel_##name,
const struct bathyscope_kernels VARIANT = {.kernel_name = VARIANT_NAME, BATHYSCOPE_KERNELS(ENTRY)};
