#!/bin/bash
# The reference: takes back the change of the part that check.py shows to be wrong.
set -euo pipefail
cd /work
python3 undo.py "$(python3 check.py | awk '$2 == "wrong" {print $3}')"
