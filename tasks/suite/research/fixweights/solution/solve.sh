#!/bin/bash
# The reference: takes back the damage that look.py names.
set -euo pipefail
cd /work
python3 mend.py $(python3 look.py | awk '$3 != "agrees" && $3 != "follows" {print $2, $3}')
