"""The stock MLflow UI shows the trend of every family of tasks in two clicks."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.tracking.store import sync
from experiments.verdict.gate import judge

#: The line in the chart of a metric; null while the UI has not drawn it, which it does where one looks.
LINE = """(() => {
  const metric = %s, section = metric.slice(0, metric.lastIndexOf('/'));
  const header = [...document.querySelectorAll('[data-testid="experiment-view-compare-runs-section-header"]')]
    .find(e => e.innerText.startsWith(section));
  const cards = [...document.querySelectorAll('[data-testid="experiment-view-compare-runs-card"]')];
  const titled = wanted => cards.filter(
    e => [...e.querySelectorAll('.du-bois-light-typography')].some(e => wanted(e.innerText)));
  const [card] = titled(text => text === metric);
  const below = titled(text => text.startsWith(section + '/')).pop();
  (card || below || header).scrollIntoView({block: card || below ? 'center' : 'start'});
  return card && card.querySelector('.js-plotly-plot .scatterlayer .js-line');
})()"""
#: The pictures with bands and policy lines that have their pixels.
BANDS = "[...document.querySelectorAll('img')].filter(e => e.complete && e.src.includes('band') && e.naturalWidth).length"


async def look(chromium: ModuleType, address: str, metrics: list[str], folder: Path) -> dict[str, Any]:
    """Two clicks from the start page; then what is seen without any more, by scrolling alone."""
    async with chromium.browser() as page:
        # Once for each browser, as MLflow remembers both: this kind of work, and no assistant.
        await page.open(address, width=1500, height=1000)
        await page.wait("localStorage.length > 0")
        await page.run("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
        await page.click("Model training")
        await page.open(address, width=1500, height=1000)
        await page.click("quickstart/trends")
        await page.click_on("input[name='runs-view-mode'][value='CHART']")
        seen: dict[str, Any] = {"start": await page.run("location.pathname")}
        await page.wait(f"{BANDS} >= 2")
        seen["bands"] = await page.run(BANDS)
        (folder / "bands.png").write_bytes(await page.picture())
        for metric in metrics:
            line = LINE % json.dumps(metric)
            await page.wait(line)
            seen[metric] = await page.run(f"{line}.getAttribute('d').split('L').length - 1")
            (folder / f"{metric.split('/')[1]}.png").write_bytes(await page.picture())
        return seen


@pytest.mark.timeout(400)
def test_two_clicks_show_the_trend_of_every_family_of_tasks(
    server: Any, chromium: ModuleType, run_view: Callable[..., RunView], tmp_path: Path
) -> None:
    view = run_view()
    sync(view, judge(load_policy("quickstart"), view), uri=server.uri)
    metrics = ["cap/ml/L0/strict", "cap/selfmod/L0/strict"]
    seen = asyncio.run(look(chromium, server.uri, metrics, tmp_path))
    # Three checkpoints are joined by two pieces of line.
    assert seen == {"start": "/", "bands": 2, "cap/ml/L0/strict": 2, "cap/selfmod/L0/strict": 2}
    for name in ("bands", "ml", "selfmod"):
        with Image.open(io.BytesIO((tmp_path / f"{name}.png").read_bytes())) as picture:
            assert picture.size == (1500, 1000)
