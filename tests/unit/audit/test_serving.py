"""Who delivers, who reads, and what everybody else is told."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest
from werkzeug.test import TestResponse

from tests.unit.audit.batches import DAY, RECORD, delivery, record
from tests.unit.audit.tokens import ACCESS_REVIEWS, TOKEN_REVIEWS, Tokens
from webhook.audit.findings import Filters
from webhook.audit.serving.access import Access
from webhook.audit.serving.app import Parts, create_app
from webhook.audit.serving.callers import Callers
from webhook.audit.serving.keeper import Keeper
from webhook.audit.serving.metrics import Metrics
from webhook.audit.serving.refusal import MOST_BYTES
from webhook.audit.store.opened import Store, open_store
from webhook.audit.store.query import findings
from webhook.audit.store.retention import Retention
from webhook.audit.store.taking import take_in
from webhook.core.record import RecordKind
from webhook.serving.environment import OVERLOADED

WEBHOOK = "system:serviceaccount:scaleguard:webhook"
BODY = {
    "cluster": "c",
    "replica": "r",
    "records": [{"record": RECORD.as_json(), "decisions": [["a", 1.0], ["b", 2.0]]}],
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    api = Tokens()
    thread = threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    api.users = {"webhook": WEBHOOK, "sre": "sre", "shop": "shop-team", "nobody": "nobody"}
    api.others = {"admin": "admin"}
    api.rights = {(user, verb, "") for user in ("sre", "admin") for verb in ("get", "list")}
    api.rights |= {("shop-team", verb, "shop") for verb in ("get", "list")}
    yield api
    api.over.set()
    api.shutdown()
    api.server_close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """One kind of store is enough."""
    return f"sqlite:///{tmp_path}/audit.db"


@pytest.fixture
def callers(tokens: Tokens, tmp_path: Path, clock: Clock) -> Iterator[Callers]:
    api = tokens.api(tmp_path)
    yield Callers(access=Access(api, clock), writers=frozenset({WEBHOOK}))
    api.close()


@pytest.fixture
def client(store: Store, callers: Callers, metrics: Metrics) -> FlaskClient:
    return create_app(Parts(store=store, callers=callers, metrics=metrics)).test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def deliver(client: FlaskClient, user: str = "webhook", body: Any = BODY) -> TestResponse:
    return client.post("/v1/records", json=body, headers=bearer(user))


def get(client: FlaskClient, path: str, user: str = "sre") -> TestResponse:
    return client.get(path, headers=bearer(user))


def said(answer: TestResponse) -> str:
    """The error of an answer, which always comes with what to do."""
    body = json.loads(answer.data)
    assert body["fix"]
    return str(body["error"])


def test_the_webhook_delivers_and_each_decision_counts_once(client: FlaskClient) -> None:
    assert deliver(client).json == {"new": 2, "repeated": 0}
    assert deliver(client).json == {"new": 0, "repeated": 2}
    (found,) = json.loads(get(client, "/v1/findings").data)["findings"]
    assert (found["count"], found["record"]) == (2, RECORD.as_json())


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, "there is no bearer token"),
        ({"Authorization": "Basic x"}, 401, "there is no bearer token"),
        ({"Authorization": "Bearer "}, 401, "there is no bearer token"),
        (bearer("wrong"), 401, "does not take this token for the audience scaleguard-audit"),
        (bearer("admin"), 401, "does not take this token for the audience scaleguard-audit"),
        (bearer("sre"), 403, "sre may not deliver records"),
        (bearer("nobody"), 403, "nobody may not deliver records"),
    ],
)
def test_nobody_else_delivers(
    client: FlaskClient, store: Store, headers: dict[str, str], status: int, error: str
) -> None:
    answer = client.post("/v1/records", json=BODY, headers=headers)
    assert (answer.status_code, error in said(answer)) == (status, True), answer.data
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    assert findings(store, Filters()).findings == ()


def test_a_token_of_another_audience_is_no_good_where_audiences_are_not_known(
    client: FlaskClient, tokens: Tokens
) -> None:
    tokens.knows_audiences = False
    assert deliver(client, "admin").status_code == 401
    assert get(client, "/v1/findings", "admin").status_code == 401


@pytest.mark.parametrize(
    ("data", "kind", "status", "error"),
    [
        (b"", "application/json", 400, "the body is empty"),
        (b"{", "application/json", 400, "truncated"),
        (b"[]", "application/json", 400, "the body is not a JSON object"),
        (b"\xff", "application/json", 400, ""),
        (b"{}", "application/json", 400, "records: a list is needed"),
        (b"[" * 100_000, "application/json", 400, "nested too deeply"),
        (b"{}", "text/plain", 415, "the content type is text/plain"),
        (b" " * (MOST_BYTES + 1), "application/json", 413, "larger than 8,388,608 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_delivery(
    client: FlaskClient, data: bytes, kind: str, status: int, error: str
) -> None:
    answer = client.post("/v1/records", data=data, content_type=kind, headers=bearer("webhook"))
    assert answer.status_code == status, answer.data
    assert error in said(answer)


def test_one_bad_record_refuses_the_whole_delivery(client: FlaskClient, store: Store) -> None:
    bad = {**BODY, "records": [*BODY["records"], {"record": {}}]}
    assert deliver(client, body=bad).status_code == 400
    assert findings(store, Filters()).findings == ()


def test_who_may_read_sees_where_they_may(client: FlaskClient, store: Store) -> None:
    take_in(
        store,
        delivery(
            (record("web", "shop"), [("d1", DAY), ("both", 2 * DAY)]),
            (record("llama", "ml"), [("d2", 3 * DAY), ("both", 2 * DAY)]),
        ),
    )

    def names(path: str, token: str) -> list[str]:
        answer = get(client, path, token)
        assert answer.status_code == 200, answer.data
        listed = json.loads(answer.data)["findings"]
        return [one["record"]["object"]["name"] for one in listed]

    assert names("/v1/findings", "sre") == ["llama", "web"]
    assert names("/v1/findings?namespace=shop", "shop") == ["web"]
    assert names("/v1/decisions/both", "sre") == ["llama", "web"]
    assert names("/v1/decisions/both", "shop") == ["web"]
    for token, path in (
        ("shop", "/v1/findings"),
        ("shop", "/v1/findings?namespace=ml"),
        ("shop", "/v1/findings?namespace="),
        ("shop", "/v1/totals"),
        ("nobody", "/v1/findings?namespace=shop"),
        ("webhook", "/v1/findings"),
    ):
        answer = get(client, path, token)
        assert (answer.status_code, "may not list" in said(answer)) == (403, True), path
        assert b"llama" not in answer.data
    for path in ("/v1/decisions/d2", "/v1/decisions/none"):
        answer = get(client, path, "shop")
        assert answer.status_code == 404
        assert (
            said(answer) == f"no decision {path.rpartition('/')[2]} is known here that you may see"
        )
    for path in ("/v1/findings", "/v1/totals", "/v1/decisions/d1", "/v1/decisions/none"):
        assert client.get(path).status_code == 401
        assert get(client, path, "wrong").status_code == 401
    assert json.loads(get(client, "/v1/totals?by=namespace").data) == {
        "by": "namespace",
        "totals": {"ml": 2, "shop": 2},
    }


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/v1/findings?nope=1", "no such parameter: nope; there are since, until, cluster"),
        ("/v1/findings?rule=a&rule=b", "rule is given twice"),
        ("/v1/findings?since=yesterday", "since: 'yesterday' is no time"),
        ("/v1/findings?since=2026-01-01T00:00:00", "since: '2026-01-01T00:00:00' is no time"),
        ("/v1/findings?until=nan", "until: 'nan' is no time"),
        ("/v1/findings?wouldDeny=yes", "wouldDeny: write true or false"),
        (f"/v1/findings?q={'x' * 201}", "q: write at most 200 characters"),
        ("/v1/findings?limit=x", "limit: write a number"),
        ("/v1/findings?after=x", "after is nothing that a page said"),
        ("/v1/totals?by=user", "by: write one of rule, namespace, day"),
        ("/v1/totals?since=x", "since: 'x' is no time"),
        ("/v1/decisions/x?rule=a", "no such parameter: rule; there are none"),
    ],
)
def test_what_is_no_question(client: FlaskClient, path: str, error: str) -> None:
    answer = get(client, path)
    assert answer.status_code == 400
    assert error in said(answer)


def test_filters_and_pages_are_those_of_the_store(client: FlaskClient, store: Store) -> None:
    take_in(store, delivery(*((record(f"w{n}"), [(f"d{n}", n * DAY)]) for n in range(1, 6))))
    first = json.loads(get(client, "/v1/findings?since=1970-01-03T00:00:00Z&limit=3").data)
    assert [one["lastDecision"] for one in first["findings"]] == ["d5", "d4", "d3"]
    path = f"/v1/findings?since=1970-01-03T00:00:00Z&limit=3&after={first['next']}"
    second = json.loads(get(client, path).data)
    assert [one["lastDecision"] for one in second["findings"]] == ["d2"]
    assert second["next"] is None


def test_answers_of_the_api_server_are_remembered_for_a_while(
    client: FlaskClient, tokens: Tokens, clock: Clock
) -> None:
    for _ in range(3):
        assert get(client, "/v1/findings").status_code == 200
        assert get(client, "/v1/findings", "wrong").status_code == 401
    assert (tokens.count(TOKEN_REVIEWS), tokens.count(ACCESS_REVIEWS)) == (2, 1)
    del tokens.users["sre"]
    tokens.users["wrong"] = "sre"
    clock.now = 6.0  # what was refused is asked again, what was taken is not
    assert get(client, "/v1/findings", "wrong").status_code == 200
    assert get(client, "/v1/findings").status_code == 200
    clock.now = 61.0
    assert get(client, "/v1/findings").status_code == 401
    assert get(client, "/v1/findings", "wrong").status_code == 200
    tokens.rights.clear()
    clock.now = 65.0
    assert get(client, "/v1/findings", "wrong").status_code == 200
    clock.now = 72.0
    assert get(client, "/v1/findings", "wrong").status_code == 403


def test_the_api_server_is_away(client: FlaskClient, tokens: Tokens) -> None:
    tokens.away = True
    for answer in (deliver(client), get(client, "/v1/findings")):
        assert answer.status_code == 503
        assert "the API server does not say who this is" in said(answer)
        assert answer.headers["Retry-After"] == "1"
    tokens.away = False  # what could not be told is not remembered
    assert deliver(client).status_code == 200


def test_the_store_is_away(callers: Callers, metrics: Metrics, tmp_path: Path) -> None:
    gone = open_store(f"postgresql://a:secret@/x?host={tmp_path}")
    client = create_app(Parts(store=gone, callers=callers, metrics=metrics)).test_client()
    for answer in (deliver(client), get(client, "/v1/findings"), get(client, "/v1/decisions/a")):
        assert (answer.status_code, said(answer)) == (503, "the store does not answer")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert b"the store does not answer" in ready.data
    assert b"secret" not in ready.data
    assert client.get("/livez").status_code == 200


def test_under_load_it_sends_away(client: FlaskClient) -> None:
    answer = client.post(
        "/v1/records", json=BODY, headers=bearer("webhook"), environ_overrides={OVERLOADED: True}
    )
    assert answer.status_code == 429


def test_paths_and_methods(client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/records").status_code == 405
    assert client.post("/v1/findings").status_code == 405
    assert client.get("/v1").status_code == 404
    assert client.get("/v1/decisions/").status_code == 404


def open_here(store: Store) -> FlaskClient:
    callers = Callers(access=None, writers=frozenset({WEBHOOK}), trusts_loopback=True)
    return create_app(Parts(store=store, callers=callers, metrics=Metrics())).test_client()


@pytest.mark.parametrize(
    ("peer", "host", "headers", "status"),
    [
        ("127.0.0.1", "localhost:8443", {}, 200),
        ("127.0.0.1", "127.0.0.1:8443", {}, 200),
        ("::1", "[::1]:8443", {}, 200),
        ("127.0.0.1", "evil.example", {}, 401),
        ("127.0.0.1", "scaleguard-audit.scaleguard.svc", {}, 401),
        ("10.0.0.1", "localhost", {}, 401),
        ("127.0.0.1", "localhost", bearer("x"), 401),
    ],
)
def test_this_machine_reads_without_a_token_where_it_was_said_so(
    store: Store, peer: str, host: str, headers: dict[str, str], status: int
) -> None:
    take_in(store, delivery((record(), [("a", 1.0)])))
    client = open_here(store)
    for path in ("/v1/findings", "/v1/totals", "/v1/decisions/a"):
        answer = client.get(
            path, headers={"Host": host, **headers}, environ_overrides={"REMOTE_ADDR": peer}
        )
        assert answer.status_code == status, path
    written = client.post("/v1/records", json=BODY, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert written.status_code == 401


def test_this_machine_is_nobody_where_it_was_not_said(client: FlaskClient) -> None:
    answer = client.get("/v1/findings", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert answer.status_code == 401


STANDS = {
    "cluster": "c",
    "replica": "leader",
    "at": 100.0,
    "standings": [
        {
            "workload": {"group": "apps", "kind": "Deployment", "namespace": place, "name": "web"},
            "records": [record(namespace=place, kind=RecordKind.SCAN).as_json()],
            "whoScales": {"meet": [{"rule": "hpa-vpa-same-metric"}]},
        }
        for place in ("shop", "ml")
    ],
    "passBegan": None,
}


def test_how_things_stand_is_told_and_shown_to_who_may_see_it(
    client: FlaskClient, metrics: Metrics
) -> None:
    for user, status in (("webhook", 200), ("sre", 403), ("wrong", 401)):
        answer = client.post("/v1/standings", json=STANDS, headers=bearer(user))
        assert answer.status_code == status
    again = client.post("/v1/standings", json=STANDS | {"at": 101.0}, headers=bearer("webhook"))
    assert again.json == {"taken": 2, "appeared": 0, "over": 0, "older": 0}

    def places(path: str, user: str = "sre") -> list[str]:
        told = json.loads(get(client, path, user).data)["standings"]
        return [one["workload"]["namespace"] for one in told]

    assert places("/v1/standings?conflicts=true") == ["ml", "shop"]
    assert places("/v1/standings?namespace=shop", "shop") == ["shop"]
    for path, user, status in (
        ("/v1/standings", "shop", 403),
        ("/v1/standings?namespace=ml", "shop", 403),
        ("/v1/standings", "nobody", 403),
        ("/v1/standings", "wrong", 401),
        ("/v1/standings?conflicts=yes", "sre", 400),
        ("/v1/standings?limit=x", "sre", 400),
        ("/v1/standings?rule=x", "sre", 400),
        ("/v1/standings?after=x", "sre", 400),
    ):
        answer = get(client, path, user)
        assert (answer.status_code, bool(said(answer))) == (status, True), (path, user)
    following = json.loads(get(client, "/v1/standings?limit=1").data)["next"]
    assert places(f"/v1/standings?limit=1&after={following}") == ["shop"]
    (found,) = json.loads(get(client, "/v1/findings?kind=scan&open=true&namespace=ml").data)[
        "findings"
    ]
    assert (found["resolved"], found["firstSeen"]) == (None, 100.0)
    counted = generate_latest(metrics.registry).decode()
    assert 'scaleguard_audit_standings_total{what="taken"} 4.0' in counted
    assert 'scaleguard_audit_standings_total{what="appeared"} 2.0' in counted


def test_what_is_no_telling_is_refused_whole(client: FlaskClient) -> None:
    for body, error in (
        (STANDS | {"at": None}, "at: seconds since 1970"),
        ([], "the body is not a JSON object"),
    ):
        answer = client.post("/v1/standings", json=body, headers=bearer("webhook"))
        assert (answer.status_code, error in said(answer)) == (400, True)
    assert json.loads(get(client, "/v1/standings").data) == {"standings": [], "next": None}


def test_everything_is_counted(client: FlaskClient, metrics: Metrics) -> None:
    deliver(client)
    deliver(client)
    deliver(client, "sre")
    get(client, "/v1/findings")
    shown = generate_latest(metrics.registry).decode()
    for line in (
        'scaleguard_audit_requests_total{endpoint="records",result="ok"} 2.0',
        'scaleguard_audit_requests_total{endpoint="records",result="forbidden"} 1.0',
        'scaleguard_audit_requests_total{endpoint="findings",result="ok"} 1.0',
        'scaleguard_audit_decisions_total{what="new"} 2.0',
        'scaleguard_audit_decisions_total{what="repeated"} 2.0',
        'scaleguard_audit_request_seconds_count{endpoint="records"} 3.0',
    ):
        assert line in shown


def test_what_is_old_is_forgotten_now_and_then(store: Store, metrics: Metrics) -> None:
    take_in(store, delivery((record(), [("a", 1.0)])))
    keeper = Keeper(store, Retention(seconds=DAY), metrics, round_seconds=0.01)
    keeper.start()
    wanted = 'scaleguard_audit_forgotten_total{what="finding"} 1.0'
    waited = threading.Event()
    for _ in range(500):
        if wanted in generate_latest(metrics.registry).decode():
            break
        waited.wait(0.01)
    keeper.stop()
    assert wanted in generate_latest(metrics.registry).decode()
    size = metrics.registry.get_sample_value("scaleguard_audit_store_bytes")
    assert size is not None
    assert size > 10_000
    assert findings(store, Filters()).findings == ()


def test_a_store_that_is_away_does_not_end_it(metrics: Metrics, tmp_path: Path) -> None:
    gone = open_store(f"postgresql://a@/x?host={tmp_path}")
    keeper = Keeper(gone, Retention(rows=1), metrics, round_seconds=0.01)
    keeper.start()
    failed = "scaleguard_audit_retention_errors_total 0.0"
    waited = threading.Event()
    for _ in range(500):
        shown = generate_latest(metrics.registry).decode()
        if failed not in shown and "errors_total 1.0" not in shown:
            break
        waited.wait(0.01)
    keeper.stop()
    gone.close()
    assert failed not in generate_latest(metrics.registry).decode()
