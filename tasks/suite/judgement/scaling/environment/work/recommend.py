"""Writes the recommendation: the run that the target pays for at a width and a rate, and its loss."""

import argparse
import json

from client import RECOMMENDATION, SURVEY, TASK


def main():
    """Writes, and prints what it costs."""
    before = json.loads(RECOMMENDATION.read_text())
    if SURVEY.exists():
        survey = json.loads(SURVEY.read_text())
        before |= {"rate": survey["rate"], "loss": survey["lowest"]}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=before["width"])
    parser.add_argument("--rate", type=float, default=before["rate"])
    parser.add_argument("--loss", type=float, default=before["loss"], help="the loss that you foretell")
    given = parser.parse_args()
    steps = TASK["target"] * TASK["unit"] // given.width
    run = {"width": given.width, "steps": steps, "rate": given.rate, "loss": given.loss}
    RECOMMENDATION.write_text(json.dumps(run) + "\n")
    print("costs", -(-given.width * steps // TASK["unit"]))


if __name__ == "__main__":
    main()
