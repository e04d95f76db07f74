"""Kernels for pass_scheduled.c; each is compiled for one set of names given there."""

import tilec
import tilec.language as T


@tilec.jit
def gemm(M=128, N=64, K=64, dm=0, trans_A=0, trans_B=0, dtype="float16", out="float16", BM=64,
         BN=64, BK=16, stages=3, threads=128, hint=0, epilogue=0, order="row", choices=""):
    m = T.dynamic("m") if dm & 1 else M
    n = T.dynamic("n") if dm & 2 else N
    k = T.dynamic("k") if dm & 4 else K
    acc = "int32" if dtype == "int8" else "float32"

    @T.prim_func
    def main(
        A: T.Tensor((k, m) if trans_A else (m, k), dtype),
        B: T.Tensor((n, k) if trans_B else (k, n), dtype),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((m, n), out),
    ):
        with T.Kernel(T.ceildiv(n, BN), T.ceildiv(m, BM), threads=threads) as (bx, by):
            As = T.alloc_shared((BK, BM) if trans_A else (BM, BK), dtype)
            Bs = T.alloc_shared((BN, BK) if trans_B else (BK, BN), dtype)
            Cl = T.alloc_fragment((BM, BN), acc)
            if dm & 2:
                T.assume(n % 8 == 0)
            if dm & 4:
                T.assume(k % 8 == 0)
            if dm & 1:
                T.assume(m % 8 == 0)
            if hint:
                T.use_swizzle(hint, order=order)
            for choice in choices.split(",") if choices else []:
                name, value = choice.split("=")
                T.annotate_pass_configs({"tilec." + name: value})
            T.clear(Cl)
            for ko in T.Pipelined(T.ceildiv(k, BK), num_stages=stages):
                if trans_A:
                    T.copy(A[ko * BK, by * BM], As)
                else:
                    T.copy(A[by * BM, ko * BK], As)
                if trans_B:
                    T.copy(B[bx * BN, ko * BK], Bs)
                else:
                    T.copy(B[ko * BK, bx * BN], Bs)
                T.gemm(As, Bs, Cl, transpose_A=bool(trans_A), transpose_B=bool(trans_B))
            if epilogue:
                for i, j in T.Parallel(BM, BN):
                    Cl[i, j] = Cl[i, j] * 2 + bias[bx * BN + j]
            T.copy(Cl, C[by * BM, bx * BN])

    return main


@tilec.jit
def pair(M=128, N=64, K=64, BM=64, BN=32, BK=16, stages=3):
    """Two products in one loop, which share an operand."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(N, 2 * BN), T.ceildiv(M, BM), threads=128) as (bx, by):
            As = T.alloc_shared((BM, BK), "float16")
            Bs = T.alloc_shared((BK, BN), "float16")
            Ds = T.alloc_shared((BK, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            Dl = T.alloc_fragment((BM, BN), "float32")
            T.clear(Cl)
            T.clear(Dl)
            for ko in T.Pipelined(T.ceildiv(K, BK), num_stages=stages):
                T.copy(A[by * BM, ko * BK], As)
                T.copy(B[ko * BK, 2 * bx * BN], Bs)
                T.gemm(As, Bs, Cl)
                T.copy(B[ko * BK, (2 * bx + 1) * BN], Ds)
                T.gemm(As, Ds, Dl)
            T.copy(Cl, C[by * BM, 2 * bx * BN])
            T.copy(Dl, C[by * BM, (2 * bx + 1) * BN])

    return main


@tilec.jit
def chain(M=128, N=64, K=64, BM=64, BN=32, stages=2):
    """(A B) B in steps of BN: the second product reads another ring, and what the first one made.
    N is the inner size of both."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(M, BM), threads=128) as by:
            As = T.alloc_shared((BM, K), "float16")
            Bs = T.alloc_shared((K, BN), "float16")
            Ds = T.alloc_shared((BN, N), "float16")
            Ss = T.alloc_shared((BM, BN), "float16")
            Sl = T.alloc_fragment((BM, BN), "float32")
            Cl = T.alloc_fragment((BM, N), "float32")
            T.copy(A[by * BM, 0], As)
            T.clear(Cl)
            for ko in T.Pipelined(T.ceildiv(N, BN), num_stages=stages):
                T.copy(B[0, ko * BN], Bs)
                T.clear(Sl)
                T.gemm(As, Bs, Sl)
                for i, j in T.Parallel(BM, BN):
                    Sl[i, j] = T.max(Sl[i, j], -2) / 4
                T.copy(Sl, Ss)
                T.copy(B[ko * BN, 0], Ds)
                T.gemm(Ss, Ds, Cl)
            T.copy(Cl, C[by * BM, 0])

    return main


