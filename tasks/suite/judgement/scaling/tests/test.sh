#!/bin/bash
# The task needs the trials behind tidegauge's door; elsewhere there is nothing to score with.
echo "judgement/scaling needs tidegauge's trials service; run it with: tidegauge run" >&2
exit 1
