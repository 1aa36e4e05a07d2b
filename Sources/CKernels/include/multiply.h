#pragma once

#include <stddef.h>
#include <stdint.h>

// Products with a packed weight matrix.
//
// w [outputs, inputs] is stored in panels of 16 outputs: panel p holds, for each input i, the 16 values
// w[16 p ... 16 p + 15][i]; the last panel is filled up with zeros. Panels of bfloat16 hold, for each
// pair of inputs, 16 words: w[.][2 i] in the upper half, w[.][2 i + 1] in the lower one, which is zero
// behind an odd number of inputs.
//
// Every value of a result is a sum of spans of 64 terms, each one chain of multiply-adds in order,
// whatever the tile that computes it, so a row of the result depends on its own row of x alone. Rows of results lie `stride` floats apart:
// some panels of a matrix give some columns of the result.

/// Packs `count` rows of w, at most 16, [count, inputs], into one panel of 16 * inputs floats.
void bathyscope_pack_panel(float *panel, const float *rows, size_t count, size_t inputs);

/// Reads the first `count` rows of a panel back.
void bathyscope_unpack_panel(float *rows, const float *panel, size_t count, size_t inputs);

/// Rounds and packs `count` rows into a panel of 16 * ((inputs + 1) / 2) words. Returns the largest
/// relative change of a weight; one that is below the smallest normal float does not count.
float bathyscope_pack_panel_bf16(uint32_t *panel, const float *rows, size_t count, size_t inputs);

void bathyscope_unpack_panel_bf16(float *rows, const uint32_t *panel, size_t count,
                                  size_t inputs);

/// y [rows, outputs] = x [rows, inputs] w^T.
void bathyscope_multiply(float *y, size_t stride, const float *x, const float *panels,
                         size_t rows, size_t inputs, size_t outputs);

/// The same with panels of bfloat16, widened in registers: the bits of bathyscope_multiply with the
/// same weights.
void bathyscope_multiply_widened(float *y, size_t stride, const float *x, const uint32_t *panels,
                                 size_t rows, size_t inputs, size_t outputs);

/// Rounds x [rows, inputs] to bfloat16, in the form that bathyscope_multiply_rounded wants here; as
/// many floats as x has are enough.
void bathyscope_round_rows(float *rounded, const float *x, size_t rows, size_t inputs);

/// y = rounded w^T, sums in floats. Products of bfloat16 are exact, so fused or not makes no difference.
/// AVX512_BF16 is documented to add the upper halves' product first, which is this order, too, and to
/// take numbers below 2^-126 for zero.
void bathyscope_multiply_rounded(float *y, size_t stride, const float *rounded,
                                 const uint32_t *panels, size_t rows, size_t inputs,
                                 size_t outputs);

/// x [rows, inputs] += y [rows, outputs] w, with w [outputs, inputs] row by row, w_stride floats apart:
/// spans of 64 outputs in order. Up to 15 floats behind a row of w are read.
void bathyscope_multiply_transposed(float *x, size_t stride, const float *y, size_t y_stride,
                                    const float *w, size_t w_stride, size_t rows, size_t inputs,
                                    size_t outputs);
