"""Writes lang_eval.def: expressions with the repr that CPython gives them.
Run it again after adding an expression: python3 lang_eval_cases.py > lang_eval.def"""

import functools
import itertools
import json
import math

EXPRESSIONS = r"""
0
-1
9223372036854775807
-9223372036854775808
0xFF_FF
0b1011
0o17
1_000_000
1.0
1e16
1e15
123456789012345680.0
1e22
1e23
1e-4
1e-5
0.1
0.1 + 0.2
1/3
2/3
100.0
5e-324
1.7976931348623157e308
-0.0
0.0001234
1234567.125
3.14
2.0**-44
2.0**100
float("inf")
-float("inf")
float("nan")
True
False
None
"abc"
'it\'s'
"say \"hi\""
'both \' and "'
"tab\tnew\nback\\slash"
"\x01\x7f"
"é"
""
()
(1,)
(1, 2)
[]
[1, [2, [3]]]
{}
{1: 2, "a": [3]}
{1, 2}
set()
{1: 1, True: 2, 1.0: 3}
{"a": 1, **{"b": 2, "a": 3}}
[*range(3), *"ab", *(1, 2)]
(*[1], 2)
7 + 3
7 - 10
6 * 7
7 / 2
8 / 2
7 // 2
-7 // 2
7 // -2
-7 // -2
7 % 3
-7 % 3
7 % -3
-7 % -3
0 % 5
7.5 // 2
-7.5 // 2
7.5 % 2
-7.5 % 2
7.5 % -2
-0.0 % 3
1e300 * 1e10
5.0 // 0.1
0.3 % 0.1
2 ** 10
2 ** 0
(-2) ** 3
2 ** -1
(-2) ** -2
2.0 ** 3
2 ** 0.5
(1.0 / 64) ** 0.5 * 1.4426950408889634
10 ** 18
1 << 10
-1 >> 3
-9 >> 1
1 << 62
5 >> 100
-5 >> 100
6 & 3
6 | 3
6 ^ 3
~5
~-1
-5 & 255
True + True
True & False
True ^ True
True | 0
-True
+5
-(-5)
not 0
not [1]
not ""
1 + 2 * 3 - 4 // 2
(1 + 2) * 3
2 ** 3 ** 2
-2 ** 2
1 if 2 > 1 else 0
"a" if [] else "b"
1 and 2
0 and 1/0
1 or 1/0
0 or "" or [] or 5
[] and 3
1 < 2 < 3
1 < 3 < 2
3 > 2 >= 2 != 1
1 == 1.0
1 == True
"a" < "b"
"abc" < "abd"
"ab" < "abc"
(1, 2) < (1, 3)
[1, 2] < [1, 2, 3]
(1, "a") == (1, "a")
[1] == (1,)
{1: [2]} == {1: [2]}
{1, 2} == {2, 1}
{1} < {1, 2}
{1, 2} <= {1}
float("nan") == float("nan")
float("nan") < 1
9007199254740993 == 9007199254740992.0
9007199254740993 > 9007199254740992.0
1 != "1"
None == 0
None is None
1 in [1, 2]
3 not in (1, 2)
"b" in "abc"
"" in "abc"
"x" in {"x": 1}
2 in {1, 2}
4 in range(0, 10, 2)
5 in range(0, 10, 2)
10 in range(10, 0, -3)
4.0 in range(5)
1 in {1.0: 2}
range(5)
range(2, 8, 2)
range(5, 0, -2)
list(range(5))
list(range(5, 0, -2))
list(range(3, 3))
len(range(0, 10, 3))
range(10)[2]
range(10)[-1]
range(10)[2:8:3]
range(3) == range(0, 3, 1)
range(0) == range(5, 5)
[1, 2, 3][0]
[1, 2, 3][-1]
[1, 2, 3, 4, 5][1:3]
[1, 2, 3, 4, 5][:2]
[1, 2, 3, 4, 5][3:]
[1, 2, 3, 4, 5][::2]
[1, 2, 3, 4, 5][::-1]
[1, 2, 3, 4, 5][-2:]
[1, 2, 3, 4, 5][4:1:-2]
[1, 2, 3][10:]
[1, 2, 3][-10:2]
[1, 2, 3][5:0:-1]
(1, 2, 3)[1:]
"hello"[1]
"hello"[-1]
"hello"[1:4]
"hello"[::-1]
"naïve"[2]
"naïve"[1:4]
len("naïve")
{"a": 1}["a"]
{(1, 2): 3}[1, 2]
{1: {2: 3}}[1][2]
[1, 2] + [3]
(1,) + (2,)
"a" + "b"
[0] * 3
3 * [1, 2]
(1, 2) * 2
"ab" * 3
[1] * -1
"" * 5
{1, 2} | {3}
{1, 2} & {2, 3}
{1, 2, 3} - {2}
{1, 2} ^ {2, 3}
{"a": 1} | {"b": 2}
[x for x in range(5)]
[x * y for x in range(3) for y in range(x)]
[x for x in range(10) if x % 2 if x > 3]
[[y for y in range(x)] for x in range(3)]
{x: x * x for x in range(3)}
{x % 3 for x in range(10)}
sum(x for x in range(10))
[a + b for a, b in [(1, 2), (3, 4)]]
[(lambda: x)() for x in range(3)]
[f() for f in [lambda: x for x in range(3)]]
[x for x in [1, 2, 3] if x in (2, 3)]
max(x for x in [3, 1, 2])
(lambda x, y=2: x + y)(1)
(lambda *a, **k: (a, k))(1, 2, z=3)
(lambda x, /, y, *, z: (x, y, z))(1, y=2, z=3)
(lambda a, b=2, *c, d=4, **e: (a, b, c, d, e))(1, 5, 6, 7, d=8, f=9)
(lambda a, b: (a, b))(*[1, 2])
(lambda a, b: (a, b))(**{"a": 1, "b": 2})
(lambda a, b, c: (a, b, c))(1, *[2], c=3)
(lambda f: f(f, 5))(lambda f, n: 1 if n == 0 else n * f(f, n - 1))
len([1, 2, 3])
len("abc")
len({1: 2})
min(3, 1, 2)
max([3, 1, 2])
min("b", "a")
max(1, 2.5)
min([], default=7)
max([(1, "b"), (1, "a")])
min(["bb", "a"], key=len)
max(-3, 2, key=abs)
abs(-5)
abs(-2.5)
abs(True)
int()
int("42")
int(" -12 ")
int("0x1f", 16)
int("ff", 16)
int("0b101", 0)
int("1_000")
int("z", 36)
int(3.99)
int(-3.99)
int(True)
float()
float(3)
float("1.5")
float(" 1e-3 ")
float("-inf")
float("1_0.5")
bool()
bool([])
bool("x")
str()
str(1.5)
str("a")
str([1, "a", None])
str(None)
repr("a'b")
repr(1.0)
list()
list("abc")
list((1, 2))
list({1: 2, 3: 4})
tuple([1, 2])
tuple("ab")
dict()
dict([(1, 2), (3, 4)])
dict(a=1, b=2)
dict({1: 2}, a=3)
set([1, 1, 2])
sum([1, 2, 3])
sum([1.5, 2])
sum([[1], [2]], [])
sum([1], 10)
any([0, 1])
any([])
all([1, 0])
all([])
list(zip([1, 2, 3], "ab"))
list(zip())
list(zip([1], [2], [3]))
list(enumerate("ab"))
list(enumerate([5], start=1))
sorted([3, 1, 2])
sorted("cab", reverse=True)
sorted([(2, "a"), (1, "b")], key=lambda p: p[0])
sorted([3, -1, 2], key=abs, reverse=True)
sorted(["b", "A", "a"], key=str.lower)
sorted({3: 1, 1: 2})
list(reversed([1, 2, 3]))
list(reversed("ab"))
list(map(lambda x: x + 1, [1, 2]))
list(map(lambda x, y: x * y, [1, 2], [3, 4]))
list(map(str, [1, 2]))
list(filter(None, [0, 1, "", 2]))
list(filter(lambda x: x > 1, [1, 2, 3]))
isinstance(1, int)
isinstance(True, int)
isinstance(1.0, (int, float))
isinstance("a", str)
isinstance([], tuple)
isinstance(None, int)
type(1)
type(1.5) is float
type("a") == str
type([]).__name__
callable(len)
callable(3)
getattr("abc", "upper")()
getattr(1, "nothing", 5)
hasattr([], "append")
hasattr([], "push")
round(2.5)
round(3.5)
round(-2.5)
round(2.675, 2)
round(1234.567, 1)
round(1234.567, -2)
round(1250, -2)
round(1350, -2)
round(-15, -1)
round(5)
round(1e20, 2)
divmod(7, 3)
divmod(-7, 3)
divmod(7.5, 2)
pow(2, 10)
pow(3, 200, 7)
pow(2, -1)
ord("a")
ord("é")
chr(97)
chr(233)
chr(0x1F600)
bin(10)
bin(-5)
oct(8)
hex(255)
hex(-255)
(5).bit_length()
(255).bit_count()
(2.0).is_integer()
",".join(["a", "b", "c"])
"".join([])
"-".join("abc")
"a,b,,c".split(",")
"a,b,c".split(",", 1)
"  a  b ".split()
" a b c ".split(None, 1)
"a,b,c".rsplit(",", 1)
" a b c ".rsplit(None, 1)
"a b".rsplit()
"a\nb\r\nc".splitlines()
"abc".startswith("ab")
"abc".startswith(("x", "a"))
"abc".endswith("bc")
"aXbX".replace("X", "--")
"aaa".replace("a", "b", 2)
"ab".replace("", "-")
"Hello World".upper()
"Hello World".lower()
"hello world".title()
"hELLO".capitalize()
"  x ".strip()
"xxaxx".strip("x")
"  x ".lstrip()
"  x ".rstrip()
"prefix_a".removeprefix("prefix_")
"a.py".removesuffix(".py")
"hello".find("l")
"hello".find("z")
"hello".rfind("l")
"héllo".find("l")
"hello".index("o")
"banana".count("an")
"aaa".count("aa")
"aaa".count("")
"a=b=c".partition("=")
"abc".partition("=")
"123".isdigit()
"12a".isdigit()
"".isdigit()
"abc".isalpha()
"a1".isalnum()
" \t".isspace()
"ABC".isupper()
"aB".islower()
"42".zfill(5)
"-42".zfill(5)
"ab".ljust(4) + "|"
"ab".rjust(4)
"ab".center(5, "*")
"abc".center(6, "*")
[1, 2, 1].index(2)
[1, 2, 1].count(1)
(1, 2, 1).count(1)
[1, 2].copy()
{"a": 1}.get("a")
{"a": 1}.get("b")
{"a": 1}.get("b", 5)
list({"a": 1}.keys())
list({"a": 1}.values())
list({"a": 1, "b": 2}.items())
{1, 2}.union([3], (4,))
{1, 2}.intersection({2, 3})
{1, 2}.difference({2})
{1}.issubset({1, 2})
math.ceil(2.1)
math.ceil(-2.1)
math.floor(-2.1)
math.trunc(-2.9)
math.ceil(5)
math.sqrt(2)
math.isqrt(17)
math.isqrt(9223372036854775807)
math.exp(1)
math.exp2(10)
math.log(10)
math.log(8, 2)
math.log2(1024)
math.log10(1000)
math.log1p(1e-10)
math.pow(2, 3)
math.sin(1.0)
math.atan2(1, 2)
math.fmod(-7, 3)
math.hypot(3, 4)
math.gcd(12, 18)
math.gcd(12, -18, 27)
math.lcm(4, 6)
math.factorial(10)
math.comb(10, 3)
math.prod([2, 3, 4])
math.fsum([0.1] * 10)
math.fabs(-2)
math.copysign(1, -0.0)
math.isnan(math.nan)
math.isinf(math.inf)
math.isfinite(1)
math.pi
math.e
math.tau
math.inf
math.degrees(math.pi)
math.erf(0.5)
math.tanh(0.5)
list(itertools.product([1, 2], "ab"))
list(itertools.product([0, 1], repeat=2))
list(itertools.chain([1], (2, 3)))
list(itertools.repeat(5, 3))
list(itertools.accumulate([1, 2, 3]))
list(itertools.accumulate([1, 2, 3], lambda a, b: a * b))
list(itertools.combinations("abc", 2))
list(itertools.permutations([1, 2, 3], 2))
list(itertools.islice(range(10), 2, 8, 3))
functools.reduce(lambda a, b: a * b, [1, 2, 3, 4])
functools.reduce(lambda a, b: a + b, [], 5)
functools.partial(lambda a, b, c: (a, b, c), 1, c=3)(2)
f"{1}"
f"a{1 + 1}b{'c'}"
f"{3.14159:.2f}"
f"{42:5d}|{42:<5}|{42:^5}|{42:05}"
f"{'x':>3}|{'x':*^5}"
f"{255:x} {255:#X} {5:b} {5:#010b} {8:o}"
f"{1234567:,} {1234567.891:,.2f} {1234567:_}"
f"{0.25:%} {0.256:.1%}"
f"{1e10:e} {1234.5:.3e} {0.0001:g} {1e20:g} {123456789:g}"
f"{1.5!r} {'a'!r} {'a'!s}"
f"{[1, 2]} {(1,)} {None} {True}"
f"{3:{5}}|{3.14159:.{2}f}"
f"{-5:+d} {5:+d} {5: d}"
f"{1.0} {1e16} {1.5:10}|"
f"{{}} {1}"
f"{1+1=}"
f"{True:d} {2:.1f}"
f"{-1234.5:010.2f}"
f"{12345:010,}"
f"{'abc':.2}"
f"{float('nan'):.2f} {float('inf'):5}"
f"{1.0:.0f} {0.5:.0f} {1.5:.0f} {2.5:.0f}"
f"{3.0:.3} {1234.5678:.3} {0.00001234:.2}"
f"{1.0:g} {100000:g} {1000000:g} {1.50:#g}"
f"{0:x} {-255:x} {-5:b}"
"{} {}".format(1, "a")
"{0} {1} {0}".format("a", "b")
"{x} {y:.1f}".format(x=1, y=2)
"{:>5}|{:<5}|".format("a", "b")
"{{{}}}".format(1)
"{0[1]} {0[0]}".format([1, 2])
"{:{}}".format("a", 4)
"{!r}".format("a")
"%d %s %.2f" % (1, "a", 2.5)
"%s" % "x"
"%5d|%-5d|%05d" % (1, 2, 3)
"%x %X %o %%" % (255, 255, 8)
"%r" % "a"
"%e %g" % (12345.678, 0.5)
format(3.5, ".1f")
format(10, "b")
[1, 2, 3] == [1, 2, 3.0]
(1).__class__ if False else 2
[i for i in range(20) if i % 3 == 0][-1]
dict(zip("ab", [1, 2]))
{k: v for k, v in zip("ab", [1, 2]) if v > 1}
sum(x * y for x, y in zip([1, 2], [3, 4]))
max(len(s) for s in ["a", "bb"])
tuple(sorted(set([3, 1, 3])))
all(x > 0 for x in [1, 2])
not any(x > 5 for x in [1, 2])
1 if 0 else 2 if 0 else 3
(lambda n: [n] * n)(3)
[[0] * 2 for _ in range(2)]
-7 // 2 * 2 + -7 % 2
1_0.5e-0_1
0xF & ~0x3
"a" "b" 'c'
"\u00e9\x41\101"
r"\n"
[None, True, 1.0, "s", (), [], {}]
"😀"
len("😀é")
-2147483648 // -1
2**31 - 1
9223372036854775807 // -1
4611686018427387904 * -2
0.1 * 3
1e308 * 10
round(0.5) + round(1.5)
int(1e15)
int("9223372036854775807")
str(2**53) + str(-1)
[1, 2, 3].index(3) if 3 in [1, 2, 3] else -1
"abc"[1:2] * 2 + "d"
(1, [2, 3], {"a": (4,)})
"""


def main():
    scope = {"math": math, "itertools": itertools, "functools": functools}
    for line in EXPRESSIONS.strip("\n").splitlines():
        if not line.strip():
            continue
        wanted = repr(eval(line, dict(scope)))
        print(f"CASE({json.dumps(line, ensure_ascii=False)}, {json.dumps(wanted, ensure_ascii=False)})")


main()
