f(a=1, b)
f(**k, a)
f(**k, *a)
f(a=1, a=2)
class A(x=1, B):
    pass
f(a, *b, c=1, *d, **e, g=2)
