"""From a start until reviews can be answered, and what that leaves in memory."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.serving.servers import Webhook, pinned
from tests.bench.serving.usage import pss_mebibytes

_HELPS = 5


def help_seconds() -> float:
    """How long a person waits for `scaleguard --help`: the best of some, the files are cached."""
    command = pinned([str(Path(sys.executable).with_name("scaleguard")), "--help"])
    took = []
    for _ in range(_HELPS):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - began)
    return min(took)


def starts(make: Callable[[], Webhook], count: int) -> tuple[float, float]:
    """Start a webhook some times; return the medians of seconds until ready and of MB.

    Its certificates are there, as a mounted Secret is.
    """
    seconds, memory = [], []
    for _ in range(count):
        began = time.monotonic()
        with make() as webhook:
            webhook.wait_until_ready()
            seconds.append(time.monotonic() - began)
            memory.append(pss_mebibytes(webhook.worker))
    return median(seconds), median(memory)
