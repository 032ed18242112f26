#!/bin/bash
# Scores /work/model in the public development world. tidegauge does not use it: there the network is
# run on the host, on rows of the world's own seed.
set -euo pipefail
mkdir -p /logs/verifier
python3 /tests/score.py > /logs/verifier/reward.json
