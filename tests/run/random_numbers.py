"""What the kernels of kernels/random.py must draw: Philox 4x32-10 in Python integers."""

import math

import numpy as np

from refs import Case

RANDOM: list = []
FILE = "../tests/run/kernels/random.py"
N = 64
LOW = (1 << 32) - 1


def philox(seed, sequence, block):
    c = [block & LOW, block >> 32, sequence & LOW, sequence >> 32]
    k = [seed & LOW, seed >> 32]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & LOW, (p >> 32) ^ c[3] ^ k[1], p & LOW]
        k = [(k[0] + 0x9E3779B9) & LOW, (k[1] + 0xBB67AE85) & LOW]
    return c


# The known answers that the authors of the generator give.
assert philox(0, 0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox((1 << 64) - 1, (1 << 64) - 1, (1 << 64) - 1) == [
    0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


class Sequence:
    def __init__(self, seed, sequence, at):
        self.seed, self.sequence, self.at = seed, sequence, at

    def word(self, i):
        return philox(self.seed, self.sequence, i >> 2)[i & 3]

    def next(self):
        self.at += 1
        return self.word(self.at - 1)

    def tile(self, n):
        words = [self.word(self.at + i) for i in range(n)]
        self.at += n
        return np.array(words, np.float64)

    def uniform(self, bits=32):
        if bits == 32:
            return (self.next() + 0.5) * 2.0**-32
        low = self.next()
        return ((low ^ self.next() << 21) + 0.5) * 2.0**-53

    def normal(self, bits=32):
        u = self.uniform(bits)
        return math.sqrt(-2 * math.log(u)) * math.sin(2 * math.pi * self.uniform(bits))


def draws(p, x):
    s = Sequence(p["seed"], p["seq"], p["off"])
    out = np.zeros((6, N))
    floats, doubles = np.zeros((2, N)), np.zeros((2, N))
    out[0] = [s.next() for _ in range(N)]
    out[1], second = s.tile(N), s.tile(N)
    i, j = np.divmod(np.arange(N), N // 4)
    out[2] = np.where((i + j) % 2 == 0, second, 7)
    out[3] = s.tile(N)
    out[4] = [s.next() if i % 3 == 0 else 5 for i in range(N)]
    for i in range(N):
        floats[0, i], doubles[0, i] = s.uniform(), s.uniform(64)
        floats[1, i], doubles[1, i] = s.normal(), s.normal(64)
    s.at = p["off"]
    out[5] = [s.next() for _ in range(N)]
    return {"out": out, "floats": floats, "doubles": doubles}


RANDOM.append(Case(FILE, "draws", [dict(seed=42, seq=0, off=0), dict(seed=2**40 + 7, seq=5, off=9)],
                   lambda p, r: {}, lambda p: {"out": "uint32", "floats": "float32",
                                               "doubles": "float64"}, draws, rtol=2e-6, atol=2e-6))


def blocks(p, x):
    out = np.zeros((8, 16))
    for b in range(8):
        for i in range(16):
            if b % 2 == 0:
                out[b, i] = Sequence(x["seed"], b + 100, 3).word(3 + i)
            else:
                out[b, i] = Sequence(x["seed"], i, b).word(b + 1)
    return {"out": out}


RANDOM.append(Case(FILE, "blocks", [{}], lambda p, r: {"seed": 1234567890123},
                   lambda p: {"out": "uint32"}, blocks))
