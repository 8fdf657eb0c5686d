"""What is told of each namespace in the cluster: what stands, what was refused of late, bounded."""

import json
from dataclasses import replace
from typing import Any

from tests.unit.audit.batches import DAY, delivery, record
from tests.unit.audit.test_standings import WEB, found, tell
from webhook.audit.current import LEFT_OUT_ANNOTATION, MOST_RESULTS, bodies, current
from webhook.audit.findings import Filters, Found, Page
from webhook.audit.store import query
from webhook.audit.store.opened import Store
from webhook.audit.store.taking import take_in
from webhook.core.objects import ObjectRef
from webhook.core.record import Record, RecordKind
from webhook.core.standing import Standing

NOW = 100 * DAY


class Reads:
    """A store that is asked as a server would be."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def findings(self, filters: Filters, limit: int, after: str | None = None) -> Page:
        return query.findings(self._store, filters, limit, after)

    def decision(self, name: str) -> tuple[Found, ...]:
        return query.decision(self._store, name)

    def close(self) -> None:
        """Nothing is held."""


def made(one: Record, seen: float = NOW, count: int = 1) -> Found:
    return Found("c", "r", f"{one.fingerprint}{seen}", count, seen - 5, seen, "d1", one.as_json())


def names(body: Any) -> list[str]:
    return [result["resources"][0]["name"] for result in body["results"]]


def test_what_stands_and_what_was_refused_of_late(store: Store) -> None:
    tell(store, NOW - 40 * DAY, Standing(WEB, (found("old"),)))
    gone = WEB._replace(name="gone")
    tell(store, NOW - 50, Standing(gone, (found("gone"),)))
    tell(store, NOW - 20, Standing(gone))
    tell(store, NOW - 20, Standing(WEB._replace(namespace="ml"), (found("llama", "ml"),)))
    take_in(store, delivery((record("late"), [("d1", NOW - DAY / 2)])))
    take_in(store, delivery((record("early"), [("d2", NOW - 2 * DAY)])))
    warned = record("warned", kind=RecordKind.WARNING, action="warn")
    take_in(store, delivery((warned, [("d3", NOW - 60)])))
    take_in(store, delivery((record("elsewhere"), [("d4", NOW - 60)]), cluster="other"))
    told = current(Reads(store), "c", NOW)
    assert {namespace: names(body) for namespace, body in told.items()} == {
        "shop": ["late", "old"],
        "ml": ["llama"],
    }
    assert told["shop"]["summary"] == {"pass": 0, "fail": 2, "warn": 0, "error": 0, "skip": 0}
    assert told["shop"]["source"] == "scaleguard"
    assert "metadata" not in told["shop"]


def test_the_newest_come_first_and_all_are_counted() -> None:
    short = {"message": "m", "remedy": "", "workload": "", "operation": ""}
    many = [made(record(f"w{n}", **short), NOW - n) for n in range(MOST_RESULTS + 300)]
    warned = record("warned", kind=RecordKind.SCAN, action="warn")
    told = bodies([many, [made(warned, NOW - 0.5)]])["shop"]
    assert names(told)[:3] == ["w0", "warned", "w1"]
    assert len(told["results"]) == MOST_RESULTS
    assert told["summary"]["fail"] == MOST_RESULTS + 300
    assert told["summary"]["warn"] == 1
    said = "301 older results are counted and not listed; scaleguard report has all"
    assert told["metadata"] == {"annotations": {LEFT_OUT_ANNOTATION: said}}


def test_a_report_has_256_kib_at_most_however_long_its_messages_are() -> None:
    long = "\N{SNOWMAN}" * 1000
    told = bodies([[made(record(f"w{n}", message=long), NOW - n) for n in range(400)]])["shop"]
    written = json.dumps(told, ensure_ascii=False).encode()
    assert 200 * 1024 < len(written) <= 256 * 1024
    assert names(told) == [f"w{n}" for n in range(len(told["results"]))]
    assert told["summary"]["fail"] == 400
    left_out = 400 - len(told["results"])
    assert told["metadata"]["annotations"][LEFT_OUT_ANNOTATION].startswith(f"{left_out} older")


def test_who_asked_is_nobodys_concern_who_reads_reports() -> None:
    told = bodies([[made(record())]])["shop"]
    (result,) = told["results"]
    assert "user" not in result["properties"]
    assert "alice" not in json.dumps(told)
    assert result["properties"]["fix"] == "set controlledResources: [memory]"


def test_what_is_in_no_namespace_is_told_by_itself() -> None:
    node = replace(record(), object=ObjectRef("v1", "Node", None, "n"))
    assert bodies([[made(node)], []]).keys() == {""}


def test_nothing_is_nothing() -> None:
    assert bodies([[], []]) == {}
