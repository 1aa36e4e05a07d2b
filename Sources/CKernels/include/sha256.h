#pragma once

#include <stddef.h>
#include <stdint.h>

/// Advances a SHA-256 state by whole blocks of 64 bytes (FIPS 180-4, section 6.2.2).
void bathyscope_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t blocks);

/// The same on any processor; the reference for processors with instructions for SHA-256.
void bathyscope_sha256_blocks_portable(uint32_t state[8], const uint8_t *bytes, size_t blocks);
