"""What the kernels of kernels/names.py must compute: names of the language no example uses."""

import numpy as np

from formats import FLOATS, Array, round_to

from refs import EPS, Bounded, Case, integers, normal, uniform

NAMES: list = []
FILE = "../tests/run/kernels/names.py"


def name(entry, inputs, outputs, reference, params=({},), **more):
    NAMES.append(Case(FILE, entry, list(params), inputs, lambda p: outputs, reference, **more))


EXACT = dict(rtol=0, atol=0)
N = 64
F16, F32, I32 = "float16", "float32", "int32"


def annotated(p, x):
    c = x["A"].reshape(8, 8).T.reshape(-1).copy()
    c[:8] = 0.0
    return {"C": c, "D": x["S"]}


class Spread(Array):
    """An array of 8 x 4 numbers, stored with every second column and nothing between."""

    @property
    def stored(self):
        wide = np.full((8, 8), 77.0, np.float32)
        wide[:, ::2] = super().stored
        return np.lib.stride_tricks.as_strided(wide, (8, 4), (32, 8))


name("buffer_annotation", lambda p, r: {"A": normal(r, N), "S": normal(r, (8, 4))},
     {"C": F32, "D": F32}, annotated, **EXACT)
