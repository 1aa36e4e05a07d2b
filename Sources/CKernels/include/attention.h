#pragma once

#include <stddef.h>

/// The sizes and constants of an attention layer.
typedef struct {
  size_t heads, kv_heads, head_width;
  /// How many tokens a query sees, itself included; 0 for all before it.
  size_t window;
  /// What scores are multiplied with.
  float scale;
  /// Scores become cap * tanh(score / cap); 0 for none.
  float soft_cap;
} bathyscope_attention;

/// Floats that the keys and values of `capacity` tokens take.
size_t bathyscope_memory_count(size_t capacity, size_t kv_heads, size_t head_width);

/// Where in a memory the value of a token lies, in floats.
size_t bathyscope_memory_value(size_t capacity, size_t kv_heads, size_t head_width, size_t token,
                               size_t kv_head);

/// Copies the keys and values of the first tokens to a memory of another capacity.
void bathyscope_memory_copy(float *target, size_t target_capacity, const float *source,
                            size_t source_capacity, size_t tokens, size_t kv_heads,
                            size_t head_width);

/// Causal attention of one sequence's next `count` tokens, for the query heads of one key/value head.
///
/// Their keys and values are appended to the memory, which holds `start` tokens already. The result for
/// a token does not depend on how many of those before it came in the same call.
/// q, z [count, heads * head_width]; k, v [count, kv_heads * head_width];
/// pattern [count, heads * (start + count)] or NULL, zero where a query does not look.
void bathyscope_attend(float *z, float *pattern, const float *q, const float *k, const float *v,
                       float *memory, size_t capacity, size_t start, size_t count,
                       bathyscope_attention attention, size_t kv_head);
