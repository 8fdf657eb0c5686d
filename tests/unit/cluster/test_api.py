import json
import logging
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, Raw, Stream, bookmark, page, status
from webhook.cluster import wire
from webhook.cluster.api import Api, connect
from webhook.cluster.errors import ApiError

PODS = "/api/v1/pods"
DEEP = b'{"a": ' * 5000 + b"1" + b"}" * 5000


def same(raw: Raw) -> Raw:
    return raw


def names(api: Api) -> list[str]:
    return [raw["metadata"]["name"] for raw in api.list(PODS, same, 5).items]


def named(*wanted: str) -> list[Raw]:
    return [{"metadata": {"name": name}} for name in wanted]


def failure(call: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value


def ways_to_ask(api: Api) -> list[Callable[[], Any]]:
    return [
        lambda: api.get(PODS, 5),
        lambda: api.create(PODS, {}, 5),
        lambda: list(api.watch(PODS, "1", 1, 1)),
        lambda: api.ask("GET", PODS, 5),
    ]


def test_object_is_returned_as_it_is(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(body=b'{"kind": "X", "n": 1.5}'))
    assert api.get(PODS, 5) == {"kind": "X", "n": 1.5}
    assert server.asked[0].headers["Authorization"] == "Bearer t"
    assert server.asked[0].headers["User-Agent"].startswith("scaleguard/")


def test_time_is_that_of_the_server(server: FakeApi, api: Api) -> None:
    server.on("/version", Answer(headers={"Date": "Tue, 01 Dec 2026 10:00:00 GMT"}))
    assert api.time(5) == datetime(2026, 12, 1, 10, tzinfo=UTC)
    server.on("/version", Answer(headers={"Date": "soon"}))
    assert api.time(5) is None


def test_list_is_read_page_by_page(server: FakeApi, api: Api) -> None:
    server.on(PODS, page(named("a", "b"), more="token"), page(named("c"), "9"))
    counts: list[int] = []
    listing = api.list(PODS, same, 5, on_page=counts.append)
    assert [raw["metadata"]["name"] for raw in listing.items] == ["a", "b", "c"]
    assert (listing.resource_version, counts) == ("9", [2, 3])
    assert server.asked[0].query == {"limit": "500"}
    assert server.asked[1].query["continue"] == "token"


def test_members_of_built_in_lists_get_their_kind(server: FakeApi, api: Api) -> None:
    server.on(PODS, page(named("a"), kind="PodList"))
    assert api.list(PODS, same, 5).items[0]["kind"] == "Pod"


def test_list_whose_token_expired_is_begun_anew(server: FakeApi, api: Api) -> None:
    expired = status(410, "Expired")
    server.on(PODS, page(named("a"), more="t"), expired, page(named("b")))
    assert names(api) == ["b"]


def test_list_that_always_expires_ends(server: FakeApi, api: Api) -> None:
    server.on(PODS, status(410, "Expired"))
    assert failure(lambda: names(api)).is_gone
    assert len(server.asked) == 3


def test_list_has_a_deadline_for_all_pages(server: FakeApi, api: Api) -> None:
    slow = page(named("a"), more="t")
    slow.delay = 0.2
    server.on(PODS, slow)
    found = failure(lambda: api.list(PODS, same, 5, seconds=0.5))
    assert found.label == "deadline"


@pytest.mark.parametrize(
    "answer",
    [Answer(delay=5), Answer(body=b"[" + b"1," * 200, pause=0.01)],
    ids=["silent", "dripping"],
)
def test_slow_answer_is_given_up(server: FakeApi, api: Api, answer: Answer) -> None:
    server.on(PODS, answer)
    assert failure(lambda: api.get(PODS, 0.3)).label == "deadline"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"a": "\xff"}', b""])
def test_answer_that_is_no_object_is_garbage(server: FakeApi, api: Api, body: bytes) -> None:
    server.on(PODS, Answer(body=body))
    assert failure(lambda: api.get(PODS, 5)).label == "garbage"


def test_answer_of_any_depth_is_read(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(body=b'{"kind": "X", "deep": ' + DEEP + b"}"))
    assert api.get(PODS, 5)["kind"] == "X"


def test_answer_that_is_too_large_is_not_read(
    server: FakeApi, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire.body, "__defaults__", (1000,))
    server.on(PODS, Answer(body=b'{"a": "' + b"x" * 200_000 + b'"}'))
    assert "larger than 1,000 bytes" in str(failure(lambda: api.get(PODS, 5)))


def test_refusal_carries_what_the_server_said(server: FakeApi, api: Api) -> None:
    server.on(PODS, status(429, "TooManyRequests", "later", Retry_After="7"))
    found = failure(lambda: api.get(PODS, 5))
    assert (found.status, found.retry_after_seconds, found.label) == (429, 7.0, "throttled")
    assert str(found) == "TooManyRequests: later"


@pytest.mark.parametrize(("code", "reason"), [(502, "Bad Gateway"), (299 + 300, "HTTP 599")])
def test_refusal_without_a_status_has_a_name(
    server: FakeApi, api: Api, code: int, reason: str
) -> None:
    server.on(PODS, Answer(code, b"<html>"))
    found = failure(lambda: api.get(PODS, 5))
    assert (found.reason, found.label) == (reason, f"http_{code}")


