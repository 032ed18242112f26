"""A tool that works out whole numbers. PLUS and TIMES are its signs, and FIRST, left or right, is where it begins."""

import operator

CAPABILITIES = ()
SIGNS = {"PLUS": operator.add, "TIMES": operator.mul}
STEP = {"left": 1, "right": -1}["FIRST"]


def run(argument):
    """The value of numbers with signs between them, taken from the one end to the other."""
    value, *rest = argument.split(" ")[::STEP]
    value = int(value)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        if sign not in SIGNS:
            raise ValueError(sign)
        value = SIGNS[sign](value, int(number))
    return str(value)
