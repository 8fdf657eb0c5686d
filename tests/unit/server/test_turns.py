"""Large requests are judged one after the other, and none waits for long."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.server.fakes import FakeService, review
from webhook.core.verdict import Verdict
from webhook.server import turns
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.server.turns import LARGE_BYTES, Turns

SMALL, LARGE = bytes(LARGE_BYTES), bytes(LARGE_BYTES + 1)


def test_a_turn_comes_when_the_one_before_is_over_or_failed() -> None:
    held = Turns()
    with held.of(LARGE) as has_come:
        assert has_come
    with pytest.raises(ZeroDivisionError), held.of(LARGE):
        1 / 0  # noqa: B018 - as a fault of ours
    with held.of(LARGE) as has_come:
        assert has_come


def test_who_is_not_large_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.01)
    held = Turns()
    with held.of(LARGE), held.of(SMALL) as has_come, held.of(LARGE) as other:
        assert has_come
        assert not other
        with held.of(LARGE) as third:
            assert not third, "who had no turn gives none back"


def large_review() -> bytes:
    asked = review("0002")
    asked["request"]["options"] = {"x": [[]] * (LARGE_BYTES // 2)}
    return json.dumps(asked).encode()


def test_large_reviews_are_judged_one_by_one_and_who_waits_too_long_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.05)
    judging, go_on = threading.Event(), threading.Event()

    def slowly(_document: dict[str, Any]) -> list[Verdict]:
        judging.set()
        go_on.wait(20)
        return []

    metrics = Metrics()
    app = create_app(FakeService(slowly), metrics)

    def ask(body: bytes, path: str = "/validate") -> Any:
        return app.test_client().post(path, data=body, content_type="application/json")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, large_review())
        assert judging.wait(20)
        begun = time.monotonic()
        for path in ("/validate", "/mutate"):
            sent_away = ask(large_review(), path)
            assert sent_away.status_code == 429
            assert sent_away.headers["Retry-After"] == "1"
        assert time.monotonic() - begun < 10
        assert metrics.registry.get_sample_value("scaleguard_shed_total") == 2
        go_on.set()
        assert first.result().status_code == 200
    assert ask(large_review()).status_code == 200
