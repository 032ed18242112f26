#!/bin/bash
# Scores /work/submission in the public development world. tidegauge does not use it: there the
# learner is trained on the host and tested on rows of the world's own seed.
set -euo pipefail
mkdir -p /logs/verifier
python3 /tests/score.py > /logs/verifier/reward.json
