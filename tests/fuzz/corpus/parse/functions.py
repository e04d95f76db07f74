def f(): pass
def g(a, b: int, c=1, d: T.Tensor((M, N), "float16") = None, /, e=2, *args: int, f, g=3, h: str = "x", **kwargs: dict) -> int:
    """doc"""
    return
def h(a, *, b,): return a, *b
def i(*a,): return (yield)
def j(**a): return lambda x: a
@a
@b.c(d)[e]

# between
@(lambda f: f)
def k():
    global x, y
    def inner():
        nonlocal z, w
        z = q = 1
        yield from z
    z = x = yield z
    w = [(p := i) for i in range(3) for k in i]
    r = [l for l in x if (s := [n for n in l if (y_ := n)])]
    for t in w:
        import os.path, re as r
        from a import b as c, d
    with u as v: pass
    try: pass
    except E as e: del m
    class C: n = 1
    return o
@tilec.jit(out_idx=[-1])
class A: pass
class B(): x = 1
class C(A, B.D, metaclass=M, *args, **kwargs):
    """doc"""
    x: int = 1
    def f(self, x=x) -> "C":
        return super().f(x)
    @property
    def g(self): return self.__x
