#!/bin/bash
# Scores /work/method.py in the public development world. tidegauge does not use it: there the functions
# run in a fresh box, on inputs of the world's own seed, and their results are judged outside.
set -euo pipefail
mkdir -p /logs/verifier
timeout 20 python3 -B /tests/score.py > /logs/verifier/reward.json
