#!/usr/bin/env python3
"""GEMM on an NVIDIA GPU beside cuBLAS (through PyTorch), in one run, on random data.

    python3 bench/gpu_gemm.py --lib build/libtilec.so [--only 8192] [--rounds 7] [--json FILE]

Both take the same tensors in turn: a round times some launches of one, then of the other, and in the
next round in the other order, with events on one stream; what is printed is the median over all. Each product is compared with a
product in float32 afterwards. The tiles are what a user would write for the shape."""

import argparse
import ctypes
import json
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLOAT16, BFLOAT16, FLOAT8 = 14, 15, 19
CUDA = 2

# M, N, K, and the tile for each path: block_M, block_N, block_K, num_stages, threads
SHAPES = [
    ("4096^3", 4096, 4096, 4096, (128, 256, 64, 4, 256), (256, 128, 64, 3, 256)),
    ("8192^3", 8192, 8192, 8192, (256, 200, 64, 3, 256), (256, 128, 64, 3, 256)),
    ("16384^3", 16384, 16384, 16384, (256, 200, 64, 3, 256), (256, 128, 64, 3, 256)),
    ("8192x8192x1024", 8192, 8192, 1024, (128, 192, 64, 4, 256), (256, 128, 64, 3, 256)),
    ("4096x14336x4096", 4096, 14336, 4096, (256, 176, 64, 3, 256), (256, 128, 64, 3, 256)),
]


class Tensor(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64),
                ("rank", ctypes.c_uint32), ("dtype", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class Arg(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("tensor", ctypes.POINTER(Tensor))]


class Define(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("text", ctypes.c_char_p)]


class ProgramOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("path", ctypes.c_char_p), ("text", ctypes.c_char_p),
                ("text_size", ctypes.c_size_t), ("entry", ctypes.c_char_p),
                ("defines", ctypes.POINTER(Define)), ("n_defines", ctypes.c_size_t),
                ("shapes", ctypes.c_void_p), ("n_shapes", ctypes.c_size_t)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("allocator", ctypes.c_void_p),
                ("read_environment", ctypes.c_int), ("print", ctypes.c_void_p),
                ("warn", ctypes.c_void_p), ("data", ctypes.c_void_p)]


class KernelInfo(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("target", ctypes.c_char_p),
                ("n_params", ctypes.c_size_t), ("n_dims", ctypes.c_size_t), ("cached", ctypes.c_int),
                ("compile_ns", ctypes.c_uint64), ("toolchain_ns", ctypes.c_uint64),
                ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("l2_b", ctypes.c_uint64), ("n_grids", ctypes.c_size_t),
                ("own_ns", ctypes.c_uint64)]


class Resources(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("threads", ctypes.c_uint32),
                ("registers", ctypes.c_uint32), ("spill_stores_b", ctypes.c_uint32),
                ("spill_loads_b", ctypes.c_uint32), ("stack_b", ctypes.c_uint32),
                ("static_shared_b", ctypes.c_uint32), ("shared_b", ctypes.c_uint32)]


