"""What 500 clients that never come to an end do to those who do.

The served webhook is asked over one connection that stays, as an API server asks; by turns alone
and beside sockets that are half open or slow, in whatever state a connection has: whatever else
this machine does is done to both. Sockets that are hung up on are opened anew.
"""

import argparse
import itertools
import socket
import ssl
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tests.bench.audit_overhead import Webhook, review
from webhook.demo.client import Client

SOCKETS = 500
MOST_P99_RATIO = 2.0

_HELLO = bytes.fromhex("1603010200010001fc0303")
_HEAD = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_ASKED = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"

_TICK_SECONDS = 0.5
_ESTABLISHED = 1


class Slow:
    """A client that never comes to an end."""

    def __init__(self, port: int, context: ssl.SSLContext, *, shakes: bool, first: bytes) -> None:
        """It sends this after the handshake, or in its place; and then a byte now and then."""
        self._plain = socket.socket()
        # So small that answers which are not read fill what is between here and there.
        self._plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._plain.settimeout(10)
        self._plain.connect(("127.0.0.1", port))
        self.socket = context.wrap_socket(self._plain) if shakes else self._plain
        if first:
            self.socket.sendall(first)
        self.socket.settimeout(0)

    def says(self, more: bytes) -> bool:
        """Say more, and whether anybody is still there; what was answered is never read."""
        try:
            if more:
                self.socket.send(more)
            return self._is_open()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return self._is_open()
        except OSError:
            return False

    def _is_open(self) -> bool:
        """Whether the other end has not closed it, as the kernel knows without reading."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


Manner = tuple[str, bool, bytes, bytes]
"""Name, whether it shakes hands, what it says first, and what now and then."""

MANNERS: tuple[Manner, ...] = (
    ("says nothing", False, b"", b""),
    ("stalls in the handshake", False, _HELLO, b"\x00"),
    ("says nothing after the handshake", True, b"", b""),
    ("stalls in the headers", True, _HEAD, b"x"),
    ("stalls in the body", True, _HEAD + b"Content-Length: 4000\r\n\r\n{", b" "),
    ("never reads the answers", True, _ASKED * 4, b""),
)


def keep_open(port: int, count: int, ready: Event, over: Event, told: Any = None) -> None:
    """Keep so many sockets open until it is over; `told` gets how often which were hung up on."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    closed: Counter[str] = Counter()
    held: list[tuple[Manner, Slow]] = []
    manners = itertools.cycle(MANNERS)
    wanted = [next(manners) for _ in range(count)]
    while not over.is_set():
        begun = time.monotonic()
        for manner in wanted:
            _, shakes, first, _ = manner
            with suppress(OSError):
                held.append((manner, Slow(port, context, shakes=shakes, first=first)))
        ready.set()
        alive = [(manner, slow, slow.says(manner[3])) for manner, slow in held]
        wanted = [manner for manner, _, is_open in alive if not is_open]
        closed.update(manner[0] for manner in wanted)
        for _, slow, is_open in alive:
            if not is_open:
                slow.socket.close()
        held = [(manner, slow) for manner, slow, is_open in alive if is_open]
        wanted += [next(manners) for _ in range(count - len(held) - len(wanted))]
        over.wait(max(0.0, begun + _TICK_SECONDS - time.monotonic()))
    if told is not None:
        told.put((len(held), dict(closed)))
    for _, slow in held:
        slow.socket.close()


@contextmanager
def slow_sockets(
    port: int, count: int = SOCKETS
) -> Iterator[Callable[[], tuple[int, dict[str, int]]]]:
    """Keep sockets open from another process; what is yielded ends that and tells of them."""
    spawn = get_context("spawn")
    ready, over, told = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=keep_open, args=(port, count, ready, over, told), daemon=True)
    process.start()

    def end() -> tuple[int, dict[str, int]]:
        over.set()
        said: tuple[int, dict[str, int]] = told.get(timeout=60)
        process.join(10)
        return said

    try:
        assert ready.wait(60), "the sockets are not open"
        yield end
    finally:
        over.set()
        process.terminate()
        process.join(10)


def measure(port: int, authority: Path, rounds: int, seconds: float) -> dict[str, list[float]]:
    """How long honest requests took, alone and beside slow ones."""
    took: dict[str, list[float]] = {"alone": [], "beside them": []}
    numbers = itertools.count()

    with closing(Client(port, authority)) as client:

        def ask(kept: list[float], until: float) -> None:
            while time.monotonic() < until:
                kept.append(client.send("/validate", review(next(numbers))).seconds)
                time.sleep(0.002)

        ask([], time.monotonic() + 2)
        for _ in range(rounds):
            ask(took["alone"], time.monotonic() + seconds)
            with slow_sockets(port) as end:
                ask(took["beside them"], time.monotonic() + seconds)
                held, closed = end()
                print(f"{held} sockets were open, {sum(closed.values())} had been hung up on")
    return took


def main() -> None:
    """Print the numbers; fail where slow clients cost others more than they may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        webhook = Webhook(Path(folder))
        with webhook:
            webhook.wait_until_ready()
            authority = webhook.folder / "certs" / "ca.crt"
            took = measure(webhook.port, authority, given.rounds, given.seconds)
    cuts = {name: statistics.quantiles(seconds, n=100) for name, seconds in took.items()}
    for at in (50, 99):
        alone, beside = (cuts[name][at - 1] * 1e3 for name in took)
        print(
            f"p{at}: {alone:.2f} ms alone, {beside:.2f} ms beside them, {beside / alone:.2f} times"
        )
    print(
        f"{len(took['alone'])} requests alone, {len(took['beside them'])} beside {SOCKETS} sockets"
    )
    if cuts["beside them"][98] > MOST_P99_RATIO * cuts["alone"][98]:
        raise SystemExit(f"p99 is more than {MOST_P99_RATIO} times that without slow clients")


if __name__ == "__main__":
    main()
