"""``tidegauge doctor``: what this machine offers, and the remedy for what it lacks."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from experiments.commands.common import Output, shared

MISSING = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""

    def line(self) -> str:
        """The form for a person."""
        remedy = f"; {self.remedy}" if self.remedy and not self.ok else ""
        return f"{'ok     ' if self.ok else 'missing'}  {self.name:<9} {self.detail}{remedy}"


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="Also what this config needs: models, Ray, MLflow."
)
@shared
def doctor(config: Path | None, runs: Path, output: Output) -> int:
    """What this machine offers, with remedies.

    Exit 0, or 2 with something missing. Looks at the container engine, its runtimes and image, sensors, Ray, MLflow, the secret and the
    disk; with --config also at the model servers and key variables that the config names.

    \b
    Example:
      tidegauge doctor --config my.yaml
    """
    checks = list(_machine(runs))
    if config is not None:
        from experiments.planning.loading import find_config
        from experiments.running.needs import look_at

        checks += [
            Check(need.name, need.ok, need.detail, need.remedy) for need in look_at(find_config(config))
        ]
    ok = all(check.ok for check in checks)
    lines = [check.line() for check in checks]
    output.show("\n".join(lines), {"ok": ok, "checks": [asdict(check) for check in checks]})
    return 0 if ok else MISSING


def _machine(runs: Path) -> Iterator[Check]:
    yield _looked(
        "engine", _engine, "start Docker, or set DOCKER_HOST; in a checkout `make engine` sets it up"
    )
    yield _looked("runtimes", _runtimes, "the engine names them once it answers")
    yield _looked("image", _image, "run `python -m sandbox.engine.image`, or `make image` in a checkout")
    yield from _sensors()
    yield _package("ray")
    yield _package("mlflow")
    yield _looked("secret", _secret, "")
    yield _looked("disk", lambda: _disk(runs), "")
    yield _writable(runs)


def _looked(name: str, look: Callable[[], str], remedy: str) -> Check:
    """What ``look`` finds; what it raises is what is missing, with a remedy of its own or ``remedy``."""
    from sandbox.errors import Mistake, TidegaugeError

    try:
        return Check(name, True, look())
    except Mistake as mistake:
        place = f"{mistake.where}: " if mistake.where else ""
        return Check(name, False, f"{place}{mistake.problem}", mistake.remedy or remedy)
    except TidegaugeError as error:
        return Check(name, False, str(error), remedy)


def _engine() -> str:
    from sandbox.engine.container import Engine

    return ", ".join(f"{key} {value}" for key, value in Engine().version().items())


def _runtimes() -> str:
    from sandbox.engine.container import Engine
    from sandbox.engine.image import require_image
    from sandbox.engine.runtimes import refusal

    engine = Engine()
    found = engine.runtimes()
    if "runsc" not in found:
        return ", ".join(found) + " (no runsc: boxes share the host's kernel)"
    why = refusal(require_image(engine), "runsc")
    return ", ".join(found) + (" (runsc carries a box)" if why is None else f" (runsc carries no box: {why})")


def _image() -> str:
    from sandbox.engine.container import Engine
    from sandbox.engine.image import image_name, require_image

    return f"{image_name()} {require_image(Engine())[:19]}"


def _sensors() -> Iterator[Check]:
    from sandbox.sensors.probe import probe

    for name, found in probe().items():
        if found.optional and found.absent is not None:
            yield Check(name, True, f"optional, and absent: {found.absent}; {found.remedy}")
        else:
            yield Check(name, found.absent is None, found.absent or found.sees, found.remedy)


def _package(name: str) -> Check:
    from importlib import metadata

    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "is not installed", "run `make setup`, or install tidegauge again")


def _secret() -> str:
    from experiments.record.identity import read_secret, secret_path

    secret = read_secret()
    if secret is None:
        return f"{secret_path()} (the first run makes it)"
    return f"{secret.path} (fingerprint {secret.fingerprint})"


def _disk(runs: Path) -> str:
    from experiments.running.preflight import check_room

    return f"{check_room(runs) / 2**30:.1f} GiB free for {runs}"


def _writable(runs: Path) -> Check:
    import os

    place = next(path for path in (runs.resolve(), *runs.resolve().parents) if path.exists())
    ok = os.access(place, os.W_OK)
    return Check("runs", ok, str(runs.resolve()), "choose a directory that you may write with --runs")
