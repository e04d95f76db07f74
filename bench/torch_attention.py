#!/usr/bin/env python3
"""PyTorch's attention on one core of the CPU, for bench.py: prints its version, then GFLOP/s for
each line "HEADS SEQUENCE DIM CAUSAL" that comes in. Run by a Python that has torch.
"""
import statistics
import sys
import time

import torch


def gflops(heads, seq, dim, causal):
    q, k, v = (torch.randn(1, heads, seq, dim) for _ in range(3))
    times = []
    for _ in range(9):
        start = time.perf_counter()
        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        times.append(time.perf_counter() - start)
    pairs = seq * (seq + 1) / 2 if causal else seq * seq
    return 4.0 * heads * pairs * dim / statistics.median(times[1:]) / 1e9


def main():
    torch.set_num_threads(1)
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        heads, seq, dim, causal = map(int, line.split())
        print(gflops(heads, seq, dim, bool(causal)), flush=True)


if __name__ == "__main__":
    main()
