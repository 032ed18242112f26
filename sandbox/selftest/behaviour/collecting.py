"""What the host takes out of a box full of traps."""

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.box import Box
from sandbox.files import Collection
from sandbox.selftest.behaviour.bounds import shell
from sandbox.selftest.checks import Check, Outcome, holds, tried

MAX_BYTES: Final = 10_000
MAX_FILES: Final = 12
_TRAPS: Final = r"""
rm -rf /work/* && cd /work
echo good > good
ln -s /etc/passwd absolute
ln -s ../../etc/passwd parent
ln -s . circle
mkfifo fifo
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
printf x > $'control\nname'
printf x > $'bytes\xff'
truncate -s 12M sparse
head -c 20000 /dev/zero > large
echo hidden > closed && chmod 0 closed
mkdir locked && echo deep > locked/file && chmod 0 locked
at=/work; for _ in $(seq 40); do at=$at/d; done; mkdir -p $at && echo far > $at/far
mkdir z && for n in $(seq 20); do echo $n > z/$n; done
"""

Judge = Callable[[Collection, Mapping[str, str]], Outcome]


def _left_out(path: str) -> Judge:
    return lambda taken, left: holds(
        path in left and path not in taken.files, left.get(path, "it was not named")
    )


def _taken(path: str, content: bytes) -> Judge:
    return lambda taken, left: holds(taken.files.get(path) == content, left.get(path, "taken whole"))


def _deep(taken: Collection, left: Mapping[str, str]) -> Outcome:
    reason = next((why for path, why in left.items() if path.startswith("d/d/")), "it was not named")
    return holds(not any(path.endswith("far") for path in taken.files) and "deep" in reason, reason)


def _count(taken: Collection, left: Mapping[str, str]) -> Outcome:
    over = sum(why == "too many files" for why in left.values())
    return holds(len(taken.files) <= MAX_FILES and over > 0, f"{len(taken.files)} taken, {over} left")


def _size(taken: Collection, left: Mapping[str, str]) -> Outcome:
    total = sum(map(len, taken.files.values()))
    return holds(total <= MAX_BYTES, f"{total} bytes")


JUDGES: Final[tuple[tuple[str, str, Judge], ...]] = (
    ("plain", "a plain file is taken", _taken("good", b"good\n")),
    ("absolute_link", "a link to a file of the host", _left_out("absolute")),
    ("parent_link", "a link out of the directory", _left_out("parent")),
    ("circular_link", "a link to its own directory", _left_out("circle")),
    ("fifo", "a pipe, whose reader waits for ever", _left_out("fifo")),
    ("socket", "a socket", _left_out("socket")),
    ("control_name", "control characters in a name", _left_out("control\nname")),
    ("bytes_name", "a name that is not text", _left_out("bytes\udcff")),
    ("sparse", "a file that is large and takes no room", _left_out("sparse")),
    ("large", "a file larger than what is wanted", _left_out("large")),
    (
        "closed_file",
        "a file that its owner may not read is taken all the same",
        _taken("closed", b"hidden\n"),
    ),
    ("closed_directory", "and one in a directory of that kind", _taken("locked/file", b"deep\n")),
    ("deep", "a directory too deep to be entered", _deep),
    ("count", "more files than are wanted", _count),
    ("size", "more bytes than are wanted", _size),
)


async def try_collecting(box: Box) -> list[Check]:
    """Sets the traps and collects once."""
    await shell(box, _TRAPS)
    taken = await box.collect("/work", max_bytes=MAX_BYTES, max_files=MAX_FILES)
    left = dict(taken.left)

    def bound(judge: Judge) -> Callable[[], Outcome]:
        return lambda: judge(taken, left)

    return [tried(f"collection.{name}", meaning, bound(judge)) for name, meaning, judge in JUDGES]
