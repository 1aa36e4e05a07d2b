// Sixteen floats whatever the machine's registers, so that sums are taken in the same order everywhere.
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));

#define UNROLLED _Pragma("clang loop unroll(full)") for

// A sum over many terms is taken span by span: so many terms in order, then the sums of the spans.
// Its rounding grows with the root of the longer of the two chains, not with that of all terms.
enum { span = 64 };

INLINE void load(lanes *out, const float *p) { memcpy(out, p, sizeof *out); }
INLINE void store(float *p, const lanes *x) { memcpy(p, x, sizeof *x); }

INLINE uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

INLINE float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
