#pragma once

#include <stddef.h>
#include <stdint.h>

/// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
void bathyscope_float32_to_bfloat16(const float *from, uint16_t *to, size_t count);

/// Widens bfloat16, exactly.
void bathyscope_bfloat16_to_float32(const uint16_t *from, float *to, size_t count);

/// Rounds to the nearest IEEE half, ties to even; returns how many finite values became infinite.
size_t bathyscope_float32_to_float16(const float *from, uint16_t *to, size_t count);

/// Widens IEEE halves, exactly.
void bathyscope_float16_to_float32(const uint16_t *from, float *to, size_t count);

/// Adds the NaNs and the infinities among the values to the two counts.
void bathyscope_count_non_finite(const float *values, size_t count, uint64_t *nans,
                                 uint64_t *infinities);
