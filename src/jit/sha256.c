#include "jit/sha256.h"

#include <string.h>

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2). */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) {
  return x >> n | x << (32 - n);
}

/* One of 64 rounds. The words do not move on by one place, their roles do: the first is s[r]. */
static inline void turn(uint32_t s[8], uint32_t r, uint32_t x) {
  uint32_t a = s[r & 7], b = s[(r + 1) & 7], c = s[(r + 2) & 7];
  uint32_t e = s[(r + 4) & 7], f = s[(r + 5) & 7], g = s[(r + 6) & 7];
  uint32_t t =
      s[(r + 7) & 7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + x;
  s[(r + 3) & 7] += t;
  s[(r + 7) & 7] =
      t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void mix(uint32_t h[8], const unsigned char *at) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++, at += 4)
    w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7]
           + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  memcpy(s, h, sizeof s);
  for (int i = 0; i < 64; i += 8) {
    turn(s, 0, K[i] + w[i]);
    turn(s, 7, K[i + 1] + w[i + 1]);
    turn(s, 6, K[i + 2] + w[i + 2]);
    turn(s, 5, K[i + 3] + w[i + 3]);
    turn(s, 4, K[i + 4] + w[i + 4]);
    turn(s, 3, K[i + 5] + w[i + 5]);
    turn(s, 2, K[i + 6] + w[i + 6]);
    turn(s, 1, K[i + 7] + w[i + 7]);
  }
  for (int i = 0; i < 8; i++)
    h[i] += s[i];
}

void tc_sha256_start(tc_sha256 *sha) {
  *sha = (tc_sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                           0x1f83d9ab, 0x5be0cd19}};
}

void tc_sha256_add(tc_sha256 *sha, const void *bytes, size_t size_b) {
  const unsigned char *at = bytes;
  size_t held_b = sha->total_b % 64;
  sha->total_b += size_b;
  while (size_b) {
    if (!held_b && size_b >= 64) {
      mix(sha->h, at);
      at += 64, size_b -= 64;
      continue;
    }
    size_t n = 64 - held_b < size_b ? 64 - held_b : size_b;
    memcpy(sha->block + held_b, at, n);
    at += n, size_b -= n, held_b += n;
    if (held_b == 64) {
      mix(sha->h, sha->block);
      held_b = 0;
    }
  }
}

void tc_sha256_end(tc_sha256 *sha, unsigned char out[TC_SHA256_B]) {
  static const unsigned char PAD[64] = {0x80};
  uint64_t bits = sha->total_b * 8;
  unsigned char length[8];
  for (int i = 0; i < 8; i++)
    length[i] = (unsigned char)(bits >> (56 - 8 * i));
  size_t held_b = sha->total_b % 64;
  tc_sha256_add(sha, PAD, held_b < 56 ? 56 - held_b : 120 - held_b);
  tc_sha256_add(sha, length, sizeof length);
  for (int i = 0; i < TC_SHA256_B; i++)
    out[i] = (unsigned char)(sha->h[i / 4] >> (24 - 8 * (i % 4)));
}

void tc_sha256_hex(const unsigned char hash[TC_SHA256_B], char out[TC_SHA256_HEX]) {
  static const char DIGITS[] = "0123456789abcdef";
  for (int i = 0; i < TC_SHA256_B; i++) {
    out[2 * i] = DIGITS[hash[i] >> 4];
    out[2 * i + 1] = DIGITS[hash[i] & 15];
  }
  out[2 * TC_SHA256_B] = 0;
}
