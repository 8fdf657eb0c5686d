"""A request has one deadline, whatever it comes in."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.serving.slow_client import SlowClient, application
from webhook.serving.arriving import Arrival
from webhook.serving.connection import Connection

WHOLE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[SlowClient, Connection]]:
    """A client and its connection, after their handshake."""
    here, there = socket.socketpair()
    connection = Connection(application(tmp_path).cfg, here, ("127.0.0.1", 1), ("127.0.0.1", 2))
    with there:
        client = SlowClient(there, tmp_path)
        client.shake_hands(connection.shake_hands)
        yield client, connection
        connection.close()


def answered(connection: Connection) -> None:
    assert connection.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def handed_over(connection: Connection) -> None:
    connection.hand_over()
    assert connection.unreader.take_buffered() == WHOLE


@pytest.mark.parametrize("taken", [answered, handed_over])
def test_a_deadline_is_not_put_off_by_bytes_that_are_none_of_the_request_yet(
    both: tuple[SlowClient, Connection], taken: Callable[[Connection], None]
) -> None:
    client, connection = both
    deadlines: list[float] = []
    for _ in range(2):
        for byte in client.record(WHOLE[:9]):
            assert connection.held_bytes == 0
            client.socket.send(bytes([byte]))
            assert connection.listen() is Arrival.PARTLY
            assert connection.is_asking
            deadlines.append(connection.timeout)
        assert connection.held_bytes == 9
        client.say(WHOLE[9:])
        assert connection.listen() is Arrival.WHOLE
        deadlines.append(connection.timeout)
        taken(connection)
        assert not connection.is_asking
    first, second = sorted(set(deadlines))
    assert deadlines == [first] * (len(deadlines) // 2) + [second] * (len(deadlines) // 2)
