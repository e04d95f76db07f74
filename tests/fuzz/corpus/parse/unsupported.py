async def f(a, b=(1, 2)) -> int:
    async with a as b:
        await c
    async for x in y:
        match z:
            case 1: pass
@decorated
async def g(): return [x async for x in y]
async with a: pass
async for x in y:
    pass
match x:
    case {"a": [1, 2, *rest]} if y:
        pass
    case A(b=1) | None:
        if z:
            pass
match (a, b):
    # comment
    case _: pass
match -x, *y:
    case _:
        pass
def h():
    match [x]:
        case []: return 1
    return 2
match(x)
match (x), y
async def last():
    pass
