if !ready:
    pass
x = a ? b : c
price = 3$
y = 1
z = “text”
