x = "a" b"b"
y = (b"1"
     f"{x}")
