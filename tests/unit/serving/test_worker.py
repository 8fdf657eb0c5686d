"""What the event loop does first, where more speak at a moment than it hears in one."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from selectors import DefaultSelector
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from gunicorn.config import Config

from webhook.serving.arriving import Arrival
from webhook.serving.worker import _MOST_UNFINISHED_IN_A_ROW, Worker

if TYPE_CHECKING:
    from webhook.serving.connection import Connection


class Client:
    """One end of a connection that always says more, and what the worker sees of the other."""

    initialized = True
    held_bytes = 1

    def __init__(self, opened: ExitStack, heard: list["Client"]) -> None:
        self.sock, self.other = (opened.enter_context(end) for end in socket.socketpair())
        self._heard = heard
        self.other.send(b"more")

    def listen(self) -> Arrival:
        """Be heard, and have more to say."""
        self._heard.append(self)
        return Arrival.PARTLY


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker whose event loop the test takes the place of."""
    config = Config()
    application = cast("Any", SimpleNamespace())
    worker = Worker(0, 0, [], application, 30, config, logging.getLogger("test"))
    with DefaultSelector() as worker._unfinished:
        yield worker
    worker.tmp.close()


def test_of_those_who_trickle_some_are_heard_before_others_have_their_turn(worker: Worker) -> None:
    heard: list[Client] = []
    with ExitStack() as opened:
        clients = [Client(opened, heard) for _ in range(3 * _MOST_UNFINISHED_IN_A_ROW)]
        for client in clients:
            worker._wait_for(cast("Connection", client))

        for turn in range(1, 4):
            worker._hear_unfinished(None)
            assert len(heard) == turn * _MOST_UNFINISHED_IN_A_ROW
        assert set(heard) == set(clients), "each of them once, before anybody twice"


def test_who_was_hung_up_on_in_the_meantime_is_not_heard(worker: Worker) -> None:
    heard: list[Client] = []
    with ExitStack() as opened:
        clients = [Client(opened, heard) for _ in range(_MOST_UNFINISHED_IN_A_ROW + 1)]
        for client in clients:
            worker._wait_for(cast("Connection", client))
        worker._hear_unfinished(None)
        (left,) = set(clients) - set(heard)
        left.sock.close()
        worker._hear_unfinished(None)
        assert left not in heard
