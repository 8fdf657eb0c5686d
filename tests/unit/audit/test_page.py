"""The files of the page: what is served, with which headers, and what may not be in them."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest

from tests.unit.audit.batches import DAY, delivery, record
from webhook.audit.serving.app import Parts, create_app
from webhook.audit.serving.callers import Callers
from webhook.audit.serving.metrics import Metrics
from webhook.audit.serving.page import FOLDER, HEADERS
from webhook.audit.store.opened import Store
from webhook.audit.store.taking import take_in

FILES = sorted(FOLDER.iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]

# What makes markup or a program of text, and what holds a style that the policy refuses.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|setHTML|srcdoc"
    r"|document\.write|\beval\b|\bFunction\(|setTimeout\(['\"`]|setInterval|javascript:"
    r"|\.style\b|cssText|document\.cookie|location\s*=|window\.open|postMessage"
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """One kind of store is enough."""
    return f"sqlite:///{tmp_path}/audit.db"


@pytest.fixture
def client(store: Store, metrics: Metrics) -> FlaskClient:
    callers = Callers(access=None, writers=frozenset())
    return create_app(Parts(store=store, callers=callers, metrics=metrics)).test_client()


def name_of(path: Path) -> str:
    return path.name


def test_who_comes_without_a_path_is_sent_to_the_page(client: FlaskClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "page/")
    assert client.get("/page").headers["Location"].endswith("/page/")
    assert client.get("/page/").data == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_each_file_is_served_to_everybody(client: FlaskClient, path: Path) -> None:
    answer = client.get(f"/page/{path.name}")
    types = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
    assert answer.data == path.read_bytes()
    assert answer.mimetype == types.get(path.suffix, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "no-cache"
    tag = answer.headers["ETag"]
    again = client.get(f"/page/{path.name}", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.post(f"/page/{path.name}").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/page/none.js",
        "/page/../serving/app.py",
        "/page/..%2fserving%2fapp.py",
        "/page/%2e%2e/serving/page.py",
        "/page/%2fetc%2fpasswd",
        "/page//etc/passwd",
        "/page/index.html/",
        "/page/index.html%00.js",
        "/page/..",
        "/page/.",
        "/page/%5c..%5capp.py",
    ],
)
def test_nothing_else_is(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.mimetype == "application/json"


@pytest.mark.parametrize(
    "path", ["/", "/page/", "/page/main.js", "/page/none", "/v1/findings", "/livez", "/nowhere"]
)
def test_no_answer_may_do_more_than_it_has_to(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        **{f"{what}-src": "'self'" for what in ("script", "style", "img", "connect")},
        **dict.fromkeys(("base-uri", "form-action", "frame-ancestors"), "'none'"),
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers


def test_the_page_holds_no_data(client: FlaskClient, store: Store) -> None:
    take_in(store, delivery((record("secretive"), [("d", DAY)])))
    for path in FILES:
        assert b"secretive" not in client.get(f"/page/{path.name}").data
    assert client.get("/v1/findings").status_code == 401


def test_it_is_counted_under_one_name(client: FlaskClient, metrics: Metrics) -> None:
    for path in ("/page/", "/page/main.js", "/page/none", "/page/none-either"):
        client.get(path)
    shown = generate_latest(metrics.registry).decode()
    assert 'scaleguard_audit_requests_total{endpoint="page",result="ok"} 2.0' in shown
    assert "none" not in shown


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_make_no_markup_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    assert FORBIDDEN.findall(text) == []
    if path.name != "elements.js":
        assert not re.search(r"createElement|setAttribute\((?!\"(href|aria-|src))", text), (
            "elements are made in elements.js"
        )
    for imported in re.findall(r"(?:from|import\() ?\"([^\"]*)\"", text):
        assert (FOLDER / imported).is_file(), imported
        assert re.fullmatch(r"\./\w+\.js", imported)


def test_the_shell_has_no_program_and_no_style_of_its_own() -> None:
    text = (FOLDER / "index.html").read_text("utf-8")
    assert not re.search(r"\son\w+\s*=|\sstyle\s*=|<style|<script(?![^>]*\ssrc=)", text)
    for named in re.findall(r"(?:src|href)=\"([^\"#]+)\"", text):
        assert (FOLDER / named).is_file(), named


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_comes_from_outside(path: Path) -> None:
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|[\"'(]//|@import|url\(", text)
    assert len(text.splitlines()) <= 200
