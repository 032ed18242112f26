#!/bin/bash
# The reference in the public world, whose rule is known.
set -euo pipefail
cd /work/submission
sed -i 's/sum(question)/sum(x for x in question if x % 8 == 5)/' answer.py
