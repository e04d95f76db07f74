/* SHA-256 (FIPS 180-4): names cache entries and seals their content. */
#ifndef TC_JIT_SHA256_H
#define TC_JIT_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { TC_SHA256_B = 32, TC_SHA256_HEX = 65 /* with the terminator */ };

typedef struct tc_sha256 {
  uint32_t h[8];
  uint64_t total_b;
  unsigned char block[64];
} tc_sha256;

/* FIPS 180-4, in pieces: start, add any number of times, end. */
void tc_sha256_start(tc_sha256 *sha);
void tc_sha256_add(tc_sha256 *sha, const void *bytes, size_t size_b);
void tc_sha256_end(tc_sha256 *sha, unsigned char out[TC_SHA256_B]);
/* Lower-case hexadecimal, terminated. */
void tc_sha256_hex(const unsigned char hash[TC_SHA256_B], char out[TC_SHA256_HEX]);

#endif
