"""From a decision to the records of the audit."""

from collections.abc import Iterable
from dataclasses import replace

from webhook.core.decide import Decision
from webhook.core.fields import Raw, strings
from webhook.core.finding import Action, Finding
from webhook.core.kinds import Kinds
from webhook.core.mode import Mode
from webhook.core.objects import GroupKind, ObjectRef, reference
from webhook.core.record import OwnerRef, Record, RecordKind
from webhook.core.recorded_fields import recorded_fields
from webhook.core.review import Request
from webhook.core.scrub import scrubbed
from webhook.core.topmost_owner import topmost_owner

# With the fields (4 kB) a record stays at some 10 kB whatever somebody sends: a message of three
# sentences has 500 characters, and nobody reads the names of more than some dozens.
MOST_TEXT_CHARACTERS = 2048
MOST_LISTED = 32
MOST_NAME_CHARACTERS = 256

_REPLICA_SET = GroupKind("apps", "ReplicaSet")
_HASH_LABEL = "pod-template-hash"

_KINDS = {
    Action.DENY: RecordKind.DENIAL,
    Action.WARN: RecordKind.WARNING,
    Action.AUDIT: RecordKind.AUDIT,
}


def records_of(request: Request, decision: Decision, kinds: Kinds) -> list[Record]:
    """Make a record of each finding, of the patch, and of what is invalid.

    Nothing for dry runs, nor for who was asked to come back, nor for what simply passed.
    """
    patches = decision.fitting is not None and bool(decision.fitting.patch)
    said = decision.findings or decision.invalid is not None or patches
    if request.dry_run or decision.ask_again is not None or not said:
        return []
    plain = _plain(request, decision, kinds)
    made = [of_finding(plain, one, _kind(one)) for one in decision.findings]
    if decision.invalid is not None:
        made.append(replace(plain, message=bounded(decision.invalid)))
    if decision.fitting is not None and patches:
        brief, mode = decision.fitting.brief, decision.mode
        made.append(of_patch(plain, brief, mode, RecordKind.MUTATION))
    return made


def _plain(request: Request, decision: Decision, kinds: Kinds) -> Record:
    """What all records of a decision have; as it is, that of an object that is invalid."""
    return Record(
        RecordKind.DENIAL,
        "",
        Action.DENY.value,
        "",
        decision.mode.value,
        "",
        _object(request),
        request.operation,
        request.user[:MOST_NAME_CHARACTERS],
        owner=owner_of(request.object),
        groups=tuple(one[:MOST_NAME_CHARACTERS] for one in request.groups[:MOST_LISTED]),
        fields=recorded_fields(request.object, kinds),
    )


def of_finding(plain: Record, finding: Finding, kind: RecordKind | None = None) -> Record:
    """Make the record of a finding; `plain` has what all records of the object have."""
    return replace(
        plain,
        kind=kind or plain.kind,
        rule=finding.rule,
        action=finding.action.value,
        would=finding.would.value if finding.would is not None else "",
        message=bounded(finding.message),
        remedy=bounded(finding.remedy),
        path=bounded(finding.path or ""),
        resource=bounded(finding.resource_name or ""),
        containers=tuple(map(bounded, finding.containers[:MOST_LISTED])),
        related=tuple(map(short, finding.related[:MOST_LISTED])),
        workload=bounded(finding.workload),
        exempted_by=short(finding.exempted_by) if finding.exempted_by is not None else None,
    )


def of_patch(
    plain: Record, brief: Iterable[str], mode: Mode, kind: RecordKind | None = None
) -> Record:
    """Make the record of what is added to a pod, or would be in mode enforce."""
    return replace(
        plain,
        kind=kind or plain.kind,
        rule="",
        action="patch",
        would="" if mode.acts else "patch",
        message=bounded("; ".join(brief)),
    )


def _kind(finding: Finding) -> RecordKind:
    return RecordKind.EXEMPTION if finding.exempted_by is not None else _KINDS[finding.action]


def _object(request: Request) -> ObjectRef:
    """The object as the API server has it: a namespace is the request's to say."""
    ref = reference(request.object)
    return ObjectRef(
        ref.api_version,
        ref.kind,
        _name(request.namespace),
        _name(ref.name or request.name),
        _name(ref.generate_name),
    )


def owner_of(raw: Raw) -> OwnerRef | None:
    """What controls the object; of a pod of a ReplicaSet the Deployment that made that.

    The ReplicaSets of Deployments alone are named by the label that their pods carry. A Job says
    nothing of its CronJob to its pods: it is the owner itself.
    """
    found = topmost_owner(raw)
    if found is None:
        return None
    ref = short(reference(found))
    name, kind = ref.name or "", ref.group_kind
    if kind == _REPLICA_SET:
        suffix = f"-{strings(raw, 'metadata', 'labels').get(_HASH_LABEL, '')}"
        if len(suffix) > 1 and name.endswith(suffix):
            return OwnerRef("apps", "Deployment", name.removesuffix(suffix))
    return OwnerRef(kind.group, kind.kind, name)


def short(ref: ObjectRef) -> ObjectRef:
    """Bound a reference: names are checked by the API server only after the webhook."""
    names = (ref.namespace, ref.name, ref.generate_name)
    return ObjectRef(ref.api_version, ref.kind, *map(_name, names))


def _name(name: str | None) -> str | None:
    return bounded(name)[:MOST_NAME_CHARACTERS] if name else None


def bounded(said: str) -> str:
    """A text as it is recorded."""
    return scrubbed(said)[:MOST_TEXT_CHARACTERS]
