"""Log lines of many threads: each whole, none lost."""

import logging
import os
import sys
import threading
from io import StringIO

import pytest

from webhook.cli.lines import Lines, to_stderr

THREADS, LINES = 8, 500


def test_lines_of_threads_stay_whole_in_a_pipe() -> None:
    read, write = os.pipe()
    handler = Lines(write)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    texts = {
        f"{thread}-{number} " + "é" * 700 for thread in range(THREADS) for number in range(LINES)
    }

    def log(thread: int) -> None:
        for text in texts:
            if text.startswith(f"{thread}-"):
                handler.handle(logging.LogRecord("a", logging.INFO, "", 0, text, (), None))

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    with os.fdopen(read, encoding="utf-8") as lines:
        found = [next(lines).rstrip("\n") for _ in range(THREADS * LINES)]
    for thread in threads:
        thread.join()
    os.close(write)
    assert sorted(found) == sorted(f"INFO {text}" for text in texts)


@pytest.mark.parametrize("filtered", [False, True])
def test_no_thread_waits_for_another_one_whatever_python_does(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *, filtered: bool
) -> None:
    """Python 3.13 takes the lock of a handler as it is, and fails where there is none."""

    def handle(self: logging.Handler, record: logging.LogRecord) -> bool:
        assert self.lock is not None
        with self.lock:
            self.emit(record)
        return True

    monkeypatch.setattr(logging.Handler, "handle", handle)
    handler = Lines(2)
    if filtered:
        handler.addFilter(lambda _: False)
    record = logging.LogRecord("a", logging.INFO, "", 0, "said", (), None)
    handler.acquire()
    try:
        other = threading.Thread(target=handler.handle, args=(record,))
        other.start()
        other.join(5)
        assert not other.is_alive()
    finally:
        handler.release()
    assert capfd.readouterr().err == ("" if filtered else "said\n")


def test_a_text_that_cannot_be_encoded_is_written_all_the_same(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Lines(2).handle(logging.LogRecord("a", logging.INFO, "", 0, "a\ud800", (), None))
    assert capfd.readouterr().err == "a\\ud800\n"


def test_a_log_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    read, write = os.pipe()
    os.close(read)
    Lines(write).handle(logging.LogRecord("a", logging.INFO, "", 0, "lost", (), None))
    os.close(write)


def test_where_errors_go_elsewhere_they_are_written_there(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = StringIO()
    monkeypatch.setattr(sys, "stderr", elsewhere)
    to_stderr().handle(logging.LogRecord("a", logging.INFO, "", 0, "here", (), None))
    assert elsewhere.getvalue() == "here\n"
