#pragma once

#include <stddef.h>

// Each function turns `count` stored elements, a whole number of blocks, into floats. The source may
// stand at any address; nothing is read behind its last block. Every variant gives the same bits.

void bathyscope_expand_f16(const void *source, size_t count, float *target);
void bathyscope_expand_bf16(const void *source, size_t count, float *target);
void bathyscope_expand_q4_0(const void *source, size_t count, float *target);
void bathyscope_expand_q4_1(const void *source, size_t count, float *target);
void bathyscope_expand_q5_0(const void *source, size_t count, float *target);
void bathyscope_expand_q5_1(const void *source, size_t count, float *target);
void bathyscope_expand_q8_0(const void *source, size_t count, float *target);
void bathyscope_expand_q2_k(const void *source, size_t count, float *target);
void bathyscope_expand_q3_k(const void *source, size_t count, float *target);
void bathyscope_expand_q4_k(const void *source, size_t count, float *target);
void bathyscope_expand_q5_k(const void *source, size_t count, float *target);
void bathyscope_expand_q6_k(const void *source, size_t count, float *target);
