x = "no end
y = 'nor here\'
z = 1 + + 2 +
w = """a
docstring
