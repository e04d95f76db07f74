a or b and not c or d
not a == b != c < d > e <= f >= g is h is not i in j not in k
a | b ^ c & d << e >> f + g - h * i / j // k % l @ m
-a ** -b ** +c
~a ** b, -1 ** 2, (-1) ** 2, not -x, - - x
(a + b) * c - (d - (e - f))
a if b else c if d else e
lambda: 0
lambda a, b=1, /, c=2, *d, e, f=3, **g: (a, lambda: b)
lambda *, a: a
lambda *a, **k: lambda: (yield_)
(a := b + 1), [b := 1, 2], f(c := 3), {d := 4}
x[a], x[a, b], x[a,], x[:], x[a:], x[:b], x[a:b], x[::], x[a:b:c], x[::c], x[a, :, b:c, ...]
x[*a], x[*a, b:c], x[(a, b)], x[a := 1], x[lambda: 0:1]
a.b.c(d).e[f](g)[h].i
(), (a,), (a, b), a, [], [a], [a, b,], {a}, {a, *b}, [*a, b], (*a,)
{}, {a: b}, {a: b, **c, d: e,}, {**a}
[a for b in c], {a for b in c if d}, {a: b for c, d in e for f in g if h if i}, (a for b in c)
[a for a, in b], [x for x in (y, z)], [a for b.c, d[0], (e, *f) in g], [lambda: a for a in b]
await x, await y.z(a) ** 2
[a async for b in c if d], (a for b in c async for d, e in f)
