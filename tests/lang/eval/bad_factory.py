import tilec
import tilec.language as T


@tilec.jit
def factory(n=4):
    return n * 2
