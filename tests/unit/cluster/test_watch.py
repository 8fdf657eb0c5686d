import threading
import time
from collections.abc import Iterator

import pytest

from tests.unit.cluster.fake import FakeApi, Stream, bookmark, event, page, status
from tests.unit.cluster.followed import EXPIRED, PATH, Followed, vpa
from webhook.cluster.timing import Timing


def test_lists_and_follows(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa("a"), vpa("b")], "5"))
    changes = [
        event("ADDED", vpa("c", "6")),
        event("MODIFIED", vpa("a", "7", target="other")),
        event("DELETED", vpa("b", "8")),
        bookmark("9"),
    ]
    server.on(f"watch {PATH}", Stream([*changes, 1.1]), Stream([1.1]))
    assert followed.watch.not_ready() == "verticalpodautoscalers.autoscaling.k8s.io: not listed yet"
    assert followed.step() == 0.0
    assert followed.names() == ["c"]
    assert followed.watch.not_ready() is None
    assert [followed.count("events", type=one) for one in ("added", "bookmark")] == [1, 1]
    followed.now += 1
    assert followed.step() == pytest.approx(0.2)
    assert [asked.query.get("resourceVersion") for asked in server.asked] == [None, "5", "9"]
    assert followed.count("relists", reason="start") == 1
    assert followed.watch.position == 9, "what a bookmark says is known too"


@pytest.mark.parametrize("asked_when", ["it is counted", "it is asked how old it is"])
def test_nobody_is_given_the_number_of_a_watch_that_stands_again_while_it_failed(
    server: FakeApi, followed: Followed, monkeypatch: pytest.MonkeyPatch, asked_when: str
) -> None:
    """What is read by it would count as followed later, with what had changed not told yet."""
    server.on(PATH, page([vpa("a")], "5"))
    server.on(f"watch {PATH}", Stream([bookmark("6")]), status(500, "InternalError"))
    followed.step()
    watch, given = followed.watch, list[int | None]()
    before = watch.follows()
    assert before is not None
    if asked_when == "it is counted":
        monkeypatch.setattr(watch._recorder, "failed", lambda *_: given.append(watch.follows()))
        followed.step()
    else:

        def fails_meanwhile() -> float:
            monkeypatch.setattr(watch, "_clock", lambda: followed.now)
            watch.step()
            return followed.now

        monkeypatch.setattr(watch, "_clock", fails_meanwhile)
        given.append(watch.follows())
    assert watch.problem is not None
    assert given == [before]
    assert watch.follows() is None


def test_list_that_differs_replaces_all(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa("a"), vpa("b")]), page([vpa("b"), vpa("c")]))
    server.on(f"watch {PATH}", Stream([event("ERROR", EXPIRED)]))
    followed.step()
    assert followed.names() == ["a", "b"]
    followed.step()
    assert followed.names() == ["b", "c"]


