"""The HTML of `scaleguard report` in a real Chromium, offline: it opens, and all of it is text."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.e2e.browser import chromium
from tests.e2e.page_records import HOSTILE
from tests.unit.audit.batches import RECORD, delivery
from webhook.audit.store.opened import open_store
from webhook.audit.store.schema import bring_up
from webhook.audit.store.taking import take_in
from webhook.cli.main import cli

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_opens_offline_and_shows_text(tmp_path: Path, theme: str) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    store = open_store(url)
    bring_up(store)
    records = [
        replace(RECORD, message=f"said {number}: {text}", user=text, remedy=text, workload=text)
        for number, text in enumerate(HOSTILE)
    ]
    take_in(store, delivery(*((one, [(f"d{at}", at + 1.0)]) for at, one in enumerate(records))))
    store.close()
    written = CliRunner().invoke(cli, ["report", "--store", url, "-o", "html"])
    assert written.exit_code == 0, written.output
    file = tmp_path / "report.html"
    file.write_text(written.stdout, encoding="utf-8")

    faults: list[str] = []
    with chromium() as browser:
        context = browser.new_context(offline=True, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("dialog", lambda one: faults.append(one.message))
        page.on("console", lambda one: faults.append(one.text))
        page.on("pageerror", lambda one: faults.append(str(one)))
        page.on("request", lambda one: faults.append(one.url) if one.url != file.as_uri() else None)
        page.goto(file.as_uri())
        assert page.title() == "scaleguard: what was found"
        assert page.locator("tbody tr").count() == len(HOSTILE)
        shown = page.locator("tbody").inner_text()
        assert all(f"said {number}: " in shown for number in range(len(HOSTILE)))
        assert "<img src=x onerror=" in shown
        assert page.locator("tbody img, tbody script, tbody svg, tbody h1").count() == 0
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[theme]
        context.close()
    assert faults == []
