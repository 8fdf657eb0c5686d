"""The webhook's answers are recorded, and fail for no record."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.unit.audit.spooling import ids, outbox, taken
from tests.unit.server.fakes import FakeService, deny_all, review
from webhook.audit.recording import Recording
from webhook.audit.store.opened import Store
from webhook.audit.store.query import decision
from webhook.audit.store.schema import bring_up
from webhook.audit.storing import StoreDelivery
from webhook.core.decide import decision_id
from webhook.core.record import RecordKind
from webhook.server.app import create_app
from webhook.server.metrics import Metrics


def asked(uid: str, **more: Any) -> dict[str, Any]:
    made = review("0002")
    made["request"] |= {"uid": uid, **more}
    return made


def test_what_is_answered_is_in_the_outbox(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    recording = Recording(kept, counted, frozenset, lambda: 5.0)
    client = create_app(FakeService(deny_all), Metrics(), audited=recording).test_client()
    client.post("/validate", json=asked("u1"))
    client.post("/validate", json=asked("u2", dryRun=True))
    kept.gather()
    (one,) = taken(kept.spool, 9)  # the denial: warnings are switched off
    assert json.loads(one.body)["kind"] == RecordKind.DENIAL
    assert one.decisions == ((decision_id("u1"), 5.0),)
    assert counted.dry_runs == 1


def test_all_kinds_are_recorded_by_default(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    audited = Recording(kept, counted)
    client = create_app(FakeService(deny_all), Metrics(), audited=audited).test_client()
    client.post("/validate", json=asked("u1"))
    kept.gather()
    assert counted.kinds == {RecordKind.DENIAL: 1, RecordKind.WARNING: 1}
    assert set(ids(kept.spool)) == {decision_id("u1")}


def test_what_is_recorded_can_be_changed_while_it_runs(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    wanted = [frozenset({RecordKind.WARNING})]
    audited = Recording(kept, counted, lambda: wanted[0])
    client = create_app(FakeService(deny_all), Metrics(), audited=audited).test_client()
    client.post("/validate", json=asked("u1"))
    wanted[0] = frozenset()
    client.post("/validate", json=asked("u2"))
    kept.gather()
    assert counted.kinds == {RecordKind.DENIAL: 2, RecordKind.WARNING: 1}


def test_no_answer_fails_for_its_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept, counted = outbox(tmp_path)

    def breaks() -> float:
        raise RuntimeError

    audited = Recording(kept, counted, clock=breaks)
    client = create_app(FakeService(deny_all), Metrics(), audited=audited).test_client()
    with caplog.at_level(logging.ERROR, logger="scaleguard.audit"):
        answer = client.post("/validate", json=asked("u1"))
    assert answer.status_code == 200
    assert "not recorded" in caplog.text


def test_a_store_on_the_same_machine_gets_batches(store: Store, tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    audited = Recording(kept, counted)
    client = create_app(FakeService(deny_all), Metrics(), audited=audited).test_client()
    client.post("/validate", json=asked("u1"))
    kept.gather()
    bring_up(store)
    StoreDelivery(store).deliver("c", "r", taken(kept.spool, 9))
    assert len(decision(store, decision_id("u1"))) == 2
