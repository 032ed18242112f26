"""A config as a Ray job: submitted over HTTP, followed to its end. The driver runs on the cluster."""

import itertools
import logging
import os
import shlex
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.bundle import CONFIG, write_bundle
from experiments.loading import load_config
from experiments.plan import client_hash
from sandbox.errors import HostFault, Mistake

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

    from experiments.running import Request

_ARCHIVE: Final = "bundle.tar"
#: Under the runs directory: where the files of running jobs lie.
_JOBS: Final = ".jobs"
#: Marks the lines of the job's log that are its result.
_RESULT: Final = "result| "
#: What a shell exits with when there is no such command.
_NOT_FOUND: Final = 127
_PAUSE: Final = 1.0
#: Seconds without an answer from the cluster after which a job is no longer followed.
_PATIENCE: Final = 120.0
_STOP_SECONDS: Final = 60.0

Say = Callable[[str], None]


def run_as_job(address: str, request: "Request", *, json: bool, say: Say, show: Say) -> int:
    """Submits what was asked as a job ``<suite>-<client hash>-<n>`` and follows its log to its end.

    Args:
        address: ``http://host:port`` of the cluster's job server.
        request: what was asked on the command line; ``runs`` is a path on the cluster.
        json: the job prints its result as one JSON document.
        say: takes a line of progress.
        show: takes a line of the result.

    Returns:
        The exit code of the job's run.

    Raises:
        Mistake: something in the config, or no job server answers.
        HostFault: the job ended without an exit code, or the cluster went away.
        KeyboardInterrupt: it was interrupted; the job has been told to stop.
    """
    where = str(request.config)
    config = load_config(request.config, request.overrides)
    name = f"{config.suite}-{client_hash(config, where=where)}"
    with tempfile.TemporaryDirectory() as directory:
        write_bundle(config, Path(directory) / _ARCHIVE, where=where)
        client = _client(address)
        job = _free_id(client, name)
        entrypoint = _entrypoint(job, request, json)
        client.submit_job(entrypoint=entrypoint, submission_id=job, runtime_env={"working_dir": directory})
    say(f"Ray job {job} at {address}")
    try:
        return _follow(client, job, say, show)
    except KeyboardInterrupt:
        say(f"stopping {job}")
        client.stop_job(job)
        until = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < until and not client.get_job_status(job).is_terminal():
            time.sleep(_PAUSE)
        raise


def _client(address: str) -> "JobSubmissionClient":
    from ray.job_submission import JobSubmissionClient

    # Ray would let these two override the address that the config names.
    for variable in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        os.environ.pop(variable, None)
    for module in ("dashboard.modules.dashboard_sdk", "_private.runtime_env.packaging"):
        logging.getLogger(f"ray.{module}").setLevel(logging.WARNING)
    try:
        return JobSubmissionClient(address)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = str(error).strip().split("\n", 1)[0]
        remedy = (
            "its head needs ray[default]; a cluster with tokens needs RAY_AUTH_MODE=token and the token here"
        )
        raise Mistake(first, where="Ray", key="ray.address", remedy=remedy) from error


def _free_id(client: "JobSubmissionClient", name: str) -> str:
    """The first number that Ray has not seen: it refuses an id for good."""
    seen = {job.submission_id for job in client.list_jobs()}
    return next(job for number in itertools.count() if (job := f"{name}-{number}") not in seen)


def _entrypoint(job: str, request: "Request", json: bool) -> str:
    runs = request.runs.resolve()
    # Beside the runs, because every node must see the files that the config names.
    place = shlex.quote(str(runs / _JOBS / job))
    options = ["--runs", str(runs)]
    if request.limit is not None:
        options += ["--limit", str(request.limit)]
    if json:
        options.append("--json")
    # Ray tells a job its cluster's address in RAY_ADDRESS; a job's log mixes both output streams.
    return (
        f"mkdir -p {place} && tar -xf {_ARCHIVE} -C {place} && {{ "
        f'tidegauge run {place}/{CONFIG} --set "ray.address=$RAY_ADDRESS" {shlex.join(options)} >{place}/result; '
        f"code=$?; sed 's/^/{_RESULT}/' {place}/result; rm -rf {place}; exit $code; }}"
    )


def _follow(client: "JobSubmissionClient", job: str, say: Say, show: Say) -> int:
    shown = 0
    answered = time.monotonic()
    while True:
        try:
            # In this order: what was printed before the end is in the log that is read after it.
            info: Any = client.get_job_info(job)
            lines = client.get_job_logs(job).splitlines(keepends=True)
        except (ConnectionError, RuntimeError, OSError) as error:
            if time.monotonic() - answered > _PATIENCE:
                raise HostFault(f"the cluster went away under job {job}: {error}") from error
            time.sleep(_PAUSE)
            continue
        answered = time.monotonic()
        ended = info.status.is_terminal()
        whole = [line for line in lines if ended or line.endswith("\n")]
        for line in whole[shown:]:
            text = line.rstrip("\n")
            show(text.removeprefix(_RESULT)) if text.startswith(_RESULT) else say(text)
        shown = max(shown, len(whole))
        if ended:
            return _exit_code(job, info)
        time.sleep(_PAUSE)


def _exit_code(job: str, info: Any) -> int:
    if info.driver_exit_code == _NOT_FOUND:
        remedy = "put its environment on PATH before `ray start --head`"
        raise Mistake("the head of the cluster has no command tidegauge", where="Ray", remedy=remedy)
    if info.driver_exit_code is not None:
        return int(info.driver_exit_code)
    if str(info.status) == "STOPPED":
        raise KeyboardInterrupt
    raise HostFault(f"job {job} {str(info.status).lower()}: {info.message}")
