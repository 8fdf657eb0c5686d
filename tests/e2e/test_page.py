"""The page in a real Chromium: what it shows, to whom, how quickly, and that all of it is text."""

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.e2e.audit_process import AuditProcess
from tests.e2e.browser import Visit
from tests.e2e.page_records import HOSTILE, RECORDS, REMEDY, fill
from webhook.audit.store.rows import clean

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.slow]

VIEWS = {
    "refusals": "",
    "standing": "?view=standing",
    "scalers": "?view=scalers",
    "exemptions": "?view=exemptions",
    "trends": "?view=trends",
    "detail": "?detail=bad000000000",
    "not known": "?detail=none",
    "nothing": "?q=there-is-no-such-thing",
    "no question": "?after=x",
}

MOST_MILLISECONDS = 1000

# As elements.js has it: what nobody sees is shown by its number.
UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f]"
)


def plain(text: str) -> str:
    return UNSEEN.sub(lambda one: f"\\u{{{ord(one[0]):x}}}", text)


def folded(text: str) -> str:
    """A text as it is laid out: blanks are one."""
    return " ".join(text.split())


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditProcess]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "data").mkdir()
    fill(f"sqlite:///{folder}/data/audit.db")
    with AuditProcess(folder, "--insecure-no-auth-on-loopback") as running:
        running.wait_until_ready()
        yield running


def test_it_is_painted_within_a_second(browser: "Browser", audit: AuditProcess) -> None:
    """With 10,000 records in the store, of which a page of 100 is in the document.

    The first paint is that of the frame, which does not wait for the data; the rows follow, for
    which a machine that does other things as well gets more time. The best of three counts.
    """
    measured: list[tuple[float, float]] = []
    for _ in range(3):
        with Visit(browser, audit.url) as visit:
            page = visit.open()
            visit.until("watched.rows !== null")
            paints = "performance.getEntriesByName('first-contentful-paint')"
            measured.append(tuple(page.evaluate(f"[{paints}[0].startTime, watched.rows]")))
            assert page.locator(".findings tbody tr").count() == 100
    print(f"{RECORDS:,} records, first paint and rows in ms: {measured}")
    paint, rows = map(min, zip(*measured, strict=True))
    assert paint < MOST_MILLISECONDS
    assert rows < 3 * MOST_MILLISECONDS


def test_filters_are_in_the_url(visit: Visit) -> None:
    page = visit.open()
    everything = page.locator(".count").filter(has_text="decisions in all").inner_text()
    page.get_by_label("Namespace").fill("search")
    page.get_by_label("Namespace").press("Enter")
    page.wait_for_url("**/page/?namespace=search")
    visit.until("document.querySelector('.findings .name').innerText.startsWith('search/')")
    page.get_by_label("Rule", exact=True).select_option("duplicate-hpa")
    page.wait_for_url("**/page/?namespace=search&rule=duplicate-hpa")
    visit.settled()
    page.get_by_role("searchbox").press_sequentially("ranker-9")
    page.wait_for_url("**/page/?namespace=search&rule=duplicate-hpa&q=ranker-9")
    visit.until("document.querySelectorAll('.findings tbody tr').length < 100")
    found = visit.shown()
    assert found
    assert all(one.startswith("search/ranker-") and "-9" in one for one in found)
    page.get_by_label("When").select_option("7d")
    page.wait_for_url("**since=7d")
    assert 0 < len(visit.shown()) < len(found)

    page.go_back()
    page.wait_for_url("**&q=ranker-9")
    visit.until(f"document.querySelectorAll('.findings tbody tr').length === {len(found)}")
    page.go_back()
    page.wait_for_url("**/page/?namespace=search&rule=duplicate-hpa")
    visit.until("document.querySelector('#filter-q').value === ''")
    page.go_forward()
    visit.until("document.querySelector('#filter-q').value === 'ranker-9'")
    visit.until(f"document.querySelectorAll('.findings tbody tr').length === {len(found)}")
    page.reload()
    assert visit.shown() == found
    assert page.get_by_label("Rule", exact=True).input_value() == "duplicate-hpa"
    assert page.get_by_label("Namespace").input_value() == "search"

    page.get_by_text("Clear filters").click()
    page.wait_for_url("**/page/?")
    visit.until("document.querySelectorAll('.findings tbody tr').length === 100")
    assert page.locator(".count").filter(has_text="decisions in all").inner_text() == everything


