"""In a real browser the report runs nothing that an agent wrote, asks for nothing, and can be read by anybody."""

import asyncio
import hashlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.reporting.report import html
from experiments.verdict.gate import judge
from sandbox.event_log import EventLog

#: What an agent may write wherever it may write; AT stands for an address that somebody listens at.
PAYLOADS = (
    "<script>window.ran=1;fetch('AT/fetch')</script>",
    "<img src=AT/img onerror='window.ran=2'>",
    "</pre></code></style></title></svg></details><svg onload='window.ran=3'><a href='AT/a'>x</a>",
    "\" onfocus='window.ran=4' autofocus style='background:url(AT/css)' x=\"",
    "' onmouseover='window.ran=5' '",
    "</style><style>@import 'AT/import'; body{background:url(AT/background)}</style>",
    "<iframe srcdoc='<script>parent.ran=6</script>'></iframe><object data=AT/object></object>",
    "<meta http-equiv=refresh content='0;url=AT/refresh'><base href=AT/><link rel=stylesheet href=AT/link>",
    "{{ 7*7 }}{% include 'AT' %}--><!--]]>&lt;script&gt;window.ran=7&lt;/script&gt;",
    "<details ontoggle='window.ran=8' open><summary>x</summary></details><form action=AT/form><input autofocus>",
    "javascript:window.ran=9 [x](javascript:window.ran=10) \x1b]8;;AT\x07x\u202e<plaintext>",
)
#: The policy of the page itself, which would stop most of it even if it were not escaped.
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and what was sent there."""
    heard: list[bytes] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                heard.append(caller.recv(200))
                caller.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)


def hostile_run(run_view: Any, ledger_line: Callable[..., LedgerLine], payloads: list[str]) -> RunView:
    """A run in which every text that an agent has a hand in is each of the payloads in turn."""
    directory = run_view().directory
    (directory / "blobs").mkdir()
    lines = []
    for world, text in enumerate(payloads):
        digest = hashlib.sha256(text.encode()).hexdigest()
        (directory / "blobs" / digest).write_text(text)
        line = ledger_line(0, "ml/tab", world, 0.5)
        path = directory / f"episodes/{line.episode}/0/events.jsonl"
        path.parent.mkdir(parents=True)
        files = [[text[:60], "file", 0o644, len(text), digest]]
        with EventLog(path) as log:
            log.append("gateway", "model.reply", {"turn": 1, "text": text})
            log.append("scaffold", "scaffold.version", {"id": text, "files": [], "at": text})
            log.append("scaffold", "scaffold.version", {"id": text, "files": files, "at": text})
        found = {"code": "scaffold.edit", "severity": 3, "t": 1, "evidence": [1, 2], "note": text}
        ungraded = ledger_line(300 + world, "ml/tab", world, None, ungraded=text, cause=text)
        lines += [line.model_copy(update={"findings": [type(line).model_validate(
            line.model_dump() | {"findings": [found]}).findings[0]]}), ungraded]  # fmt: skip
    checkpoints = list(dict.fromkeys(line.checkpoint for line in lines))
    test = {"checks": [{"name": text, "result": "failed", "detail": text} for text in payloads], "regressed": payloads,
            "runtime": payloads[0], "taken": 0}  # fmt: skip
    return run_view(lines=lines, checkpoints=checkpoints, selftest=test)  # type: ignore[no-any-return]


async def visit(chromium: ModuleType, pages: list[Path]) -> list[dict[str, Any]]:
    """What each page did while it was opened out, walked through by keyboard, and clicked."""
    seen = []
    async with chromium.browser() as page:
        for path in pages:
            await page.open(path.as_uri(), width=1200, height=900)
            await page.wait("document.readyState === 'complete'")
            await page.run("document.querySelectorAll('details').forEach(e => e.open = true)")
            for _ in range(12):
                await page.press("Tab")
            await page.click("Versions")
            seen.append(
                {
                    "ran": await page.run("typeof window.ran"),
                    "address": await page.run("location.pathname"),
                    "loaded": await page.run("performance.getEntriesByType('resource').length"),
                    "made": await page.run(
                        "document.querySelectorAll('script,img,iframe,object,link,form,input,base,plaintext').length"
                    ),
                    "shown": await page.run('document.body.innerText.includes("<script>window.ran=1")'),
                }
            )
    return seen


def test_nothing_that_an_agent_wrote_runs_or_asks_for_anything(
    chromium: ModuleType, run_view: Any, ledger_line: Callable[..., LedgerLine], tmp_path: Path
) -> None:
    with listening() as (address, heard):
        view = hostile_run(run_view, ledger_line, [text.replace("AT", address) for text in PAYLOADS])
        text = html(view, judge(load_policy("quickstart"), view))
        guarded, bare = tmp_path / "guarded.html", tmp_path / "bare.html"
        guarded.write_text(text)
        # Escaping must be enough by itself.
        bare.write_text(POLICY.sub("", text, count=1))
        assert guarded.read_text() != bare.read_text()
        seen = asyncio.run(visit(chromium, [guarded, bare]))
    assert seen == [
        {"ran": "undefined", "address": str(path), "loaded": 0, "made": 0, "shown": True}
        for path in (guarded, bare)
    ]
    assert heard == []


def test_the_payloads_would_do_their_work_on_a_page_that_does_not_escape(
    chromium: ModuleType, tmp_path: Path
) -> None:
    with listening() as (address, heard):
        page = tmp_path / "page.html"
        page.write_text("<title>x</title><body><a>Versions</a>" + PAYLOADS[0].replace("AT", address))
        (seen,) = asyncio.run(visit(chromium, [page]))
    assert seen["ran"] == "number" and seen["made"] == 1
    assert len(heard) == 1 and heard[0].startswith(b"GET /fetch")


async def read(chromium: ModuleType, page_file: Path) -> dict[str, Any]:
    """The page in light and dark, by keyboard, on a telephone and on paper."""
    async with chromium.browser() as page:
        await page.open(page_file.as_uri(), width=1200, height=900)
        await page.wait("document.readyState === 'complete'")
        seen: dict[str, Any] = {}
        for scheme in ("light", "dark"):
            await page.prefer(prefers_color_scheme=scheme)
            seen[scheme] = await page.run("getComputedStyle(document.body).backgroundColor")
        await page.press("Tab")
        seen["first"] = await page.run("document.activeElement.innerText")
        await page.press("Enter")
        seen["there"] = await page.run("location.hash")
        while await page.run("document.activeElement.tagName") != "SUMMARY":
            await page.press("Tab")
        await page.press("Enter")
        seen["opened"] = await page.run("document.activeElement.parentElement.open")
        printed = await page.printed()
        await page.open(page_file.as_uri(), width=390, height=800)
        await page.wait("document.readyState === 'complete'")
        seen["fits"] = await page.run("document.documentElement.scrollWidth <= 390")
        return seen | {"printed": printed[:5], "pages": len(re.findall(rb"/Type ?/Page\b", printed)) >= 2}


def test_the_page_is_read_in_light_and_dark_by_keyboard_on_paper_and_on_a_telephone(
    chromium: ModuleType, run_view: Any, tmp_path: Path
) -> None:
    view = run_view()
    page = tmp_path / "report.html"
    page.write_text(html(view, judge(load_policy("quickstart"), view)))
    assert asyncio.run(read(chromium, page)) == {
        "light": "rgb(251, 250, 247)", "dark": "rgb(18, 22, 28)", "first": "Skip to the verdict",
        "there": "#verdict", "opened": True, "printed": b"%PDF-", "pages": True, "fits": True,
    }  # fmt: skip
