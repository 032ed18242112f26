#!/bin/bash
# The reference: mends what the probe names, and copies the whole notes back.
set -euo pipefail
probe=$(python3 /task/probe.py)
cd /agent
case "${probe##* }" in
  parser) sed -i 's/:99/:/' main.py ;;
  results) sed -i 's/:11/:/' main.py ;;
  roles) sed -i '/reply}/s/user/assistant/' main.py ;;
  retry) sed -i 's/0 and //' main.py ;;
  history) sed -i 's/.2:. =/ +=/' main.py ;;
  status) sed -i 's/str(0)/str(code)/' main.py ;;
  memory) sed -i 's/system,)/system, notes)/' main.py ;;
esac
cp "memory/$(head -n 1 <<< "$probe" | cut -d ' ' -f 2).md" memory/notes.md
