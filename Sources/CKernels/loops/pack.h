// Panels from rows and back.

typedef float eight __attribute__((vector_size(32)));

// Eight rows of eight floats, `from_stride` apart, become eight columns, `to_stride` apart.
INLINE void transpose_eight(float *to, size_t to_stride, const float *from, size_t from_stride) {
  eight a[8], b[8];
  for (size_t i = 0; i < 8; i++) memcpy(&a[i], from + i * from_stride, sizeof a[i]);
  for (size_t i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (size_t i = 0; i < 8; i += 4) {
    a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    a[i + 2] = __builtin_shufflevector(b[i + 1], b[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 3] = __builtin_shufflevector(b[i + 1], b[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (size_t i = 0; i < 4; i++) {
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (size_t i = 0; i < 8; i++) memcpy(to + i * to_stride, &b[i], sizeof b[i]);
}

KERNEL(void, pack_panel)(float *target, const float *rows, size_t count, size_t inputs) {
  size_t i = 0;
  for (; count == panel && i + 8 <= inputs; i += 8)
    for (size_t r = 0; r < panel; r += 8)
      transpose_eight(target + i * panel + r, panel, rows + r * inputs + i, inputs);
  for (; i < inputs; i++)
    for (size_t r = 0; r < panel; r++)
      target[i * panel + r] = r < count ? rows[r * inputs + i] : 0;
}

KERNEL(void, unpack_panel)(float *rows, const float *source, size_t count, size_t inputs) {
  size_t i = 0;
  for (; count == panel && i + 8 <= inputs; i += 8)
    for (size_t r = 0; r < panel; r += 8)
      transpose_eight(rows + r * inputs + i, inputs, source + i * panel + r, panel);
  for (; i < inputs; i++)
    for (size_t r = 0; r < count; r++) rows[r * inputs + i] = source[i * panel + r];
}

// |rounded - value| / |value|. Below the smallest normal number every value counts as exact: what
// rounding changes there is less than 2^-133.
INLINE float relative_change(float value, uint32_t half) {
  float magnitude = from_bits(bits_of(value) & 0x7fffffff);
  float change = from_bits(half << 16) - value;
  float relative = from_bits(bits_of(change) & 0x7fffffff) / magnitude;
  return magnitude >= 0x1p-126f && magnitude < INFINITY ? relative : 0;
}

KERNEL(float, pack_panel_bf16)(uint32_t *target, const float *rows, size_t count, size_t inputs) {
  float largest = 0;
  for (size_t i = 0; i < inputs; i += 2) {
    for (size_t r = 0; r < panel; r++) {
      float first = r < count ? rows[r * inputs + i] : 0;
      float second = r < count && i + 1 < inputs ? rows[r * inputs + i + 1] : 0;
      uint32_t upper = bfloat16_of(first), lower = bfloat16_of(second);
      float a = relative_change(first, upper), b = relative_change(second, lower);
      largest = a > largest ? a : largest;
      largest = b > largest ? b : largest;
      target[i / 2 * panel + r] = upper << 16 | lower;
    }
  }
  return largest;
}

KERNEL(void, unpack_panel_bf16)(float *rows, const uint32_t *source, size_t count,
                                size_t inputs) {
  for (size_t r = 0; r < count; r++) {
    for (size_t i = 0; i < inputs; i++) {
      uint32_t both = source[i / 2 * panel + r];
      rows[r * inputs + i] = from_bits(i % 2 == 0 ? both & 0xffff0000 : both << 16);
    }
  }
}
