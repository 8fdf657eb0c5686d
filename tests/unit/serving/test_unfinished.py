"""Who trickles is heard a few at a time."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from selectors import EVENT_READ, DefaultSelector

import pytest

from webhook.serving.unfinished import _MOST_IN_A_ROW, Unfinished


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    """Our ends of connections over which more has come than anybody takes."""
    with ExitStack() as opened:
        ours = []
        for _ in range(3 * _MOST_IN_A_ROW):
            ends = [opened.enter_context(end) for end in socket.socketpair()]
            ends[1].send(b"more")
            ours.append(ends[0])
        yield ours


def test_of_those_who_trickle_some_are_heard_before_others_have_their_turn(
    clients: list[socket.socket],
) -> None:
    heard: list[socket.socket] = []
    with closing(Unfinished()) as unfinished, DefaultSelector() as poller:
        poller.register(unfinished, EVENT_READ)
        assert not poller.select(0)
        for client in clients:
            unfinished.register(client, lambda client=client: heard.append(client))  # type: ignore[misc]
        for turn in range(1, 4):
            assert poller.select(0), "there is more to hear"
            unfinished.hear_some()
            assert len(heard) == turn * _MOST_IN_A_ROW
        assert set(heard) == set(clients), "each of them once, before anybody twice"
        for client in clients:
            unfinished.unregister(client)
        assert not poller.select(0)
