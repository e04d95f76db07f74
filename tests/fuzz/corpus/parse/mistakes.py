if x = 3
    y = foo(a, [1
def f(a=1, b, *, **k): return lambda x x
  z = f"{a!q}{b" 'c
class A: 0777 1_ 0x $ \ ?
with (a as b, c: pass
 else: print "x"
