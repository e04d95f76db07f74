x = 1; y = 2; z = 3;
a = b = c, d = e[0] = f.g = (h, [i, *j]) = k
*a, b = a, *b = [*a, b] = c
() = [] = x
a += 1; a -= 1; a *= 1; a /= 1; a //= 1; a %= 1; a **= 1; a @= 1; a &= 1; a |= 1; a ^= 1; a <<= 1; a >>= 1
x[0] += y, z
x: int
x: int = 1
x.y: T.Tensor((1, 2), "f") = a, b
x[0]: "s" = *a, b
(x): int = 1
pass
del a, b[0], c.d, (e, f), [g],
assert a
assert a, "b"
import a
import a.b.c, d as e, f.g as h, i . j
from a import b
from a.b import c as d, e
from a import (b, c as d,)
from a import *
from . import a
from .. import a as b
from ...a.b import c
from .... import d
raise
raise A
raise A from b
global a, b, a
print
match = 1; case = match; match(case); match[case] = match.case; match: int = 3; match * case; match, case
