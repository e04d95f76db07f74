# Elements of 4 bits share bytes: a C compiler that makes vectors of the stores loses half of them.
# arg Z float64 small 1 exact 2 221
import tilec.language as T


@T.prim_func
def main(Z: T.Tensor((2, 221), "float64")):
    with T.Kernel(1, 2, threads=128) as (b, c):
        t = T.alloc_fragment((17, 12), "int4")
        for i, j in T.Parallel(17, 12):
            t[i, j] = (i * 3 + j * 7) % 5
        m = T.alloc_shared((17,), "int4")
        T.fill(m, T.cast(2, "int4"))
        T.reduce_absmax(t, m, dim=1, clear=False)
        for z in T.Parallel(204):
            Z[c, z] = T.cast(t[z // 12 % 17, z % 12], "float64")
        for z in T.Parallel(17):
            Z[c, 204 + z] = T.cast(m[z], "float64")
