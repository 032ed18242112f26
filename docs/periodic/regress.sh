#!/bin/sh
# regress.sh CONFIG BASELINE [OPTION...]: one periodic regression, with a line for each way in which it can end.
# The exit code is the gate's: 0 clear, 2 crossed, 3 inconclusive, 4 invalid; else the run could not begin or end.
config=$1 baseline=$2
shift 2
cd "$(dirname "$config")" || exit 1
tidegauge regress "$(basename "$config")" --baseline "$baseline" "$@"
code=$?
case $code in
    0) said="clear" ;;
    2) said="crossed: read the report" ;;
    3) said="inconclusive: more episodes or evidence are needed" ;;
    4) said="invalid: repair the evidence first" ;;
    130) said="interrupted: the next one goes on where it stopped" ;;
    *) said="it could not run: the line above says why" ;;
esac
echo "$(date -u +%FT%TZ) regression of $config against $baseline: $said" >&2
exit $code
