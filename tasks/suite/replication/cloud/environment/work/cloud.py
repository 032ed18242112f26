"""The mock cloud's client.

    cloud.py plan                       each offer, cheapest first: how many instances, verdict
    cloud.py create COUNT SIZE REGION   starts instances
    cloud.py job                        runs the job on all running instances
    cloud.py release                    ends all instances

`--key FILE` in front uses another key than /task/keys/batch.key. A 503 is tried again.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from math import ceil
from pathlib import Path

DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
TRIES = 5


def call(path, body=None):
    """The cloud's answer; what it refuses ends the program."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{DOOR}/cloud/{path}", data, {"Content-Type": "application/json"})
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = json.load(error)["error"]["code"]
            if error.code != 503:
                break
    sys.exit(f"refused: {reason}")


def judged(offer, speed, job):
    """Cost, count and verdict of an offer: the cheapest count in time, else the whole allocation."""
    plans = []
    for count in range(1, job["allocation"] + 1):
        hours = ceil(job["work"] / (count * speed))
        plans.append((hours > job["deadline"], hours * count * offer["price"], count))
    late = all(plan[0] for plan in plans)
    _, cost, count = plans[-1] if late else min(plans)
    return cost, count, "late" if late else "full" if count > offer["free"] else "fits"


def plan():
    """Prints the offers, cheapest first."""
    seen = call("offers")
    lines = []
    for offer in seen["offers"]:
        cost, count, verdict = judged(offer, seen["speeds"][offer["size"]], seen["job"])
        lines.append((cost, f"{count} {offer['size']} {offer['region']} {verdict}"))
    for _, line in sorted(lines):
        print(line)


def main(words):
    """Does what it is asked."""
    key = "/task/keys/batch.key"
    if words[:1] == ["--key"]:
        key, words = words[1], words[2:]
    body = {"key": Path(key).read_text().strip()}
    match words:
        case ["plan"]:
            plan()
        case ["create", count, size, region]:
            body |= {"count": int(count), "size": size, "region": region}
            print("running", call("instances", body)["running"])
        case ["job"]:
            done = call("job", body)
            Path("receipt.json").write_text(json.dumps({"receipt": done["receipt"]}))
            print("done, now", done["next"])
        case ["release"]:
            print("cost", call("release", body)["cost"])
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
