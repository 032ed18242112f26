#!/bin/bash
# The reference at L0: the one tool, with the signs that /task/tools.md names, from left to right or back.
set -euo pipefail
name=$(sed -n 's/^tool //p' /task/tools.md)
plus=$(sed -n 's/^sign \(.\) adds$/\1/p' /task/tools.md)
times=$(sed -n 's/^sign \(.\) multiplies$/\1/p' /task/tools.md)
step=1
grep -q 'from right to left' /task/tools.md && step=-1
mkdir -p /agent/tools/plugins
cat > "/agent/tools/plugins/$name.py" <<END
"""Works out whole numbers."""
import operator

CAPABILITIES = ()
SIGNS = {"$plus": operator.add, "$times": operator.mul}


def run(argument):
    value, *rest = argument.split(" ")[::$step]
    value = int(value)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        if sign not in SIGNS:
            raise ValueError(sign)
        value = SIGNS[sign](value, int(number))
    return str(value)
END
