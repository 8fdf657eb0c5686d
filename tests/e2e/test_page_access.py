"""Who sees what through the page: tokens of a real API server, in a real Chromium."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.browser import Visit
from tests.e2e.kubectl import token
from tests.unit.audit.batches import delivery, record
from webhook.audit.store.opened import open_store
from webhook.audit.store.schema import bring_up
from webhook.audit.store.taking import take_in

pytestmark = [pytest.mark.chromium, pytest.mark.controlplane, pytest.mark.slow]

AUDIENCE = "scaleguard-audit"
RBAC = Path(__file__).with_name("audit_rbac.yaml")

# All that could hold a token beside this tab's own storage, and what must show none of it.
_LEFT_BEHIND = (
    "document.cookie + JSON.stringify(localStorage) + location.href + document.body.innerText"
)


@pytest.fixture(scope="module")
def accounts(plane: ControlPlane) -> ControlPlane:
    for namespace in ("shop", "ml"):
        plane.kubectl("create", "namespace", namespace, check=False)
    for namespace, name in (("default", "reader"), ("default", "nobody"), ("shop", "reader")):
        plane.kubectl("create", "serviceaccount", name, "-n", namespace, check=False)
    plane.kubectl("apply", "-f", str(RBAC))
    return plane


@pytest.fixture(scope="module")
def audit(
    accounts: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuditProcess]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "data").mkdir()
    store = open_store(f"sqlite:///{folder}/data/audit.db")
    bring_up(store)
    told = (
        (record("web", "shop", message="the shop's secret"), [("ofshop", time.time())]),
        (record("llama", "ml", message="the model's secret"), [("ofml", time.time())]),
    )
    take_in(store, delivery(*told))
    store.close()
    with AuditProcess(folder, "--kubeconfig", str(accounts.user("audit"))) as running:
        running.wait_until_ready()
        yield running


def sign_in(visit: Visit, given: str) -> None:
    visit.page.get_by_label("Token").fill(given)
    visit.page.get_by_role("button", name="Sign in").click()


def test_who_does_not_say_who_they_are_sees_nothing(visit: Visit) -> None:
    for query in ("", "?view=standing", "?view=scalers", "?view=trends", "?detail=ofshop"):
        page = visit.open(query)
        page.get_by_role("heading", name="Sign in with a token").wait_for()
        command = "kubectl create token NAME -n NAMESPACE --audience=scaleguard-audit"
        assert page.get_by_text(command).is_visible()
        assert "secret" not in page.content()
        assert page.get_by_role("navigation").get_by_role("link").count() == 0


@pytest.mark.parametrize("kind", ["wrong", "of another audience"])
def test_a_wrong_token_shows_nothing(visit: Visit, accounts: ControlPlane, kind: str) -> None:
    given = "wrong" if kind == "wrong" else token(accounts, "reader", "default")
    page = visit.open()
    assert page.evaluate("document.activeElement.id") == "token"
    sign_in(visit, given)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "does not take this token for the audience scaleguard-audit" in alert.inner_text()
    assert "secret" not in page.content()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert visit.faults_for_readers() == [], scheme
    page.reload()
    visit.settled()
    assert page.get_by_role("alert").count() == 0, "a token that is refused is not kept"


def test_a_token_without_the_right_shows_nothing(visit: Visit, accounts: ControlPlane) -> None:
    page = visit.open()
    sign_in(visit, token(accounts, "nobody", "default", AUDIENCE))
    page.get_by_role("heading", name="You may not see this").wait_for()
    who = (
        "system:serviceaccount:default:nobody may not list findings.scaleguard.io in all namespaces"
    )
    assert page.get_by_text(f"{who}.", exact=True).is_visible()
    command = (
        "kubectl create rolebinding findings --clusterrole=scaleguard-findings"
        " --serviceaccount=default:nobody -n NAMESPACE"
    )
    assert page.get_by_text(command).is_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert visit.faults_for_readers() == [], scheme
    for query in ("?namespace=shop", "?view=scalers", "?view=trends&namespace=ml"):
        visit.open(query)
        page.get_by_role("heading", name="You may not see this").wait_for()
    visit.open("?detail=ofshop")
    page.get_by_role("heading", name="Not known").wait_for()
    assert "secret" not in page.content()


def test_a_right_in_one_namespace_shows_that_one(visit: Visit, accounts: ControlPlane) -> None:
    page = visit.open()
    sign_in(visit, token(accounts, "reader", "shop", AUDIENCE))
    page.get_by_role("heading", name="You may not see this").wait_for()
    assert "secret" not in page.content()
    page.locator(".problem").get_by_label("Namespace").fill("shop")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/page/?namespace=shop")
    page.get_by_text("the shop's secret").wait_for()
    page.get_by_role("link", name="shop/web").click()
    page.get_by_role("dialog").get_by_text("the shop's secret").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Trends").click()
    page.wait_for_url("**namespace=shop**")
    page.get_by_role("img", name="Denied: 1 in").wait_for()
    for query in ("?namespace=ml", "?detail=ofml", ""):
        visit.open(query)
        page.locator(".problem").first.wait_for()
        assert "model's secret" not in page.content()


def test_who_may_read_everything_does_and_leaves_nothing_behind(
    visit: Visit, accounts: ControlPlane
) -> None:
    given = token(accounts, "reader", "default", AUDIENCE)
    page = visit.open("?kind=denial")
    sign_in(visit, given)
    page.get_by_text("the shop's secret").wait_for()
    assert sorted(visit.shown()) == ["ml/llama", "shop/web"]
    assert "kind=denial" in page.url, "one is where one wanted to go"
    page.reload()
    assert sorted(visit.shown()) == ["ml/llama", "shop/web"]
    assert given not in page.evaluate(_LEFT_BEHIND)
    assert visit.context.cookies() == []

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="ml/llama").click(modifiers=["Control"])
    other = opened.value
    other.wait_for_selector(".signin, .detail[open]")
    assert given not in other.evaluate(_LEFT_BEHIND)
    other.close()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in with a token").wait_for()
    assert "secret" not in page.content()
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    page.reload()
    page.get_by_role("heading", name="Sign in with a token").wait_for()
