#!/bin/bash
# The task needs the reader behind tidegauge's door; elsewhere there is nothing to score with.
echo "selfmod/memory needs tidegauge's reader service; run it with: tidegauge run" >&2
exit 1
