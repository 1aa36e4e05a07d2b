INLINE float sum_of_lanes(const lanes *x) {
  float s[16];
  memcpy(s, x, sizeof s);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) s[i] += s[i + width];
  return s[0];
}

INLINE float sum_of_parts(const lanes x[4]) {
  lanes sum = (x[0] + x[1]) + (x[2] + x[3]);
  return sum_of_lanes(&sum);
}

// exp by 2^n times a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2], within 5e-9 of it before rounding;
// about 1 unit in the last place.
// Below -87.3 the result is 0, which includes minus infinity; above 88.3 it is held at exp(88.3).
// The argument is v + rest, where rest is small: that makes an exact argument of two parts.
INLINE void exp_lanes_of_sum(lanes *v, const lanes *rest) {
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
  if (rest) r += *rest;
  lanes p = r * 0.0013814369f + 0.0083688032f;
  p = p * r + 0.041668396f;
  p = p * r + 0.16666520f;
  p = p * r + 0.49999994f;
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

INLINE void exp_lanes(lanes *v) { exp_lanes_of_sum(v, NULL); }

INLINE float inner_product(const float *x, const float *y, size_t count) {
  lanes sum[4] = {{0}};
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    UNROLLED(int part = 0; part < 4; part++) {
      lanes a, b;
      load(&a, x + i + 16 * part);
      load(&b, y + i + 16 * part);
      sum[part] += a * b;
    }
  }
  for (; i + 16 <= count; i += 16) {
    lanes a, b;
    load(&a, x + i);
    load(&b, y + i);
    sum[0] += a * b;
  }
  float total = sum_of_parts(sum);
  for (; i < count; i++) total += x[i] * y[i];
  return total;
}

KERNEL(float, dot)(const float *x, const float *y, size_t count) { return inner_product(x, y, count); }

KERNEL(void, rms_norm)(float *out, const float *x, const float *gain, size_t rows, size_t d,
                       float epsilon) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    float scale = 1.0f / sqrtf(inner_product(x, x, d) / (float)d + epsilon);
    for (size_t i = 0; i < d; i++) out[i] = gain[i] * (x[i] * scale);
  }
}

KERNEL(void, rotate)(float *x, const float *cosines, const float *sines, size_t rows,
                     size_t heads, size_t head_width, size_t pairs) {
  for (size_t r = 0; r < rows; r++, cosines += pairs, sines += pairs) {
    for (size_t h = 0; h < heads; h++, x += head_width) {
      float *first = x, *second = x + pairs;
      for (size_t i = 0; i < pairs; i++) {
        float a = first[i], b = second[i];
        first[i] = a * cosines[i] - b * sines[i];
        second[i] = b * cosines[i] + a * sines[i];
      }
    }
  }
}

KERNEL(void, add_scaled)(float *x, const float *y, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] += factor * y[i];
}

KERNEL(size_t, count_nonfinite)(const float *x, size_t count) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    found += (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found;
}
