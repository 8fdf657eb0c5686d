"""What a review of manifests says: the JSON of `scaleguard review -o json`, version 1."""

from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw
from webhook.core.finding import Finding, strongest
from webhook.core.fit import Fitting
from webhook.core.frameworks.places import Template
from webhook.core.frozen import frozen
from webhook.core.mode import Mode
from webhook.core.objects import ObjectRef
from webhook.core.patch import Operation, Segment, dotted
from webhook.core.vpa_plan.plan import Plan, Planned
from webhook.manifests.entries import Document, Skipped, Source, Unreadable

VERSION = 1


@frozen
class FittedPod:
    """A pod, or the pod made from a template: what it is and its patch."""

    template: Template
    ai_pod: AiPod
    fitting: Fitting

    @property
    def path(self) -> tuple[Segment, ...]:
        """Where the template stands in the object; empty for a pod itself."""
        return self.template.path

    def as_json(self) -> dict[str, Any]:
        """A member of `templates`."""
        found = {
            "path": dotted(self.path),
            "workload": self.ai_pod.as_json(),
            "patch": self.fitting.patch,
        }
        return found | ({"assembled": True} if self.template.assembled else {})


@frozen
class Result:
    """The judgement of one object."""

    document: Document
    ref: ObjectRef
    findings: tuple[Finding, ...] = ()
    pods: tuple[FittedPod, ...] = ()
    notes: tuple[str, ...] = ()
    """What is to be said of the object beside findings; its pods have notes of their own."""
    plan: Plan | None = None
    """The VPA that the controller would make, or why there would be none."""
    mode: Mode = Mode.ENFORCE
    """How far things go in its namespace."""

    @property
    def is_held_back(self) -> bool:
        """Whether its pods would be patched, or a VPA made, if the mode let it."""
        would = isinstance(self.plan, Planned) or any(pod.fitting.patch for pod in self.pods)
        return would and not self.mode.acts

    @property
    def source(self) -> Source:
        """Where the object stands."""
        return self.document.source

    @property
    def raw(self) -> Raw:
        """The object as written."""
        return self.document.raw

    @property
    def action(self) -> str:
        """deny, warn or allow."""
        return strongest(self.findings)

    @property
    def main_pod(self) -> FittedPod | None:
        """The pod that speaks for the object: the first with accelerators, else the first."""
        accelerated = [pod for pod in self.pods if pod.ai_pod.accelerators]
        return next(iter(accelerated or self.pods), None)

    @property
    def object_patch(self) -> list[Operation]:
        """The operations on the object itself, templates included.

        Pods that are assembled from pieces have no place there: their patches are only shown.
        """
        return [
            operation for pod in self.pods for operation in pod.template.placed(pod.fitting.patch)
        ]

    def as_json(self) -> dict[str, Any]:
        """A member of `results`."""
        pod = self.main_pod
        found: dict[str, Any] = {
            "source": self.source.as_json(),
            "resource": self.ref.as_json(),
            "action": self.action,
            "findings": [finding.as_json() for finding in self.findings],
            "patch": pod.fitting.patch if pod is not None else [],
            "workload": pod.ai_pod.as_json() if pod is not None else None,
        }
        if pod is not None and pod.template.assembled:
            found["assembled"] = True
        notes = [*self.notes, *(note for each in self.pods for note in each.fitting.notes)]
        if notes:
            found["notes"] = notes
        if self.is_held_back:
            found["heldBack"] = True
        if len(self.pods) > 1:
            found["templates"] = [each.as_json() for each in self.pods]
        return found


@frozen
class Review:
    """The judgement of everything that was read."""

    results: tuple[Result, ...]
    skipped: tuple[Skipped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    def count(self, action: str) -> int:
        """How many objects got an action."""
        return sum(result.action == action for result in self.results)

    @property
    def mutated(self) -> int:
        """How many objects would be patched."""
        return sum(
            result.mode.acts and any(pod.fitting.patch for pod in result.pods)
            for result in self.results
        )

    @property
    def planned_vpas(self) -> list[Raw]:
        """The VPAs that the controller would make, one for each workload (overlays)."""
        plans = (result.plan for result in self.results)
        found = {one.workload: one.vpa for one in plans if isinstance(one, Planned)}
        return list(found.values())

    def as_json(self) -> dict[str, Any]:
        """The whole document of `-o json`."""
        return {
            "version": VERSION,
            "summary": {
                "objects": len(self.results),
                "denied": self.count("deny"),
                "warned": self.count("warn"),
                "mutated": self.mutated,
                "skipped": len(self.skipped) + len(self.unreadable),
            },
            "results": [result.as_json() for result in self.results],
            "plannedVPAs": self.planned_vpas,
            "skipped": [
                *({"source": one.source.as_json(), "reason": one.reason} for one in self.skipped),
                *(
                    {"source": one.source.as_json(), "reason": one.reason, "unreadable": True}
                    for one in self.unreadable
                ),
            ],
        }
