"""All checks, in the order in which they are told: first scaleguard, then what it stands beside."""

from collections.abc import Callable, Collection, Iterator, Mapping

from webhook.doctor.fetching import others, ours, trying
from webhook.doctor.fetching.cluster import UnseenError
from webhook.doctor.fetching.look import Look
from webhook.doctor.verdict import Checked, Verdict, unseen

CHECKS: Mapping[str, Callable[[Look], list[Verdict]]] = {
    "configurations": ours.configurations,
    "namespaces": ours.namespaces,
    "order": others.order,
    "deployments": ours.deployments,
    "certificate": ours.certificate,
    "readiness": ours.readiness,
    "canary": trying.canary_objects,
    "rights": ours.rights,
    "audit": ours.audit,
    "vpa": others.vpa,
    "keda": others.keda,
    "metrics": others.metrics,
}


def check(look: Look, names: Collection[str]) -> Iterator[Checked]:
    """Make some checks."""
    for name, make in CHECKS.items():
        if name not in names:
            continue
        try:
            verdicts = make(look)
        except UnseenError as error:
            verdicts = [unseen(str(error))]
        yield Checked(name, tuple(verdicts))
