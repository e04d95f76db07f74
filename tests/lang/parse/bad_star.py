x = *a
y = (*a)
for *a in b:
    pass
*a, *b = c
z = [*a for a in b]
w = {*a: 1}
q = a[*b:1]
ok = *a, *b
return_ = f(*a, *b)
