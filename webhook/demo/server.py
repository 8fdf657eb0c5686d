"""Start the webhook as a process of its own, and end it."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webhook.errors import ScaleguardError

STARTS_WITHIN_SECONDS = 20.0
ENDS_WITHIN_SECONDS = 10.0

_SERVING = "serving on https://127.0.0.1:"


@contextmanager
def webhook(manifests: Path, certificates: Path) -> Iterator[int]:
    """Serve on a free port of the loopback address while the block runs; yields the port.

    Raises `ScaleguardError` with what the server said when it does not start.
    """
    command = [sys.executable, "-m", "webhook", "webhook", "--bind", "127.0.0.1:0"]
    command += ["--manifests", str(manifests), "--cert-dir", str(certificates)]
    command += ["--log-level", "info", "--threads", "2"]
    with subprocess.Popen(  # noqa: S603 - our own program with our own arguments
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield _port(process)
        finally:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _port(process: subprocess.Popen[str]) -> int:
    """Read the server's log until it says where it serves; the rest is read and dropped."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    said: list[str] = []
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line is None:
            break
        said.append(line)
        if _SERVING in line:
            return int(line.partition(_SERVING)[2].split()[0])
    raise ScaleguardError(f"the webhook did not start; it said:\n{''.join(said)}")


def _pump(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    for line in process.stderr or ():
        lines.put(line)
    lines.put(None)
