"""What kernels in the wild do with tile operations: histograms, sorts, selections, compile-time
objects; tests/run/idioms.py says what each computes."""

from dataclasses import dataclass

import tilec
import tilec.language as T
from tvm import DataType, tirx

N = 256


@T.prim_func
def histogram(A: T.Tensor((4, N), "int32"), bins: T.Tensor((16,), "int32")):
    with T.Kernel(4, threads=128) as bx:
        local = T.alloc_shared((16,), "int32")
        T.clear(local)
        for i in T.Parallel(N):
            T.atomic_add(local[A[bx, i] % 16], 1)
        for i in T.Parallel(16):
            T.atomic_add(bins[i], local[i])


@tilec.jit
def bitonic(rows=3, n=64):
    @T.prim_func
    def main(A: T.Tensor((rows, n), "float32"), places: T.Tensor((rows, n), "int32")):
        with T.Kernel(rows, threads=128) as bx:
            key = T.alloc_shared((n,), "float32")
            place = T.alloc_shared((n,), "int32")
            next_key = T.alloc_shared((n,), "float32")
            next_place = T.alloc_shared((n,), "int32")
            T.copy(A[bx, :], key)
            for i in T.Parallel(n):
                place[i] = i
            for k in range(1, n.bit_length()):
                for j in T.serial(k):
                    for i in T.Parallel(n):
                        mate = T.bitwise_xor(i, T.shift_left(1, k - 1 - j))
                        up = (T.shift_right(i, k) & 1) == 0
                        first = i < mate
                        less = T.if_then_else(key[i] == key[mate], place[i] < place[mate],
                                              key[i] < key[mate])
                        keep = (less == first) == up
                        next_key[i] = T.if_then_else(keep, key[i], key[mate])
                        next_place[i] = T.if_then_else(keep, place[i], place[mate])
                    T.copy(next_key, key)
                    T.copy(next_place, place)
            T.copy(key, A[bx, :])
            T.copy(place, places[bx, :])

    return main


@T.prim_func
def select(A: T.Tensor((8, N), "float32"), values: T.Tensor((8, 4), "float32"),
           indices: T.Tensor((8, 4), "int32")):
    with T.Kernel(1, threads=128) as bx:
        a = T.alloc_fragment((8, N), "float32")
        best = T.alloc_fragment((8,), "float32")
        at = T.alloc_fragment((8, N), "int32")
        found = T.alloc_fragment((8,), "int32")
        T.copy(A, a)
        for k in T.serial(4):
            T.reduce_max(a, best, dim=1)
            for i, j in T.Parallel(8, N):
                at[i, j] = T.if_then_else(a[i, j] == best[i], j, N)
            T.reduce_min(at, found, dim=1)
            for i in T.Parallel(8):
                values[i, k] = best[i]
                indices[i, k] = found[i]
            for i, j in T.Parallel(8, N):
                a[i, j] = T.if_then_else(j == found[i], -T.infinity("float32"), a[i, j])


def nibble(word, at, dtype):
    """The usual helper of dequantising kernels, over raw expressions."""
    mask = tirx.const(15, "uint8")
    value = (word >> (at.astype("uint8") * tirx.const(4, "uint8"))) & mask
    return tirx.reinterpret("int8", value << tirx.const(4, "uint8")) >> tirx.const(4, "int8")


@T.prim_func
def unpack(A: T.Tensor((N // 2,), "uint8"), B: T.Tensor((N,), "int8")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = nibble(A[i // 2], i % 2, "int8")


@dataclass
class Tile:
    rows: int
    cols: int = 8
    dtype: str = "float16"

    @property
    def shape(self):
        return (self.rows, self.cols)


LAYOUT = T.Layout((8, 8), lambda i, j: (j, i))


@tilec.jit
def objects(tile=Tile(8)):
    assert DataType(tile.dtype).bits == 16 and tuple("int8")[3] == "8"
    assert isinstance(LAYOUT, T.Layout) and LAYOUT.shape == (8, 8) and not isinstance(3, T.PrimFunc)

    @T.prim_func
    def main(A: T.Tensor(tile.shape, tile.dtype), B: T.Tensor(tile.shape, tile.dtype),
             C: T.Tensor((64,), tile.dtype)):
        with T.Kernel(1) as bx:
            T.annotate_producer_reg_dealloc(24)
            T.annotate_consumer_reg_alloc(240)
            T.annotate_ws_pipeline_depth(2)
            flat = T.decl_buffer((64,), tile.dtype, data=B.data)
            s = T.sblock_alloc_buffer(tile.shape, tile.dtype, scope="shared")
            T.copy(A, s)
            for i, j in T.Parallel(8, 8):
                x, y = LAYOUT(i, j)
                B[x, y] = s[i, j]
            for i in T.Parallel(64):
                C[i] = flat[i]

    assert isinstance(main, T.PrimFunc)
    return main


@T.macro
def step(x: T.Var, by):
    x = x + by


@T.prim_func
def more_layouts(A: T.Tensor((32, 32), "float16"), B: T.Tensor((32, 32), "float16"),
                 out: T.Tensor((1,), "int32")):
    with T.Kernel(1) as bx:
        a = T.alloc_shared((32, 32), "float16")
        b = T.alloc_shared((32, 32), "float16")
        c = T.alloc_shared((32, 32), "float16")
        d = T.alloc_shared((32, 32), "float16")
        f = T.alloc_fragment((32, 32), "float16")
        g = T.alloc_fragment((32, 32), "float16")
        T.annotate_layout({
            a: T.make_mfma_swizzle_layout(a),
            b: T.make_wgmma_swizzled_layout(b),
            c: T.make_tcgen05mma_swizzled_layout(c),
            d: T.make_cutlass_metadata_layout(d, "float16"),
            f: T.make_gemm_fragment_8x8_transposed(32, 32, 32, 32, 32),
            g: T.make_fully_replicated_layout_fragment(g, 128),
        })
        T.copy(A, a)
        T.copy(a, b)
        T.copy(b, c)
        T.copy(c, d)
        T.copy(d, f)
        T.copy(f, g)
        T.copy(g, B)
        v = T.alloc_var("int32")
        for i in T.serial(5):
            step(v, i)
        assert isinstance(v + 0, T.PrimExpr) and not isinstance(v, T.KernelLaunchFrame)
        out[0] = v
