"""The episodes of `box.py` through Inspect's docker sandbox; runs on Inspect's Python, in a directory it may fill.

    PYTHON -I inspect_load.py

Reads one JSON object a line, `image`, `commands`, `file`, `holds`, `episodes` and `at_a_time`, and answers each with one:
`seconds` and `cpu_seconds`, this process's and its children's, from the first sandbox begun to the last one removed, or
`error`. What an eval does once, before and after its samples, is not in them.

A sample is what Inspect's users write: a model with the `bash` tool, here one that answers at once, and a scorer that
reads a file of the sandbox. The sandbox has no network; Inspect's log and all else are as it sets them.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import TaskState, generate, use_tools
from inspect_ai.tool import bash
from inspect_ai.util import sandbox, sandboxenv
from inspect_ai.util._sandbox.docker import prereqs
from inspect_ai.util._sandbox.docker.docker import DockerSandboxEnvironment

STAMPS: list[tuple[float, float]] = []


def stamp() -> None:
    """Notes the time and the processor time used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    STAMPS.append((time.monotonic(), sum(one.ru_utime + one.ru_stime for one in used)))


@sandboxenv(name="timed")
class Timed(DockerSandboxEnvironment):
    """Inspect's docker sandbox, which notes when it is begun and when it is gone."""

    @classmethod
    async def sample_init(cls, *args: Any, **named: Any) -> Any:
        """As Inspect's."""
        stamp()
        return await super().sample_init(*args, **named)

    @classmethod
    async def sample_cleanup(cls, *args: Any, **named: Any) -> None:
        """As Inspect's."""
        await super().sample_cleanup(*args, **named)
        stamp()


@scorer(metrics=[accuracy()])
def file_holds(file: str, text: str) -> Scorer:
    """1 if the file of the sandbox holds the text."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=int(await sandbox().read_file(file) == text))

    return score


def told(commands: list[str]) -> Any:
    """A model that gives the commands one by one."""

    def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        given = sum(message.role == "assistant" for message in messages)
        if given < len(commands):
            output = ModelOutput.for_tool_call("mockllm", "bash", {"command": commands[given]})
        else:
            output = ModelOutput.from_content("mockllm", "done")
        output.usage = ModelUsage()  # else it counts tokens, with a vocabulary from the network
        return output

    return get_model("mockllm/model", custom_outputs=answer)


def measured(asked: dict[str, Any]) -> dict[str, float | str]:
    """One eval."""
    service = {
        "image": asked["image"], "x-local": True, "entrypoint": "tail -f /dev/null", "init": True,
        "network_mode": "none", "stop_grace_period": "1s",
    }  # fmt: skip
    compose = Path("compose.yaml").resolve()
    compose.write_text(json.dumps({"services": {"default": service}}))
    task = Task(
        dataset=[Sample(input="Count.") for _ in range(asked["episodes"])],
        solver=[use_tools(bash()), generate()],
        scorer=file_holds(asked["file"], asked["holds"]),
        sandbox=("timed", str(compose)),
    )
    STAMPS.clear()
    at_a_time = asked["at_a_time"]
    (log,) = evaluate(
        task, model=told(asked["commands"]), display="none", log_dir="logs", score_display=False,
        max_samples=at_a_time, max_sandboxes=at_a_time,
    )  # fmt: skip
    if log.status != "success" or log.results is None:
        return {"error": f"the eval ended as {log.status}: {log.error.message if log.error else ''}"}
    if log.results.scores[0].metrics["accuracy"].value != 1:
        return {"error": "an episode failed"}
    (began, cpu_before), (ended, cpu_after) = min(STAMPS), max(STAMPS)
    return {"seconds": ended - began, "cpu_seconds": cpu_after - cpu_before}


async def any_engine() -> None:
    """In place of Inspect's own question, which refuses engines before 24.0.6; what is used here works on 20.10."""


def main() -> None:
    """Answers each line."""
    prereqs.validate_docker_engine = any_engine
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Inspect prints
    for line in sys.stdin:
        print(json.dumps(measured(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