def test_version_that_is_too_old_lists_anew_at_once(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"), page([vpa("w")], "7"))
    server.on(f"watch {PATH}", status(410, "Expired"), Stream([bookmark("8")]))
    assert followed.step() == 0.0
    assert followed.watch.problem is None
    assert followed.step() == 0.0
    assert followed.names() == ["w"]
    assert followed.count("relists", reason="gone") == 1
    assert followed.count("errors", reason="gone") == 1


def test_event_that_says_too_old_does_so_too(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"))
    server.on(
        f"watch {PATH}",
        Stream([event("ERROR", EXPIRED)], "hang"),
        Stream([event("ERROR", EXPIRED)], "hang"),
    )
    assert followed.step() == 0.0
    assert followed.step() == pytest.approx(1 / 3)  # but an endless row of them is waited out
    assert followed.names() == ["v"]


def test_silent_connection_is_given_up(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"))
    server.on(f"watch {PATH}", Stream([bookmark("6")], end="hang"), Stream([bookmark("7")]))
    begun = time.monotonic()
    assert followed.step() > 0
    assert time.monotonic() - begun < 3
    assert followed.count("errors", reason="deadline") == 1
    followed.step()
    assert server.asked[-1].query["resourceVersion"] == "6"


def test_connection_that_is_cut_is_taken_up_where_it_was(
    server: FakeApi, followed: Followed
) -> None:
    server.on(PATH, page([], "5"))
    cut = Stream([event("ADDED", vpa("a", "6")), event("ADDED", vpa("b", "7"))[:20]], end="cut")
    server.on(f"watch {PATH}", cut, Stream([event("ADDED", vpa("b", "7"))]))
    assert followed.step() > 0
    assert followed.names() == ["a"]
    followed.step()
    assert followed.names() == ["a", "b"]
    assert server.asked[-1].query["resourceVersion"] == "6"
    assert followed.count("errors", reason="unreachable") == 1


@pytest.mark.parametrize(
    "line",
    [
        b"<html>\n",
        b"[]\n",
        event("SURPRISE", vpa()),
        event("ADDED", {}),
        b'{"type": "ADDED", "object": 1}\n',
    ],
)
def test_garbage_lists_anew(server: FakeApi, followed: Followed, line: bytes) -> None:
    server.on(PATH, page([vpa()], "5"))
    server.on(f"watch {PATH}", Stream([line], end="hang"), Stream([bookmark("6")]))
    assert followed.step() == pytest.approx(0.2)
    followed.step()
    assert followed.count("relists", reason="error") == 1
    assert followed.count("errors", reason="garbage") == 1
    assert followed.names() == ["v"]


def test_failures_are_waited_out_longer_and_longer(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, status(500, "InternalError"))
    pauses = [followed.step() for _ in range(4)]
    assert pauses == pytest.approx([0.2, 1 / 3, 1 / 3, 1 / 3])
    server.on(PATH, status(429, "TooManyRequests", Retry_After="3"))
    assert followed.step() == 3.0
    server.on(PATH, status(429, "TooManyRequests", Retry_After="3000"))
    assert followed.step() == 5.0


@pytest.fixture
def ending(followed: Followed) -> Iterator[Followed]:
    """A watch whose thread, once started, ends with the test."""
    yield followed
    followed.watch.stop()


def test_thread_follows_and_survives_faults(
    server: FakeApi, ending: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = threading.Event()

    def fail(_records: object, _version: int) -> None:
        broken.set()
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(ending.store, "replace", fail)
        # Before the thread starts: what it asks for earlier than this would be missing.
        server.on(PATH, page([vpa()], "5"))
        server.on(f"watch {PATH}", Stream([bookmark("6"), 1.1]))
        ending.watch.start()
        assert broken.wait(10)
    deadline = time.monotonic() + 30
    while ending.names() != ["v"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_stopped_watch_ends(server: FakeApi, followed: Followed) -> None:
    server.on(PATH, page([vpa()], "5"))
    server.on(f"watch {PATH}", Stream([bookmark("6")] * 3))
    followed.watch.stop()
    assert followed.step() == 0.0
    assert followed.count("events", type="bookmark") == 0


def test_pause_is_spread() -> None:
    timing = Timing()
    assert timing.pause(1, lambda: 1.0) == pytest.approx(0.1)
    assert timing.pause(100, lambda: 0.0) == 5.0


def test_watch_ends_before_it_counts_as_stale() -> None:
    for limit in (5.0, 90.0, 3600.0):
        timing = Timing(limit)
        assert timing.server_seconds < timing.read_seconds < limit


@pytest.mark.parametrize("limit", [15.0, 90.0, 3600.0])
def test_who_is_absent_is_asked_for_twice_before_that_counts_as_stale(limit: float) -> None:
    timing = Timing(limit)
    waits = 2 * timing.discovery_seconds + timing.pause(1, lambda: 0.0)
    assert timing.look_again_seconds + waits < limit
