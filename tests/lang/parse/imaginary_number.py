z = 3 + 4j
w = 1.5e3J