def test_connection_that_was_closed_in_between_is_tried_again(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(hang_up=True), Answer(body=b'{"kind": "X"}'))
    assert api.get(PODS, 5) == {"kind": "X"}


def test_nobody_there_is_an_error(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(hang_up=True))
    assert failure(lambda: api.get(PODS, 5)).label == "unreachable"


def test_no_time_left_sends_nothing(server: FakeApi, api: Api) -> None:
    assert failure(lambda: api.get(PODS, 0)).label == "deadline"
    assert server.asked == []


def test_writes_say_what_they_are(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(201, b'{"kind": "X"}'))
    assert api.create(PODS, {"kind": "X"}, 5) == {"kind": "X"}
    api.patch(PODS, {"a": None}, 5)
    api.patch(PODS, [{"op": "remove", "path": "/a"}], 5)
    sent = [(one.method, one.headers["Content-Type"], json.loads(one.body)) for one in server.asked]
    assert sent == [
        ("POST", "application/json", {"kind": "X"}),
        ("PATCH", "application/merge-patch+json", {"a": None}),
        ("PATCH", "application/json-patch+json", [{"op": "remove", "path": "/a"}]),
    ]


def test_write_that_was_cut_off_is_not_sent_again(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(hang_up=True))
    assert failure(lambda: api.create(PODS, {"kind": "X"}, 5)).label == "unreachable"
    assert len(server.asked) == 1


def test_warnings_are_logged_once(
    server: FakeApi, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(PODS, Answer(headers={"Warning": '299 - "v1 is deprecated", 299 - "so is v2"'}))
    with caplog.at_level(logging.WARNING):
        api.get(PODS, 5)
        api.get(PODS, 5)
    assert [record.getMessage() for record in caplog.records] == [
        "the API server warns: v1 is deprecated",
        "the API server warns: so is v2",
    ]


def test_server_that_speaks_no_tls_is_an_error(server: FakeApi, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("http:", "https:"), encoding="utf-8")
    found = failure(lambda: connect(path).get(PODS, 5))
    assert (found.status, found.label) == (0, "unreachable")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "it has to begin with https:// or http://"),
        ("127.0.0.1:{port}", "it has to begin with https:// or http://"),
        ("localhost:{port}", "it has to begin with https:// or http://"),
        ("//127.0.0.1:{port}", "it has to begin with https:// or http://"),
        ("htp://127.0.0.1:{port}", "it has to begin with https:// or http://"),
        ("https:", "No host specified"),
        ("https:///127.0.0.1", "No host specified"),
        ("http://127.0.0.1:six", "'127.0.0.1:six' is not a valid host or port"),
        ("http://127.0.0.1:65536", "Failed to parse: http://127.0.0.1:65536"),
    ],
)
def test_url_that_is_none_of_a_server_is_told_when_something_is_asked(
    server: FakeApi, tmp_path: Path, url: str, says: str
) -> None:
    url = url.format(port=server.server_address[1])
    told = f"Unreachable: {url!r} is no URL of an API server: "
    with closing(server.api(tmp_path, url=url)) as api:
        for ask in ways_to_ask(api):
            found = failure(ask)
            assert (found.status, found.label) == (0, "unreachable")
            assert str(found).startswith(told)
            assert says in str(found).removeprefix(told)
    assert server.asked == [], "nor is a token sent there"


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:{port}"])
def test_port_at_which_nobody_listens_is_not_waited_for(
    server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", proxy.format(port=port))
    with closing(server.api(tmp_path, url=f"http://127.0.0.1:{port}")) as api:
        for ask in ways_to_ask(api):
            found = failure(ask)
            assert found.label == "unreachable"
            assert "Connection refused" in str(found)


def test_name_that_nobody_has_is_unreachable(
    server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # a real one may ask for many seconds
    with closing(server.api(tmp_path, url="http://nobody.invalid")) as api:
        found = failure(lambda: api.get(PODS, 5))
    assert found.label == "unreachable"
    assert "Failed to resolve 'nobody.invalid'" in str(found)


def test_refusal_that_is_cut_off_is_a_refusal(server: FakeApi, api: Api) -> None:
    server.on(PODS, Answer(500, b"x" * 100, pause=0.05))
    assert failure(lambda: api.get(PODS, 0.3)).status == 500


def test_watch_yields_events_until_its_end(server: FakeApi, api: Api) -> None:
    half = bookmark("6")
    server.on(f"watch {PODS}", Stream([bookmark("5"), half[:9], half[9:], b"\n\n", b'{"type"']))
    events = list(api.watch(PODS, "4", 2, 2))
    assert [one.object["metadata"]["resourceVersion"] for one in events if one] == ["5", "6"]
    assert events[0] is None
    assert server.asked[0].query == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "4",
        "timeoutSeconds": "2",
    }


def test_event_that_never_ends_is_garbage(
    server: FakeApi, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_LINE_BYTES", 1000)
    server.on(f"watch {PODS}", Stream([b"x" * 2000], end="hang"))
    assert failure(lambda: list(api.watch(PODS, "4", 2, 2))).label == "garbage"


def test_watch_that_drips_is_ended(server: FakeApi, api: Api) -> None:
    server.on(f"watch {PODS}", Stream([b"x", 0.3] * 20))
    assert failure(lambda: list(api.watch(PODS, "4", 1, 0.5))).label == "deadline"
