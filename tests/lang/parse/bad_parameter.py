def a(x, x): pass
def b(x=1, y): pass
def c(*, **k): pass
def d(*): pass
def e(/, x): pass
def f(*a, *b): pass
def g(**k, x): pass
def h(*a=1): pass
i = lambda x, x: 1
def j(*a, /): pass
def ok(a, /, b, c=1, *d, e, f=2, **g): pass
