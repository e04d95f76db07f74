def f(a)
    return a
if a == 1
    x = 2
else if b:
    x = 3
while x < 3 {
    x += 1
}
class A(B)
    pass
for i in range(3)
    print(i)
else
    pass
with a as b
    pass
