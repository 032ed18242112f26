"""Takes the pictures of ``docs/pictures/`` from real runs: the MLflow UI and the reports, in headless Chromium.

    python docs/screenshots.py [RUNS]

RUNS (default ``runs``) holds a run of ``experiments/configs/quickstart.yaml`` and one of
``experiments/configs/cheat.yaml``; the newest of each is shown. Needs Debian's ``chromium``.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from browser import Page, PageFault, browser  # noqa: E402

from experiments.record.rundir import list_runs, read_experiment  # noqa: E402
from experiments.tracking.serving import server_command, server_environment  # noqa: E402
from experiments.tracking.tracking import default_uri  # noqa: E402

LARGEST: Final = 300_000
TRIES: Final = 4
SUITES: Final = ("quickstart", "cheat")
#: Every chart on the page has its line, and every picture its pixels.
DRAWN: Final = """(() => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  const images = [...document.querySelectorAll('img')];
  return plots.length >= %d && plots.every(plot => plot.querySelector('.trace'))
    && images.every(image => image.complete && image.naturalWidth) && %s
})()"""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: what is opened, what must be seen, what is clicked, which part is kept."""

    name: str
    url: str
    ready: str
    clicks: tuple[str, ...] = ()
    clip: str | None = None
    width: int = 1440
    height: int = 1000


def says(text: str) -> str:
    """JavaScript that is true once the page shows ``text``."""
    return f"document.body.innerText.includes({json.dumps(text)})"


def newest(runs: Path, suite: str) -> Path:
    """The newest run of ``suite`` under ``runs``.

    Raises:
        SystemExit: there is none.
    """
    found = [path for path in list_runs(runs) if read_experiment(path).suite == suite]
    if not found:
        raise SystemExit(
            f"no run of suite {suite} under {runs}; remedy: tidegauge run experiments/configs/{suite}.yaml"
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def compressed(png: bytes) -> bytes:
    """The picture in as many colours of a palette as keep it below ``LARGEST`` bytes.

    Raises:
        ValueError: 32 colours are too many.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        flat = picture.convert("RGB")
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        flat.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() < LARGEST:
            return buffer.getvalue()
    raise ValueError(f"a picture of {len(png):,} bytes does not fit {LARGEST:,}")


def mlflow_shots(runs: Path, base: str) -> list[Shot]:
    """The chart view of the trend, the checkpoints, the result table and the newest model."""
    from mlflow import MlflowClient

    client = MlflowClient(default_uri(runs))
    at = {
        part: client.get_experiment_by_name(f"quickstart/{part}").experiment_id
        for part in ("trends", "regressions")
    }
    (run, *_) = client.search_runs([at["trends"]])
    bands = [one for one in client.list_artifacts(run.info.run_id, "trends") if one.path.endswith(".png")]
    (model, *_) = client.search_logged_models(
        [at["regressions"]], order_by=[{"field_name": "creation_time", "ascending": False}]
    )
    (checkpoint, *_) = client.search_runs([at["regressions"]])
    query = "?workflowType=machine_learning"
    charts = f"{base}/#/experiments/{{}}/runs{query}&compareRunsMode=CHART"
    listed = f"{base}/#/experiments/{at['regressions']}/runs{query}"
    artefacts = f"{base}/#/experiments/{at['trends']}/runs/{run.info.run_id}/artifacts{query}"
    models = f"{base}/#/experiments/{at['regressions']}/models/{model.model_id}{query}"
    return [
        Shot(
            "mlflow-trend",
            charts.format(at["trends"]),
            DRAWN % (3, says("band")),
            height=trend_height(len(bands)),
        ),
        Shot("mlflow-checkpoints", listed, says(checkpoint.info.run_name), height=620),
        Shot("mlflow-results", artefacts, says("results.json"), clicks=("results.json",)),
        Shot("mlflow-model", models, says(model.name)),
    ]


def trend_height(bands: int) -> int:
    """Of a window that shows so many pictures, three in a row, and the first charts below them: others draw nothing."""
    return 700 + 370 * -(-bands // 3)


def report_shots(runs: Path) -> list[Shot]:
    """The report's trend, and a finding with its evidence."""
    quickstart, cheat = (newest(runs, suite).resolve() / "report.html" for suite in SUITES)
    return [
        Shot("report", quickstart.as_uri(), says("Results"), height=1250, width=1200),
        Shot("report-trend", quickstart.as_uri(), says("Results"), clip="#family-ml figure"),
        Shot(
            "report-finding", cheat.as_uri(), says("cheat.scorer"), clip="#finding-cheat-scorer", width=1200
        ),
        Shot("report-verdict", cheat.as_uri(), says("crossed"), width=1200, height=1000),
    ]


async def take(page: Page, shot: Shot) -> bytes:
    """The picture, once the page shows what it must.

    Raises:
        PageFault: it never did.
    """
    for left in reversed(range(TRIES)):
        await page.open(shot.url, width=shot.width, height=shot.height)
        try:
            await page.wait(shot.ready)
            break
        except PageFault:
            # On a busy machine the UI now and then leaves a chart empty until it is loaded again.
            if not left:
                raise
    for text in shot.clicks:
        await page.click(text)
    return await page.picture(shot.clip)


def await_server(port: int, process: subprocess.Popen[bytes], seconds: float = 240) -> None:
    """Returns once something listens on ``port``.

    Raises:
        SystemExit: nothing does, for ``seconds``, or the server ended.
    """
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.5)
    raise SystemExit("the MLflow UI did not start; try: tidegauge ui")


@contextlib.contextmanager
def served(runs: Path) -> Iterator[str]:
    """The address of an MLflow UI on the store under ``runs``, for as long as the context lasts."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    process = subprocess.Popen(
        server_command(runs, port),
        env=server_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await_server(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def main(runs: Path, out: Path, only: list[str]) -> None:
    """Takes every picture, or those named in ``only``."""
    out.mkdir(parents=True, exist_ok=True)

    async def keep(page: Page, shots: list[Shot]) -> None:
        for shot in shots:
            if not only or shot.name in only:
                data = compressed(await take(page, shot))
                (out / f"{shot.name}.png").write_bytes(data)
                print(f"{out / shot.name}.png: {len(data):,} bytes", flush=True)

    async with browser() as page:
        await keep(page, report_shots(runs))
        with served(runs) as base:
            await greet(page, base)
            await keep(page, mlflow_shots(runs, base))


async def greet(page: Page, base: str) -> None:
    """Visits the UI once, so that its assistant, which opens on the first visit, is closed and stays so."""
    await page.open(base, width=1440, height=1000)
    await page.wait("localStorage.length > 0")
    for key, value in (("fab.autoOpenedOnFirstLoad", "true"), ("panelOpen", "false")):
        await page.run(f"localStorage.setItem('mlflow.assistant.{key}_v1', '{value}')")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Takes the pictures of docs/pictures/ from real runs.")
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=HERE / "pictures")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    asked = parser.parse_args()
    asyncio.run(main(asked.runs, asked.out, asked.only))
