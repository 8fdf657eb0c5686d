"""What a page of somebody else could have a reader's browser do with the audit: nothing.

A browser sends no token by itself, and there is no cookie; so no form and no script of others acts
for who is signed in. What is left is shown here: methods, origins, and that to ask changes nothing.
"""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.unit.audit.batches import DAY, delivery, record
from tests.unit.audit.test_serving import (
    BODY,
    bearer,
    callers,
    client,
    clock,
    open_here,
    tokens,
    url,
)
from webhook.audit.store.opened import Store
from webhook.audit.store.tables import METADATA
from webhook.audit.store.taking import take_in

__all__ = ["callers", "client", "clock", "tokens", "url"]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
ORIGIN = {"Origin": "https://evil.example"}


def routes(client: FlaskClient) -> Iterator[tuple[str, set[str]]]:
    """Each path that is served, with something in its place, and its methods."""
    rules = list(client.application.url_map.iter_rules())
    for path in {rule.rule for rule in rules}:
        methods = {one for rule in rules if rule.rule == path for one in rule.methods or ()}
        yield path.replace("<name>", "a"), methods


def kept(store: Store) -> list[list[object]]:
    """All that is in the store."""
    with store.reading() as connection:
        return [list(connection.execute(select(table))) for table in METADATA.sorted_tables]


def test_only_who_delivers_writes_and_nobody_does_by_asking(
    client: FlaskClient, store: Store
) -> None:
    take_in(store, delivery((record(), [("a", DAY)])))
    before = kept(store)
    found = dict(routes(client))
    assert {path for path, methods in found.items() if "POST" in methods} == {
        "/v1/records",
        "/v1/standings",
    }
    for path, methods in found.items():
        assert methods <= {"GET", "HEAD", "POST"}
        for method in METHODS:
            answer = client.open(path, method=method, headers=bearer("sre"), json=BODY)
            assert (answer.status_code == 405) == (method not in methods), (method, path)
    assert kept(store) == before
    assert client.post("/v1/records", json=BODY, headers=bearer("webhook")).status_code == 200
    assert kept(store) != before


def test_no_other_origin_is_let_in(client: FlaskClient) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    for path, methods in routes(client):
        for method in methods | {"OPTIONS"}:
            answer = client.open(path, method=method, headers=ORIGIN | asked | bearer("sre"))
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
def test_what_a_form_can_send_changes_nothing(client: FlaskClient, store: Store, kind: str) -> None:
    """Not even on a machine where everybody reads, and with the token it is no delivery."""
    here = open_here(store)
    before = kept(store)
    for path in ("/v1/records", "/v1/standings"):
        for asked, headers, status in (
            (here, ORIGIN, 401),
            (client, ORIGIN, 401),
            (client, ORIGIN | bearer("webhook"), 415),
        ):
            answer = asked.post(path, data="{}", content_type=kind, headers=headers)
            assert answer.status_code == status
    assert kept(store) == before
