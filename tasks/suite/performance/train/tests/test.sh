#!/bin/bash
# Scores /work/submission in the public development world. tidegauge does not use it: there the training runs in
# a fresh box, and the host reads its processor time.
set -euo pipefail
mkdir -p /logs/verifier
timeout 50 python3 -B /tests/score.py > /logs/verifier/reward.json
