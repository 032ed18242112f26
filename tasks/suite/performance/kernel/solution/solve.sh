#!/bin/bash
# The reference: the numpy form of the slow loop that look.py shows.
set -euo pipefail
cd /work
python3 speed.py $(python3 look.py | awk '$1 == "slow" {print $2, $3}')
