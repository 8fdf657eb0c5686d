"""Why a pod is or is not an AI pod, what is injected into it, and what is left alone and why.

Nothing is decided here: every reason is read off the pod, what its namespace does, and what the
mutations made of both.
"""

from collections.abc import Mapping
from typing import Any

from webhook.core.accelerators import Catalogue
from webhook.core.ai_pod import AiPod
from webhook.core.classify import made_by
from webhook.core.decide import Judge
from webhook.core.explain_before import before
from webhook.core.explain_left import LeftAlone, field_of, left_alone, value_at
from webhook.core.explain_not import Step, why_not
from webhook.core.fields import Raw, annotation
from webhook.core.finding import Finding
from webhook.core.fit import Fitting
from webhook.core.frozen import frozen
from webhook.core.mode import Mode
from webhook.core.mutations.marks import MUTATIONS_ANNOTATION
from webhook.core.nearly import misspelt
from webhook.core.objects import DEFAULT_NAMESPACE, IGNORE_LABEL
from webhook.core.patch import Addition, dotted, operations, pointer
from webhook.core.pod_facts import PodSubject
from webhook.core.profile import PROFILE_ANNOTATION, Profile
from webhook.core.world import World


@frozen
class Asked:
    """An accelerator that a pod asks for."""

    resource: str
    count: int | str
    family: str
    counts: str
    """How its quantity is read: devices, slices, shares."""
    containers: tuple[str, ...]
    """Who asks; nobody where it is of a resource claim that no container uses."""

    def as_json(self) -> dict[str, Any]:
        """A member of `accelerators`."""
        return {
            "resource": self.resource,
            "count": self.count,
            "family": self.family,
            "counts": self.counts,
            "containers": list(self.containers),
        }


@frozen
class Injected:
    """A value that is injected, and where it comes from."""

    field: str
    addition: Addition

    def as_json(self) -> dict[str, Any]:
        """A member of `injected`."""
        return {
            "field": self.field,
            "path": pointer(self.addition.path),
            "value": self.addition.value,
            "why": self.addition.why,
        }


@frozen
class Explanation:
    """All that is to be said of one pod or template."""

    subject: PodSubject
    ignored: str
    """Why nothing happens to it though it is an AI pod; empty where something does."""
    accelerators: tuple[Asked, ...]
    profile: tuple[str, str]
    """The name of its profile and who says so; empty where it has none."""
    injected: tuple[Injected, ...]
    before: tuple[Injected, ...]
    """What was injected when the pod was made."""
    before_brief: str
    """The same as the pod's annotation tells it."""
    left_alone: tuple[LeftAlone, ...]
    why_not: tuple[Step, ...]
    """Why it is no AI pod, in the order in which that was found out."""
    did_you_mean: Mapping[str, str]
    """Resource names that are nearly those of accelerators, and these."""
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ai_pod(self) -> AiPod | None:
        """What was recognised."""
        return self.subject.ai_pod

    def as_json(self) -> dict[str, Any]:
        """A member of `pods`, without its source."""
        workload = self.ai_pod.as_json() if self.ai_pod is not None else None
        name, why = self.profile
        return {
            "resource": self.subject.ref.as_json(),
            "template": dotted(self.subject.path) or None,
            "assembled": self.subject.template.assembled,
            "workload": workload,
            "guessed": self.ai_pod is not None and self.ai_pod.evidence.guessed,
            "whyNot": [step.as_json() for step in self.why_not],
            "ignored": self.ignored or None,
            "accelerators": [each.as_json() for each in self.accelerators],
            "profile": {"name": name, "why": why} if name else None,
            "injected": [each.as_json() for each in self.injected],
            "injectedBefore": [each.as_json() for each in self.before],
            "leftAlone": [each.as_json() for each in self.left_alone],
            "didYouMean": dict(self.did_you_mean),
            "notes": list(self.notes),
            "findings": [finding.as_json() for finding in self.findings],
        }


