"""The parts of the screenshot script that need no browser."""

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "docs" / "screenshots.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["screenshots"] = module
    spec.loader.exec_module(module)
    return module


def test_a_picture_is_compressed_below_its_bound_and_keeps_its_size(script: ModuleType) -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((900, 700)).convert("RGB").save(buffer, "PNG")
    data = script.compressed(buffer.getvalue())
    assert len(data) < 300_000
    assert Image.open(io.BytesIO(data)).size == (900, 700)


def test_a_missing_run_is_said_with_the_command_that_makes_it(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"tidegauge run experiments/configs/cheat.yaml"):
        script.newest(tmp_path, "cheat")


def test_the_trend_has_room_for_all_its_bands_and_a_row_of_charts(script: ModuleType) -> None:
    assert [script.trend_height(bands) for bands in (1, 3, 4, 7)] == [1070, 1070, 1440, 1810]


def test_text_is_quoted_before_it_becomes_script(script: ModuleType) -> None:
    assert script.says("it's") == 'document.body.innerText.includes("it\'s")'


def test_every_picture_that_the_pages_show_is_there() -> None:
    docs = SCRIPT.parent
    pages = [*docs.glob("*.md"), docs.parent / "README.md"]
    shown = {part.split(")")[0] for page in pages for part in page.read_text().split("pictures/")[1:]}
    names = {name for name in shown if name.endswith(".png")}
    assert names and names <= {path.name for path in (docs / "pictures").glob("*.png")}
    assert all(path.stat().st_size < 300_000 for path in (docs / "pictures").glob("*.png"))
