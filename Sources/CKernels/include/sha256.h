#pragma once

#include <stddef.h>
#include <stdint.h>

/// Advances a SHA-256 state by whole blocks of 64 bytes (FIPS 180-4, section 6.2.2).
void bathyscope_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t blocks);

/// The same without the processor's own instructions: the reference for them.
void bathyscope_sha256_portable(uint32_t state[8], const uint8_t *bytes, size_t blocks);
