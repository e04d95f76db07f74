try:
    x = 1
except:
    pass
except A:
    pass
try:
    x = 1
y = 2
try:
    x = 1
except A, B as e:
    pass
