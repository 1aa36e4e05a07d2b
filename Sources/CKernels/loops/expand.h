// Every product below is exact in a float (a half has 11 bits, its factors at most 13 together), so
// a fused multiply-add, which only some processors have, could change no bit. This keeps it so
// when a type with longer factors comes: weights must not depend on the machine.
#pragma STDC FP_CONTRACT OFF

INLINE uint16_t load16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] | bytes[1] << 8);
}

// IEEE 754 half to single, in integers: baseline x86-64 has no instruction for it. A subnormal half
// becomes a normal float by one exact subtraction.
INLINE float half(const uint8_t *bytes) {
  uint32_t stored = load16(bytes);
  uint32_t magnitude = (stored & 0x7fff) << 13, exponent = stored & 0x7c00;
  uint32_t normal = magnitude + (112u << 23);
  float small = from_bits(magnitude + (113u << 23)) - from_bits(113u << 23);
  float value = exponent ? from_bits(exponent == 0x7c00 ? normal + (112u << 23) : normal) : small;
  return from_bits(bits_of(value) | (stored & 0x8000) << 16);
}

KERNEL(void, expand_f16)(const void *source, size_t count, float *restrict target) {
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) target[i] = half(bytes + 2 * i);
}

KERNEL(void, expand_bf16)(const void *source, size_t count, float *restrict target) {
  const uint8_t *bytes = source;
  for (size_t i = 0; i < count; i++) target[i] = from_bits((uint32_t)load16(bytes + 2 * i) << 16);
}

// The blocks of 32 elements: element i in the low half of byte i, element 16 + i in the high half.

INLINE void q4_0_block(const uint8_t *block, float *restrict target) {
  float scale = half(block);
  const uint8_t *low = block + 2;
  for (int i = 0; i < 16; i++) {
    target[i] = scale * (float)((low[i] & 15) - 8);
    target[16 + i] = scale * (float)((low[i] >> 4) - 8);
  }
}

INLINE void q4_1_block(const uint8_t *block, float *restrict target) {
  float scale = half(block), minimum = half(block + 2);
  const uint8_t *low = block + 4;
  for (int i = 0; i < 16; i++) {
    target[i] = scale * (float)(low[i] & 15) + minimum;
    target[16 + i] = scale * (float)(low[i] >> 4) + minimum;
  }
}

// The fifth bits of all 32 elements stand together in one word.
INLINE uint32_t fifth_bits(const uint8_t *bytes) {
  return load16(bytes) | (uint32_t)load16(bytes + 2) << 16;
}

INLINE void q5_0_block(const uint8_t *block, float *restrict target) {
  float scale = half(block);
  uint32_t high = fifth_bits(block + 2);
  const uint8_t *low = block + 6;
  for (int i = 0; i < 16; i++) {
    target[i] = scale * (float)((int)(low[i] & 15) + (int)(high >> i & 1) * 16 - 16);
    target[16 + i] = scale * (float)((int)(low[i] >> 4) + (int)(high >> (16 + i) & 1) * 16 - 16);
  }
}

INLINE void q5_1_block(const uint8_t *block, float *restrict target) {
  float scale = half(block), minimum = half(block + 2);
  uint32_t high = fifth_bits(block + 4);
  const uint8_t *low = block + 8;
  for (int i = 0; i < 16; i++) {
    target[i] = scale * (float)((int)(low[i] & 15) + (int)(high >> i & 1) * 16) + minimum;
    target[16 + i] =
        scale * (float)((int)(low[i] >> 4) + (int)(high >> (16 + i) & 1) * 16) + minimum;
  }
}

INLINE void q8_0_block(const uint8_t *block, float *restrict target) {
  float scale = half(block);
  const int8_t *values = (const int8_t *)(block + 2);
  for (int i = 0; i < 32; i++) target[i] = scale * (float)values[i];
}

// The super-blocks of 256 elements: 8 or 16 groups with small integer scales, which one or two
// halves scale in turn.

INLINE void q2_k_block(const uint8_t *block, float *restrict target) {
  const uint8_t *groups = block, *low = block + 16;
  float scale = half(block + 80), minimum = half(block + 82);
  for (int group = 0; group < 16; group++) {
    float d = scale * (float)(groups[group] & 15), m = minimum * (float)(groups[group] >> 4);
    const uint8_t *from = low + group / 8 * 32 + group % 2 * 16;
    int shift = group / 2 % 4 * 2;
    for (int i = 0; i < 16; i++) target[16 * group + i] = d * (float)(from[i] >> shift & 3) - m;
  }
}

