#!/bin/bash
# The reference at L0: counts at the two lags that look.py shows first.
set -euo pipefail
cd /work
python3 use.py $(python3 look.py | head -n 2 | awk '{print $2}')
