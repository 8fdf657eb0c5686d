"""One set of counters over all worker processes, in files that they share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def memory_folder() -> str | None:
    """Return a folder in memory that can be written, None where there is none known."""
    shared = "/dev/shm"  # noqa: S108 - files in it get names that nobody can guess
    return shared if os.access(shared, os.W_OK) else None


class SharedCounters:
    """Where worker processes count.

    Files are named by a worker's place rather than its process id: a worker that takes the place
    of a dead one counts on in its files, so that there are never more files than workers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[int, int] = {}
        self._place = "master"

    def place(self) -> str:
        """Return the name of this process, as its files have it."""
        return self._place

    def take_place(self, worker: int) -> None:
        """Reserve the lowest free place for a worker; in the master, before the fork."""
        taken = set(self._places.values())
        self._places[worker] = next(place for place in range(len(taken) + 1) if place not in taken)

    def enter_place(self, worker: int) -> None:
        """Count under the worker's place from now on; in the worker, after the fork."""
        self._place = str(self._places[worker])

    def leave_place(self, worker: int) -> None:
        """Free the place of a worker that ended, and drop what only a living one can say."""
        place = self._places.pop(worker, None)
        if place is not None:
            mark_process_dead(place, str(self.folder))  # type: ignore[no-untyped-call]


@contextmanager
def shared_counters() -> Iterator[SharedCounters]:
    """Let metrics that are made from now on be shared between processes; clean up at the end."""
    folder = Path(tempfile.mkdtemp(prefix="scaleguard-metrics-", dir=memory_folder()))
    shared = SharedCounters(folder)
    before = values.ValueClass
    os.environ[_FOLDER_VARIABLE] = str(folder)
    # Chosen on import otherwise, by the variable; who imported it first is not for us to know.
    values.ValueClass = values.MultiProcessValue(shared.place)  # type: ignore[no-untyped-call]
    try:
        yield shared
    finally:
        values.ValueClass = before
        del os.environ[_FOLDER_VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)
