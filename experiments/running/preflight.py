"""What a run needs of this machine, looked at before anything of the run is written."""

import shutil
import socket
from pathlib import Path
from typing import Final

from experiments.attempts.executors import host_boxes
from experiments.attempts.patience import LEAST_FREE
from experiments.attempts.ray_connect import check_answers
from experiments.planning.config import Config
from sandbox.errors import Mistake
from sandbox.sensors.probe import probe

_CONNECT_SECONDS: Final = 5


def check(config: Config, *, runs: Path, runtime: str, local: bool, where: str) -> None:
    """Checks the disk, and the cluster's address or, where boxes run on this host, engine and sensors.

    Args:
        config: as ``loading.load_config`` returned it.
        runs: directory of the runs, which need not be there yet.
        runtime: the container runtime.
        local: no Ray was asked for.
        where: the config's file, for messages.

    Raises:
        Mistake: something is missing; nothing has been written.
    """
    check_room(runs)
    try:
        if not local and config.ray.address is not None:
            # The nodes of a cluster have engines and sensors of their own: each is asked before it runs.
            check_answers(config.ray.address)
            return
        host_boxes(config.sandbox.image, runtime, None)
    except Mistake as mistake:
        if mistake.key:
            raise Mistake(mistake.problem, where=where, key=mistake.key, remedy=mistake.remedy) from mistake
        raise
    for name, found in probe().items():
        if found.absent is not None and name in config.sandbox.require_sensors:
            problem = f"the sensor {name} is absent: {found.absent}"
            remedy = f"{found.remedy}; or leave {name} out"
            raise Mistake(problem, where=where, key="sandbox.require_sensors", remedy=remedy)


def check_room(runs: Path) -> int:
    """The bytes that are free where ``runs`` is or will be.

    Raises:
        Mistake: too few.
    """
    place = next(path for path in (runs.absolute(), *runs.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < LEAST_FREE:
        problem = (
            f"{free / 2**20:.0f} MiB are free on its disk, a run needs {LEAST_FREE / 2**20:.0f} MiB or more"
        )
        raise Mistake(problem, where=str(runs), remedy="free some, or choose another disk with --runs")
    return free


def connect(host: str, port: int) -> str | None:
    """Why nothing answers at an address; None if something does."""
    try:
        socket.create_connection((host.strip("[]"), port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None
