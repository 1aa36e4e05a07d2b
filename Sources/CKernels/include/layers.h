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
/// x [rows, heads * head_width]; cosines, sines [rows, head_width / 2].
void bathyscope_rotate(float *x, const float *cosines, const float *sines, size_t rows,
                       size_t heads, size_t head_width);

/// Floats of scratch that bathyscope_attend needs.
size_t bathyscope_attend_scratch(size_t tokens, size_t head_width);

/// Causal attention of one sequence with grouped query heads.
/// q, z [tokens, heads * head_width]; k, v [tokens, kv_heads * head_width];
/// pattern [tokens, heads * tokens] or NULL, zero after the query's position.
void bathyscope_attend(float *z, float *pattern, const float *q, const float *k, const float *v,
                       size_t tokens, size_t heads, size_t kv_heads, size_t head_width,
                       float scale, float *scratch);

/// out = x / (1 + exp(-x)) * y, over count values.
void bathyscope_silu_multiply(float *out, const float *x, const float *y, size_t count);

/// x += factor * y, over count values.
void bathyscope_add_scaled(float *x, const float *y, float factor, size_t count);

/// The inner product over count values, summed in 16 lanes.
float bathyscope_dot(const float *x, const float *y, size_t count);

/// How many of the values are NaN or infinite.
size_t bathyscope_count_nonfinite(const float *x, size_t count);
