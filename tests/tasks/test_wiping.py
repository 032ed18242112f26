"""Between two programs that must not know of each other a grading box is emptied, whatever the first one did."""

import asyncio
import os

import pytest

from sandbox.box import BoxRequest, Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits
from tasks.laying import ENVIRONMENT, lay_out
from tasks.reproduction import completed

PLACES = "/agent /work /task /tmp /dev/shm /logs"
#: Leaves files in every writable place, some behind directories that nobody may enter or under a name like the
#: verifier's, attributes of the places themselves, and a process.
LEAVE = """
for place in PLACES; do
    mkdir -p $place/a/b/c; echo known > $place/a/b/c/.file; ln -s /etc/passwd $place/link; chmod 000 $place/a/b
done
mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt
mkdir -p /logs/verifier-notes; echo known > /logs/verifier-notes/file; echo known > /logs/verifier.txt
python3 -c "import os, sys; [os.setxattr(place, 'user.known', b'x' * 3000) for place in sys.argv[1:]]" PLACES
chmod 500 /tmp/a
sleep 600 &
""".replace("PLACES", PLACES)
#: Prints the attributes of its arguments.
ATTRIBUTES = "import os, sys; print(*(name for place in sys.argv[1:] for name in os.listxattr(place)))"


@pytest.mark.box
def test_nothing_is_left_to_the_next_scaffold_but_what_only_a_verifier_writes(
    engine: Engine, image: str
) -> None:
    async def main() -> tuple[bytes, bytes]:
        name = f"wipe-{os.getpid()}"
        request = BoxRequest(name, Limits(), False, {"owner": name, "episode": name})
        async with DockerBoxes(engine, image=image).open(request) as box:

            async def shell(command: str) -> bytes:
                ended = await box.run(
                    ["bash", "-c", command], cwd="/", env=dict(ENVIRONMENT), output=10_000, timeout=100
                )
                return ended.stdout

            await shell(LEAVE)
            await lay_out(box, [FileSpec("main.py", b"next")])
            places = f"find {PLACES} -mindepth 1; python3 -c '{ATTRIBUTES}' {PLACES}"
            return await shell(places), await shell(
                "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 60[0]'"
            )

    left, sleeping = asyncio.run(main())
    assert left.split() == [b"/agent/main.py", b"/logs/verifier", b"/logs/verifier/reward.txt"]
    assert sleeping == b"0\n"


@pytest.mark.box
def test_a_program_that_takes_more_time_than_it_has_is_ended_with_all_that_it_began(
    engine: Engine, image: str
) -> None:
    async def main() -> Completed:
        name = f"costly-{os.getpid()}"
        request = BoxRequest(name, Limits(), False, {"owner": name, "episode": name})
        async with DockerBoxes(engine, image=image).open(request) as box:
            with pytest.raises(TimeoutError):
                await completed(box, ["bash", "-c", "while :; do :; done & wait"], cwd="/", seconds=0.2)
            return await completed(box, ["pgrep", "-c", "bash"], cwd="/", seconds=60)

    after = asyncio.run(main())
    assert (after.code, after.stdout) == (1, b"0\n")
