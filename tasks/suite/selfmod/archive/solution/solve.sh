#!/bin/bash
# The reference of the lowest level: every style in a child of the root, then 15 votes in a child of the best.
set -euo pipefail
cd /work
best=$(python3 evolve.py | sed -n 's/^best //p')
python3 archive.py child "$best" votes=15
