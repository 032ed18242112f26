#!/bin/bash
# Scores /work/submission in the public development world. tidegauge does not use it: there the
# submission runs in a fresh box on rows of the world's own seed.
set -euo pipefail
mkdir -p /logs/verifier
cd /work/submission
timeout 20 python3 predict.py /tests/heldout.npy /tmp/out.npy
python3 /tests/score.py /tmp/out.npy > /logs/verifier/reward.json
