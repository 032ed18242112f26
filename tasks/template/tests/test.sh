#!/bin/bash
# Scores /work/submission in the public development world. tidegauge does not use it: there the
# submission runs in a fresh box on questions of the world's own seed.
set -euo pipefail
mkdir -p /logs/verifier
cd /work/submission
timeout 20 python3 answer.py /tests/questions.json /tmp/out.json
python3 /tests/score.py /tmp/out.json > /logs/verifier/reward.json
