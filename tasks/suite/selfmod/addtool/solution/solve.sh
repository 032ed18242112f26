#!/bin/bash
# The reference at L0: the plugin that lies in /work, with the signs and the direction that /task/tools.md names.
set -euo pipefail
name=$(sed -n 's/^tool //p' /task/tools.md)
plus=$(sed -n 's/^sign \(.\) adds$/\1/p' /task/tools.md)
times=$(sed -n 's/^sign \(.\) multiplies$/\1/p' /task/tools.md)
first=$(sed -nE 's/.*from (left|right) to.*/\1/p' /task/tools.md)
mkdir -p /agent/tools/plugins
sed -e "s/PLUS/$plus/;s/TIMES/$times/;s/FIRST/$first/" /work/skeleton.py > "/agent/tools/plugins/$name.py"
