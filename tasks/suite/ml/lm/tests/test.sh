#!/bin/bash
# Scores /work/submission in the public development world. tidegauge does not use it: there the program learns
# languages of the world's own seed in a fresh box, and its answers are judged outside.
set -euo pipefail
mkdir -p /logs/verifier
timeout 50 python3 -B /tests/score.py > /logs/verifier/reward.json
