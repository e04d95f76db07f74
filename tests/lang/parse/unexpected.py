x = 1 2
y = foo(a b, c)
import 3
from x import
for x:
    pass
a.class = 3
def f(1):
    return 2
z = a if b
call(
    first,
    second
    third,
)
retrun x
lambda x y: 1
async x = 1
[a async b in c]
@property
x = 1