INLINE void q3_k_block(const uint8_t *block, float *restrict target) {
  const uint8_t *high = block, *low = block + 32, *groups = block + 96;
  float scale = half(block + 108);
  for (int group = 0; group < 16; group++) {
    int low_scale = groups[group % 8] >> group / 8 * 4 & 15;
    int high_scale = groups[8 + group % 4] >> group / 4 * 2 & 3;
    float d = scale * (float)((low_scale | high_scale << 4) - 32);
    const uint8_t *from = low + group / 8 * 32 + group % 2 * 16;
    const uint8_t *mask = high + group % 2 * 16;
    int shift = group / 2 % 4 * 2, bit = group / 2;
    for (int i = 0; i < 16; i++) {
      target[16 * group + i] = d * (float)((from[i] >> shift & 3) + (mask[i] >> bit & 1) * 4 - 4);
    }
  }
}

// Eight scales and eight minima of 6 bits each in 12 bytes: the first four of each lie whole in the
// first eight bytes, whose upper bits complete the last four.
INLINE void scale_and_minimum(const uint8_t *packed, int group, int *scale, int *minimum) {
  if (group < 4) {
    *scale = packed[group] & 63;
    *minimum = packed[group + 4] & 63;
  } else {
    *scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
    *minimum = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
  }
}

INLINE void q4_k_block(const uint8_t *block, float *restrict target) {
  float scale = half(block), minimum = half(block + 2);
  const uint8_t *low = block + 16;
  for (int group = 0; group < 8; group++) {
    int group_scale, group_minimum;
    scale_and_minimum(block + 4, group, &group_scale, &group_minimum);
    float d = scale * (float)group_scale, m = minimum * (float)group_minimum;
    const uint8_t *from = low + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int i = 0; i < 32; i++) target[32 * group + i] = d * (float)(from[i] >> shift & 15) - m;
  }
}

INLINE void q5_k_block(const uint8_t *block, float *restrict target) {
  float scale = half(block), minimum = half(block + 2);
  const uint8_t *high = block + 16, *low = block + 48;
  for (int group = 0; group < 8; group++) {
    int group_scale, group_minimum;
    scale_and_minimum(block + 4, group, &group_scale, &group_minimum);
    float d = scale * (float)group_scale, m = minimum * (float)group_minimum;
    const uint8_t *from = low + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int i = 0; i < 32; i++) {
      int value = (from[i] >> shift & 15) + (high[i] >> group & 1) * 16;
      target[32 * group + i] = d * (float)value - m;
    }
  }
}

INLINE void q6_k_block(const uint8_t *block, float *restrict target) {
  const uint8_t *low = block, *high = block + 128;
  const int8_t *groups = (const int8_t *)(block + 192);
  float scale = half(block + 208);
  for (int group = 0; group < 16; group++) {
    float d = scale * (float)groups[group];
    const uint8_t *from = low + group / 8 * 64 + group % 4 * 16;
    const uint8_t *bits = high + group / 8 * 32 + group % 2 * 16;
    int shift = group / 4 % 2 * 4, bit = group / 2 % 4 * 2;
    for (int i = 0; i < 16; i++) {
      int value = (from[i] >> shift & 15) + (bits[i] >> bit & 3) * 16 - 32;
      target[16 * group + i] = d * (float)value;
    }
  }
}

#define EXPAND(type, elements, size)                                                           \
  KERNEL(void, expand_##type)(const void *source, size_t count, float *restrict target) {      \
    const uint8_t *block = source;                                                             \
    for (size_t i = 0; i < count; i += (elements), block += (size)) {                          \
      type##_block(block, target + i);                                                         \
    }                                                                                          \
  }

EXPAND(q4_0, 32, 18)
EXPAND(q4_1, 32, 20)
EXPAND(q5_0, 32, 22)
EXPAND(q5_1, 32, 24)
EXPAND(q8_0, 32, 34)
EXPAND(q2_k, 256, 84)
EXPAND(q3_k, 256, 110)
EXPAND(q4_k, 256, 144)
EXPAND(q5_k, 256, 176)
EXPAND(q6_k, 256, 210)
