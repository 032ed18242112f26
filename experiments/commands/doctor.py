"""``tidegauge doctor``: what this machine offers, and the remedy for what it lacks."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
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


@click.command()
@shared
def doctor(runs: Path, output: Output) -> int:
    """What this machine offers: engine, image, Ray, MLflow, secret. Exit 2 if something is missing."""
    checks = [_engine(), _image(), _package("ray"), _package("mlflow"), _secret(), _runs(runs)]
    text = "\n".join(
        f"{'ok     ' if check.ok else 'MISSING'} {check.name:<8} {check.detail}"
        + ("" if check.ok else f"; {check.remedy}")
        for check in checks
    )
    output.show(
        text, {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}
    )
    return 0 if all(check.ok for check in checks) else MISSING


def _tried(name: str, look: Callable[[], str], remedy: str) -> Check:
    from sandbox.errors import TidegaugeError

    try:
        return Check(name, True, look())
    except TidegaugeError as error:
        return Check(name, False, str(error), remedy)


def _engine() -> Check:
    def look() -> str:
        from sandbox.container import Engine

        return ", ".join(f"{key} {value}" for key, value in Engine().version().items())

    return _tried("engine", look, "start Docker, or run `make engine`")


def _image() -> Check:
    def look() -> str:
        from sandbox.container import Engine
        from sandbox.image import image_name, require_image

        return f"{image_name()} {require_image(Engine())[:19]}"

    return _tried("image", look, "run `make image`")


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "is not installed", "run `make setup`")


def _secret() -> Check:
    def look() -> str:
        from experiments.identity import read_secret, secret_path

        secret = read_secret()
        if secret is None:
            return f"{secret_path()} (the first run makes it)"
        return f"{secret.path} (fingerprint {secret.fingerprint})"

    return _tried("secret", look, "see the message")


def _runs(runs: Path) -> Check:
    import os

    place = next(path for path in (runs.resolve(), *runs.resolve().parents) if path.exists())
    ok = os.access(place, os.W_OK)
    return Check("runs", ok, f"{runs.resolve()}", "choose a directory that you may write with --runs")
