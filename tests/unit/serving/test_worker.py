"""The event loop of a worker, a turn at a time, with real clients."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.serving.slow_client import SlowClient, Turns, turns
from webhook.serving import tls, worker
from webhook.serving.arriving import Arrival
from webhook.serving.connection import Connection
from webhook.serving.unfinished import _MOST_IN_A_ROW

PART = b"POST /val"


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    with turns(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Every connection that is read of, each time."""
    noted: list[Connection] = []
    listen = Connection.listen

    def noting(connection: Connection) -> Arrival | None:
        noted.append(connection)
        return listen(connection)

    monkeypatch.setattr(Connection, "listen", noting)
    return noted


def trickling(loop: Turns, *parts: bytes) -> dict[Connection, SlowClient]:
    """Clients that have sent these parts of a request, by their connections."""
    found: dict[Connection, SlowClient] = {}
    for part in parts:
        client = loop.client()
        connection = loop.worker.keepalived_conns[-1]
        client.say(part)
        loop.until(lambda: loop.worker.pending_conns and not loop.worker.keepalived_conns)
        assert loop.worker.pending_conns[-1] is connection
        found[connection] = client
    return found


def test_who_was_hung_up_on_before_its_turn_is_not_heard_any_more(
    loop: Turns, heard: list[Connection]
) -> None:
    clients = trickling(loop, *[PART] * (2 * _MOST_IN_A_ROW))
    heard.clear()
    for client in clients.values():
        client.say(b"i")
    loop.take()
    first, late = heard.copy(), clients.keys() - set(heard)
    assert len(first) == len(late) == _MOST_IN_A_ROW
    for connection in late:
        connection.timeout = 0.0
    loop.worker._look_at = 0.0
    loop.worker.murder_pending()
    assert all(clients[connection].is_hung_up_on() for connection in late)
    # Others get their file descriptors, and are not taken for them.
    others = trickling(loop, *[PART] * len(late))
    heard.clear()
    for connection in (*first, *others):
        (clients | others)[connection].say(b"d")
    for _ in range(4):
        loop.take()
    assert set(heard) == {*first, *others}
    assert {one.held_bytes for one in first} == {len(PART) + 2}
    assert {one.held_bytes for one in others} == {len(PART) + 1}
    assert loop.worker.nr_conns == len(loop.worker.pending_conns) == len(first) + len(others)


def test_who_was_hung_up_on_for_another_in_the_same_turn_is_not_heard_any_more(
    loop: Turns, heard: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_MOST_HELD_BYTES", 3 * len(PART))
    (small, client), (_, other) = trickling(loop, PART, 2 * PART).items()
    heard.clear()
    client.say(b"i")  # who has come first is heard first
    other.say(b"d")
    loop.take()
    assert heard == [small]
    assert other.is_hung_up_on()
    assert not client.is_hung_up_on()
    assert list(loop.worker.pending_conns) == [small]
    assert loop.worker.nr_conns == 1


@pytest.mark.parametrize("when", ["in the midst", "between two requests"])
def test_who_made_room_for_a_newcomer_in_the_same_turn_is_not_heard_any_more(
    loop: Turns, heard: list[Connection], when: str
) -> None:
    if when == "in the midst":
        (client,) = trickling(loop, PART).values()
    else:
        client = loop.client()
    loop.worker.worker_connections = 2
    heard.clear()
    newcomer = loop.call()
    client.say(b"i")
    loop.take()
    assert heard == []
    assert client.is_hung_up_on()
    (waiting,) = loop.worker.pending_conns
    assert waiting.client == newcomer.getsockname()
    assert not loop.worker.keepalived_conns


def test_who_sends_a_record_byte_by_byte_is_hung_up_on_at_the_deadline_of_a_request(
    loop: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "REQUEST_SECONDS", 0.2)
    client = loop.client()
    (connection,) = loop.worker.keepalived_conns
    begun = time.monotonic()
    for byte in client.record(b"x" * 16_000):
        if client.is_hung_up_on():
            break
        client.socket.send(bytes([byte]))
        time.sleep(0.001)  # a quick machine would send all of it in time
        loop.take(0.01)
        assert connection.held_bytes == 0
        assert time.monotonic() - begun < 10
    assert client.is_hung_up_on()
    assert not loop.worker.nr_conns


def test_a_worker_that_stops_waits_for_a_record_that_has_begun(loop: Turns) -> None:
    (begun,) = trickling(loop, PART)
    client = loop.client()
    (partly,) = loop.worker.keepalived_conns
    client.socket.sendall(client.record(PART)[:-1])
    loop.until(lambda: partly in loop.worker.pending_conns)
    loop.call()
    loop.until(lambda: loop.worker.nr_conns == 3)
    silent = loop.worker.pending_conns[-1]
    before = [one.timeout for one in (begun, partly, silent)]
    loop.worker.stop_at = time.monotonic()
    loop.worker.notify()
    assert not loop.worker.alive
    assert [one.timeout for one in (begun, partly)] == before[:2]
    assert silent.timeout < before[2]
