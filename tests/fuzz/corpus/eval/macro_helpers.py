"""Ways to share code: macros, plain functions, lambdas and values computed while compiling.
A plain function builds expressions; a T.macro may also contain statements, loops and kernels."""

import tilec
import tilec.language as T


def horner(x, coefficients):
    """c[0] + c[1] x + c[2] x^2 + ...; the loop runs while compiling and leaves one expression."""
    result = coefficients[-1]
    for k in range(len(coefficients) - 2, -1, -1):
        result = result * x + coefficients[k]
    return result


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


@tilec.jit(out_idx=[-1])
def taylor(degree=6, function="exp", block=128):
    """A Taylor polynomial of exp, sin or cos, with coefficients from a list comprehension."""
    assert degree >= 1, f"degree {degree} is too small for {function}"

    def coefficient(k):
        if function == "exp":
            return 1.0 / factorial(k)
        odd = k % 2 == 1
        sign = -1.0 if k // 2 % 2 == 1 else 1.0
        return sign / factorial(k) if odd == (function == "sin") else 0.0

    coefficients = [coefficient(k) for k in range(degree + 1)]
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.float32), Y: T.Tensor((N,), T.float32)):
        with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
            for i in T.Parallel(block):
                Y[bx * block + i] = horner(X[bx * block + i], coefficients)

    return main


@T.macro
def clip(value: T.Ref, low, high):
    """A T.Ref parameter is the caller's variable or element; others are values."""
    value = T.min(T.max(value, low), high)


@T.macro
def clip_tile(tile, low, high, clipped: T.Ref):
    """Clips a 2-D tile and adds to `clipped` how many elements that changed in its first row."""
    rows, cols = tile.shape
    for j in T.serial(cols):
        if tile[0, j] < low or tile[0, j] > high:
            clipped += 1
    for i, j in T.Parallel(rows, cols):
        clip(tile[i, j], low, high)


@tilec.jit
def clip_matrix(X, low: float = -1.0, high: float = 1.0, block_M: int = 8):
    """Each block clips some rows, and counts the changes in the first of them."""
    M, N = T.const("M, N")
    X: T.Tensor((M, N), T.float32)
    Y = T.empty((M, N), T.float32)
    counts = T.empty((T.ceildiv(M, block_M),), T.int32)
    assert low <= high, f"empty range [{low:.2f}, {high:.2f}]"

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        tile = T.alloc_shared((block_M, N), T.float32)
        clipped = T.alloc_var(T.int32, init=0)

        T.copy(X[bx * block_M, 0], tile)
        clip_tile(tile, low, high, clipped)
        T.copy(tile, Y[bx * block_M, 0])
        counts[bx] = clipped

    return Y, counts


ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: T.max(x, 0.0),
    "silu": lambda x: x * T.sigmoid(x),
    "square": lambda x: x * x,
}


@T.macro
def multiply(A, B, C, block, epilogue):
    """A whole kernel as a macro: C = epilogue(A @ B), with square tiles."""
    M, K = A.shape
    N = B.shape[1]
    with T.Kernel(T.ceildiv(N, block), T.ceildiv(M, block), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block, block), A.dtype)
        B_shared = T.alloc_shared((block, block), B.dtype)
        C_local = T.alloc_fragment((block, block), T.float32)

        T.clear(C_local)
        for k in T.Pipelined(T.ceildiv(K, block), num_stages=2):
            T.copy(A[by * block, k * block], A_shared)
            T.copy(B[k * block, bx * block], B_shared)
            T.gemm(A_shared, B_shared, C_local)
        for i, j in T.Parallel(block, block):
            C_local[i, j] = epilogue(C_local[i, j])
        T.copy(C_local, C[by * block, bx * block])


@tilec.jit(out_idx=[-1])
def chain(M, N, K, activation="relu", scale=1.0, dtype=T.float32, block=32):
    """D = activation(A @ B) @ B2 * scale: two launches of one macro, each with its own lambda."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((K, N), dtype),
        B2: T.Tensor((N, K), dtype),
        D: T.Tensor((M, K), dtype),
    ):
        C = T.alloc_global((M, N), dtype)
        multiply(A, B, C, block, ACTIVATIONS[activation])
        multiply(C, B2, D, block, lambda x: x * scale)

    return main
