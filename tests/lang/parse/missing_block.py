def f():
x = 1
for i in y:
    if x:
    z = 2
class A:
