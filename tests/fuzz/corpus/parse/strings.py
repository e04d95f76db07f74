"""doc
string"""
a = 'it\'s', "say \"hi\"", '"', "'", ''
b = '\\ \a\b\f\n\r\t\v \0 \12 \101 \777 \x41 \u00e9 \U0001F600 \q \
joined'
c = r'\n\'', R"\x", u'u', U'u', rb'\x', Rb"\"", bR'b', B'\x00\xff\101\u1234\n'
d = 'one' "two" """three
lines 'of' "text"
""" r'\four'
e = ("a"
     # between
     "b" 'c')
f = "caf\u00e9 \ud800" "é 漢字"
g = b'a' b"b" rb'\c'
