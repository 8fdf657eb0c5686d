"""Whether the VPA is there, complete, and takes what the controller asks of it."""

from collections.abc import Iterator, Mapping, Sequence

from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.vpa_plan.mode import MODE_IN_PLACE_OR_RECREATE
from webhook.core.vpa_plan.terms import ACCEPTED_MODES
from webhook.doctor.programs import Program, program, release_of
from webhook.doctor.verdict import Verdict, ok, unseen, warning

# Source: the VPA's release notes; older ones know neither the mode nor its per-VPA minReplicas.
_OLDEST = (1, 4)

_PARTS: Mapping[str, str] = {
    "vpa-recommender": "no VPA gets a recommendation",
    "vpa-updater": "running pods keep their requests",
    "vpa-admission-controller": "new pods get no recommendation",
}

_INSTALL = (
    "git clone https://github.com/kubernetes/autoscaler && "
    "./autoscaler/vertical-pod-autoscaler/hack/vpa-up.sh"
)


@frozen
class VpaFacts:
    """What was found of the VPA."""

    versions: Sequence[str]
    """Of its API, none where its CRDs are not there."""
    deployments: Sequence[Raw] | None
    """Of all namespaces; None where nobody may list them, and `unread` says why."""
    unread: str = ""
    modes: frozenset[str] | None = None
    """The update modes that it takes; None where that was not tried, and `untried` says why."""
    untried: str = ""
    has_webhook: bool | None = None
    """Whether its webhook configuration is there; None where nobody may list them."""


def judge_vpa(facts: VpaFacts) -> list[Verdict]:
    """Judge what was found of the VPA."""
    if not facts.versions:
        message = "VPA is not installed: scaleguard makes no VPAs, and has none to judge"
        fix = "install it, or leave it; nothing else depends on it"
        return [warning(message, fix, _INSTALL)]
    if "v1" not in facts.versions:
        message = f"VPA serves {', '.join(facts.versions)} and not autoscaling.k8s.io/v1"
        return [warning(message, "install a VPA of 0.10 or later", _INSTALL)]
    return [*_parts(facts), *_modes(facts)]


def _parts(facts: VpaFacts) -> Iterator[Verdict]:
    if facts.deployments is None:
        yield unseen(f"which of VPA's programs run is not known: {facts.unread}")
        return
    found = {name: program(name, facts.deployments) for name in _PARTS}
    if not any(found.values()):
        said = "none of VPA's programs runs in this cluster, by the images of Deployments"
        yield unseen(f"{said}: as on GKE, where it runs outside, or its CRDs were left behind")
        return
    problems = [verdict for name, one in found.items() if (verdict := _part(name, one)) is not None]
    admission = found["vpa-admission-controller"]
    if admission is not None and facts.has_webhook is False:
        message = "VPA's webhook configuration is gone: new pods get no recommendation"
        fix = "restart its admission controller, which makes it"
        namespace, _, name = admission.place.partition("/")
        command = f"kubectl -n {namespace} rollout restart deployment/{name}"
        problems.append(warning(message, fix, command))
    yield from problems or [ok(", ".join(str(one) for one in found.values()))]


def _part(name: str, found: Program | None) -> Verdict | None:
    if found is None:
        return warning(f"{name} does not run: {_PARTS[name]}", "install all of the VPA", _INSTALL)
    namespace, _, deployment = found.place.partition("/")
    if found.available == 0:
        command = f"kubectl -n {namespace} describe deployment/{deployment}"
        message = f"{name} ({found.place}) has no replica that is available: {_PARTS[name]}"
        return warning(message, "see what its pods say", command)
    release = release_of(found.version)
    if release is not None and release < _OLDEST:
        message = f"{name} is {found.version}: mode {MODE_IN_PLACE_OR_RECREATE} came with 1.4"
        return warning(message, "update the VPA; until then VPAs of that mode are refused")
    return None


def _modes(facts: VpaFacts) -> Iterator[Verdict]:
    if facts.modes is None:
        yield unseen(f"which update modes it takes was not tried: {facts.untried}")
        return
    modes = ", ".join(mode for mode in sorted(ACCEPTED_MODES) if mode in facts.modes)
    missing = sorted(ACCEPTED_MODES - facts.modes)
    more = sorted(facts.modes - ACCEPTED_MODES)
    taken = f"update modes: {', '.join([modes, *more])}"
    if missing:
        yield warning(f"{taken}; not {', '.join(missing)}", "VPAs get the nearest that it takes")
    else:
        yield ok(taken)