def test_kinds_and_switches_narrow(visit: Visit) -> None:
    page = visit.open("?kind=audit")
    assert set(page.locator(".findings .badge").all_inner_texts()) == {
        "Recorded",
        "Would be denied",
    }
    page.get_by_text("More filters").click()
    page.get_by_label("Only what enforce would deny").check()
    page.wait_for_url("**wouldDeny=true")
    assert len(visit.shown()) == 100
    visit.open("?kind=warning&wouldDeny=true")
    assert page.get_by_role("heading", name="Nothing was found").is_visible()
    visit.open("?q=0000c8000000")
    assert len(visit.shown()) == 1, "the id of a decision finds it"


def test_a_page_of_rows_after_the_other(visit: Visit) -> None:
    page = visit.open("?kind=exemption")
    first = visit.shown()
    page.get_by_text("Next 100").click()
    page.wait_for_url("**after=*")
    page.wait_for_selector("text=older ones")
    second = visit.shown()
    assert len(second) == 100
    assert not set(first) & set(second)
    assert page.evaluate("scrollY") == 0
    page.go_back()
    page.wait_for_selector("text=newest first")
    assert visit.shown() == first


def test_the_fix_of_a_denial_is_copied(visit: Visit) -> None:
    page = visit.open("?q=ml-serving/llama-2")
    place = visit.shown()[0]
    remedy = REMEDY.format(place=place)
    row = page.locator(".findings tbody tr").first
    row.get_by_role("button", name=f"Copy fix: the fix for HorizontalPodAutoscaler {place}").click()
    row.get_by_text("Copied").wait_for()
    assert page.locator("#said").inner_text().startswith("Copied: the fix for")
    assert page.evaluate("navigator.clipboard.readText()") == remedy

    page.evaluate("navigator.clipboard.writeText('')")
    row.locator(".name").click()
    detail = page.get_by_role("dialog")
    detail.get_by_text("What happened").wait_for()
    detail.get_by_role("button", name="Copy fix: the fix").click()
    detail.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == remedy
    namespace, name = place.split("/")
    command = f"kubectl get horizontalpodautoscaler.v2.autoscaling {name} -n {namespace} -o yaml"
    assert detail.get_by_text(command).is_visible()


def test_a_fix_is_copied_without_the_clipboard_interface(visit: Visit) -> None:
    page = visit.page
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visit.open("?q=ml-serving/llama-2")
    page.get_by_role("button", name="Copy fix").first.click()
    page.get_by_text("Copied", exact=True).wait_for()
    search = page.get_by_role("searchbox")
    search.fill("")
    search.press("Control+v")
    assert search.input_value() == REMEDY.format(place=visit.shown()[0])


def test_what_is_hostile_is_text(visit: Visit) -> None:
    page = visit.open()
    told = page.evaluate(
        "[...document.querySelectorAll('.findings .message')].map(one => one.textContent)"
    )
    kept = [clean(one) for one in HOSTILE]
    assert told[: len(HOSTILE)] == [plain(one) for one in kept]
    for number, text in enumerate(kept):
        visit.open(f"?detail=bad{number:09x}")
        page.get_by_text("What happened").wait_for()
        page.get_by_text("The fields that rules read").click()
        detail = page.get_by_role("dialog")
        assert detail.locator("article > .message").text_content() == plain(text)
        assert f"fix {plain(text)}" in (detail.locator(".fix p").text_content() or "")
        read = detail.locator("pre").text_content() or ""
        assert plain(json.dumps(text, ensure_ascii=False)) in read
        assert detail.get_by_text("kubectl get").count() == 0, "no such name belongs in a shell"
        for markup in ("script", "img", "iframe", "svg:not(.icon)", "h1", "style", "object"):
            assert detail.locator(markup).count() == 0, (markup, text)
        for link in detail.locator("a").all():
            assert (link.get_attribute("href") or "").startswith("?")
        visit.check()
        # And where it is all that a filter has.
        visit.open(f"?kind=all&user={quote(text[:200])}&workload={quote(text[:200])}")
        page.locator(".count").wait_for()
        visit.check()


