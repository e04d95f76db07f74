x = b"café"
y = b'\xe9' b"ok"
