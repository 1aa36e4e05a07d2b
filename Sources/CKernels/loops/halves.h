// To the nearest, ties to even; NaN stays NaN.
INLINE uint32_t bfloat16_of(float value) {
  uint32_t bits = bits_of(value);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  uint32_t quiet = bits >> 16 | 0x40;
  return (bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded;
}

KERNEL(void, float32_to_bfloat16)(const float *from, uint16_t *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = (uint16_t)bfloat16_of(from[i]);
}

KERNEL(void, bfloat16_to_float32)(const uint16_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = from_bits((uint32_t)from[i] << 16);
}

KERNEL(size_t, float32_to_float16)(const float *from, uint16_t *to, size_t count) {
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = bits_of(from[i]);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    // 65,520 and more round to infinity; below 2^-14 adding 0.5 lets the adder round to 2^-24.
    uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
    uint32_t tiny = bits_of(from_bits(magnitude) + 0.5f) - 0x3f000000;
    uint32_t half = magnitude < 0x38800000 ? tiny : normal;
    half = magnitude >= 0x477ff000 ? 0x7c00 : half;
    half = magnitude > 0x7f800000 ? 0x7e00 : half;
    overflows += magnitude >= 0x477ff000 && magnitude < 0x7f800000;
    to[i] = (uint16_t)(sign | half);
  }
  return overflows;
}

KERNEL(void, float16_to_float32)(const uint16_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t sign = (uint32_t)(from[i] & 0x8000) << 16, magnitude = from[i] & 0x7fff;
    uint32_t normal = (magnitude << 13) + 0x38000000;
    uint32_t special = (magnitude << 13) + 0x70000000;
    // A subnormal half is its integer value times 2^-24.
    uint32_t tiny = bits_of((float)(int32_t)magnitude * 0x1p-24f);
    uint32_t bits = magnitude < 0x400 ? tiny : normal;
    bits = magnitude >= 0x7c00 ? special : bits;
    to[i] = from_bits(sign | bits);
  }
}

KERNEL(void, count_non_finite)(const float *values, size_t count, uint64_t *nans,
                                            uint64_t *infinities) {
  uint64_t nan = 0, infinite = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = bits_of(values[i]) & 0x7fffffff;
    nan += magnitude > 0x7f800000;
    infinite += magnitude == 0x7f800000;
  }
  *nans += nan;
  *infinities += infinite;
}
