#include "CKernels.h"
#include <math.h>
void bathyscope_layer_norm(float *out, const float *x, const float *gain, const float *bias, size_t rows, size_t d, float epsilon) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    double m = 0, v = 0;
    for (size_t i = 0; i < d; i++) m += x[i];
    m /= d;
    for (size_t i = 0; i < d; i++) v += (x[i]-m)*(x[i]-m);
    float s = 1 / sqrt(v / d + epsilon);
    for (size_t i = 0; i < d; i++) out[i] = (float)(x[i]-m)*s*gain[i]+bias[i];
  }
}
void bathyscope_activate(float *out, const float *x, size_t count, int kind) {
  for (size_t i = 0; i < count; i++) {
    float v = x[i];
    out[i] = kind == 0 ? v / (1 + expf(-v)) : kind == 1 ? v * 0.5f * (1 + erff(v * 0.70710678f)) : kind == 2 ? 0.5f * v * (1 + tanhf(0.79788456f * (v + 0.044715f * v * v * v))) : v > 0 ? v : 0;
  }
}
void bathyscope_soft_cap(float *out, const float *x, size_t count, float cap) {
  for (size_t i = 0; i < count; i++) out[i] = cap * tanhf(x[i] / cap);
}
