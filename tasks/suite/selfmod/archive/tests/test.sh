#!/bin/bash
# The task needs the archive behind tidegauge's door, which runs the children; elsewhere there is nothing to score.
echo "selfmod/archive needs tidegauge's archive service; run it with: tidegauge run" >&2
exit 1
