"""A shipper, and an audit that answers as a test says."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.unit.audit.batches import record
from tests.unit.audit.spooling import Counted, append, outbox
from webhook.audit.delivery import DeliveryError
from webhook.audit.outbox import Outbox
from webhook.audit.shipper import Pace, Sender, Shipper
from webhook.audit.spool import Waiting

QUICK = Pace(0.01, 0.01, 0.05)


class Audit:
    """Keeps what is delivered, and answers as a test says."""

    def __init__(self, answer: Callable[[Sequence[Waiting]], DeliveryError | None]) -> None:
        self.answer = answer
        self.kept: list[str] = []
        self.calls = 0
        self.senders: set[tuple[str, str]] = set()

    def deliver(self, cluster: str, replica: str, batch: Sequence[Waiting]) -> None:
        self.calls += 1
        error = self.answer(batch)
        if error is not None:
            raise error
        self.senders.add((cluster, replica))
        self.kept += [decision for one in batch for decision, _ in one.decisions]

    def close(self) -> None:
        pass


def refusing(*wrong: str) -> Callable[[Sequence[Waiting]], DeliveryError | None]:
    """Refuse each delivery that has one of these decisions."""

    def answer(batch: Sequence[Waiting]) -> DeliveryError | None:
        made = {decision for one in batch for decision, _ in one.decisions}
        return DeliveryError("wrong", again=False) if made & set(wrong) else None

    return answer


def well(_batch: Sequence[Waiting]) -> None:
    return None


def shipper(kept: Outbox, audit: Audit, counted: Counted) -> Shipper:
    return Shipper(kept, audit, Sender("c", "r"), counted, QUICK)


def filled(folder: Path, count: int = 5) -> tuple[Outbox, Counted]:
    kept, counted = outbox(folder)
    for number in range(count):
        append(kept.spool, [record(f"w{number}")], f"d{number}", time.time())
    return kept, counted


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