@tilec.jit
def table(M=128, N=64, K=64, BM=64, BN=32, BK=16, stages=3):
    """The order of the steps, and whether there are any, is read from memory."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(N, BN), T.ceildiv(M, BM), threads=128) as (bx, by):
            As = T.alloc_shared((BM, BK), "float16")
            Bs = T.alloc_shared((BK, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            T.clear(Cl)
            for half in T.serial(2):
                if bias[half] < 4:
                    for ko in T.Pipelined(1, T.ceildiv(K, BK), num_stages=stages):
                        at = (ko + T.cast(bias[ko], "int32") + 64) % T.ceildiv(K, BK)
                        T.copy(A[by * BM, at * BK], As)
                        T.copy(B[at * BK, bx * BN], Bs)
                        T.gemm(As, Bs, Cl)
            T.copy(Cl, C[by * BM, bx * BN])

    return main


@tilec.jit
def plain(M=128, N=64, K=64, BM=64, BN=64, stages=0, serial=1):
    """No ring: a product in a serial loop, or only copies in a pipelined one."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(N, BN), T.ceildiv(M, BM), threads=128) as (bx, by):
            As = T.alloc_shared((BM, 16), "float16")
            Bs = T.alloc_shared((16, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            if serial:
                T.clear(Cl)
                for ko in T.serial(T.ceildiv(K, 16)):
                    T.copy(A[by * BM, ko * 16], As)
                    T.copy(B[ko * 16, bx * BN], Bs)
                    T.gemm(As, Bs, Cl)
                T.copy(Cl, C[by * BM, bx * BN])
            else:
                for ko in T.Pipelined(T.ceildiv(BM, 16), num_stages=stages):
                    T.copy(B[ko * 16, bx * BN], Bs)
                    for i, j in T.Parallel(16, BN):
                        C[by * BM + ko * 16 + i, bx * BN + j] = Bs[i, j] + 1

    return main


@tilec.jit
def threaded(M=128, N=64, K=64, BM=64, BN=64, BK=16, stages=3):
    """Code for single threads in the loop: nobody but the source orders it."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(N, BN), T.ceildiv(M, BM), threads=128) as (bx, by):
            As = T.alloc_shared((BM, BK), "float16")
            Bs = T.alloc_shared((BK, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            tx = T.get_thread_binding()
            T.clear(Cl)
            for ko in T.Pipelined(T.ceildiv(K, BK), num_stages=stages):
                T.copy(A[by * BM, ko * BK], As)
                T.copy(B[ko * BK, bx * BN], Bs)
                if tx < 64:
                    Bs[0, tx] = Bs[0, tx] + 1
                T.gemm(As, Bs, Cl)
            T.copy(Cl, C[by * BM, bx * BN])

    return main


@tilec.jit
def batched(M=128, N=64, K=64, BM=64, BN=32, BK=16, stages=3, G=3):
    """A grid of three dimensions."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((G, M, N), "float16"),
    ):
        with T.Kernel(T.ceildiv(N, BN), T.ceildiv(M, BM), G, threads=128) as (bx, by, bz):
            As = T.alloc_shared((BM, BK), "float16")
            Bs = T.alloc_shared((BK, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            T.clear(Cl)
            for ko in T.Pipelined(T.ceildiv(K, BK), num_stages=stages):
                T.copy(A[by * BM, ko * BK], As)
                T.copy(B[ko * BK, bx * BN], Bs)
                T.gemm(As, Bs, Cl)
            for i, j in T.Parallel(BM, BN):
                Cl[i, j] = Cl[i, j] + bz
            T.copy(Cl, C[bz, by * BM, bx * BN])

    return main


@tilec.jit
def owned(M=128, N=64, K=64, BM=64, BN=32, BK=16, stages=3, workers=3):
    """The source goes from tile to tile itself."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), "float16"),
        B: T.Tensor((K, N), "float16"),
        bias: T.Tensor((N,), "float32"),
        C: T.Tensor((M, N), "float16"),
    ):
        with T.Kernel(workers, threads=128) as worker:
            As = T.alloc_shared((BM, BK), "float16")
            Bs = T.alloc_shared((BK, BN), "float16")
            Cl = T.alloc_fragment((BM, BN), "float32")
            for by, bx in T.Persistent([T.ceildiv(M, BM), T.ceildiv(N, BN)], workers, worker):
                T.clear(Cl)
                for ko in T.Pipelined(T.ceildiv(K, BK), num_stages=stages):
                    T.copy(A[by * BM, ko * BK], As)
                    T.copy(B[ko * BK, bx * BN], Bs)
                    T.gemm(As, Bs, Cl)
                T.copy(Cl, C[by * BM, bx * BN])

    return main
