"""What is asked of the store is found, newest first, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.audit.batches import DAY, delivery, owned, record
from webhook.audit.findings import MOST_AT_ONCE, BadCursorError, Filters, Found, Total
from webhook.audit.store.opened import Store
from webhook.audit.store.query import findings, totals
from webhook.audit.store.taking import take_in
from webhook.core.objects import ObjectRef
from webhook.core.record import RecordKind


@pytest.fixture
def filled(store: Store) -> Store:
    withheld = replace(record("audit"), kind=RecordKind.AUDIT, action="audit", would="deny")
    warning = replace(
        record("web", "ml"), kind=RecordKind.WARNING, action="warn", rule="gpu-node-squatter"
    )
    nowhere = replace(
        record("pool"), object=ObjectRef("v1", "Node", None, "pool"), user="bob", workload=""
    )
    take_in(
        store,
        delivery(
            (record("web"), [("a1", 1 * DAY), ("a2", 3 * DAY)]),
            (withheld, [("b", 2 * DAY)]),
            (warning, [("c", 4 * DAY)]),
            (owned("llama-1", "llama"), [("d", 5 * DAY)]),
            (nowhere, [("e", 6 * DAY)]),
        ),
    )
    return store


def ids(store: Store, filters: Filters) -> list[str]:
    return [one.last_decision for one in findings(store, filters).findings]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), ["e", "d", "c", "a2", "b"]),
        (Filters(since=3 * DAY), ["e", "d", "c", "a2"]),
        (Filters(until=2 * DAY), ["a2"]),
        (Filters(until=2 * DAY + 0.001), ["a2", "b"]),
        (Filters(since=2 * DAY, until=4 * DAY), ["a2", "b"]),
        (Filters(namespace="ml"), ["d", "c"]),
        (Filters(namespace=""), ["e"]),
        (Filters(rule="gpu-node-squatter"), ["c"]),
        (Filters(kind="audit"), ["b"]),
        (Filters(action="deny"), ["e", "d", "a2"]),
        (Filters(user="bob"), ["e"]),
        (Filters(user="b%"), []),
        (Filters(workload="web"), ["c", "a2", "b"]),
        (Filters(workload="llama"), ["d"]),
        (Filters(workload="llama-1"), ["d"]),
        (Filters(workload="%"), []),
        (Filters(workload="Deployment web"), []),
        (Filters(decision="a1"), ["a2"]),
        (Filters(decision="a"), []),
        (Filters(q="BOTH act"), ["e", "d", "c", "a2", "b"]),
        (Filters(q="llama"), ["d"]),
        (Filters(q="squatter ml WEB"), ["c"]),
        (Filters(q="squatter llama"), []),
        (Filters(q="bob"), ["e"]),
        (Filters(q="a1"), ["a2"]),
        (Filters(q="enforce"), []),
        (Filters(q="%"), []),
        (Filters(q="hpa_vpa"), []),
        (Filters(q="' OR 1=1 --"), []),
        (Filters(q=" "), ["e", "d", "c", "a2", "b"]),
        (Filters(would_deny=True), ["b"]),
        (Filters(cluster="other"), []),
        (Filters(namespace="shop", user="alice", workload="web", since=3 * DAY), ["a2"]),
        (Filters(namespace="' OR 1=1 --"), []),
    ],
    ids=str,
)
def test_filters(filled: Store, filters: Filters, wanted: list[str]) -> None:
    assert ids(filled, filters) == wanted


@pytest.mark.parametrize("word", ['"x\\y"', "Zürich", "50%_off/", "\N{SNOWMAN}"])
def test_what_json_writes_otherwise_is_found_as_well(store: Store, word: str) -> None:
    told = (record(word), [("a", 1.0)]), (record("other", message=f"is {word}"), [("b", 2.0)])
    take_in(store, delivery(*told, (record("none"), [("c", 3.0)])))
    assert ids(store, Filters(q=word)) == ["b", "a"]


def test_what_no_database_takes_keeps_nobody_from_searching(store: Store) -> None:
    odd = record(
        "odd", message="nul \0, half a pair \ud800, a path C:\\u0000", fields={"\0": ["\0"]}
    )
    take_in(store, delivery((odd, [("a", 1.0)]), (record("web"), [("b", 2.0)])))
    assert ids(store, Filters(q="shop")) == ["b", "a"]
    assert ids(store, Filters(q="C:\\u0000")) == ["a"]
    assert ids(store, Filters(q="\N{SNOWMAN}")) == []


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("ml/web", ["c"]),
        ("ML/We", ["c"]),
        ("l/llama", ["d"]),
        ("ml/llama-1", ["d"]),
        ("shop/api", ["f"]),
        ("ml/api", []),
        ("ml/", ["d", "c"]),
        ("/web", ["c"]),
        ("/pool", []),
        ("/deployment", []),
        ("m%/web", []),
        ("ml/w_b", []),
        ("ml/web/x", []),
        ("ml/web squatter", ["c"]),
        ("ml/web bob", []),
        ("zürich/web", []),
    ],
)
def test_a_row_is_found_by_namespace_and_name(store: Store, word: str, wanted: list[str]) -> None:
    """Though its message tells neither."""
    squatter = replace(record("web", "ml", message="x"), rule="gpu-node-squatter", workload="")
    made = replace(owned("llama-1", "llama"), message="x")
    nowhere = ObjectRef("v1", "Node", None, "pool")
    node = replace(record(message="x"), object=nowhere, user="bob", workload="")
    scaler = record("scaler", message="x", workload="Deployment api")
    take_in(
        store,
        delivery(
            (squatter, [("c", 1.0)]),
            (made, [("d", 2.0)]),
            (node, [("e", 3.0)]),
            (scaler, [("f", 4.0)]),
        ),
    )
    assert ids(store, Filters(q=word)) == wanted


def test_pages_join_to_the_whole(store: Store) -> None:
    """Many have the same time, and the newest come first."""
    told = ((record(f"w{n}"), [(f"d{n}", float(n // 7))]) for n in range(50))
    take_in(store, delivery(*told))
    seen: list[Found] = []
    after = None
    for _ in range(20):
        page = findings(store, Filters(), 8, after)
        seen += page.findings
        after = page.next
        if after is None:
            break
        if len(seen) == 8:  # what comes in between is on no later page, and moves nothing
            take_in(store, delivery((record("late"), [("late", 99.0)])))
    assert len(seen) == len({one.fingerprint for one in seen}) == 50
    assert [one.last_seen for one in seen] == sorted((n // 7 for n in range(50)), reverse=True)


def test_a_page_has_a_bound_of_its_own(store: Store) -> None:
    take_in(
        store, delivery(*((record(f"w{n}"), [(f"d{n}", 1.0)]) for n in range(MOST_AT_ONCE + 5)))
    )
    page = findings(store, Filters(), 10**9)
    assert len(page.findings) == MOST_AT_ONCE
    assert len(findings(store, Filters(), 10**9, page.next).findings) == 5
    assert len(findings(store, Filters(), 0).findings) == 1


@pytest.mark.parametrize(
    "after", ["", "x", "1", "1.", ".1", "-1.1", "1.2.3", "9" * 19 + ".1", "²³.1"]
)
def test_what_no_page_said_is_refused(store: Store, after: str) -> None:
    with pytest.raises(BadCursorError):
        findings(store, Filters(), 10, after)


def test_totals(filled: Store) -> None:
    assert totals(filled, Filters(), Total.RULE) == {
        "hpa-vpa-same-metric": 5,
        "gpu-node-squatter": 1,
    }
    assert list(totals(filled, Filters(), Total.RULE)) == [
        "hpa-vpa-same-metric",
        "gpu-node-squatter",
    ]
    assert totals(filled, Filters(), Total.NAMESPACE) == {"shop": 3, "ml": 2, "": 1}
    assert totals(filled, Filters(namespace="shop"), Total.DAY) == {
        f"1970-01-0{day}": 1 for day in (2, 3, 4)
    }
    assert totals(filled, Filters(since=3 * DAY, until=5 * DAY), Total.DAY) == {
        "1970-01-04": 1,
        "1970-01-05": 1,
    }


def test_what_is_shown_is_what_was_told(filled: Store) -> None:
    (found,) = findings(filled, Filters(decision="a1")).findings
    assert found.as_json() == {
        "cluster": "c",
        "replica": "r",
        "fingerprint": record("web").fingerprint,
        "count": 2,
        "firstSeen": DAY,
        "lastSeen": 3 * DAY,
        "lastDecision": "a2",
        "record": record("web").as_json(),
        "resolved": None,
    }
    assert found.namespace == "shop"
    assert datetime.fromtimestamp(found.last_seen, UTC).date().isoformat() == "1970-01-04"
