"""A headless Chromium, driven over its DevTools protocol: for ``screenshots.py`` and for tests of pages."""

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
#: Seconds: a browser to start; a page to draw what it is asked for.
START, DRAW = 90.0, 120.0
_POLL: Final = 0.25


class PageFault(Exception):
    """The page did not show what was waited for, or its script failed."""


class Page:
    """One tab. All expressions are JavaScript, evaluated in the page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0

    async def open(self, url: str, *, width: int, height: int, scale: float = 1.0) -> None:
        """Goes to ``url`` in a window of ``width`` x ``height`` CSS pixels, ``scale`` pixels each."""
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip
        # A change of the part after # alone loads nothing anew.
        await self._call("Page.navigate", url="about:blank")
        await self._call("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """The value of ``expression``; a promise is awaited.

        Raises:
            PageFault: it threw.
        """
        said = await self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise PageFault(said["exceptionDetails"].get("exception", {}).get("description", expression))
        return said["result"].get("value")

    async def wait(self, expression: str, seconds: float = DRAW) -> None:
        """Returns once ``expression`` is true.

        Raises:
            PageFault: it was not, for ``seconds``.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        # What throws now, on a page that is half there, may be true later.
        while not await self.run(
            f"(() => {{try {{return Boolean({expression})}} catch {{return false}}}})()"
        ):
            if asyncio.get_running_loop().time() > deadline:
                text = await self.run("document.body ? document.body.innerText.slice(0, 600) : ''")
                raise PageFault(f"not within {seconds:g} s: {expression}; the page says: {text!r}")
            await asyncio.sleep(_POLL)

    async def click(self, text: str) -> None:
        """Clicks, as a mouse does, the last innermost element that says exactly ``text``, once there is one."""
        await self._click_at(
            "[...document.querySelectorAll('button, a, label, span, div')].filter("
            f"e => e.offsetParent && e.innerText && e.innerText.trim() === {json.dumps(text)}).pop()"
        )

    async def click_on(self, selector: str) -> None:
        """Clicks, as a mouse does, the first element that matches ``selector``, once there is one."""
        await self._click_at(f"document.querySelector({json.dumps(selector)})")

    async def press(self, key: str) -> None:
        """Presses and lets go of a key by its name, such as ``Tab`` or ``Enter``."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13}[key]
        for kind, more in (("keyDown", text), ("keyUp", {})):
            await self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    async def prefer(self, **features: str) -> None:
        """Sets what the reader prefers, such as ``prefers-color-scheme="dark"``."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self._call("Emulation.setEmulatedMedia", features=wanted)

    async def printed(self) -> bytes:
        """The page as PDF, as it would be printed on A4."""
        said = await self._call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(said["data"])

    async def _click_at(self, element: str) -> None:
        place = (
            f"(() => {{const found = {element};"
            "if (!found) return null; found.scrollIntoView({block: 'nearest'});"
            "const r = found.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]})()"
        )
        await self.wait(place)
        x, y = await self.run(place)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self._call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
            )
        # Away from everything, so that nothing is shown because a pointer rests on it.
        await self._call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)

    async def picture(self, clip: str | None = None) -> bytes:
        """PNG of the window, or of the first element that the selector ``clip`` matches, once it stands still."""
        area: dict[str, Any] = {}
        if clip is not None:
            await self.wait(f"document.querySelector({json.dumps(clip)})")
            box = await self.run(
                f"(() => {{const r = document.querySelector({json.dumps(clip)}).getBoundingClientRect();"
                "return [r.x + scrollX, r.y + scrollY, r.width, r.height]})()"
            )
            keys = ("x", "y", "width", "height")
            area = {"clip": dict(zip(keys, box, strict=True)) | {"scale": 1}, "captureBeyondViewport": True}
        before = b""
        deadline = asyncio.get_running_loop().time() + DRAW
        while True:
            shot = base64.b64decode(
                (await self._call("Page.captureScreenshot", format="png", **area))["data"]
            )
            if shot == before or asyncio.get_running_loop().time() > deadline:
                return shot
            before = shot
            await asyncio.sleep(4 * _POLL)

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while True:
            said = await self._socket.receive_json(timeout=DRAW)
            if said.get("id") == self._last:
                if "error" in said:
                    raise PageFault(f"{method}: {said['error'].get('message')}")
                return dict(said["result"])


def program() -> str | None:
    """The Chromium on this machine; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A fresh browser with one tab, ended with all that it wrote.

    Raises:
        FileNotFoundError: there is no Chromium here.
        PageFault: it did not start.
    """
    found = program()
    if found is None:
        raise FileNotFoundError("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="tidegauge-browser-", ignore_cleanup_errors=True) as folder:
        options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
        # As with a mouse: without one, pages show what else appears only under the pointer.
        mouse = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
        options += [
            f"--blink-settings={mouse}",
            "--hide-scrollbars",
            "--disable-gpu",
            "--no-first-run",
            "--force-color-profile=srgb",
        ]
        if os.geteuid() == 0:
            # Chromium's own sandbox refuses root; the only pages opened are ours.
            options += ["--no-sandbox", "--disable-dev-shm-usage"]
        process = await asyncio.create_subprocess_exec(
            found,
            *options,
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tab = next(tab for tab in await answer.json() if tab["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    """The port that the browser chose and wrote down."""
    deadline = asyncio.get_running_loop().time() + START
    while asyncio.get_running_loop().time() < deadline:
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        await asyncio.sleep(_POLL)
    raise PageFault(f"the browser did not start within {START:g} s")
