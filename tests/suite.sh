#!/usr/bin/env bash
# The whole suite as two sessions side by side: tests in containers mostly wait, and all others compute meanwhile. Those
# of clusters, which wait too, go with the others, so that both take about as long. What the second session says comes
# after the first. Exits 0 if all passed.
set -uo pipefail
cd "$(dirname "$0")/.."

python=$1
said=$(mktemp)
"$python" -Im pytest -m "not box or cluster" >"$said" 2>&1 &
others=$!
trap 'kill -INT "$others" 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM

"$python" -Im pytest -m "box and not cluster"
first=$?
wait "$others"
second=$?
cat "$said"
[ "$first" = 0 ] || echo "test: not all tests of the first session passed: see above" >&2
exit $((first | second))
