if x = 3:
    y = 1
while (y = 2):
    pass
f(a.b=1)
z = [a = 1]
