"""What is told of a refusal in the cluster: at which object people look, and in which words."""

from dataclasses import replace

from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Decision
from webhook.core.fields import Raw
from webhook.core.finding import Action
from webhook.core.frozen import frozen
from webhook.core.objects import DEFAULT_NAMESPACE, POD, GroupKind, reference, uid_of
from webhook.core.recorded import bounded
from webhook.core.review import Request
from webhook.core.topmost_owner import topmost_owner
from webhook.core.world import NAMESPACE

# Of group, kind, namespace, name and uid together, as text: no object that is there has more. What
# is told waits and is remembered by the thousand, and before the API server has looked at a name it
# may be megabytes.
LONGEST_IDENTITY = 1024


@frozen
class Refused:
    """A refusal, as it is told."""

    namespace: str
    at: Raw | WorkloadKey | None
    """Where people look: at the owner of what an operator made, at the workload that an autoscaler
    acts on, at the object itself where it exists already; None: at the namespace."""
    reason: str
    rules: tuple[str, ...]
    message: str


def refused(asked: Request, decision: Decision) -> Refused | None:
    """Say what is to be told of a decision.

    None where nobody is refused, where who asked is to come back, and for dry runs.
    """
    if decision.allowed or asked.dry_run:
        return None
    denied = [one for one in decision.findings if one.action is Action.DENY]
    said = [*filter(None, [decision.invalid]), *(one.sentence() for one in denied)]
    if not said:
        return None
    return Refused(
        asked.namespace or DEFAULT_NAMESPACE,
        _at(asked),
        _reason(asked.group_kind),
        tuple(dict.fromkeys(one.rule for one in denied)),
        bounded(_message(asked, "; ".join(said))),
    )


def _at(asked: Request) -> Raw | WorkloadKey | None:
    at = _whom(asked)
    return at if len(str(at)) <= LONGEST_IDENTITY else None


def _whom(asked: Request) -> Raw | WorkloadKey | None:
    owner = topmost_owner(asked.object)
    # Whoever writes the object says who its owner is: a foreign Namespace would be told in it.
    if owner is not None and reference(owner).group_kind != NAMESPACE:
        return owner
    if asked.autoscaler is not None:
        return asked.autoscaler.target
    return _itself(asked) if asked.operation == "UPDATE" else None


def _itself(asked: Request) -> Raw:
    """The object that was to be changed, as it is: with its uid."""
    ref = reference(asked.object)
    metadata = {"namespace": ref.namespace, "name": ref.name, "uid": uid_of(asked.old_object)}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


def _reason(kind: GroupKind) -> str:
    if kind in AUTOSCALERS:
        return "AutoscalerRefused"
    return "PodRefused" if kind == POD else "WorkloadRefused"


def _message(asked: Request, said: str) -> str:
    """Say it in the same words of all that one owner makes: names that were made up are left out.

    A validating webhook is asked after the API server has made the name of a generateName.
    """
    ref = reference(asked.object)
    if ref.name is not None and ref.generate_name is not None:
        said = said.replace(ref.name, f"{ref.generate_name}*")
        ref = replace(ref, name=None)
    what = "a change of " if asked.operation == "UPDATE" else ""
    return f"{what}{ref} was refused: {said}"
