# Numbers keep their text; big ones too.
x = 0, 00, 1_000, 0xFF_ff, 0o17, 0B1_01, 18446744073709551615, 18446744073709551616
y = 1., .5, 1e3, 1_0.2_5e-1_0, 0e0, 00.5, 09.25, 1E+400
z = True, False, None, ..., Ellipsis
w = 1if x else 2 or 0x1for y
print(1 .real, 1..real, 1.5.real)
