"""What a process has used, by what the kernel counts."""

import os
from pathlib import Path

from tests.e2e.webhook_process import children

_TICK_MILLISECONDS = 1e3 / os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Of the fields behind the name of the program."""


def worker(master: int) -> int:
    """The one process that a gunicorn master has started."""
    (found,) = children(master)
    return found


def cpu_milliseconds(process: int) -> float:
    """Processor time of all its threads, those that ended included."""
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    fields = text.rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) * _TICK_MILLISECONDS


def pss_mebibytes(process: int) -> float:
    """Memory, with pages that several processes share divided among them."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"the kernel tells no PSS of process {process}")
