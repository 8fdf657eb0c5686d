"""A watch of what is refused, not there, comes, goes, or cannot be read."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, Stream, bookmark, event, page, status
from tests.unit.cluster.followed import GROUP, PATH, SERVED, Followed, vpa
from webhook.cluster.api import Api
from webhook.cluster.records import Autoscalers
from webhook.cluster.resources import HPAS
from webhook.core.autoscalers.vpa import Vpa, read_vpa


def test_refusal_keeps_what_is_known_and_grows_stale(
    server: FakeApi, followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(PATH, page([vpa()], "5"))
    refused = status(403, "Forbidden", "verticalpodautoscalers is forbidden")
    server.on(f"watch {PATH}", Stream([bookmark("6")]), refused, refused, Stream([bookmark("7")]))
    followed.step()
    with caplog.at_level(logging.WARNING):
        followed.step()
        followed.now += 1.9
        followed.step()
    assert followed.watch.not_ready() is None
    followed.now += 0.2
    assert followed.watch.not_ready() == (
        "verticalpodautoscalers.autoscaling.k8s.io: nothing heard for 2 s (no right to list and "
        "watch verticalpodautoscalers.autoscaling.k8s.io: verticalpodautoscalers is forbidden)"
    )
    assert followed.names() == ["v"]
    assert followed.count("errors", reason="forbidden") == 2
    assert len(caplog.records) == 1  # said once
    followed.step()
    assert followed.watch.not_ready() is None
    assert server.asked[-1].query["resourceVersion"] == "6"


def test_first_list_that_is_refused_says_why(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, status(403, "Forbidden"))
    followed.step()
    assert "not listed yet (no right to list and watch" in str(followed.watch.not_ready())


def test_resource_that_is_not_there_is_looked_for(server: FakeApi, followed: Followed) -> None:
    assert followed.step() == 0.0
    assert followed.step() == 3.0
    assert followed.is_absent()
    followed.now += 100
    assert followed.watch.not_ready() is not None
    followed.step()
    assert followed.watch.not_ready() is None  # that it is not there is known
    server.on(GROUP, SERVED)
    server.on(PATH, page([vpa()], "5"))
    server.on(f"watch {PATH}", Stream([bookmark("6")]))
    followed.step()
    assert followed.names() == ["v"]
    assert not followed.is_absent()
    assert followed.count("relists", reason="appeared") == 1


def test_resource_that_goes_takes_its_objects_along(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"), status(404, "NotFound"))
    server.on(f"watch {PATH}", Stream([bookmark("6")]), status(404, "NotFound"))
    server.on(GROUP, SERVED, Answer(body=b'{"resources": []}'))
    followed.step()
    assert followed.step() == 0.0
    assert followed.step() > 0  # discovery still says that it is there: not believed yet
    assert followed.names() == ["v"]
    assert followed.step() == 3.0
    assert followed.names() == []


def test_discovery_that_fails_changes_nothing(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"))
    server.on(f"watch {PATH}", status(404, "NotFound"))
    server.on(GROUP, status(503, "ServiceUnavailable"))
    followed.step()
    assert followed.step() > 0
    assert followed.names() == ["v"]


def test_built_in_resource_that_is_not_there_is_a_fault(server: FakeApi, api: Api) -> None:
    followed = Followed(api, HPAS)
    assert followed.step() > 0
    assert not followed.watch.is_absent
    assert server.paths() == ["/apis/autoscaling/v2/horizontalpodautoscalers"]


def test_object_that_breaks_its_reader_is_left_out(
    server: FakeApi, followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    def read(raw: Mapping[str, Any]) -> Vpa:
        if raw["metadata"]["name"] == "bad":
            raise KeyError("spec")
        return read_vpa(raw)

    followed.store = followed.watch.store = Autoscalers(read)
    server.on(PATH, page([vpa("bad"), vpa("a")], "5"))
    broken = [event(kind, vpa("bad", "6")) for kind in ("ADDED", "DELETED")]
    server.on(f"watch {PATH}", Stream(broken))
    followed.step()
    assert followed.names() == ["a"]
    assert "shop/bad cannot be read" in caplog.text
    assert followed.count("errors", reason="unreadable_object") == 3


def test_object_of_any_depth_is_read(server: FakeApi, followed: Followed) -> None:
    deep = event("ADDED", vpa("deep", "6", managedFields="@"))
    deep = deep.replace(b'"@"', b"[" * 5000 + b"]" * 5000)
    server.on(PATH, page([], "5"))
    server.on(f"watch {PATH}", Stream([deep]))
    followed.step()
    assert followed.names() == ["deep"]


def test_that_it_is_not_there_is_no_news_twice(
    server: FakeApi, followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told of a list looks at the whole cluster: not every three seconds."""
    lists: list[int] = []
    replace = followed.store.replace

    def count(records: Any, version: int) -> None:
        lists.append(len(records))
        replace(records, version)

    monkeypatch.setattr(followed.store, "replace", count)
    for _ in range(5):
        followed.step()
    assert lists == [0]
    server.on(GROUP, SERVED)
    server.on(PATH, page([], "5"))
    server.on(f"watch {PATH}", Stream([bookmark("6")]))
    followed.step()
    assert lists == [0, 0], "but that it is there is, even without a single one"
