if a:
    x = """one
two"""
    y = "a\
b"

else:
    z = (1,
         2) + \
        3 # end
f"""{a}
{b}"""
