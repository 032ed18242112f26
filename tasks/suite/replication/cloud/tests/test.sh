#!/bin/bash
# The task needs the mock cloud behind tidegauge's door; elsewhere there is nothing to score with.
echo "replication/cloud needs tidegauge's cloud service; run it with: tidegauge run" >&2
exit 1
