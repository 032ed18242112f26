"""The archive, from the command line or as a module.

archive.py                              shows every node
archive.py child NODE name=value …      a child with these choices in its recipe.json
archive.py files NODE DIRECTORY         a child with the files of a directory laid over its parent's
archive.py scout NODE name=value …      like child, but cheap and noisy, where there are scouts
archive.py try NODE                     the whole trial of a child that was scouted
archive.py best NODE                    names the result; else it is the best score
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
WAIT = 0.1


def call(path, body=None):
    """What the archive answers. Raises SystemExit with its reason if it refuses."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{DOOR}/archive/{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise SystemExit("refused: " + json.load(error)["error"]["code"]) from None


def child(parent, files, how="children"):
    """Hands in a child of `parent` with `files` (path to text, or None) changed, and waits for its score."""
    return ran(call(how, {"parent": parent, "files": files})["child"])


def ran(number):
    """A node once it has run."""
    while (node := call(f"children/{number}"))["waits"]:
        time.sleep(WAIT)
    return node


def choose(parent, choices, how="children"):
    """Hands in a child of `parent` with these choices in its recipe.json, and waits for its score."""
    recipe = json.loads(call(f"children/{parent}")["files"]["recipe.json"])
    return child(parent, {"recipe.json": json.dumps(recipe | choices, indent=1) + "\n"}, how)


def line(node):
    """A node in one line."""
    scores = {what: node.get(what) for what in ("score", "scouted")}
    told = " ".join(f"{what} {score:.2f}" for what, score in scores.items() if score is not None)
    return f"node {node['child']} parent {node['parent']} {node['cause'] or told or 'waits'}"


def main(what="show", node="0", *rest):
    """Does one of the above."""
    if what in ("child", "scout"):
        how = "children" if what == "child" else "scouts"
        choices = dict(choice.split("=", 1) for choice in rest)
        print(line(choose(int(node), {k: int(v) if v.isdigit() else v for k, v in choices.items()}, how)))
    elif what == "try":
        print(line(ran(call("trials", {"child": int(node)})["child"])))
    elif what == "files":
        root = Path(rest[0])
        print(
            line(
                child(
                    int(node),
                    {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()},
                )
            )
        )
    elif what == "best":
        print("result: node", call("best", {"child": int(node)})["child"])
    else:
        tree = call("children")
        print("\n".join(map(line, tree["children"])))
        print(tree["left"], "trials left")


if __name__ == "__main__":
    main(*sys.argv[1:])
