"""Clients that never come to an end are in nobody's way: 500 of them before a served webhook."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.bench.audit_overhead import Webhook, review
from tests.bench.slow_sockets import MANNERS, slow_sockets
from webhook.demo.client import Client
from webhook.serving.tls import HANDSHAKE_SECONDS, REQUEST_SECONDS
from webhook.serving.worker import FIRST_BYTE_SECONDS

pytestmark = pytest.mark.slow

HONEST = 75
"""What three API servers keep open."""


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
    """It judges one request at a time: a thread that is held would be missed."""
    with Webhook(tmp_path_factory.mktemp("slow"), "--threads", "1") as running:
        running.wait_until_ready()
        yield running


def honest(webhook: Webhook) -> Client:
    return Client(webhook.port, webhook.folder / "certs" / "ca.crt")


def test_all_honest_requests_are_answered_and_slow_clients_hung_up_on(webhook: Webhook) -> None:
    longest = max(FIRST_BYTE_SECONDS, REQUEST_SECONDS, HANDSHAKE_SECONDS) + 2
    with ExitStack() as stack:
        end = stack.enter_context(slow_sockets(webhook.port))
        begun = time.monotonic()
        clients = [stack.enter_context(closing(honest(webhook))) for _ in range(HONEST)]
        for number in range(3):
            for client in clients:
                assert not client.send("/validate", review(number)).allowed
        time.sleep(max(0.0, begun + longest - time.monotonic()))
        # Those that were there all the time were not hung up on for anybody's sake.
        for client in clients:
            assert not client.send("/validate", review(4)).allowed
        held, closed = end()
    assert held > 400, "most were there all the time, or others in their place"
    told = {name for name, _, _, _ in MANNERS}
    assert closed.keys() >= told - {"never reads the answers"}, closed


def test_nobody_waits_for_who_does_not_read(webhook: Webhook) -> None:
    context = ssl.create_default_context(cafile=webhook.folder / "certs" / "ca.crt")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", webhook.port))
    request = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    with (
        context.wrap_socket(plain, server_hostname="127.0.0.1") as deaf,
        closing(honest(webhook)) as client,
    ):
        deaf.settimeout(0.2)
        deadline = time.monotonic() + 60
        while is_heard(deaf, request):
            assert time.monotonic() < deadline, "it is never hung up on"
            assert client.send("/validate", review(1)).seconds < REQUEST_SECONDS / 2


def is_heard(client: ssl.SSLSocket, request: bytes) -> bool:
    """Ask, and say whether anybody still listens."""
    try:
        client.sendall(request)
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def test_requests_that_come_in_pieces_are_answered(webhook: Webhook) -> None:
    """Two of them at once, cut anywhere."""
    context = ssl.create_default_context(cafile=webhook.folder / "certs" / "ca.crt")
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", webhook.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        for piece in (one[:7], one[7:] + one[:20], one[20:-1], one[-1:]):
            client.sendall(piece)
            time.sleep(0.05)
        said = b""
        while said.count(b'"ok"') < 2:
            said += client.recv(4096)
    assert said.count(b"200 OK") == 2
