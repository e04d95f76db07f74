return 1
def f():
    break
for x in y:
    def g():
        continue
class A:
    yield x
    return 2
continue
x = [(yield) for y in z]
