# What Python 3.11 to 3.14 added, and literals that only Python has.
a = 3 + 4j - 1.5e3J * 0j
b = "\N{RIGHTWARDS ARROW} to", r"\N{x}", f"{x}\N{RIGHTWARDS ARROW}{y}", b"\N{x}"
c = f'{x["a"]}', f'{x['a']}', f"{", ".join(f"{y:{'>'}10}" for y in x)}", f'{'\n'.join(x)}{x!r:>{'5'}}'
d = f"""{
    x  # the first
    + "}"  # and "more
}""", f"{x +
    y}"
e = f"{{" f"}}" f"{{{x}}}" rf"\{x}\N{y}" f"\{x}" f"{x:\{y}}" f"{({'a': {}})}" f"{x:=^5}" f"{a if"b"else'c'}"
f = t"{x}", T'{x!r:>{w}}' t"more", rt"\d{x}", tr'', t"""{
    x}"""
type Pair = tuple[int, int]
type List[T: (int, str), *Ts = *tuple[int, ...], **P] = list[T]
type = type(1)
type[0] = type
type(x).y = 2
if x: type Here = int; y = 2
def generic[T](x: T, *args: *T) -> T: return x
class Generic[T: int = bool, *Ts](Base[T]): pass
class Plain[T]: pass
async def waits[T](x): await x
try:
    pass
except A, B:
    pass
except (A, B), C:
    pass
except* A, B:
    pass
except* C as e:
    pass
finally:
    pass