@pytest.mark.parametrize(
    "query",
    [
        "?view=__proto__",
        "?view=constructor&kind=toString",
        "?q=<script>document.title='pwned'</script>",
        '?rule="><img src=x onerror=alert(1)>&namespace=<svg onload=alert(1)>',
        "?detail=../findings",
        "?detail=javascript:alert(1)",
        "?since=<b>&kind=<i>&after=<u>",
        "?view=scalers&after=%00&namespace=%ff",
        "?view=trends&since=99999d",
        "?q=" + "x" * 3000,
        "?#<img src=x onerror=alert(1)>",
    ],
)
def test_what_is_hostile_in_the_url_is_text(visit: Visit, query: str) -> None:
    visit.open(query)
    visit.page.wait_for_timeout(100)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_are_served(browser: "Browser", audit: AuditProcess, scheme: str) -> None:
    for name, query in VIEWS.items():
        with Visit(browser, audit.url, color_scheme=scheme) as visit:
            page = visit.open(query)
            page.wait_for_timeout(300)
            found = visit.faults_for_readers()
            assert found == [], f"{name}, {scheme}"


def test_themes(browser: "Browser", audit: AuditProcess) -> None:
    brightness = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        ".reduce((sum, one) => sum + one)"
    )
    for scheme, is_bright in (("light", True), ("dark", False)):
        with Visit(browser, audit.url, color_scheme=scheme) as visit:
            page = visit.open()
            assert (page.evaluate(brightness) > 384) is is_bright
            page.get_by_role("button", name=f"{'Dark' if is_bright else 'Light'} theme").click()
            assert (page.evaluate(brightness) > 384) is not is_bright
            page.reload()
            assert (page.evaluate(brightness) > 384) is not is_bright, "the choice is kept"


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_it_fits_every_width(browser: "Browser", audit: AuditProcess, width: int) -> None:
    with Visit(browser, audit.url, viewport={"width": width, "height": 800}) as visit:
        for name, query in VIEWS.items():
            visit.open(query)
            assert visit.wide() <= 0, name


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.open("?namespace=research&kind=warning")
    page.locator(".count").filter(has_text="in all").wait_for()
    page.keyboard.press("Tab")
    focused = "document.activeElement"
    assert page.evaluate(f"{focused}.textContent") == "Skip to what was found"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focused}.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate(f"{focused}.id") == "filter-q"
    page.keyboard.type("/")
    assert page.get_by_role("searchbox").input_value() == "/", "where one types it is a letter"
    page.get_by_role("searchbox").fill("")

    visit.open("?namespace=research&kind=warning&q=web-25")
    page.locator(".count").filter(has_text="in all").wait_for()
    wanted = page.evaluate(
        "[...document.querySelectorAll('a, button, input, select, summary')]"
        ".filter(one => one.checkVisibility()).length"
    )
    stops = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(_FOCUS))
    assert len({stop["place"] for stop in stops}) == wanted, "each is reached, and once"
    assert [stop for stop in stops if not stop["shown"]] == []

    page.locator(".findings .name").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text("What happened").wait_for()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("Escape")
    visit.until("!document.querySelector('dialog').open")
    visit.until("!location.search.includes('detail')")  # the way back takes a moment
    assert page.evaluate(f"{focused}.className") == "name", "back where one was"


# Where the focus is, and whether that can be seen: by an outline, or by one around its row.
_FOCUS = """(() => {
  const one = document.activeElement;
  const outlined = (node) => node && getComputedStyle(node).outlineStyle !== "none";
  const all = [...document.querySelectorAll("*")];
  return {place: all.indexOf(one), shown: outlined(one) || outlined(one.closest("tr"))};
})()"""


