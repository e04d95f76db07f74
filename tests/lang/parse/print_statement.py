print "hello"
def f():
    print x, y
exec "x = 1"
print(x)
