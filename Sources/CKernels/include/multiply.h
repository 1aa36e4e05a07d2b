#pragma once

#include <stddef.h>

// Products with a packed weight matrix.
//
// w [outputs, inputs] is stored in panels of 16 outputs: panel p holds, for each input i, the 16 values
// w[16 p ... 16 p + 15][i]; the last panel is filled up with zeros. Every value of the result is one
// chain of multiply-adds over the inputs in order, whatever the tile that computes it, so a row of the
// result depends on its own row of x alone.

/// Floats that a packed matrix takes.
size_t bathyscope_packed_count(size_t outputs, size_t inputs);

/// Writes one row of w into its place.
void bathyscope_pack_row(float *packed, const float *row, size_t index, size_t inputs);

/// Reads one row of w back.
void bathyscope_unpack_row(float *row, const float *packed, size_t index, size_t inputs);

/// y [rows, outputs] = x [rows, inputs] w^T.
void bathyscope_multiply(float *y, const float *x, const float *packed, size_t rows, size_t inputs,
                         size_t outputs);
