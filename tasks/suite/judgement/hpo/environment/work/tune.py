"""Tunes one number after the other for a solver and a rule, and writes what it finds as the recommendation."""

import argparse
import json

from client import RECOMMENDATION, left, losses, numbers, space, value

#: Places on a number's scale that are tried.
PLACES = [0.1, 0.3, 0.5, 0.7, 0.9]
SETTINGS = space()


def options(before):
    """The command line; without options the words that are recommended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--solver", choices=SETTINGS["solver"]["words"], default=before["solver"])
    parser.add_argument("--rule", choices=SETTINGS["rule"]["words"], default=before["rule"])
    return parser.parse_args()


def lowest(places, found):
    """The lowest point of the parabola through the lowest loss and the two beside it, on the scale."""
    i = min(max(found.index(min(found)), 1), len(found) - 2)
    a, b, c = found[i - 1 : i + 2]
    bend = a - 2 * b + c
    if bend <= 0:
        return places[found.index(min(found))]
    return min(1.0, max(0.0, places[i] + (places[i + 1] - places[i]) * (a - c) / (2 * bend)))


def main():
    """Tunes with the trials that are left, writes, and prints the loss of the last trial."""
    before = json.loads(RECOMMENDATION.read_text())
    given = options(before)
    names = numbers(SETTINGS, given.solver)
    chosen = {"solver": given.solver, "rule": given.rule}
    chosen |= {name: before.get(name, value(SETTINGS[name], 0.5)) for name in names}
    loss = []
    for name in names:
        if left() > len(PLACES):
            trials = [chosen | {name: value(SETTINGS[name], place)} for place in PLACES]
            chosen[name] = value(SETTINGS[name], lowest(PLACES, losses(trials)))
            loss = losses([chosen])
    RECOMMENDATION.write_text(json.dumps(chosen) + "\n")
    print("tuned loss", *(f"{value:.2f}" for value in loss))


if __name__ == "__main__":
    main()
