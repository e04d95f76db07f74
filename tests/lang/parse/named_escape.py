arrow = "\N{RIGHTWARDS ARROW} to"
raw = r"\N{x}" + f"{arrow}"
data = b"\N{x}"
