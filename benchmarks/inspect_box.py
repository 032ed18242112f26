"""Inspect's docker sandbox, for `box.py`; run as a script, it installs what that needs and is not here.

    .venv/bin/python benchmarks/inspect_box.py

Inspect gets a Python environment of its own under ~/.cache/tidegauge-inspect, and where the `docker` command has no
`compose` of version 2, that of Debian trixie's package, by apt and without a change to the system (Debian only). Some 40 s
once. Its sandbox is a container of our episode image without a network, and no more: no sensors, no monitors, no door.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "0.3.285"
HOME = Path.home() / ".cache/tidegauge-inspect"
VENV = HOME / VERSION
PYTHON = VENV / "bin/python"
#: Is there when all of Inspect is.
INSTALLED = VENV / "installed"
PLUGIN = HOME / "docker/cli-plugins/docker-compose"
LOAD = Path(__file__).with_name("inspect_load.py")
DEBIAN = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n"


def missing() -> str | None:
    """What Inspect's sandbox needs and does not find here, by name; None if it can run."""
    if shutil.which("docker") is None:
        return "the `docker` command"
    if not INSTALLED.exists():
        return f"inspect_ai {VERSION}"
    return None if _composes() else "`docker compose`"


def _composes() -> bool:
    command = ["docker", "compose", "version"]
    return subprocess.run(command, env=_environment(), capture_output=True, check=False).returncode == 0


def _environment() -> dict[str, str]:
    ours = {"DOCKER_CONFIG": str(HOME / "docker")} if PLUGIN.exists() else {}
    return os.environ | ours


class Inspect:
    """Episodes by Inspect, in one process for all rounds, so that its start is in none."""

    def __init__(self, directory: Path, image: str, commands: list[str], file: str, holds: str) -> None:
        """``directory``: an empty one. An episode has the commands and is graded by what the file holds."""
        self._load = {"image": image, "commands": commands, "file": file, "holds": holds}
        self._process = subprocess.Popen(
            [PYTHON, "-I", LOAD],
            cwd=directory,
            env=_environment() | {"XDG_DATA_HOME": str(directory / "data")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def round(self, episodes: int, at_a_time: int) -> tuple[float, float]:
        """Episodes a minute, and milliseconds of its processes' CPU for each.

        Raises:
            RuntimeError: an episode failed, or its process ended.
        """
        return await asyncio.to_thread(self._round, episodes, at_a_time)

    def _round(self, episodes: int, at_a_time: int) -> tuple[float, float]:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None and answers is not None
        print(json.dumps(self._load | {"episodes": episodes, "at_a_time": at_a_time}), file=asked, flush=True)
        answer = json.loads(answers.readline() or '{"error": "its process ended"}')
        if "error" in answer:
            raise RuntimeError(f"Inspect: {answer['error']}")
        return 60 * episodes / answer["seconds"], 1000 * answer["cpu_seconds"] / episodes

    def close(self) -> None:
        """Ends its process."""
        self._process.communicate()


def install() -> None:
    """Gets what is missing."""
    if not INSTALLED.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", f"inspect_ai=={VERSION}"]
        subprocess.run(pip, check=True)
        INSTALLED.touch()
    if shutil.which("docker") is not None and not _composes():
        with tempfile.TemporaryDirectory() as directory:
            _compose(Path(directory))


def _compose(directory: Path) -> None:
    """Takes the plugin out of Debian's package, with lists of apt's own in an empty directory."""
    (directory / "sources.list").write_text(DEBIAN)
    (directory / "lists").mkdir()
    (directory / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{directory}/sources.list";\nDir::Etc::SourceParts "/nonexistent";\n'
        f'Dir::State::Lists "{directory}/lists";\nDir::Cache "{directory}";\n'
        'APT::Sandbox::User "root";\n'
    )
    environment = os.environ | {"APT_CONFIG": str(directory / "apt.conf")}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "download", "docker-compose"],
        ["sh", "-c", "dpkg-deb -x docker-compose_*.deb root"],
    ):
        subprocess.run(command, cwd=directory, env=environment, check=True)
    PLUGIN.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(directory / "root/usr/libexec/docker/cli-plugins/docker-compose", PLUGIN)


if __name__ == "__main__":
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
    lacking = missing()
    sys.exit(f"Inspect's docker sandbox needs {lacking}" if lacking else 0)
