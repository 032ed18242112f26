"""A config as a Ray job: submitted over HTTP, followed to its end. The driver runs on the cluster."""

import itertools
import logging
import math
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.attempts.ray_connect import check_answers
from experiments.planning.bundle import CONFIG, write_bundle
from experiments.planning.loading import load_config
from experiments.planning.plan import client_hash
from sandbox.errors import HostFault, Mistake

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

    from experiments.running.running import Request

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
#: Seconds that a job has to stop in order, and further ones until Ray has killed it.
_STOP_SECONDS: Final = 60
_KILL_SECONDS: Final = 15

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
        KeyboardInterrupt: it was interrupted; the job has been told to stop, and has stopped unless it
            was said that it did not.
    """
    where = str(request.config)
    config = load_config(request.config, request.overrides, request.runs)
    check_answers(address)
    name = f"{config.suite}-{client_hash(config, where=where)}"
    with tempfile.TemporaryDirectory() as directory:
        write_bundle(config, Path(directory) / _ARCHIVE, where=where)
        client = _client(address)
        job = _Job(client, _free_id(client, name), address, say, show)
        try:
            _submit(client, job.name, directory, _entrypoint(job.name, request, json))
            say(f"Ray job {job.name} at {address}")
            ended = job.end()
        except KeyboardInterrupt:
            job.stop()
            raise
    return _exit_code(job.name, ended)


def _client(address: str) -> "JobSubmissionClient":
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    # Ray would let these two override the address that the config names.
    for variable in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        os.environ.pop(variable, None)
    for module in ("dashboard.modules.dashboard_sdk", "_private.runtime_env.packaging"):
        logging.getLogger(f"ray.{module}").setLevel(logging.WARNING)
    try:
        return JobSubmissionClient(address)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        first = str(error).strip().split("\n", 1)[0]
        remedy = (
            "its head needs ray[default]; a cluster with tokens needs RAY_AUTH_MODE=token and the token here"
        )
        raise Mistake(first, where="Ray", key="ray.address", remedy=remedy) from error


def _submit(client: "JobSubmissionClient", job: str, directory: str, entrypoint: str) -> None:
    # Of its own accord Ray kills a job 3 s after it told it to stop.
    patience = {"RAY_JOB_STOP_WAIT_TIME_S": str(_STOP_SECONDS)}
    environment = {"working_dir": directory, "env_vars": patience}
    try:
        client.submit_job(entrypoint=entrypoint, submission_id=job, runtime_env=environment)
    except (OSError, RuntimeError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise Mistake(first, where="Ray", key="ray.address", remedy="the same command tries again") from error


def _free_id(client: "JobSubmissionClient", name: str) -> str:
    """The first number that Ray has not seen: it refuses an id for good."""
    seen = {job.submission_id for job in client.list_jobs()}
    return next(job for number in itertools.count() if (job := f"{name}-{number}") not in seen)


def _entrypoint(job: str, request: "Request", json: bool) -> str:
    runs = request.runs.resolve()
    # Beside the runs, because every node must see the files that the config names.
    place = shlex.quote(str(runs / _JOBS / job))
    command = "run" if request.baseline is None else "regress"
    options = ["--runs", str(runs)]
    if request.baseline is not None:
        options += ["--baseline", request.baseline]
    if request.limit is not None:
        options += ["--limit", str(request.limit)]
    if json:
        options.append("--json")
    remedy = "make it writable, or choose another place with --runs"
    refused = shlex.quote(f"tidegauge: {runs}: the config's files cannot be written there; {remedy}")
    # Ray tells a job its cluster's address in RAY_ADDRESS; a job's log mixes both output streams. Told to
    # stop, this shell waits for its child, which stops in order, and then clears up.
    return (
        f"trap stopped=1 TERM; mkdir -p {place} && tar -xf {_ARCHIVE} -C {place} || "
        f"{{ echo {refused} >&2; rm -rf {place}; exit 1; }}; "
        f'[ "$stopped" ] || tidegauge {command} {place}/{CONFIG} --set "ray.address=$RAY_ADDRESS" {shlex.join(options)} >{place}/result; '
        f"code=$?; sed 's/^/{_RESULT}/' {place}/result; rm -rf {place}; exit $code"
    )


class _Job:
    """A job that is followed."""

    def __init__(self, client: "JobSubmissionClient", name: str, address: str, say: Say, show: Say) -> None:
        self.name = name
        self._client, self._address, self._say, self._show = client, address, say, show
        self._shown = 0

    def end(self, seconds: float = math.inf) -> Any:
        """Passes the job's log on, line by line, until it ends; returns what Ray then says of it.

        Raises:
            TimeoutError: it has not ended in ``seconds``.
            HostFault: the cluster went away.
        """
        answered = began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                # In this order: what was printed before the end is in the log that is read after it.
                info: Any = self._client.get_job_info(self.name)
                lines = self._client.get_job_logs(self.name).splitlines(keepends=True)
            except (RuntimeError, OSError) as error:
                if time.monotonic() - answered > _PATIENCE:
                    raise HostFault(f"the cluster went away under job {self.name}: {error}") from error
            else:
                answered = time.monotonic()
                self._pass_on(lines, ended=info.status.is_terminal())
                if info.status.is_terminal():
                    return info
            time.sleep(_PAUSE)
        raise TimeoutError

    def _pass_on(self, lines: Sequence[str], *, ended: bool) -> None:
        whole = [line for line in lines if ended or line.endswith("\n")]
        for line in whole[self._shown :]:
            text = line.rstrip("\n")
            if text.startswith(f"Running entrypoint for job {self.name}:"):
                continue
            self._show(text.removeprefix(_RESULT)) if text.startswith(_RESULT) else self._say(text)
        self._shown = max(self._shown, len(whole))

    def stop(self) -> None:
        """Tells the job to stop, and follows it to its end; says how to look again if it does not end."""
        again = f"`ray job logs {self.name} --address {self._address}` shows its log"
        self._say(f"stopping {self.name}; Ctrl-C again does not wait for it, {again}")
        try:
            self._client.stop_job(self.name)
            self.end(_STOP_SECONDS + _KILL_SECONDS)
        except (OSError, RuntimeError, HostFault) as error:
            # A TimeoutError is an OSError, and says nothing.
            why = str(error).strip().split("\n", 1)[0] or "it goes on"
            self._say(f"{self.name} was not seen to stop ({why}); {again}")
        else:
            self._say(f"{self.name} has stopped")


def _exit_code(job: str, info: Any) -> int:
    if info.driver_exit_code == _NOT_FOUND:
        remedy = "put its environment on PATH before `ray start --head`"
        raise Mistake("the head of the cluster has no command tidegauge", where="Ray", remedy=remedy)
    if info.driver_exit_code is not None:
        return int(info.driver_exit_code)
    if str(info.status) == "STOPPED":
        raise KeyboardInterrupt
    raise HostFault(f"job {job} {str(info.status).lower()}: {info.message}")
