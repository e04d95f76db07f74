f(x) = 1
1 = x
a + b = c
None = 1
x == 1 = 2
(a, 1) = b
f() += 1
a, b += 1
[a, b]: int = 3
for 1 in x:
    pass
with a as f():
    pass
del f(), 1
a if b else c = 1
lambda: 1 = 2
(a.b := 1)
"x" = 1
{a: 1} = x
[x for x in y] = 1
f"{x}" = 1
