// Panels from rows and back.

KERNEL(void, pack_panel)(float *target, const float *rows, size_t count, size_t inputs) {
  for (size_t i = 0; i < inputs; i++)
    for (size_t r = 0; r < panel; r++)
      target[i * panel + r] = r < count ? rows[r * inputs + i] : 0;
}

KERNEL(void, unpack_panel)(float *rows, const float *source, size_t count, size_t inputs) {
  for (size_t r = 0; r < count; r++)
    for (size_t i = 0; i < inputs; i++) rows[r * inputs + i] = source[i * panel + r];
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
