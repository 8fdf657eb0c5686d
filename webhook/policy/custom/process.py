"""A process for the rules of users, and the one that takes its place when it had to be ended."""

import json
import logging
import multiprocessing
import os
import signal
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webhook.core.frozen import frozen
from webhook.errors import PolicyError
from webhook.policy.custom.worker import READY, work
from webhook.policy.source import Module

# Starting takes half a second, on a busy machine some seconds; a worker of the server has 30 s.
LONGEST_START_SECONDS = 25.0
LONGEST_RESTART_SECONDS = 60.0
LONGEST_SPAWN_SECONDS = 5.0

# The interpreter and some rules take 40 MiB. A rule that piles up numbers takes 450 MiB a second:
# between two looks it comes 23 MiB further.
MOST_RESIDENT_BYTES = 256 * 2**20
_LOOK_SECONDS = 0.05

_RETRY_SECONDS = 5.0

_log = logging.getLogger("scaleguard.custom")


@frozen
class Work:
    """What such a process is for."""

    modules: tuple[Module, ...]
    """All that is compiled."""
    packages: tuple[str, ...]
    """Those that are asked."""
    seconds: float
    """How long it may judge a document."""


@frozen
class Ended:
    """Why a process was ended, or ended, in the midst of a document."""

    package: str
    """The one to blame: what took longest, or what it crashed in."""
    reason: str
    """overrun, memory or crash."""
    how: str


@dataclass(slots=True)
class Answers:
    """What packages answered; those that are missing did not."""

    found: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Why the engine had no answer of a package."""
    ended: Ended | None = None
    absent: str | None = None
    """Why nobody could be asked: busy or restarting."""


class CustomProcess:
    """Judges one document at a time; may be asked by many threads."""

    def __init__(self, work_: Work) -> None:
        """Start it; raises `PolicyError` where the rules cannot be compiled."""
        self._work = work_
        self._turn = threading.Lock()
        self._holder: list[_Running] = []
        """The one that is running; empty while another one is being started."""
        self._spawning = threading.Lock()
        self.close = weakref.finalize(self, _close, self._holder, self._spawning)
        self._holder.append(_ready(_Running(work_), work_, LONGEST_START_SECONDS))

    def ask(self, document: Any, packages: Sequence[str], wait_seconds: float) -> Answers:
        """Judge a document by some of the packages, each by itself."""
        if wait_seconds <= 0 or not self._turn.acquire(timeout=wait_seconds):
            return Answers(absent="busy")
        try:
            if not self._holder:
                return Answers(absent="restarting")
            running = self._holder[0]
            try:
                answers = running.ask(document, packages, self._work.seconds)
            except OSError:  # it ended while it had nothing to do
                answers = Answers(absent="restarting")
            if answers.ended is not None or answers.absent or running.is_bloated():
                self._replace()
            return answers
        finally:
            self._turn.release()

    def _replace(self) -> None:
        _end_all(self._holder)
        threading.Thread(target=self._start_another, name="custom-rules", daemon=True).start()

    def _start_another(self) -> None:
        while True:
            try:
                with self._spawning:
                    if self._is_closed():
                        return
                    spawned = _Running(self._work)
                running = _ready(spawned, self._work, LONGEST_RESTART_SECONDS)
            except (PolicyError, OSError) as error:
                if self._is_closed():
                    return  # it was ended as it came
                _log.error("the process of custom rules cannot be started again: %s", error)
                time.sleep(_RETRY_SECONDS)
                continue
            self._holder.append(running)
            if self._is_closed():
                _end_all(self._holder)
            return

    def _is_closed(self) -> bool:
        return not self.close.alive


def _close(holder: "list[_Running]", spawning: threading.Lock) -> None:
    """End it, also when the program ends.

    A process that is left in the midst of being spawned complains about that on stderr.
    """
    if spawning.acquire(timeout=LONGEST_SPAWN_SECONDS):
        spawning.release()
    _end_all(holder)


def _end_all(holder: "list[_Running]") -> None:
    while holder:
        holder.pop().end()


class _Running:
    """One process, and the way to it."""

    def __init__(self, work_: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = theirs, work_.modules, work_.packages, work_.seconds
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self, work_: Work, patience_seconds: float) -> None:
        """Wait until the rules are compiled; raises `PolicyError` where they cannot be."""
        named = ", ".join(str(module.path) for module in work_.modules if not module.built_in)
        try:
            if not self._connection.poll(patience_seconds):
                raise PolicyError(
                    f"{named}: the embedded engine gave no answer within"
                    f" {patience_seconds:.0f} s when it compiles this"
                )
            said = self._connection.recv()
        except (EOFError, OSError):
            raise PolicyError(
                f"{named}: the embedded engine {self._how()} when it compiles this"
            ) from None
        if said != READY:
            raise said

    def ask(self, document: Any, packages: Sequence[str], seconds: float) -> Answers:
        """Judge a document; raises `OSError` where the process is gone.

        Whoever asks ends it where the answers say so.
        """
        answers = Answers()
        begun = last = time.monotonic()
        slowest, longest = "", -1.0
        self._connection.send_bytes(json.dumps([document, packages]).encode())
        for package in packages:
            try:
                reason = self._wait(begun + seconds)
                now = time.monotonic()
                if now - last > longest:
                    slowest, longest = package, now - last
                last = now
                if reason is not None:
                    answers.ended = Ended(slowest, reason, _told(reason, seconds))
                    return answers
                answer = json.loads(self._connection.recv_bytes())
            except (EOFError, OSError):
                answers.ended = Ended(package, "crash", f"the embedded engine {self._how()}")
                return answers
            if "error" in answer:
                answers.errors[package] = answer["error"]
            else:
                answers.found[package] = answer["answer"]
        return answers

    def _wait(self, deadline: float) -> str | None:
        """Wait for an answer; say why there will be none."""
        while (left := deadline - time.monotonic()) > 0:
            if self._connection.poll(min(left, _LOOK_SECONDS)):
                return None
            if self.is_bloated():
                return "memory"
        return None if self._connection.poll(0) else "overrun"

    def is_bloated(self) -> bool:
        """Whether it holds more memory than it should; elsewhere than on Linux nobody knows."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[1])
        except OSError:
            return False
        return pages * os.sysconf("SC_PAGE_SIZE") > MOST_RESIDENT_BYTES

    def _how(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        return f"crashed ({signal.Signals(-code).name if code < 0 else f'exit status {code}'})"

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def _ready(running: _Running, work_: Work, patience_seconds: float) -> _Running:
    try:
        running.wait_until_ready(work_, patience_seconds)
    except BaseException:
        running.end()
        raise
    return running


def _told(reason: str, seconds: float) -> str:
    if reason == "memory":
        return f"it took more than {MOST_RESIDENT_BYTES // 2**20} MiB of memory"
    return f"it gave no answer within {seconds:g} s"
