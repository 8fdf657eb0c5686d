"""A line on standard error about something that takes minutes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Progress:
    """Say what is going on with one thing, and for how long.

    On a terminal the line is rewritten in place; in a pipe or a log it is written once, its
    beginning at the start so that a reader sees what the silence is about.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._started = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._shown = ""

    def elapsed(self) -> float:
        """Return the seconds since the current activity began."""
        return time.monotonic() - self._started

    def show(self, activity: str) -> None:
        """Say what is going on now; the seconds count from the first mention of an activity."""
        if activity != self._shown:
            if self._shown and not self._terminal:
                self._write("\n")
            self._started = time.monotonic()
        if self._terminal:
            self._write(f"\r\033[K{activity} {self._subject} … {self.elapsed():.0f} s")
        elif activity != self._shown:
            self._write(f"{activity} {self._subject} … ")
        self._shown = activity
        self._open = True

    def done(self, activity: str) -> None:
        """Say that it is done, and end the line."""
        seconds = f"{self.elapsed():.0f} s"
        self._write(
            f"\r\033[K{activity} {self._subject} in {seconds}\n"
            if self._terminal
            else f"{seconds}\n"
        )
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A failure must not print its message behind a half-written line.
        if self._open:
            self._write("\n")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
