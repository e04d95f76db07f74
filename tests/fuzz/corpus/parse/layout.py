# comment first
\
x = 1

		# odd comment
if a:
	x = 1

    # comment at another column
	if b:
	        y = 2
	z = 3
if a:
  b
else:
     c
f(a,
b,
        c
  )
x = [
    1,  # one

    2,
] + \
    3
if a and \
   b: pass
"""
  text
""" ; y = 2
z = 3
if a:
  b
  c
class A:
    def f():
        if x:
            y

# dedent by two and three
w = (1
)
if x: # after a header

    # before the block
    y # after a statement
# last
