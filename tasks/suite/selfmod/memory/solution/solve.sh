#!/bin/bash
# The reference of the lowest level: the word before `holds` names the entry, and every line is kept.
set -euo pipefail
line=$(python3 /task/practice.py | sed -n 's/^told: //p')
before=${line%% holds*}
word=$(($(wc -w <<< "$before") - 1))
sed -i -e "s/KEEP = 0/KEEP = 99/" -e "s/WORD = 0/WORD = $word/" /agent/tools/recall.py
