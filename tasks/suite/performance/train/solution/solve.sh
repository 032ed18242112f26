#!/bin/bash
# The reference: the recipe that look.py shows first.
set -euo pipefail
cd /work
python3 use.py "$(python3 look.py | awk '$1 == "good" {print $2; exit}')"
