INLINE float sum_of_lanes(const lanes *x) {
  float s[16];
  memcpy(s, x, sizeof s);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) s[i] += s[i + width];
  return s[0];
}

// exp by 2^n times a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2]; about 1 unit in the last place.
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

INLINE void exp_lanes(lanes *v) { exp_lanes_of_sum(v, NULL); }

INLINE float inner_product(const float *x, const float *y, size_t count) {
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

KERNEL(float, dot)(const float *x, const float *y, size_t count) { return inner_product(x, y, count); }

KERNEL(void, rms_norm)(float *out, const float *x, const float *gain, size_t rows, size_t d,
                       float epsilon) {
  for (size_t r = 0; r < rows; r++, x += d, out += d) {
    float scale = 1.0f / sqrtf(inner_product(x, x, d) / (float)d + epsilon);
    for (size_t i = 0; i < d; i++) out[i] = gain[i] * (x[i] * scale);
  }
}

KERNEL(void, rotate)(float *x, const float *cosines, const float *sines, size_t rows,
                       size_t heads, size_t head_width) {
  size_t half = head_width / 2;
  for (size_t r = 0; r < rows; r++, cosines += half, sines += half) {
    for (size_t h = 0; h < heads; h++, x += head_width) {
      float *first = x, *second = x + half;
      for (size_t i = 0; i < half; i++) {
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

// Attention. Keys are laid out by head coordinate so that a vector holds sixteen keys and no sum
// runs across lanes; four queries share each key that is loaded.

enum { query_block = 4 };

static size_t round_up(size_t n) { return (n + 15) / 16 * 16; }

KERNEL(size_t, attend_scratch)(size_t tokens, size_t head_width) {
  size_t keys = round_up(tokens);
  return keys * head_width + tokens * round_up(head_width) + query_block * keys;
}

INLINE void score_block(float *scores, size_t stride, const float *const query[],
                                   const float *keys, size_t key_stride, size_t key_blocks,
                                   size_t head_width, float scale) {
  for (size_t block = 0; block < key_blocks; block++) {
    lanes sum[query_block] = {{0}};
    const float *column = keys + block * 16;
    for (size_t i = 0; i < head_width; i++, column += key_stride) {
      lanes key;
      load(&key, column);
      for (int q = 0; q < query_block; q++) sum[q] += key * query[q][i];
    }
    for (int q = 0; q < query_block; q++) {
      sum[q] *= scale;
      store(scores + (size_t)q * stride + block * 16, &sum[q]);
    }
  }
}

// Turns the first count scores into probabilities; the rest of the last block becomes 0.
INLINE void softmax(float *scores, size_t count) {
  size_t padded = (count + 15) / 16 * 16;
  float largest = scores[0];
  for (size_t i = 1; i < count; i++) largest = scores[i] > largest ? scores[i] : largest;
  for (size_t i = count; i < padded; i++) scores[i] = -INFINITY;
  lanes sum = {0};
  for (size_t i = 0; i < padded; i += 16) {
    lanes e;
    load(&e, scores + i);
    e -= largest;
    exp_lanes(&e);
    sum += e;
    store(scores + i, &e);
  }
  float inverse = 1.0f / sum_of_lanes(&sum);
  for (size_t i = 0; i < padded; i++) scores[i] *= inverse;
}

// out[0 ..< 16 * blocks] = sum over keys of weight * value.
INLINE void weighted_sum(float *out, const float *weights, const float *values,
                                    size_t value_stride, size_t count, int blocks) {
  lanes sum[4] = {{0}};
  for (size_t j = 0; j < count; j++, values += value_stride) {
    for (int b = 0; b < blocks; b++) {
      lanes value;
      load(&value, values + 16 * b);
      sum[b] += value * weights[j];
    }
  }
  for (int b = 0; b < blocks; b++) store(out + 16 * b, &sum[b]);
}

INLINE void attend_query(float *z, const float *weights, const float *values,
                                    size_t count, size_t head_width) {
  size_t width = (head_width + 15) / 16 * 16;
  for (size_t c = 0; c < width; c += 64) {
    float out[64];
    size_t blocks = (width - c) / 16;
    if (blocks >= 4)
      weighted_sum(out, weights, values + c, width, count, 4);
    else
      weighted_sum(out, weights, values + c, width, count, (int)blocks);
    size_t used = head_width - c < 64 ? head_width - c : 64;
    memcpy(z + c, out, used * sizeof *out);
  }
}

KERNEL(void, attend)(float *z, float *pattern, const float *q, const float *k, const float *v,
                       size_t tokens, size_t heads, size_t kv_heads, size_t head_width,
                       float scale, float *scratch) {
  size_t key_stride = (tokens + 15) / 16 * 16;
  size_t value_width = (head_width + 15) / 16 * 16;
  float *keys = scratch, *values = keys + key_stride * head_width;
  float *scores = values + tokens * value_width;
  size_t q_width = heads * head_width, kv_width = kv_heads * head_width;
  size_t group = heads / kv_heads;
  memset(keys, 0, key_stride * head_width * sizeof *keys);
  memset(values, 0, tokens * value_width * sizeof *values);
  for (size_t kv = 0; kv < kv_heads; kv++) {
    for (size_t t = 0; t < tokens; t++) {
      const float *key = k + t * kv_width + kv * head_width;
      for (size_t i = 0; i < head_width; i++) keys[i * key_stride + t] = key[i];
      memcpy(values + t * value_width, v + t * kv_width + kv * head_width,
             head_width * sizeof *values);
    }
    for (size_t h = kv * group; h < (kv + 1) * group; h++) {
      for (size_t first = 0; first < tokens; first += query_block) {
        size_t last = first + query_block < tokens ? first + query_block : tokens;
        const float *query[query_block];
        for (size_t i = 0; i < query_block; i++) {
          size_t t = first + i < last ? first + i : last - 1;
          query[i] = q + t * q_width + h * head_width;
        }
        score_block(scores, key_stride, query, keys, key_stride, (last + 15) / 16, head_width,
                    scale);
        for (size_t t = first; t < last; t++) {
          float *row = scores + (t - first) * key_stride;
          softmax(row, t + 1);
          attend_query(z + t * q_width + h * head_width, row, values, t + 1, head_width);
          if (pattern) {
            float *target = pattern + (t * heads + h) * tokens;
            memcpy(target, row, (t + 1) * sizeof *row);
            memset(target + t + 1, 0, (tokens - t - 1) * sizeof *target);
          }
        }
      }
    }
  }
}
