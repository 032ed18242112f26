"""Runs /agent/tools/recall.py over the public sequence, as the grader does over a hidden one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

PLACE = Path("/tmp/practice")
MEMORY = PLACE / "agent" / "memory"


def size():
    """Bytes that the memory takes, names included."""
    files = [path for path in MEMORY.rglob("*") if path.is_file()]
    return sum(len(str(path.relative_to(PLACE / "agent"))) + path.stat().st_size for path in files)


def answers(item):
    """What the policy answers; afterwards only the memory is as it left it."""
    (PLACE / "item.json").write_text(json.dumps({"told": item["told"], "questions": item["questions"]}))
    tool = PLACE / "agent" / "tools" / "recall.py"
    subprocess.run([sys.executable, tool, PLACE / "item.json", PLACE / "answers.json"], check=True)
    return json.loads((PLACE / "answers.json").read_text())


def practised(task):
    """The accuracy of each item, and how often the memory was over its cap; works on a copy, which it clears away."""
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree("/agent", PLACE / "agent")
    shares, over = [], 0
    try:
        for item in task["items"]:
            shutil.copytree(MEMORY, PLACE / "before")
            given = answers(item)
            shares.append(sum(map(str.__eq__, given, item["answers"])) / len(given))
            if size() > task["cap"]:
                over += 1
                shutil.rmtree(MEMORY)
                shutil.copytree(PLACE / "before", MEMORY)
            shutil.rmtree(PLACE / "before")
    finally:
        shutil.rmtree(PLACE)
    return shares, over


def main():
    """Prints a line that is told, and the accuracy of each quarter of the sequence and of all of it."""
    task = json.loads(Path("/task/public.json").read_text())
    shares, over = practised(task)
    quarter = len(shares) // 4
    print("told:", task["items"][0]["told"][0])
    print(
        "quarters", *(f"{sum(shares[i : i + quarter]) / quarter:.2f}" for i in range(0, 4 * quarter, quarter))
    )
    print(f"accuracy {sum(shares) / len(shares):.2f}, {over} times over the cap")


if __name__ == "__main__":
    main()
