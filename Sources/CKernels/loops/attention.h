// Keys are laid out in blocks of sixteen, [block][coordinate][16], so that a vector holds sixteen keys
// and no sum runs across lanes; four queries share each key that is loaded. A block stands at the same
// place whether its keys came with this call or with an earlier one, so the sums are the same.

enum { block_keys = 16, query_block = 4 };

INLINE size_t blocks_of(size_t tokens) { return (tokens + block_keys - 1) / block_keys; }

INLINE size_t padded(size_t width) { return (width + 15) / 16 * 16; }

KERNEL(size_t, memory_count)(size_t capacity, size_t kv_heads, size_t head_width) {
  size_t keys = blocks_of(capacity) * block_keys * head_width;
  return kv_heads * (keys + capacity * padded(head_width));
}

KERNEL(size_t, memory_value)(size_t capacity, size_t kv_heads, size_t head_width, size_t token,
                             size_t kv_head) {
  (void)kv_heads;
  size_t keys = blocks_of(capacity) * block_keys * head_width;
  return kv_head * (keys + capacity * padded(head_width)) + keys + token * padded(head_width);
}

KERNEL(void, memory_copy)(float *target, size_t target_capacity, const float *source,
                          size_t source_capacity, size_t tokens, size_t kv_heads,
                          size_t head_width) {
  size_t block = block_keys * head_width;
  for (size_t head = 0; head < kv_heads; head++) {
    memcpy(target, source, blocks_of(tokens) * block * sizeof *target);
    memcpy(target + blocks_of(target_capacity) * block, source + blocks_of(source_capacity) * block,
           tokens * padded(head_width) * sizeof *target);
    target += kernel_memory_count(target_capacity, 1, head_width);
    source += kernel_memory_count(source_capacity, 1, head_width);
  }
}

INLINE void score_block(float *scores, size_t stride, const float *const query[],
                                   const float *keys, size_t first, size_t last,
                                   const bathyscope_attention *a) {
  size_t width = a->head_width;
  for (size_t block = first; block < last; block++) {
    lanes sum[query_block] = {{0}};
    const float *column = keys + block * block_keys * width;
    for (size_t first_term = 0; first_term < width; first_term += span) {
      lanes part[query_block] = {{0}};
      for (size_t i = first_term; i < width && i < first_term + span; i++, column += block_keys) {
        lanes key;
        load(&key, column);
        for (int q = 0; q < query_block; q++) part[q] += key * query[q][i];
      }
      for (int q = 0; q < query_block; q++) sum[q] += part[q];
    }
    for (int q = 0; q < query_block; q++) {
      sum[q] *= a->scale;
      if (a->soft_cap > 0) {
        lanes at = sum[q] / a->soft_cap, value, slope;
        tanh_lanes(&value, &slope, &at);
        sum[q] = value * a->soft_cap;
      }
      store(scores + (size_t)q * stride + block * block_keys, &sum[q]);
    }
  }
}

// Turns scores[first ..< last] into probabilities; the rest of their blocks becomes 0.
INLINE void softmax(float *scores, size_t first, size_t last) {
  size_t begin = first / block_keys * block_keys, end = blocks_of(last) * block_keys;
  float largest = scores[first];
  for (size_t i = first + 1; i < last; i++) largest = scores[i] > largest ? scores[i] : largest;
  for (size_t i = begin; i < first; i++) scores[i] = -INFINITY;
  for (size_t i = last; i < end; i++) scores[i] = -INFINITY;
  lanes sum = {0};
  for (size_t i = begin; i < end; i += block_keys) {
    lanes e;
    load(&e, scores + i);
    e -= largest;
    exp_lanes(&e);
    sum += e;
    store(scores + i, &e);
  }
  float inverse = 1.0f / sum_of_lanes(&sum);
  for (size_t i = begin; i < end; i++) scores[i] *= inverse;
}

// out[0 ..< 16 * blocks] = sum over keys of weight * value.
INLINE void weighted_sum(float *out, const float *weights, const float *values,
                                    size_t value_stride, size_t count, int blocks) {
  lanes sum[4] = {{0}};
  for (size_t first = 0; first < count; first += span) {
    lanes part[4] = {{0}};
    for (size_t j = first; j < count && j < first + span; j++, values += value_stride) {
      for (int b = 0; b < blocks; b++) {
        lanes value;
        load(&value, values + 16 * b);
        part[b] += value * weights[j];
      }
    }
    for (int b = 0; b < blocks; b++) sum[b] += part[b];
  }
  for (int b = 0; b < blocks; b++) store(out + 16 * b, &sum[b]);
}

INLINE void attend_query(float *z, const float *weights, const float *values,
                                    size_t count, size_t head_width) {
  size_t width = padded(head_width);
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
                       float *memory, size_t capacity, size_t start, size_t count,
                       bathyscope_attention a, size_t kv_head) {
  size_t width = a.head_width, value_width = padded(width), total = start + count;
  size_t q_width = a.heads * width, kv_width = a.kv_heads * width, group = a.heads / a.kv_heads;
  size_t key_count = blocks_of(capacity) * block_keys * width;
  float *keys = memory + kv_head * (key_count + capacity * value_width);
  float *values = keys + key_count;
  for (size_t t = 0; t < count; t++) {
    const float *key = k + t * kv_width + kv_head * width;
    size_t place = start + t;
    float *column = keys + place / block_keys * block_keys * width + place % block_keys;
    for (size_t i = 0; i < width; i++) column[i * block_keys] = key[i];
    memcpy(values + place * value_width, v + t * kv_width + kv_head * width,
           width * sizeof *values);
  }
  size_t stride = blocks_of(total) * block_keys;
  float *scores = malloc(query_block * stride * sizeof *scores);
  if (!scores) abort();
  for (size_t h = kv_head * group; h < (kv_head + 1) * group; h++) {
    for (size_t first = 0; first < count; first += query_block) {
      size_t last = first + query_block < count ? first + query_block : count;
      const float *query[query_block];
      for (size_t i = 0; i < query_block; i++) {
        size_t t = first + i < last ? first + i : last - 1;
        query[i] = q + t * q_width + h * width;
      }
      size_t seen = start + first + 1;
      size_t oldest = a.window && seen > a.window ? seen - a.window : 0;
      score_block(scores, stride, query, keys, oldest / block_keys, blocks_of(start + last), &a);
      for (size_t t = first; t < last; t++) {
        size_t end = start + t + 1, begin = a.window && end > a.window ? end - a.window : 0;
        float *row = scores + (t - first) * stride;
        softmax(row, begin, end);
        attend_query(z + t * q_width + h * width, row + begin, values + begin * value_width,
                     end - begin, width);
        if (pattern) {
          float *target = pattern + (t * a.heads + h) * total;
          memset(target, 0, total * sizeof *target);
          memcpy(target + begin, row + begin, (end - begin) * sizeof *target);
        }
      }
    }
  }
  free(scores);
}
