#!/bin/bash
# Scores /work/trainer.py in the public development world. tidegauge does not use it: there the
# trainer runs in a fresh box, on inputs of the world's own seed, and its results are judged outside.
set -euo pipefail
mkdir -p /logs/verifier
timeout 20 python3 -B /tests/score.py > /logs/verifier/reward.json
