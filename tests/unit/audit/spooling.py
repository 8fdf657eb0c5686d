"""An outbox and its spool, what they count, and processes that write to them."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

from tests.unit.audit.batches import record
from webhook.audit.delivery import DeliveryError
from webhook.audit.entry import entries_of
from webhook.audit.losses import Loss
from webhook.audit.outbox import Outbox
from webhook.audit.shipper import Pace, Sender, Shipper
from webhook.audit.spool import Bounds, Spool, Waiting
from webhook.core.record import Record, RecordKind

ROOT = Path(__file__).resolve().parents[3]


class Counted:
    """A recorder whose numbers a test reads."""

    def __init__(self) -> None:
        self.kinds: Counter[RecordKind] = Counter()
        self.losses: Counter[Loss] = Counter()
        self.results: Counter[str] = Counter()
        self.repeats = 0
        self.dry_runs = 0
        self.waiting: tuple[int, int, float] | None = None

    def kept(self, kind: RecordKind) -> None:
        self.kinds[kind] += 1

    def folded(self, count: int) -> None:
        self.repeats += count

    def lost(self, loss: Loss, count: int) -> None:
        if count:
            self.losses[loss] += count

    def dry_run(self) -> None:
        self.dry_runs += 1

    def waits(self, rows: int, size: int, oldest_seconds: float) -> None:
        self.waiting = rows, size, oldest_seconds

    def delivered(self, result: str) -> None:
        self.results[result] += 1

    def total_losses(self) -> int:
        return sum(self.losses.values())


def spool(folder: Path, bounds: Bounds | None = None) -> tuple[Spool, Counted]:
    counted = Counted()
    return Spool(folder, counted, bounds or Bounds()), counted


def outbox(folder: Path) -> tuple[Outbox, Counted]:
    counted = Counted()
    return Outbox(folder, counted), counted


def append(kept: Spool, records: Sequence[Record], decision: str, seen: float) -> bool:
    """Keep the records of a decision in the spool itself, as where journals take no more."""
    return kept.append(entries_of(records, decision, seen))


def taken(waiting: Spool, most: int, most_bytes: int = 2**40) -> list[Waiting]:
    """What waits in a spool that can be read."""
    found = waiting.take(most, most_bytes)
    assert found is not None
    return found


def ids(waiting: Spool) -> list[str]:
    """The decisions that wait, each as often as it is there."""
    return [decision for one in taken(waiting, 1_000_000) for decision, _ in one.decisions]


class Writers:
    """Processes that write to a spool for ever, and what they have said was acknowledged."""

    def __init__(self, folder: Path, how: str, count: int = 3) -> None:
        self._command = [sys.executable, "-m", "tests.unit.audit.spooling", str(folder), how]
        self._said: list[bytes] = []
        self._readers: list[threading.Thread] = []
        self._processes = [self._begun() for _ in range(count)]

    def _begun(self) -> "subprocess.Popen[bytes]":
        command = [*self._command, f"w{len(self._readers)}"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        self._readers.append(threading.Thread(target=self._read, args=(process,)))
        self._readers[-1].start()
        return process

    def _read(self, writer: "subprocess.Popen[bytes]") -> None:
        assert writer.stdout is not None
        with writer.stdout:
            self._said.append(writer.stdout.read())

    def kill(self, at: int) -> None:
        """Kill one in the middle of whatever it does."""
        self._processes[at].kill()
        self._processes[at].wait()

    def replace(self, at: int) -> None:
        """Kill one, and begin another."""
        self.kill(at)
        self._processes[at] = self._begun()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for at in range(len(self._processes)):
            self.kill(at)

    def acknowledged(self) -> set[str]:
        """Kill all of them; return the decisions that they were told are there."""
        for at in range(len(self._processes)):
            self.kill(at)
        for reader in self._readers:
            reader.join()
        return {line for one in self._said for line in one.decode().split("\n") if line}


class Told:
    """An audit that writes down what it is told, and is away or refuses now and then."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._chance = random.Random()  # noqa: S311 - any

    def deliver(self, _cluster: str, _replica: str, batch: Sequence[Waiting]) -> None:
        if self._chance.random() < 0.2:
            raise DeliveryError("away", again=True)
        if len(batch) > 1 and self._chance.random() < 0.1:
            raise DeliveryError("something is wrong with one of them", again=False)
        told = (f"{decision}\n" for one in batch for decision, _ in one.decisions)
        os.write(self._file, "".join(told).encode())

    def close(self) -> None:
        os.close(self._file)


def write_for_ever(folder: Path, how: str, name: str) -> None:
    """Keep, append or keep and deliver, and say of each on stdout that it was acknowledged."""
    kept, counted = outbox(folder)
    write = partial(append, kept.spool) if how == "append" else kept.keep
    if how == "deliver":
        told = Told(folder.parent / f"{name}.told")
        Shipper(kept, told, Sender("c", name), counted, Pace(0.02, 0.05, 0.2)).start()
    number = 0
    while True:
        decision = f"{name}-{number}"
        if write([record(f"w{number % 7}")], decision, time.time()):
            os.write(1, f"{decision}\n".encode())
        number += 1
        if how == "deliver":
            time.sleep(0.001)


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]), *sys.argv[2:])
