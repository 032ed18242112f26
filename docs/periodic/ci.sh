#!/bin/sh
# ci.sh CONFIG BASELINE: a regression as a job of any CI. The runs directory must outlive the job (a mounted disk):
# it is what makes a second job run only what is new, and what `tidegauge verify` checks.
# Leaves summary.md for a pull request and report.html as artefacts; crossed, inconclusive and invalid fail the job.
set -u
runs=${RUNS:-runs}
tidegauge regress "$1" --baseline "$2" --runs "$runs" --json >regress.json
code=$?
run=$(python3 -c 'import json; print(json.load(open("regress.json"))["directory"])' 2>/dev/null) || exit $code
tidegauge report "$run" --format md >summary.md
cp "$run/report.html" report.html
exit $code
