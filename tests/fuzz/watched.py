"""Run a target under watch: what it raises, how long it takes, what it keeps of memory."""

import hashlib
import logging
import os
import signal
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from tests.fuzz.target import Target

MOST_SECONDS = 1.0
"""Of processor time, for one input: a machine that others use as well makes nothing slow."""

FOUND = Path("build/fuzz/found")
_MOST_FOUND = 20
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_LOOK_SECONDS = 0.5


class TooSlow(Exception):  # noqa: N818 - what is said of an input
    """An input takes longer than anybody waits."""


@dataclass
class Watched:
    """The executions of one target in this process."""

    name: str
    target: Target
    count: int = 0
    slowest: float = 0.0
    slowest_input: bytes = b""
    found: dict[str, str] = field(default_factory=dict)
    """Each fault, by the place where it shows."""
    memory: list[tuple[int, int]] = field(default_factory=list)
    """(executions, resident kB), twice a second."""
    begun: float = field(default_factory=time.monotonic)
    _seen: int = -1
    _running: bool = False
    _looked: float = 0.0

    def __enter__(self) -> Self:
        """Interrupt what does not end: by processor time, which a busy machine does not spend."""
        logging.disable()  # what is refused is told each time
        if self.target.made_once is not None:
            self.target.made_once()
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS, MOST_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        logging.disable(logging.NOTSET)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        same, self._seen = self.count == self._seen, self.count
        if same and self._running:
            raise TooSlow(f"no answer after {MOST_SECONDS:.0f} s of processor time")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def execute(self, data: bytes) -> None:
        """Run one input; what is wrong is kept, and the next one follows."""
        self.count += 1
        begun = time.thread_time()
        self._running = True
        try:
            self.target.run(data)
        except Exception as fault:  # noqa: BLE001 - that is what is looked for
            self._keep(data, fault)
            return
        finally:
            self._running = False
        took = time.thread_time() - begun
        if took > self.slowest:
            self.slowest, self.slowest_input = took, data
        if took > MOST_SECONDS:
            self._keep(data, TooSlow(f"{took:.2f} s of processor time"))

    def look(self) -> bool:
        """Measure memory now and then; whether it was measured."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return False
        self._looked = now
        with Path("/proc/self/statm").open(encoding="ascii") as file:
            self.memory.append((self.count, int(file.read().split()[1]) * _PAGE_KB))
        return True

    def slope(self) -> float:
        """Resident kB per 1,000 executions, over the second half: what is kept is kept for ever."""
        half = self.memory[len(self.memory) // 2 :]
        if len(half) < 3:
            return 0.0
        mean_x = sum(x for x, _ in half) / len(half)
        mean_y = sum(y for _, y in half) / len(half)
        spread = sum((x - mean_x) ** 2 for x, _ in half)
        return 1000 * sum((x - mean_x) * (y - mean_y) for x, y in half) / (spread or 1)

    def _keep(self, data: bytes, fault: Exception) -> None:
        """Write an input down as a file for corpus/, once for each place where something shows."""
        frames = traceback.extract_tb(fault.__traceback__)
        where = (
            f"{type(fault).__name__} in {frames[-1].filename}:{frames[-1].lineno}"
            if frames
            else str(fault)[:60]
        )
        if where in self.found or len(self.found) == _MOST_FOUND:
            return
        self.found[where] = "".join(traceback.format_exception(fault))
        folder = FOUND / self.name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(data).hexdigest()[:12]
            (folder / name).write_bytes(data)
            (folder / f"{name}.traceback").write_text(self.found[where], encoding="utf-8")
