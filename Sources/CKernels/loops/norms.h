// Norms and their derivatives. With r = 1 / sqrt(mean(c^2) + epsilon), where c is x (RMS norm) or
// x - mean(x) (layer norm), the matrix of derivatives is diag(gain) S with the symmetric
// S v = r (v' - c r^2 mean(c v')), v' being v or v - mean(v); so backward is S (gain v) and the
// derivative in a direction gain (S v).

INLINE float sum_of(const float *x, size_t count) {
  lanes sum[4] = {{0}};
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    UNROLLED(int part = 0; part < 4; part++) {
      lanes a;
      load(&a, x + i + 16 * part);
      sum[part] += a;
    }
  }
  for (; i + 16 <= count; i += 16) {
    lanes a;
    load(&a, x + i);
    sum[0] += a;
  }
  float total = sum_of_parts(sum);
  for (; i < count; i++) total += x[i];
  return total;
}

KERNEL(void, layer_norm)(float *out, const float *x, const float *gain, const float *bias,
                         size_t rows, size_t d, float epsilon) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    float mean = sum_of(x, d) / (float)d;
    for (size_t i = 0; i < d; i++) out[i] = x[i] - mean;
    float scale = 1.0f / sqrtf(inner_product(out, out, d) / (float)d + epsilon);
    if (bias)
      for (size_t i = 0; i < d; i++) out[i] = gain[i] * (out[i] * scale) + bias[i];
    else
      for (size_t i = 0; i < d; i++) out[i] = gain[i] * (out[i] * scale);
  }
}

KERNEL(void, stretch)(float *out, const float *x, const float *gain, const float *bias,
                      size_t rows, size_t d) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    if (bias)
      for (size_t i = 0; i < d; i++) out[i] = gain[i] * x[i] + bias[i];
    else
      for (size_t i = 0; i < d; i++) out[i] = gain[i] * x[i];
  }
}

// One row of S v, times gain before or behind. `out` must not be x; it may be v.
INLINE void norm_derivative(float *out, const float *v, const float *x, const float *gain,
                            size_t d, float epsilon, const int centred, const int backward) {
  for (size_t i = 0; i < d; i++) out[i] = backward ? gain[i] * v[i] : v[i];
  float mean = centred ? sum_of(x, d) / (float)d : 0, shift = centred ? sum_of(out, d) / (float)d : 0;
  lanes squares = {0}, products = {0};
  for (size_t i = 0; i < d; i += 16) {
    lanes c, w;
    load_some(&c, x + i, d - i);
    load_some(&w, out + i, d - i);
    c = c - mean;
    w = w - shift;
    if (d - i < 16)
      for (size_t j = d - i; j < 16; j++) c[j] = 0;
    squares += c * c;
    products += c * w;
  }
  float scale = 1.0f / sqrtf(sum_of_lanes(&squares) / (float)d + epsilon);
  float along = sum_of_lanes(&products) / (float)d * scale * scale;
  for (size_t i = 0; i < d; i++) {
    float value = scale * ((out[i] - shift) - (x[i] - mean) * along);
    out[i] = backward ? value : gain[i] * value;
  }
}

#define NORM_DERIVATIVE(name, centred, backward)                                               \
  KERNEL(void, name)(float *out, const float *v, const float *x, const float *gain,            \
                     size_t rows, size_t d, float epsilon) {                                   \
    for (size_t r = 0; r < rows; r++, out += d, v += d, x += d)                                \
      norm_derivative(out, v, x, gain, d, epsilon, centred, backward);                         \
  }

NORM_DERIVATIVE(rms_norm_backward, 0, 1)
NORM_DERIVATIVE(rms_norm_tangent, 0, 0)
NORM_DERIVATIVE(layer_norm_backward, 1, 1)
NORM_DERIVATIVE(layer_norm_tangent, 1, 0)
