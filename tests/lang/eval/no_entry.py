import tilec
import tilec.language as T


def helper(x):
    return x + 1
