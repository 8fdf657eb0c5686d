"""What is recorded and not delivered: in journals first, in the spool where it has to wait.

docs/decisions/0010 says why there are two. Whatever goes wrong is counted, never raised: an
admission neither fails nor waits for its record.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from webhook.audit.entry import Entry, entries_of
from webhook.audit.journal import Journal, Journals, Read
from webhook.audit.losses import Loss
from webhook.audit.recorder import Recorder
from webhook.audit.spool import MIB, Spool, Waiting
from webhook.core.record import Record

# One delivery takes so much of journals at most; of the spool as much, see `Spool.take`.
_MOST_FRESH_BYTES: Final = MIB

# A delivery costs as much as some hundred records: less than this waits for more.
_MUCH_BYTES: Final = 256 * 1024

# One transaction takes so much in, some 150 records, in some milliseconds.
_CHUNK_BYTES: Final = 256 * 1024

_MOST_CHUNKS: Final = 64


class Fresh(NamedTuple):
    """What is in journals, as it is delivered from there."""

    batch: list[Waiting]
    read: Read


class Outbox:
    """Records that are to be delivered, in a folder that several processes share."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self.folder = folder
        self.spool = Spool(folder, recorder)
        self._journal, self._journals = Journal(folder), Journals(folder)
        self._recorder = recorder

    def keep(self, records: Sequence[Record], decision: str, seen: float) -> bool:
        """Keep the records of a decision; whether they are there whatever becomes of this process.

        In the journal, or where that takes no more, in the spool itself.
        """
        entries = entries_of(records, decision, seen)
        if not entries:
            return True
        if not self._journal.write(entries) and not self.spool.append(entries):
            return False
        for entry in entries:
            self._recorder.kept(entry.kind)
        return True

    def begin(self) -> None:
        """Deliver from now on, from where whoever did it before has been."""
        self._journals.begin()

    def fresh(self) -> Fresh | None:
        """Return what is in journals, as they are read; None where nothing is."""
        read = self._journals.read(_MOST_FRESH_BYTES)
        if not read.entries:
            self._done(read)
            return None
        return Fresh(_folded(read.entries), read)

    def passed(self, fresh: Fresh) -> None:
        """Forget what was delivered before the spool had it."""
        self._done(fresh.read)
        self._recorder.folded(sum(len(one.decisions) - 1 for one in fresh.batch))

    def has_much(self) -> bool:
        """Whether what is in journals is worth a delivery at once."""
        return self._journals.waiting_bytes() >= _MUCH_BYTES

    def gather(self) -> None:
        """Move what is in journals into the spool: what four processes may have in them at most.

        Where somebody writes as fast as this reads, the rest has to wait for the next time.
        """
        for _ in range(_MOST_CHUNKS):
            read = self._journals.read(_CHUNK_BYTES)
            if read.entries and not self.spool.take_in(read.entries):
                return
            self._done(read)
            if not read.entries and not read.broken:
                return

    def have_done(self) -> None:
        """Write no more to the journal of this process, which is then anybody's to remove."""
        self._journal.close()

    def close(self) -> None:
        """Close the files in this process."""
        self._journal.close()
        self.spool.close()

    def _done(self, read: Read) -> None:
        self._journals.done(read)
        self._recorder.lost(Loss.CORRUPT, read.broken)


def _folded(entries: Iterable[Entry]) -> list[Waiting]:
    """Fold entries to records with their decisions, each of them once."""
    records: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        records.setdefault(entry.fingerprint, {}).setdefault(entry.decision, entry)
    return [
        Waiting(
            max(reversed(made.values()), key=attrgetter("seen")).body,
            tuple((one.decision, one.seen) for one in made.values()),
            (),
        )
        for made in records.values()
    ]
