#include "CKernels.h"
#include "lanes.h"

enum { panel = 16, tile_rows = 6 };

size_t bathyscope_packed_count(size_t outputs, size_t inputs) {
  return (outputs + panel - 1) / panel * panel * inputs;
}

void bathyscope_pack_row(float *packed, const float *row, size_t index, size_t inputs) {
  float *target = packed + index / panel * panel * inputs + index % panel;
  for (size_t i = 0; i < inputs; i++) target[i * panel] = row[i];
}

void bathyscope_unpack_row(float *row, const float *packed, size_t index, size_t inputs) {
  const float *source = packed + index / panel * panel * inputs + index % panel;
  for (size_t i = 0; i < inputs; i++) row[i] = source[i * panel];
}

// A tile of `rows` x `width` panels of results, held in registers over all inputs. The bounds are
// constants where this is inlined.
BATHYSCOPE_INLINE void tile(float *y, size_t y_stride, const float *x, size_t inputs,
                            const float *weights, const int rows, const int width) {
  lanes sum[tile_rows][4];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int b = 0; b < width; b++) sum[r][b] = (lanes){0};
  for (size_t i = 0; i < inputs; i++) {
    lanes w[4];
#pragma clang loop unroll(full)
    for (int b = 0; b < width; b++) load(&w[b], weights + ((size_t)b * inputs + i) * panel);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      float factor = x[(size_t)r * inputs + i];
#pragma clang loop unroll(full)
      for (int b = 0; b < width; b++) sum[r][b] += w[b] * factor;
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int b = 0; b < width; b++) store(y + (size_t)r * y_stride + panel * b, &sum[r][b]);
}

BATHYSCOPE_INLINE void tile_of(size_t rows, float *y, size_t y_stride, const float *x,
                               size_t inputs, const float *weights, const int width) {
  switch (rows) {
    case 1: tile(y, y_stride, x, inputs, weights, 1, width); break;
    case 2: tile(y, y_stride, x, inputs, weights, 2, width); break;
    case 3: tile(y, y_stride, x, inputs, weights, 3, width); break;
    case 4: tile(y, y_stride, x, inputs, weights, 4, width); break;
    case 5: tile(y, y_stride, x, inputs, weights, 5, width); break;
    default: tile(y, y_stride, x, inputs, weights, 6, width); break;
  }
}

// All rows by `width` panels from output `first` on.
BATHYSCOPE_INLINE void strip(float *y, const float *x, const float *packed, size_t rows,
                             size_t inputs, size_t outputs, size_t first, const int width) {
  const float *weights = packed + first * inputs;
  for (size_t row = 0; row < rows; row += tile_rows) {
    size_t count = rows - row < tile_rows ? rows - row : tile_rows;
    const float *source = x + row * inputs;
    float *target = y + row * outputs + first;
    if (first + panel * (size_t)width <= outputs) {
      tile_of(count, target, outputs, source, inputs, weights, width);
    } else {
      float edge[tile_rows * panel];
      tile_of(count, edge, panel, source, inputs, weights, 1);
      for (size_t r = 0; r < count; r++)
        memcpy(target + r * outputs, edge + r * panel, (outputs - first) * sizeof *y);
    }
  }
}

// `width` panels at a time, and the last ones singly.
BATHYSCOPE_INLINE void multiply(float *y, const float *x, const float *packed, size_t rows,
                                size_t inputs, size_t outputs, const int width) {
  size_t first = 0;
  for (; first + panel * (size_t)width <= outputs; first += panel * (size_t)width)
    strip(y, x, packed, rows, inputs, outputs, first, width);
  for (; first < outputs; first += panel)
    strip(y, x, packed, rows, inputs, outputs, first, 1);
}

// 6 x 16 results fill the sixteen registers of AVX2 and most of NEON's; AVX-512 holds 6 x 64.
#if defined(__x86_64__) && defined(__linux__)
__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void multiply_v4(
    float *y, const float *x, const float *packed, size_t rows, size_t inputs, size_t outputs) {
  multiply(y, x, packed, rows, inputs, outputs, 4);
}

__attribute__((target("arch=x86-64-v3"))) static void multiply_v3(
    float *y, const float *x, const float *packed, size_t rows, size_t inputs, size_t outputs) {
  multiply(y, x, packed, rows, inputs, outputs, 1);
}
#endif

void bathyscope_multiply(float *y, const float *x, const float *packed, size_t rows, size_t inputs,
                         size_t outputs) {
#if defined(__x86_64__) && defined(__linux__)
  if (__builtin_cpu_supports("x86-64-v4")) {
    multiply_v4(y, x, packed, rows, inputs, outputs);
    return;
  }
  if (__builtin_cpu_supports("x86-64-v3")) {
    multiply_v3(y, x, packed, rows, inputs, outputs);
    return;
  }
#endif
  multiply(y, x, packed, rows, inputs, outputs, 1);
}
