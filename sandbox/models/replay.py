"""A model that answers as another did: the replies of one recorded episode, call by call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.canonical import digest, sha256
from sandbox.errors import Mistake, ModelFault, ModelRefusal
from sandbox.events import BrokenLine, Event, read_events
from sandbox.models.base import ALL_TOOLS, ChatReply, ChatRequest, ToolCall


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded call: the digest of its conversation, and what came of it."""

    conversation: str
    reply: ChatReply | ModelRefusal


class ReplayModel:
    """Plays one recording for one episode.

    Sampling and offered tools are ignored: both are in what was recorded. A conversation that is not
    the recorded one is noted with the reply, and ends the episode where the replay is ``strict``.
    """

    tools = ALL_TOOLS

    def __init__(self, calls: tuple[Recorded, ...], checkpoint_digest: str, *, strict: bool) -> None:
        self.digest = checkpoint_digest
        self._calls, self._strict = calls, strict
        self._made = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answers the n-th call as the n-th was answered.

        Raises:
            ModelFault: nothing more was recorded, or, where strict, the conversation is another one.
            ModelRefusal: this call was refused in the recording.
        """
        if self._made >= len(self._calls):
            raise ModelFault(f"replay: {len(self._calls)} calls were recorded, and one more was made")
        recorded = self._calls[self._made]
        self._made += 1
        same = digest([message.as_json() for message in request.messages]) == recorded.conversation
        if self._strict and not same:
            raise ModelFault(f"replay: the conversation of call {self._made} is not the recorded one")
        if isinstance(recorded.reply, ModelRefusal):
            raise recorded.reply
        reply = recorded.reply
        return ChatReply(
            reply.text, reply.tokens_in, reply.tokens_out, reply.finish, reply.refused, reply.tool_calls,
            {"same_conversation": same},
        )  # fmt: skip


def read_recording(log: Path, blobs: Path) -> tuple[Recorded, ...]:
    """The answered model calls of an attempt's log, in order.

    Args:
        log: its ``events.jsonl``.
        blobs: directory of the contents that events carry only in part.

    Raises:
        Mistake: the log is missing or broken, or a long reply was not kept whole.
    """
    conversations: dict[int, str] = {}
    calls: dict[int, Recorded] = {}
    try:
        for event in read_events(log):
            if event.kind == "model.call":
                conversations[event.data["turn"]] = event.data["digest"]
            elif event.kind in ("model.reply", "model.unanswerable"):
                # A stream that broke off for being unanswerable is both; the latter stands.
                turn = event.data["turn"]
                calls[turn] = Recorded(conversations[turn], _answer(event, blobs))
    except OSError as error:
        raise Mistake(f"the recording cannot be read ({error.strerror})", where=str(log)) from error
    except (BrokenLine, KeyError, TypeError, ValueError) as error:
        remedy = "`tidegauge verify RUN` says more"
        raise Mistake(f"is no recording: {error}", where=str(log), remedy=remedy) from error
    return tuple(calls.values())


def _answer(event: Event, blobs: Path) -> ChatReply | ModelRefusal:
    data = event.data
    if event.kind == "model.unanswerable":
        return ModelRefusal(data["reason"], data["message"], "replayed")
    return ChatReply(
        text=_whole(data["text"], blobs),
        tokens_in=data["tokens_in"],
        tokens_out=data["tokens_out"],
        finish="length" if data["finish"] == "cut" else data["finish"],
        refused=data["refused"],
        # Logs from before there were tools hold none.
        tool_calls=tuple(
            ToolCall(call_id, name, _whole(arguments, blobs))
            for call_id, name, arguments in data.get("calls", [])
        ),
    )


def _whole(text: Any, blobs: Path) -> str:
    """A recorded text; one that was cut, from its blob."""
    if isinstance(text, str):
        return text
    name = str(text["sha256"])
    try:
        content = (blobs / name).read_bytes()
    except OSError as error:
        problem = f"a reply of {text['bytes']} bytes was not kept whole ({error.strerror})"
        raise Mistake(problem, where=str(blobs / name), remedy="record the run again") from error
    if sha256(content) != name:
        raise Mistake("content is not what its name says", where=str(blobs / name), remedy="restore it")
    return content.decode("utf-8")


def open_replay(binding: Mapping[str, Any]) -> ReplayModel:
    """The model that a binding names: ``recording``, ``blobs``, ``digest``, ``strict``.

    Raises:
        Mistake: the recording cannot be replayed.
    """
    calls = read_recording(Path(binding["recording"]), Path(binding["blobs"]))
    return ReplayModel(calls, binding["digest"], strict=binding["strict"])
