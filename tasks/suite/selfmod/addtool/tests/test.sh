#!/bin/bash
# The task needs the weak solver behind tidegauge's door; elsewhere there is nothing to score with.
echo "selfmod/addtool needs tidegauge's solver service; run it with: tidegauge run" >&2
exit 1
