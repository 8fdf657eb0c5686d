"""A record of the audit: one finding of one decision, one patch, or one object that is invalid.

It says what was decided on what, and of the object nothing but the fields that rules read.
"""

import hashlib
import json
from dataclasses import field
from enum import StrEnum
from typing import Any

from webhook.core.fields import Raw, mapping, members, sequence, text
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef, reference_of


class RecordKind(StrEnum):
    """What is recorded; each kind can be switched off."""

    DENIAL = "denial"
    """A request was refused."""
    WARNING = "warning"
    AUDIT = "audit"
    """A finding that nobody was told of: by its action, or by the mode."""
    EXEMPTION = "exemption"
    """A finding that an annotation made harmless."""
    MUTATION = "mutation"
    """A pod got a patch, or would have got one in mode enforce."""
    SCAN = "scan"
    """The background scan found it in what exists; it is over once it is no longer so."""


OF_REQUESTS = frozenset(RecordKind) - {RecordKind.SCAN}
"""What the webhook records."""


@frozen
class OwnerRef:
    """What made the object, as far as people know it: a Deployment rather than its ReplicaSet."""

    group: str
    kind: str
    name: str


@frozen
class Record:
    """What is kept of one finding, or of one patch."""

    kind: RecordKind
    rule: str
    """Empty for patches, and for what is invalid whatever rules say."""
    action: str
    """deny, warn, audit or patch."""
    would: str
    """What it would have been in mode enforce; empty where it was just that."""
    mode: str
    message: str
    object: ObjectRef
    operation: str
    user: str
    remedy: str = ""
    path: str = ""
    resource: str = ""
    containers: tuple[str, ...] = ()
    related: tuple[ObjectRef, ...] = ()
    """The counterparts, the first one first."""
    workload: str = ""
    """The workload on which autoscalers meet, as findings name it: `Deployment web`."""
    exempted_by: ObjectRef | None = None
    owner: OwnerRef | None = None
    groups: tuple[str, ...] = ()
    """The groups of the user."""
    fields: Raw = field(default_factory=dict, compare=False)
    """The fields of the object that rules read."""

    @property
    def fingerprint(self) -> str:
        """What is the same for repeats: they are one row with a count.

        The subject of what a controller makes again and again is the owner. The message does not
        count: of an object that is tried with one value after the other the last one is shown.
        """
        ref, owner = self.object, self.owner
        subject = (
            (owner.group, owner.kind, owner.name)
            if owner is not None
            else (*ref.group_kind, ref.name or ref.generate_name or "")
        )
        counterpart = self.related[0].as_json() if self.related else None
        same = [
            *(self.kind, self.rule, self.action, self.would, self.user, self.operation),
            *(ref.kind, ref.namespace, subject, self.workload),
            *(self.resource, self.path, counterpart),
        ]
        return hashlib.sha256(json.dumps(same).encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:
        """The record as it travels and as it is shown."""
        owner, by = self.owner, self.exempted_by
        return {
            "kind": self.kind.value,
            "rule": self.rule,
            "action": self.action,
            "would": self.would,
            "mode": self.mode,
            "message": self.message,
            "remedy": self.remedy,
            "path": self.path,
            "resourceName": self.resource,
            "containers": list(self.containers),
            "object": self.object.as_json(),
            "owner": {"group": owner.group, "kind": owner.kind, "name": owner.name}
            if owner is not None
            else None,
            "operation": self.operation,
            "user": self.user,
            "groups": list(self.groups),
            "related": [ref.as_json() for ref in self.related],
            "workload": self.workload,
            "exemptedBy": by.as_json() if by is not None else None,
            "fields": self.fields,
        }


def read_record(raw: Raw) -> Record:
    """Read a record that has travelled; raises `ValueError` where it is none."""
    found, owner = mapping(raw, "object"), mapping(raw, "owner")
    if not text(found, "kind") or not text(raw, "action"):
        raise ValueError("a record needs action and object.kind")
    by = mapping(raw, "exemptedBy")
    return Record(
        RecordKind(text(raw, "kind")),
        text(raw, "rule"),
        text(raw, "action"),
        text(raw, "would"),
        text(raw, "mode"),
        text(raw, "message"),
        reference_of(found),
        text(raw, "operation"),
        text(raw, "user"),
        text(raw, "remedy"),
        text(raw, "path"),
        text(raw, "resourceName"),
        tuple(one for one in sequence(raw, "containers") if isinstance(one, str)),
        tuple(reference_of(one) for _, one in members(raw, "related")),
        text(raw, "workload"),
        reference_of(by) if by else None,
        OwnerRef(*(text(owner, name) for name in ("group", "kind", "name"))) if owner else None,
        tuple(one for one in sequence(raw, "groups") if isinstance(one, str)),
        dict(mapping(raw, "fields")),
    )
