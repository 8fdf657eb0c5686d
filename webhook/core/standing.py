"""How things stand with one workload: what rules say of what exists, and who scales it.

The background scan judges what is there, not what somebody asks for: what it finds has no user, no
operation and no decision, and goes away by itself.
"""

from dataclasses import field
from typing import Any

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.record import Record, read_record


@frozen
class Standing:
    """How things stand with one workload; with neither findings nor anybody who scales it, not."""

    workload: WorkloadKey
    """The workload, or where an autoscaler names none the autoscaler itself."""
    records: tuple[Record, ...] = ()
    """What rules say of it, of its autoscalers, and of the two together; of kind `scan`."""
    who_scales: Raw | None = field(default=None, compare=False)
    """As `Acting.as_json` has it; None where nothing scales it and it makes no AI pods."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell: it has gone, or is nobody's concern."""
        return not self.records and self.who_scales is None

    def as_json(self) -> dict[str, Any]:
        """The standing as it travels."""
        return {
            "workload": self.workload.as_json(),
            "records": [one.as_json() for one in self.records],
            "whoScales": self.who_scales,
        }


def read_standing(raw: Raw) -> Standing:
    """Read a standing that has travelled; raises `ValueError` where it is none."""
    found, listed = mapping(raw, "workload"), raw.get("records")
    key = WorkloadKey(*(text(found, part) for part in ("namespace", "group", "kind", "name")))
    if not (key.kind and key.name):
        raise ValueError("a standing needs workload.kind and workload.name")
    if not isinstance(listed, list):
        raise ValueError("a standing needs records, be they none")  # noqa: TRY004 - of what was sent
    records = tuple(read_record(one) for _, one in members(raw, "records"))
    if len(records) != len(listed):
        raise ValueError("records: each has to be an object")
    who_scales = dict(mapping(raw, "whoScales"))
    return Standing(key, records, who_scales or None)
