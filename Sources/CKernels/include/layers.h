#pragma once

#include <stddef.h>
#include <stdint.h>

// The inner loops of a transformer's forward pass, in 32-bit floats.
//
// Every function computes a row by an arithmetic that depends on that row alone: not on how many rows
// stand beside it, nor on which thread takes it. That is what makes a prompt's activations the same
// bytes in any batch. T rows (tokens), d columns.

/// out[r] = x[r] * gain / sqrt(mean(x[r]^2) + epsilon), for rows of d.
void bathyscope_rms_norm(float *out, const float *x, const float *gain, size_t rows, size_t d,
                         float epsilon);

/// Rotary embedding in place, halves rotated against each other (the Hugging Face convention).
/// Of each head the first 2 * pairs values are rotated. x [rows, heads * head_width];
/// cosines, sines [rows, pairs].
void bathyscope_rotate(float *x, const float *cosines, const float *sines, size_t rows,
                       size_t heads, size_t head_width, size_t pairs);

/// out = x / (1 + exp(-x)) * y, over count values.
void bathyscope_silu_multiply(float *out, const float *x, const float *y, size_t count);

/// x += factor * y, over count values.
void bathyscope_add_scaled(float *x, const float *y, float factor, size_t count);

/// The inner product over count values, summed in 16 lanes.
float bathyscope_dot(const float *x, const float *y, size_t count);

/// How many of the values are NaN or infinite.
size_t bathyscope_count_nonfinite(const float *x, size_t count);

void bathyscope_layer_norm(float *out, const float *x, const float *gain, const float *bias, size_t rows, size_t d, float epsilon);
void bathyscope_activate(float *out, const float *x, size_t count, int kind);
void bathyscope_soft_cap(float *out, const float *x, size_t count, float cap);
