x = 1 +
y = a && b
z = a || b
i++
w = [1, , 2]
return_ = = 3
if :
    pass
q = not
else:
    pass
