// Gates and soft caps, with their derivatives. Sixteen values at a time, the last ones filled up with
// zeros, so that a value's bits do not depend on its place.

INLINE void load_some(lanes *out, const float *p, size_t count) {
  if (count < 16) *out = (lanes){0};
  memcpy(out, p, (count < 16 ? count : 16) * sizeof *p);
}

INLINE void store_some(float *p, const lanes *x, size_t count) {
  memcpy(p, x, (count < 16 ? count : 16) * sizeof *p);
}

// out = where mask then out else other.
INLINE void keep(lanes *out, const int_lanes *mask, const lanes *other) {
  int_lanes a, b;
  memcpy(&a, out, sizeof a);
  memcpy(&b, other, sizeof b);
  a = (a & *mask) | (b & ~*mask);
  memcpy(out, &a, sizeof a);
}

INLINE void masked(lanes *out, const lanes *x, uint32_t mask) {
  int_lanes bits;
  memcpy(&bits, x, sizeof bits);
  bits &= (int32_t)mask;
  memcpy(out, &bits, sizeof bits);
}

// The standard normal distribution: its cumulated probability, accurate in relative terms in the lower
// tail, too, and exp(-x^2 / 2). From erfc(u) = exp(-u^2) erfcx(u), u = |x| / sqrt(2), where erfcx is a
// polynomial of degree 9 in 1 / (1 + 0.4 u), within 3e-8 for u up to 10; x^2 is taken in two parts.
INLINE void normal_lanes(lanes *cumulated, lanes *density, const lanes *x) {
  lanes size, limit = (lanes){0} + 14.0f;
  masked(&size, x, 0x7fffffff);
  int_lanes far = size > limit;
  keep(&limit, &far, &size);
  size = limit;
  lanes t = 1.0f / (size * 0.282842712f + 1.0f);
  lanes p = t * 0.0143478f + -0.03737405f;
  p = p * t + -0.03184423f;
  p = p * t + 0.13789561f;
  p = p * t + -0.03428465f;
  p = p * t + 0.13431948f;
  p = p * t + 0.08870795f;
  p = p * t + 0.11567762f;
  p = p * t + 0.11254128f;
  p = p * t + 1.3202819e-5f;
  lanes upper;
  masked(&upper, &size, 0xfffff000);
  lanes e = upper * upper * -0.5f, rest = (size - upper) * (size + upper) * -0.5f;
  exp_lanes_of_sum(&e, &rest);
  *density = e;
  lanes tail = p * e;
  *cumulated = 1.0f - tail;
  int_lanes negative = *x < 0.0f;
  keep(&tail, &negative, cumulated);
  *cumulated = tail;
}

// value = act(x), slope = act'(x).
INLINE void activation(lanes *value, lanes *slope, const lanes *at,
                       const enum bathyscope_activation kind) {
  const lanes x = *at;
  if (kind == bathyscope_silu) {
    lanes e = -x;
    exp_lanes(&e);
    lanes s = 1.0f / (1.0f + e);
    *value = x / (1.0f + e);
    *slope = s * (1.0f + x * (e * s));
  } else if (kind == bathyscope_gelu) {
    lanes cumulated, density;
    normal_lanes(&cumulated, &density, &x);
    *value = x * cumulated;
    *slope = cumulated + x * (density * 0.398942280f);
  } else if (kind == bathyscope_gelu_tanh) {
    // (1 + tanh(t)) / 2 = 1 / (1 + exp(-2 t)), which does not cancel.
    const float factor = 1.59576912f, cubic = 0.044715f;
    lanes square = x * x;
    lanes e = -factor * (x * (1.0f + cubic * square));
    exp_lanes(&e);
    lanes s = 1.0f / (1.0f + e);
    *value = x / (1.0f + e);
    *slope = s * (1.0f + x * (e * s) * (factor * (1.0f + 3 * cubic * square)));
  } else {
    // A NaN is neither, and stays.
    lanes zero = {0}, one = (lanes){0} + 1.0f;
    int_lanes negative = x < 0.0f, positive = x > 0.0f;
    keep(&zero, &negative, &x);
    *value = zero;
    keep(&one, &positive, &(lanes){0});
    *slope = one;
  }
}

INLINE void activate(float *out, const float *x, size_t count,
                     const enum bathyscope_activation kind) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, value, slope;
    load_some(&a, x + i, count - i);
    activation(&value, &slope, &a, kind);
    store_some(out + i, &value, count - i);
  }
}

INLINE void activate_backward(float *d_x, const float *d_out, const float *x, size_t count,
                              const enum bathyscope_activation kind) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, d, value, slope;
    load_some(&a, x + i, count - i);
    load_some(&d, d_out + i, count - i);
    activation(&value, &slope, &a, kind);
    d = slope * d;
    store_some(d_x + i, &d, count - i);
  }
}

