a = f"plain" f'' "tail"
b = f"{x}" f"a{x}b{y}c" "d{z}" f'{{}}{{{x}}}'
c = f"{x!r}{x!s}{x!a}{x !r:>5}{x:}{x:>{w}.{p}f}{x:%Y-%m-%d}{x!s:{fill}^{w}}"
d = f"{x=}{x = }{ x =!s}{x=:>5}{f(a, b)['k'] = }{x==y}{x!=y}{x<=y}"
e = f"{a, b}{(lambda v: v)(1)}{ {1: 2}[1] }{[i for i in y]}{a if b else c}{*a, *b}{(yield_)}{x:=5}{(n := 3)}"
f = rf"\d{x}\n" fR'{x:\d}' f"\x41{x:\x41}\{x}"
g = f"""{
    x
    + 1
}
{f'{inner!r:{w}}'} {d["key"]}"""
h = "a" f"{x}" "b" 'c' f"{y}"
