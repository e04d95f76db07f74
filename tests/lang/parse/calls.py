f()
f(a, b,)
f(a, *b, c=1, *d, e=lambda: 2, **g, h=3, **i)
f(x for x in y)
f((x for x in y), 1)
f(a)(b)[c](d=e)
f(a if b else c, d := 1, not e, *a or b, **c or d)
f(
    a,  # first

    b
)
T.copy(A[by * 128, k * 32 : (k + 1) * 32], A_shared, disable_tma=True)