class Library:
    """As much of the C interface as a launch needs."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        for name in ("tilec_error_text", "tilec_error_code", "tilec_error_diagnostics"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        options = ContextOptions(size=ctypes.sizeof(ContextOptions), read_environment=1)
        self.context = ctypes.c_void_p()
        self.call("tilec_context_new", ctypes.byref(options), ctypes.byref(self.context))

    def call(self, name, *args):
        error = ctypes.c_void_p()
        status = getattr(self.lib, name)(*args, ctypes.byref(error))
        if status:
            text = self.lib.tilec_error_diagnostics(error, 0) or self.lib.tilec_error_text(error)
            raise RuntimeError(f"{name}: {text.decode()}")

    def kernel(self, path, entry, target, **defines):
        rows = (Define * len(defines))(*[Define(k.encode(), str(v).encode())
                                         for k, v in defines.items()])
        options = ProgramOptions(size=ctypes.sizeof(ProgramOptions), path=str(path).encode(),
                                 entry=entry.encode(), defines=rows, n_defines=len(rows))
        program, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("tilec_program_new", self.context, ctypes.byref(options), ctypes.byref(program))
        self.call("tilec_kernel_new", program, target.encode(), ctypes.byref(kernel))
        return kernel

    def describe(self, kernel):
        info = KernelInfo(size=ctypes.sizeof(KernelInfo))
        self.lib.tilec_kernel_describe(kernel, ctypes.byref(info))
        used = Resources(size=ctypes.sizeof(Resources))
        self.lib.tilec_kernel_resources(kernel, ctypes.c_size_t(0), ctypes.byref(used))
        return {"own_ms": info.own_ns / 1e6,
                "nvrtc_ms": info.toolchain_ns / 1e6, "cached": bool(info.cached),
                "registers": used.registers, "shared_b": used.shared_b,
                "spills_b": used.spill_stores_b + used.spill_loads_b}

    def arguments(self, tensors, codes):
        args = (Arg * len(tensors))()
        keep = []
        for i, (t, code) in enumerate(zip(tensors, codes)):
            shape = (ctypes.c_int64 * t.dim())(*t.shape)
            view = Tensor(size=ctypes.sizeof(Tensor), data=t.data_ptr(), shape=shape, rank=t.dim(),
                          dtype=code, device_type=CUDA, device_id=t.device.index or 0)
            keep.append((shape, view))
            args[i] = Arg(1, 0, ctypes.pointer(view))
        return args, keep

    def launch(self, kernel, args, stream):
        self.call("tilec_launch_on", kernel, args, ctypes.c_size_t(len(args)),
                  ctypes.c_void_p(stream))


def time_ms(torch, run, n):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(n):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / n


def error_of(torch, c, a, b):
    """Greatest difference from a product in float32, beside the greatest value."""
    worst = 0.0
    scale = 0.0
    for first in range(0, c.shape[0], 2048):
        want = a[first:first + 2048].float() @ b.float().t()
        worst = max(worst, (c[first:first + 2048].float() - want).abs().max().item())
        scale = max(scale, want.abs().max().item())
    return worst / scale


def bench_shape(torch, library, row, options):
    name, m, n, k, tile90, tile80 = row
    torch.manual_seed(m + n + k)
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
    c = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
    peer = torch.empty_like(c)
    stream = torch.cuda.current_stream().cuda_stream
    runs = {"cublas": lambda: torch.mm(a, b.t(), out=peer)}
    out = {"shape": name, "M": m, "N": n, "K": k}
    for path, tile in (("sm_90a", tile90), ("sm_80", tile80)):
        if options.path and path not in options.path:
            continue
        try:
            block_m, block_n, block_k, stages, threads = tile
            kernel = library.kernel(ROOT / "examples/gemm.py", "gemm", f"cuda:{path}", M=m, N=n, K=k,
                                    trans_B=True, dtype="bfloat16", block_M=block_m, block_N=block_n,
                                    block_K=block_k, num_stages=stages, threads=threads, panel_size=0)
            args, keep = library.arguments([a, b, c], [BFLOAT16] * 3)
            c.fill_(float("nan"))
            library.launch(kernel, args, stream)
            torch.cuda.synchronize()
            out[path] = {"tile": tile, "error": error_of(torch, c, a, b), **library.describe(kernel)}
            runs[path] = lambda kernel=kernel, args=args, keep=keep: library.launch(kernel, args,
                                                                                    stream)
        except RuntimeError as error:
            out[path] = {"tile": tile, "failed": str(error)[:2000]}
    flop = 2.0 * m * n * k
    count = max(3, min(100, int(0.1 / (flop / 7e14))))
    out["cublas"] = {}
    for key in list(runs)[1:]:
        out[key].update(compare(torch, runs["cublas"], runs[key], count, flop, options.rounds))
        out["cublas"].setdefault("tflops", out[key]["peer_tflops"])
    if len(runs) == 1:
        out["cublas"]["tflops"] = flop / time_ms(torch, runs["cublas"], count) / 1e9
    out["cublas"]["error"] = error_of(torch, peer, a, b)
    return out


def compare(torch, peer, ours, count, flop, rounds):
    """Two contestants alone, who goes first in turns: the chip is at its power limit, and whoever
    follows a kernel that needs less has an advantage."""
    times = [[], []]
    for run in (peer, ours):
        time_ms(torch, run, count)
    for i in range(2 * rounds):
        for k in ((0, 1), (1, 0))[i % 2]:
            times[k].append(time_ms(torch, (peer, ours)[k], count))
    ms = [statistics.median(t) for t in times]
    return {"peer_ms": ms[0], "peer_tflops": flop / ms[0] / 1e9, "ms": ms[1],
            "tflops": flop / ms[1] / 1e9, "ratio": ms[0] / ms[1]}


def show(out):
    base = out["cublas"]["tflops"]
    line = f"{out['shape']:18} cublas {base:6.1f} (error {out['cublas']['error']:.1e})"
    for path in ("sm_90a", "sm_80"):
        row = out.get(path)
        if not row:
            continue
        if "failed" in row:
            line += f"\n  {path}: FAILED {row['failed']}"
        else:
            line += (f"\n  {path:7} {row['tflops']:6.1f} TFLOP/s, beside {row['peer_tflops']:.1f}, "
                     f"ratio {row['ratio']:.3f}, "
                     f"error {row['error']:.1e}, {row['registers']} registers, spills "
                     f"{row['spills_b']} B, shared {row['shared_b']} B, own work "
                     f"{row['own_ms']:.2f} ms, NVRTC {row['nvrtc_ms']:.0f} ms")
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lib", default=str(ROOT / "build/libtilec.so"))
    parser.add_argument("--only", default="")
    parser.add_argument("--path", action="append")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    import torch
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    library = Library(options.lib)
    rows = []
    for row in SHAPES:
        if options.only and options.only not in row[0]:
            continue
        rows.append(bench_shape(torch, library, row, options))
        show(rows[-1])
        torch.cuda.empty_cache()
    for path in ("sm_90a", "sm_80"):
        ratios = [r[path]["ratio"] for r in rows if "ratio" in r.get(path, {})]
        if ratios:
            print(f"{path}: geometric mean of {len(ratios)} ratios "
                  f"{statistics.geometric_mean(ratios):.3f}, worst {min(ratios):.3f}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
