"""Log lines, each written in one go, so that threads do not wait for each other.

The standard handler writes and flushes under a lock. While one thread does that, it gives up the
interpreter to the next, which then waits for the lock: with eight threads that cost as much as the
judgement that was logged.
"""

import logging
import os
import sys
from io import UnsupportedOperation


class Lines(logging.Handler):
    """Writes to a file descriptor.

    What is written to a pipe at once stays together up to `PIPE_BUF` bytes (4,096 on Linux, POSIX
    write), a longer line as long as the pipe has room for it.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record that the filters let through, without the lock of all handlers.

        A handler cannot just have none: Python 3.13 takes it without asking whether it is there.
        """
        passes = bool(self.filter(record))
        if passes:
            self.emit(record)
        return passes

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; what cannot be written is nobody's failure but the log's."""
        try:
            left = f"{self.format(record)}\n".encode(errors="backslashreplace")
            while left:
                left = left[os.write(self._descriptor, left) :]
        except Exception:  # noqa: BLE001 - as every handler does it
            self.handleError(record)


def to_stderr() -> logging.Handler:
    """Write where errors go: to what Python has put in its place where that is no file."""
    try:
        return Lines(sys.stderr.fileno())
    except (UnsupportedOperation, AttributeError):
        return logging.StreamHandler(sys.stderr)
