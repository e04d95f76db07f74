if a: b
if a:
    b
elif c: d
elif e:
    f
else:
    g
if a:
    if b: c
    else: d
while a: break
while (n := f()) > 1:
    if x: continue
else:
    pass
for a in b: pass
for a, (b, *c), d.e, f[0] in g, h, *i:
    for x in y: break
    else: continue
else:
    pass
try:
    a
except: b
try:
    a
except A: b
except (B, C) as e:
    raise
except D.E as f: pass
else: c
finally:
    d
try: a
finally: b
with a: b
with a as b, c as (d, e), f(): pass
with (a): pass
with (a, b): pass
with (a as b): pass
with (
    open(a) as b,
    c as d.e,
    f,
):
    pass
with (a, b) as c: pass
with (a), b: pass
with (a).b as c, (d)(e): pass
with (a if b else c), d: pass
with (yield_ for x in y): pass
with (a := b): pass
with (*a, b): pass
with (): pass
with (a) + (b): pass
with T.Kernel(1, threads=128) as bx: pass
