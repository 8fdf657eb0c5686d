"""A real Chromium, and a visit in it that notices whatever a page must not do."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Self

from tests.e2e.webhook_process import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

_ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# Before any script of the page: what the policy stops, and when rows are first in the document.
_WATCH: Final = """
window.watched = {violations: [], rows: null};
addEventListener("securitypolicyviolation", (event) =>
  watched.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
new MutationObserver((_changes, observer) => {
  if (!document.querySelector("tbody tr")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { watched.rows = performance.now(); }));
}).observe(document, {childList: true, subtree: true});
"""

_PATIENCE_MILLISECONDS: Final = 20_000
_SETTLED: Final = ".results:not([aria-busy]) > *, .signin"
_SERIOUS: Final = {"serious", "critical"}


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Chromium of the system, with an empty profile."""
    # Not before it is needed: with greenlet, which comes along, regopy's memory grows.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise FileNotFoundError("no Chromium: run scripts/install-test-packages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


class Visit:
    """A page in a profile of its own; a context manager that fails on what must not happen.

    That is a dialog, an error, anything the Content-Security-Policy had to stop, a request to
    another origin, or a title that the page did not set.
    """

    def __init__(self, browser: "Browser", origin: str, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 860}, **options}
        self.origin = origin
        self.context = browser.new_context(ignore_https_errors=True, **options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
        self.context.add_init_script(_WATCH)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(_PATIENCE_MILLISECONDS)
        self.faults: list[str] = []
        self.expected = 0
        """Answers of 400 and more that Chromium's console tells of."""
        self._watch()

    def _watch(self) -> None:
        self.page.on("dialog", self._spoken_to)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda one: self._logged(one.type, one.text))
        self.page.on("request", lambda one: self._asked(one.url))

    def _spoken_to(self, dialog: "Dialog") -> None:
        self.faults.append(dialog.message)
        dialog.dismiss()

    def _logged(self, kind: str, text: str) -> None:
        if kind != "error":
            return
        if text.startswith("Failed to load resource: the server responded with a status"):
            self.expected += 1
            return
        self.faults.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(f"{self.origin}/"):
            self.faults.append(f"asked for {url}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.check()
        self.context.close()

    def check(self) -> None:
        """Fail on whatever has happened until now."""
        assert self.faults == []
        assert self.page.evaluate("watched.violations") == []
        assert self.page.title().endswith("scaleguard")

    def open(self, query: str = "") -> "Page":
        self.page.goto(f"{self.origin}/page/{query}")
        return self.settled()

    def settled(self) -> "Page":
        """Wait until what was asked for is shown."""
        self.page.wait_for_selector(_SETTLED)
        return self.page

    def until(self, script: str) -> None:
        """Wait until it is so. Playwright's own way is to evaluate text, which the page forbids."""
        wait_until(lambda: bool(self.page.evaluate(script)), what=f"never: {script}")

    def shown(self) -> list[str]:
        """The names of the objects in the list."""
        return self.settled().locator(".findings .name").all_inner_texts()

    def wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def faults_for_readers(self) -> list[str]:
        """What axe-core finds that is serious, each with its places."""
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
        self.page.evaluate(axe)
        found = json.loads(self.page.evaluate("axe.run().then(JSON.stringify)"))
        assert found["passes"], "axe-core looked at nothing"
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']][:4]}"
            for one in found["violations"]
            if one["impact"] in _SERIOUS
        ]
