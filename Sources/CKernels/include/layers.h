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

/// out[r] = gain * (x[r] - mean) / sqrt(variance + epsilon) + bias, for rows of d; bias may be NULL.
void bathyscope_layer_norm(float *out, const float *x, const float *gain, const float *bias,
                           size_t rows, size_t d, float epsilon);

/// out[r] = gain * x[r] + bias, for rows of d; bias may be NULL. After a norm with a gain of 1 it gives the
/// bits of that norm with this gain and bias.
void bathyscope_stretch(float *out, const float *x, const float *gain, const float *bias,
                        size_t rows, size_t d);

// Derivatives of the norms at x: `backward` takes the gradient v of the result to the gradient of x,
// `tangent` a change v of x to the change of the result. Rows of d; out may be v, but not x.

void bathyscope_rms_norm_backward(float *out, const float *v, const float *x, const float *gain,
                                  size_t rows, size_t d, float epsilon);
void bathyscope_rms_norm_tangent(float *out, const float *v, const float *x, const float *gain,
                                 size_t rows, size_t d, float epsilon);
void bathyscope_layer_norm_backward(float *out, const float *v, const float *x, const float *gain,
                                    size_t rows, size_t d, float epsilon);
void bathyscope_layer_norm_tangent(float *out, const float *v, const float *x, const float *gain,
                                   size_t rows, size_t d, float epsilon);

/// silu: x / (1 + exp(-x)). gelu: x P(N < x), N standard normal. gelu_tanh: its approximation by
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. relu: max(x, 0).
enum bathyscope_activation {
  bathyscope_silu,
  bathyscope_gelu,
  bathyscope_gelu_tanh,
  bathyscope_relu,
};

// Each of these works on count values, one by one; a result may take the place of an argument.

/// out = act(x).
void bathyscope_activate(float *out, const float *x, size_t count,
                         enum bathyscope_activation kind);

/// d_x = act'(x) d_out; read the other way round, the derivative in the direction d_out.
void bathyscope_activate_backward(float *d_x, const float *d_out, const float *x, size_t count,
                                  enum bathyscope_activation kind);

/// out = act(x) up.
void bathyscope_gate(float *out, const float *x, const float *up, size_t count,
                     enum bathyscope_activation kind);

/// d_x = act'(x) up d_out, d_up = act(x) d_out.
void bathyscope_gate_backward(float *d_x, float *d_up, const float *d_out, const float *x,
                              const float *up, size_t count, enum bathyscope_activation kind);

/// d_out = act'(x) up d_x + act(x) d_up: the change of the result when x and up change.
void bathyscope_gate_tangent(float *d_out, const float *d_x, const float *d_up, const float *x,
                             const float *up, size_t count, enum bathyscope_activation kind);

/// out = cap tanh(x / cap).
void bathyscope_softcap(float *out, const float *x, float cap, size_t count);

/// d_x = (1 - tanh(x / cap)^2) d_out; also the derivative in the direction d_out.
void bathyscope_softcap_backward(float *d_x, const float *d_out, const float *x, float cap,
                                 size_t count);

/// x += factor * y, over count values.
void bathyscope_add_scaled(float *x, const float *y, float factor, size_t count);

/// The inner product over count values, summed in 16 lanes.
float bathyscope_dot(const float *x, const float *y, size_t count);

/// How many of the values are NaN or infinite.
size_t bathyscope_count_nonfinite(const float *x, size_t count);