def test_the_map_shows_conflicts_in_red_and_in_words(visit: Visit) -> None:
    page = visit.open("?view=scalers")
    row = page.locator("tr.meets", has_text="ml-serving/llama-70b")
    for head, by in (("Replicas", "HPA llama-70b"), ("CPU", "VPA llama-70b")):
        cell = row.locator(f"td[data-label={head}]")
        assert by in cell.inner_text()
        assert "Conflict" in cell.inner_text()
        assert cell.evaluate(_IS_RED), head
    memory = row.locator("td[data-label=Memory]")
    assert "Conflict" not in memory.inner_text()
    assert not memory.evaluate(_IS_RED)
    nodes = folded(row.locator("td[data-label=Nodes]").inner_text())
    assert nodes.startswith("2 \N{MULTIPLICATION SIGN} nvidia.com/gpu")
    said = page.locator("tr.said")
    assert "hpa-vpa-same-metric" in said.inner_text()
    said.get_by_role("button", name="Copy fix").click()
    said.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("set controlledResources: [memory]")
    page.get_by_label("Only where two meet").check()
    page.wait_for_url("**conflicts=true")
    visit.until("document.querySelectorAll('.scalers .object').length === 1")


_IS_RED = """(cell) => {
  const [red, green, blue] = getComputedStyle(cell).backgroundColor.match(/[0-9.]+/g).map(Number);
  return red > green + 10 && red > blue + 10;
}"""


def test_what_stands_and_what_is_over(visit: Visit) -> None:
    page = visit.open("?view=standing")
    assert visit.shown() == ["ml-serving/llama-70b"]
    page.get_by_label("State").select_option("Over")
    page.wait_for_url("**open=false")
    page.wait_for_selector("text=ml-serving/embedderold")
    assert page.locator(".findings .badge").all_inner_texts() == ["Over"]


def test_trends_are_drawn_and_told(visit: Visit) -> None:
    page = visit.open("?view=trends")
    denied = page.locator("figure", has=page.get_by_role("heading", name="Denied"))
    picture = denied.get_by_role("img")
    total = denied.locator(".sum").inner_text()
    assert (picture.get_attribute("aria-label") or "").startswith(f"Denied: {total} in ")
    denied.get_by_text("As a table").click()
    numbers = denied.locator("tbody td.number").all_inner_texts()
    assert sum(int(one.replace(",", "")) for one in numbers) == int(total.replace(",", ""))
    assert denied.locator("rect").count() == len(numbers)
    page.get_by_role("link", name="duplicate-hpa").click()
    page.wait_for_url("**view=refusals&rule=duplicate-hpa")
    visit.settled()
    assert set(page.locator(".findings .rule").all_inner_texts()) == {"duplicate-hpa"}


def test_what_it_says_when_the_audit_is_gone(
    browser: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gone")
    with AuditProcess(folder, "--insecure-no-auth-on-loopback") as running:
        running.wait_until_ready()
        visit = Visit(browser, running.url)
        page = visit.open()
        assert page.get_by_role("heading", name="Nothing was found").is_visible()
    page.get_by_role("link", name="Exemptions").click()
    page.get_by_role("heading", name="No answer").wait_for()
    assert page.get_by_text("see whether it runs, and kubectl port-forward").is_visible()
    with running:
        running.wait_until_ready()
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("heading", name="No exemption was used").wait_for()
    visit.context.close()


def test_times_are_told_and_exact(visit: Visit) -> None:
    page = visit.open("?q=web-0&namespace=shop")
    shown = page.locator("time").first
    written = shown.get_attribute("datetime") or ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written)
    assert re.fullmatch(r"\d+ (min|h) ago", shown.inner_text())
    assert written[:10] in (shown.get_attribute("title") or "")
    assert abs(time.time() - page.evaluate("Date.now()") / 1000) < 60
