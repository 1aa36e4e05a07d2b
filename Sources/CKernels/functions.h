#pragma once

#include <math.h>
#include <stdlib.h>

#include "lanes.h"

BATHYSCOPE_INLINE float sum_of_lanes(const lanes *x) {
  float s[16];
  memcpy(s, x, sizeof s);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) s[i] += s[i + width];
  return s[0];
}

// exp by 2^n times a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2]; about 1 unit in the last place.
// Below -87.3 the result is 0, which includes minus infinity; above 88.3 it is held at exp(88.3).
BATHYSCOPE_INLINE void exp_lanes(lanes *v) {
  lanes x = *v;
  int_lanes tiny = x < -87.3f;
  int_lanes huge = x > 88.3f;
  lanes cap = (lanes){0} + 88.3f;
  int_lanes bits;
  memcpy(&bits, &x, sizeof bits);
  int_lanes cap_bits;
  memcpy(&cap_bits, &cap, sizeof cap_bits);
  bits = (bits & ~(tiny | huge)) | (cap_bits & huge);
  memcpy(&x, &bits, sizeof x);
  const float round_to_integer = 12582912.0f;  // 1.5 * 2^23
  lanes shifted = x * 1.44269504088896341f + round_to_integer;
  lanes n = shifted - round_to_integer;
  lanes r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  lanes p = r * (1.0f / 720) + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int_lanes exponent = (__builtin_convertvector(n, int_lanes) + 127) << 23;
  lanes power;
  memcpy(&power, &exponent, sizeof power);
  p = p * power;
  memcpy(&bits, &p, sizeof bits);
  bits &= ~tiny;
  memcpy(v, &bits, sizeof bits);
}

// tanh(x): a polynomial near 0, (1 - e) / (1 + e) with e = exp(-2 |x|) elsewhere.
BATHYSCOPE_INLINE void tanh_lanes(lanes *v) {
  lanes x = *v;
  int_lanes bits, sign;
  memcpy(&bits, &x, sizeof bits);
  sign = bits & (int32_t)0x80000000;
  bits ^= sign;
  lanes size;
  memcpy(&size, &bits, sizeof size);
  lanes e = -2.0f * size;
  exp_lanes(&e);
  lanes far = (1.0f - e) / (1.0f + e);
  lanes z = x * x;
  lanes near = z * -5.70498872745e-3f + 2.06390887954e-2f;
  near = near * z - 5.37397155531e-2f;
  near = near * z + 1.33314422036e-1f;
  near = near * z - 3.33332819422e-1f;
  near = near * z * size + size;
  int_lanes is_near = size < 0.625f;
  int_lanes near_bits, far_bits;
  memcpy(&near_bits, &near, sizeof near_bits);
  memcpy(&far_bits, &far, sizeof far_bits);
  bits = (near_bits & is_near) | (far_bits & ~is_near) | sign;
  memcpy(v, &bits, sizeof bits);
}
