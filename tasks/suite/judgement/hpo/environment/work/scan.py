"""Tries each solver, then each rule, in the middle of all scales: two trials are a step apart in one word."""

from client import losses, numbers, space, value

SETTINGS = space()


def middle(solver, rule):
    """These words, and every number in the middle of its scale."""
    chosen = {"solver": solver, "rule": rule}
    return chosen | {name: value(SETTINGS[name], 0.5) for name in numbers(SETTINGS, solver)}


def compare(name, words, trials):
    """Prints the words, the best first; gives the best."""
    found = sorted(zip(losses(trials), words, strict=True))
    for place, (loss, word) in enumerate(found):
        print("behind" if place else name, word, f"{loss:.2f}")
    return found[0][1]


solvers, rules = SETTINGS["solver"]["words"], SETTINGS["rule"]["words"]
best = compare("solver", solvers, [middle(solver, rules[0]) for solver in solvers])
compare("rule", rules, [middle(best, rule) for rule in rules])
