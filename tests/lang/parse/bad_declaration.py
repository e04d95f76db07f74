nonlocal x
def f(a, b=1):
    global a
    nonlocal b, c
