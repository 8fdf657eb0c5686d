"""An admitted autoscaler that may not be there yet: what other replicas are told of it."""

import json

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef, reference, uid_of
from webhook.core.review import Request
from webhook.core.slim import identity_and_target, slim
from webhook.core.world import Autoscaler, read_autoscaler

# An HPA takes some 500 bytes. One of 8 kB has dozens of metrics or policies.
MOST_OBJECT_BYTES = 8 * 1024

_MOST_DIGITS = 20  # of an unsigned integer of 64 bits


@frozen
class Entry:
    """One request in flight."""

    id: str
    """The uid of the review: each call has one of its own."""
    object: Raw
    """The object as it will be, slim."""
    after: int
    """The object, once it is written, has a resourceVersion greater than this."""
    is_whole: bool = True
    """False where only identity and target are known: it may meet anything on its workload."""

    @property
    def ref(self) -> ObjectRef:
        """Which object it is."""
        return reference(self.object)

    @property
    def uid(self) -> str | None:
        """Its uid; the API server gives it before it asks us."""
        return uid_of(self.object)

    @property
    def target(self) -> WorkloadKey | None:
        """The workload that it acts on."""
        record = self.record()
        return record.target if record is not None else None

    def record(self) -> Autoscaler | None:
        """Read it, as any other autoscaler."""
        return read_autoscaler(self.object)

    def is_written(self, raw: Raw) -> bool:
        """Whether an object of its name is what came of the request, or later than that."""
        same = self.uid is None or self.uid == uid_of(raw)
        return same and version_of(raw) > self.after

    def replaces(self, other: "Entry") -> bool:
        """Whether it says all that another entry says.

        Of two different updates of one object either may come to be: both have to stay.
        """
        named = self.ref.name is not None and _but_uid(self.object) == _but_uid(other.object)
        return self.id == other.id or (named and self.is_whole == other.is_whole)


def _but_uid(raw: Raw) -> Raw:
    metadata = {name: value for name, value in mapping(raw, "metadata").items() if name != "uid"}
    return {**raw, "metadata": metadata}


def version_of(raw: Raw) -> int:
    """Read the resourceVersion of an object, by which its versions are compared (KEP-5504).

    0, earlier than all others, where there is none or it is no number.
    """
    return as_version(text(mapping(raw, "metadata"), "resourceVersion"))


def as_version(written: str) -> int:
    """Read a resourceVersion."""
    is_number = written.isascii() and written.isdecimal() and len(written) <= _MOST_DIGITS
    return int(written) if is_number else 0


def claims_anew(request: Request) -> bool:
    """Whether a request brings anything that could conflict with another one.

    What acts on nothing does not, nor does an update that leaves what judgements read as it was:
    whoever judged by the old object has judged by the new one.
    """
    record = request.autoscaler
    if record is None or record.target is None or not record.active:
        return False
    if isinstance(record, Vpa) and not record.writes:
        return False
    return request.operation != "UPDATE" or record != read_autoscaler(request.old_object)


def entry_of(request: Request, now: int) -> Entry:
    """Write down what a request will bring about, if it is admitted.

    `now` is a resourceVersion that was given before the request was answered: what comes of it has
    a greater one. It counts where the API server tells no better: it gives new objects a uid, and
    objects that change have a version.
    """
    after = version_of(request.old_object) if request.operation == "UPDATE" else 0
    if not after and (request.operation == "UPDATE" or uid_of(request.object) is None):
        after = now
    kept = slim(request.object)
    if len(json.dumps(kept)) <= MOST_OBJECT_BYTES:
        return Entry(request.uid, kept, after)
    return Entry(request.uid, identity_and_target(request.object), after, is_whole=False)