INLINE void gate(float *out, const float *gate, const float *up, size_t count,
                 const enum bathyscope_activation kind) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, b, value, slope;
    load_some(&a, gate + i, count - i);
    load_some(&b, up + i, count - i);
    activation(&value, &slope, &a, kind);
    value = value * b;
    store_some(out + i, &value, count - i);
  }
}

INLINE void gate_backward(float *d_gate, float *d_up, const float *d_out, const float *gate,
                          const float *up, size_t count, const enum bathyscope_activation kind) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, b, d, value, slope;
    load_some(&a, gate + i, count - i);
    load_some(&b, up + i, count - i);
    load_some(&d, d_out + i, count - i);
    activation(&value, &slope, &a, kind);
    slope = slope * (b * d);
    value = value * d;
    store_some(d_gate + i, &slope, count - i);
    store_some(d_up + i, &value, count - i);
  }
}

INLINE void gate_tangent(float *d_out, const float *d_gate, const float *d_up, const float *gate,
                         const float *up, size_t count, const enum bathyscope_activation kind) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, b, da, db, value, slope;
    load_some(&a, gate + i, count - i);
    load_some(&b, up + i, count - i);
    load_some(&da, d_gate + i, count - i);
    load_some(&db, d_up + i, count - i);
    activation(&value, &slope, &a, kind);
    value = slope * (da * b) + value * db;
    store_some(d_out + i, &value, count - i);
  }
}

#define OF_KIND(function, ...)                                                        \
  switch (kind) {                                                                     \
    case bathyscope_silu: function(__VA_ARGS__, bathyscope_silu); break;              \
    case bathyscope_gelu: function(__VA_ARGS__, bathyscope_gelu); break;              \
    case bathyscope_gelu_tanh: function(__VA_ARGS__, bathyscope_gelu_tanh); break;    \
    case bathyscope_relu: function(__VA_ARGS__, bathyscope_relu); break;              \
  }

KERNEL(void, activate)(float *out, const float *x, size_t count,
                       enum bathyscope_activation kind) {
  OF_KIND(activate, out, x, count)
}

KERNEL(void, activate_backward)(float *d_x, const float *d_out, const float *x, size_t count,
                                enum bathyscope_activation kind) {
  OF_KIND(activate_backward, d_x, d_out, x, count)
}

KERNEL(void, gate)(float *out, const float *x, const float *up, size_t count,
                   enum bathyscope_activation kind) {
  OF_KIND(gate, out, x, up, count)
}

KERNEL(void, gate_backward)(float *d_x, float *d_up, const float *d_out, const float *x,
                            const float *up, size_t count, enum bathyscope_activation kind) {
  OF_KIND(gate_backward, d_x, d_up, d_out, x, up, count)
}

KERNEL(void, gate_tangent)(float *d_out, const float *d_x, const float *d_up, const float *x,
                           const float *up, size_t count, enum bathyscope_activation kind) {
  OF_KIND(gate_tangent, d_out, d_x, d_up, x, up, count)
}

// tanh(x) and 1 - tanh(x)^2, by a polynomial below 0.6 and by v = exp(-2 |x|) above.
INLINE void tanh_lanes(lanes *value, lanes *slope, const lanes *x) {
  lanes size, square = *x * *x;
  masked(&size, x, 0x7fffffff);
  lanes v = size * -2.0f;
  exp_lanes(&v);
  *value = (1.0f - v) / (1.0f + v);
  *slope = 4.0f * v / ((1.0f + v) * (1.0f + v));
  int_lanes negative = *x < 0.0f, small = size < 0.6f;
  lanes minus = -*value;
  keep(&minus, &negative, value);
  lanes p = square * -0.00589515f + 0.020795964f;
  p = p * square + -0.053783827f;
  p = p * square + 0.13331924f;
  p = p * square + -0.33333299f;
  *value = *x + *x * (square * p);
  keep(value, &small, &minus);
}

KERNEL(void, softcap)(float *out, const float *x, float cap, size_t count) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, value, slope;
    load_some(&a, x + i, count - i);
    a = a / cap;
    tanh_lanes(&value, &slope, &a);
    value = value * cap;
    store_some(out + i, &value, count - i);
  }
}

KERNEL(void, softcap_backward)(float *d_x, const float *d_out, const float *x, float cap,
                               size_t count) {
  for (size_t i = 0; i < count; i += 16) {
    lanes a, d, value, slope;
    load_some(&a, x + i, count - i);
    load_some(&d, d_out + i, count - i);
    a = a / cap;
    tanh_lanes(&value, &slope, &a);
    d = slope * d;
    store_some(d_x + i, &d, count - i);
  }
}
