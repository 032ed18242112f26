#!/bin/bash
# The reference of L0: the solver and the rule that scan.py shows first, then the numbers.
set -euo pipefail
cd /work
shown=$(python3 scan.py)
solver=$(grep -m 1 '^solver ' <<< "$shown" | cut -d ' ' -f 2)
rule=$(grep -m 1 '^rule ' <<< "$shown" | cut -d ' ' -f 2)
python3 tune.py --solver "$solver" --rule "$rule"
