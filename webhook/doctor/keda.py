"""Whether KEDA is there, complete, and answers the HPAs that it makes."""

from collections.abc import Iterator, Sequence

from webhook.core.fields import Raw, strings
from webhook.core.frozen import frozen
from webhook.core.objects import reference
from webhook.doctor.programs import program
from webhook.doctor.verdict import Verdict, ok, unseen, warning

_PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")
_MOST_NAMES = 5


@frozen
class KedaFacts:
    """What was found of KEDA."""

    versions: Sequence[str]
    """Of its API, none where its CRDs are not there."""
    deployments: Sequence[Raw] | None
    """Of all namespaces; None where nobody may list them, and `unread` says why."""
    unread: str = ""
    has_webhook: bool | None = None
    """Whether its own webhook is there; None where nobody may list configurations."""
    scaled_objects: Sequence[Raw] = ()


def judge_keda(facts: KedaFacts) -> list[Verdict]:
    """Judge what was found of KEDA."""
    if not facts.versions:
        return [ok("KEDA is not installed")]
    return [*_operator(facts), *_paused(facts)]


def _operator(facts: KedaFacts) -> Iterator[Verdict]:
    if facts.deployments is None:
        yield unseen(f"whether KEDA's operator runs is not known: {facts.unread}")
        return
    operator = program("keda", facts.deployments)
    if operator is None:
        message = "KEDA's CRDs are there and its operator is not: ScaledObjects scale nothing"
        yield warning(message, "install KEDA, or remove its CRDs")
    elif operator.available == 0:
        namespace, _, name = operator.place.partition("/")
        message = f"KEDA's operator {operator} has no replica that is available"
        command = f"kubectl -n {namespace} describe deployment/{name}"
        yield warning(message, "see what its pods say", command)
    else:
        own = " with its own webhook" if facts.has_webhook else ""
        yield ok(f"operator {operator}{own}")


def _paused(facts: KedaFacts) -> Iterator[Verdict]:
    """A paused one has no HPA: nothing scales its workload, and that may be forgotten."""
    paused = [
        f"{ref.namespace}/{ref.name}"
        for raw in facts.scaled_objects
        for ref in [reference(raw)]
        for said in [strings(raw, "metadata", "annotations")]
        if said.get(_PAUSED[0], "false").casefold() not in {"false", "f", "0"} or _PAUSED[1] in said
    ]
    if paused:
        names = ", ".join(paused[:_MOST_NAMES])
        more = f" and {len(paused) - _MOST_NAMES} more" if len(paused) > _MOST_NAMES else ""
        yield warning(
            f"paused, so that nothing scales their workloads: {names}{more}",
            "remove the annotation where it was forgotten",
            f"kubectl -n {paused[0].partition('/')[0]} annotate scaledobject "
            f"{paused[0].partition('/')[2]} {_PAUSED[0]}- {_PAUSED[1]}-",
        )
