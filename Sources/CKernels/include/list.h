#pragma once

#include <stddef.h>
#include <stdint.h>

#include "attention.h"
#include "layers.h"

// Every kernel that exists once for each instruction set, said once: KERNEL(result, name, parameters,
// arguments) becomes a field of `struct bathyscope_kernels`, an entry of each variant's table and the
// function bathyscope_name. What they do is said in the other headers here.

// clang-format off
#define BATHYSCOPE_KERNELS(KERNEL) \
  KERNEL(void, expand_f16, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_bf16, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q4_0, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q4_1, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q5_0, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q5_1, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q8_0, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q2_k, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q3_k, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q4_k, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q5_k, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, expand_q6_k, (const void *source, size_t count, float *target), \
         (source, count, target)) \
  KERNEL(void, float32_to_bfloat16, (const float *from, uint16_t *to, size_t count), \
         (from, to, count)) \
  KERNEL(void, bfloat16_to_float32, (const uint16_t *from, float *to, size_t count), \
         (from, to, count)) \
  KERNEL(size_t, float32_to_float16, (const float *from, uint16_t *to, size_t count), \
         (from, to, count)) \
  KERNEL(void, float16_to_float32, (const uint16_t *from, float *to, size_t count), \
         (from, to, count)) \
  KERNEL(void, count_non_finite, \
         (const float *values, size_t count, uint64_t *nans, uint64_t *infinities), \
         (values, count, nans, infinities)) \
  KERNEL(void, rms_norm, \
         (float *out, const float *x, const float *gain, size_t rows, size_t d, float epsilon), \
         (out, x, gain, rows, d, epsilon)) \
  KERNEL(void, rotate, \
         (float *x, const float *cosines, const float *sines, size_t rows, size_t heads, \
          size_t head_width, size_t pairs), \
         (x, cosines, sines, rows, heads, head_width, pairs)) \
  KERNEL(size_t, memory_count, (size_t capacity, size_t kv_heads, size_t head_width), \
         (capacity, kv_heads, head_width)) \
  KERNEL(size_t, memory_value, \
         (size_t capacity, size_t kv_heads, size_t head_width, size_t token, size_t kv_head), \
         (capacity, kv_heads, head_width, token, kv_head)) \
  KERNEL(void, memory_copy, \
         (float *target, size_t target_capacity, const float *source, size_t source_capacity, \
          size_t tokens, size_t kv_heads, size_t head_width), \
         (target, target_capacity, source, source_capacity, tokens, kv_heads, head_width)) \
  KERNEL(void, attend, \
         (float *z, float *pattern, const float *q, const float *k, const float *v, float *memory, \
          size_t capacity, size_t start, size_t count, bathyscope_attention attention, \
          size_t kv_head), \
         (z, pattern, q, k, v, memory, capacity, start, count, attention, kv_head)) \
  KERNEL(void, add_scaled, (float *x, const float *y, float factor, size_t count), \
         (x, y, factor, count)) \
  KERNEL(float, dot, (const float *x, const float *y, size_t count), (x, y, count)) \
  KERNEL(size_t, count_nonfinite, (const float *x, size_t count), (x, count)) \
  KERNEL(void, layer_norm, \
         (float *out, const float *x, const float *gain, const float *bias, size_t rows, size_t d, \
          float epsilon), \
         (out, x, gain, bias, rows, d, epsilon)) \
  KERNEL(void, stretch, \
         (float *out, const float *x, const float *gain, const float *bias, size_t rows, size_t d), \
         (out, x, gain, bias, rows, d)) \
  KERNEL(void, rms_norm_backward, \
         (float *out, const float *v, const float *x, const float *gain, size_t rows, size_t d, \
          float epsilon), \
         (out, v, x, gain, rows, d, epsilon)) \
  KERNEL(void, rms_norm_tangent, \
         (float *out, const float *v, const float *x, const float *gain, size_t rows, size_t d, \
          float epsilon), \
         (out, v, x, gain, rows, d, epsilon)) \
  KERNEL(void, layer_norm_backward, \
         (float *out, const float *v, const float *x, const float *gain, size_t rows, size_t d, \
          float epsilon), \
         (out, v, x, gain, rows, d, epsilon)) \
  KERNEL(void, layer_norm_tangent, \
         (float *out, const float *v, const float *x, const float *gain, size_t rows, size_t d, \
          float epsilon), \
         (out, v, x, gain, rows, d, epsilon)) \
  KERNEL(void, activate, \
         (float *out, const float *x, size_t count, enum bathyscope_activation kind), \
         (out, x, count, kind)) \
  KERNEL(void, activate_backward, \
         (float *d_x, const float *d_out, const float *x, size_t count, \
          enum bathyscope_activation kind), \
         (d_x, d_out, x, count, kind)) \
  KERNEL(void, gate, \
         (float *out, const float *x, const float *up, size_t count, \
          enum bathyscope_activation kind), \
         (out, x, up, count, kind)) \
  KERNEL(void, gate_backward, \
         (float *d_x, float *d_up, const float *d_out, const float *x, const float *up, \
          size_t count, enum bathyscope_activation kind), \
         (d_x, d_up, d_out, x, up, count, kind)) \
  KERNEL(void, gate_tangent, \
         (float *d_out, const float *d_x, const float *d_up, const float *x, const float *up, \
          size_t count, enum bathyscope_activation kind), \
         (d_out, d_x, d_up, x, up, count, kind)) \
  KERNEL(void, softcap, (float *out, const float *x, float cap, size_t count), \
         (out, x, cap, count)) \
  KERNEL(void, softcap_backward, \
         (float *d_x, const float *d_out, const float *x, float cap, size_t count), \
         (d_x, d_out, x, cap, count)) \
  KERNEL(void, pack_panel, (float *panel, const float *rows, size_t count, size_t inputs), \
         (panel, rows, count, inputs)) \
  KERNEL(void, unpack_panel, (float *rows, const float *panel, size_t count, size_t inputs), \
         (rows, panel, count, inputs)) \
  KERNEL(float, pack_panel_bf16, (uint32_t *panel, const float *rows, size_t count, size_t inputs), \
         (panel, rows, count, inputs)) \
  KERNEL(void, unpack_panel_bf16, \
         (float *rows, const uint32_t *panel, size_t count, size_t inputs), \
         (rows, panel, count, inputs)) \
  KERNEL(void, multiply, \
         (float *y, size_t stride, const float *x, const float *panels, size_t rows, size_t inputs, \
          size_t outputs), \
         (y, stride, x, panels, rows, inputs, outputs)) \
  KERNEL(void, multiply_widened, \
         (float *y, size_t stride, const float *x, const uint32_t *panels, size_t rows, \
          size_t inputs, size_t outputs), \
         (y, stride, x, panels, rows, inputs, outputs)) \
  KERNEL(void, round_rows, (float *rounded, const float *x, size_t rows, size_t inputs), \
         (rounded, x, rows, inputs)) \
  KERNEL(void, multiply_rounded, \
         (float *y, size_t stride, const float *rounded, const uint32_t *panels, size_t rows, \
          size_t inputs, size_t outputs), \
         (y, stride, rounded, panels, rows, inputs, outputs)) \
  KERNEL(void, multiply_transposed, \
         (float *x, size_t stride, const float *y, size_t y_stride, const float *w, size_t w_stride, \
          size_t rows, size_t inputs, size_t outputs), \
         (x, stride, y, y_stride, w, w_stride, rows, inputs, outputs))
