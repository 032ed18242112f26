#!/bin/bash
# The reference: writes the form of each part that goes with the paper.
set -euo pipefail
cd /work
python3 write.py $(python3 read.py | awk '{print $2}')
