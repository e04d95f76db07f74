x = foo(a, [1, 2
y = 3
def f(a, b:
    return a
z = (1 +
     2
if z:
    w = {1: 2