def explain(subject: PodSubject, judge: Judge, world: World, *, is_new: bool) -> Explanation:
    """Explain a pod or template; raises `CannotJudge` where the rules give no answer.

    `is_new` says that nothing counts the pod as used yet.
    """
    pod, ai_pod, fitting = subject.pod, subject.ai_pod, subject.fitting
    namespace = subject.ref.namespace or DEFAULT_NAMESPACE
    ignored = world.is_ignored(namespace)
    mode = judge.settings_in(namespace, world).mode
    steps = () if ai_pod is not None else tuple(why_not(subject, judge.knowledge, world))
    additions: tuple[Addition, ...] = ()
    left: tuple[LeftAlone, ...] = ()
    earlier: tuple[Injected, ...] = ()
    if ai_pod is not None and fitting is not None and not ignored:
        # The label of a pod that has it already is among the additions, and changes nothing.
        additions = tuple(one for one in fitting.additions if operations(pod, (one,)))
        earlier = _before(subject, judge, world)
        profile = _profile(judge, fitting.profile)
        left = tuple(
            each
            for each in left_alone(pod, ai_pod, profile, world.bounds(namespace), additions)
            if not any(each.is_of(one.addition) for one in earlier)
        )
    return Explanation(
        subject,
        f'its namespace {namespace} has the label {IGNORE_LABEL}: "true"' if ignored else "",
        _asked(ai_pod, judge.knowledge.catalogue) if ai_pod is not None else (),
        _who_picked(pod, fitting.profile if fitting else "", world.namespace(namespace).profile),
        tuple(Injected(field_of(pod, one.path), one) for one in additions),
        earlier,
        annotation(pod, MUTATIONS_ANNOTATION) or "",
        left,
        steps,
        misspelt(pod, judge.knowledge.catalogue),
        _notes(fitting, mode) if fitting is not None and not ignored else (),
        () if ignored else tuple(judge.pod_findings(subject, world, is_new=is_new)),
    )


def _notes(fitting: Fitting, mode: Mode) -> tuple[str, ...]:
    if mode.acts or not fitting.patch:
        return fitting.notes
    return (*fitting.notes, f"mode {mode.value}: this is recorded, and the pod stays as it is")


def _before(subject: PodSubject, judge: Judge, world: World) -> tuple[Injected, ...]:
    """Tell where the values come from that the pod got when it was made.

    It is fitted again without them: what comes back as the pod has it was injected for that reason.
    """
    bare = before(subject.pod)
    if bare is None:
        return ()
    namespace = subject.ref.namespace or DEFAULT_NAMESPACE
    again = judge.fitted(bare, made_by(subject.raw), namespace, world)
    back = again[1].additions if again is not None else ()
    return tuple(
        Injected(field_of(subject.pod, one.path), one) for one in back if _has(subject.pod, one)
    )


def _has(pod: Raw, addition: Addition) -> bool:
    """Whether a pod has what an addition says; the list of what was added is no part of it."""
    *parents, last = addition.path
    parent = value_at(pod, parents)
    if isinstance(parent, list):
        return addition.value in parent
    return last != MUTATIONS_ANNOTATION and value_at(parent, (last,)) == addition.value


def _profile(judge: Judge, name: str) -> Profile:
    return judge.profiles.named[name][0] if name else judge.profiles.base


def _who_picked(pod: Raw, name: str, of_namespace: str) -> tuple[str, str]:
    """Say who picked a profile, in the order in which they are asked."""
    if not name:
        return "", ""
    if annotation(pod, PROFILE_ANNOTATION) == name:
        return name, f"the pod's annotation {PROFILE_ANNOTATION}"
    if of_namespace == name:
        return name, f"its namespace's annotation {PROFILE_ANNOTATION}"
    return name, "the first in the configuration that matches it"


def _asked(ai_pod: AiPod, catalogue: Catalogue) -> tuple[Asked, ...]:
    return tuple(
        Asked(resource, count, known.family, known.counts.value, _users(ai_pod, resource))
        for resource, count in ai_pod.totals.items()
        if (known := catalogue.resource(resource) or catalogue.device_class(resource)) is not None
    )


def _users(ai_pod: AiPod, resource: str) -> tuple[str, ...]:
    return tuple(
        container.name
        for container, devices in ai_pod.containers
        if any(device.resource == resource for device in devices)
    )
