#include "CKernels.h"
#include "functions.h"

#include <math.h>

BATHYSCOPE_INLINE float dot(const float *x, const float *y, size_t count) {
  lanes sum = {0};
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    lanes a, b;
    load(&a, x + i);
    load(&b, y + i);
    sum += a * b;
  }
  float total = sum_of_lanes(&sum);
  for (; i < count; i++) total += x[i] * y[i];
  return total;
}

BATHYSCOPE_CLONES
float bathyscope_dot(const float *x, const float *y, size_t count) { return dot(x, y, count); }

BATHYSCOPE_CLONES
void bathyscope_rms_norm(float *out, const float *x, const float *gain, size_t rows, size_t d,
                         float epsilon) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    float scale = 1.0f / sqrtf(dot(x, x, d) / (float)d + epsilon);
    for (size_t i = 0; i < d; i++) out[i] = gain[i] * (x[i] * scale);
  }
}

BATHYSCOPE_CLONES
void bathyscope_rotate(float *x, const float *cosines, const float *sines, size_t rows,
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

BATHYSCOPE_CLONES
void bathyscope_silu_multiply(float *out, const float *x, const float *y, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    lanes a, b;
    load(&a, x + i);
    load(&b, y + i);
    lanes e = -a;
    exp_lanes(&e);
    lanes result = a / (1.0f + e) * b;
    store(out + i, &result);
  }
  if (i < count) {
    float a_tail[16] = {0}, b_tail[16] = {0};
    memcpy(a_tail, x + i, (count - i) * sizeof *x);
    memcpy(b_tail, y + i, (count - i) * sizeof *y);
    lanes a, b;
    load(&a, a_tail);
    load(&b, b_tail);
    lanes e = -a;
    exp_lanes(&e);
    lanes result = a / (1.0f + e) * b;
    memcpy(out + i, &result, (count - i) * sizeof *out);
  }
}

BATHYSCOPE_CLONES
void bathyscope_add_scaled(float *x, const float *y, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] += factor * y[i];
}

BATHYSCOPE_CLONES
size_t bathyscope_count_nonfinite(const float *x, size_t count) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    found += (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found;
}

const char *bathyscope_kernel_name(void) {
#if defined(__x86_64__) && defined(__linux__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
  return "x86-64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "generic";
#endif
}

