"""The decision on a request, in one screen: read, gather, ask the rules, conclude; or fit a pod."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from webhook.core.ai_pod import AiPod, Knowledge, recognise
from webhook.core.classify import Maker
from webhook.core.conclude import conclude, ratchet
from webhook.core.fields import Raw, mapping
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting, fit
from webhook.core.gather import gather
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind, controller
from webhook.core.pod import ClaimedDevice, claim_names
from webhook.core.profile import Profile
from webhook.core.review import Request
from webhook.core.verdict import Ask, Settings
from webhook.core.world import Autoscaler, World, read_autoscaler

POD = GroupKind("", "Pod")

# Fields that change without anybody wanting anything else: who wrote what, and finalizers.
_BOOKKEEPING = frozenset({"finalizers", "generation", "managedFields", "resourceVersion"})


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request."""

    allowed: bool
    findings: tuple[Finding, ...] = ()
    fitting: Fitting | None = None
    ai_pod: AiPod | None = None
    invalid: str | None = None
    """What makes the object invalid whatever rules say; the API server would refuse it too."""


ALLOWED = Decision(allowed=True)


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that decisions need, put together once."""

    knowledge: Knowledge
    profile: Profile
    settings: Settings
    ask: Ask

    def findings(self, subject: Autoscaler, world: World) -> list[Finding]:
        """Judge one autoscaler in its world."""
        facts = gather(subject, world)
        documents = facts.documents(self.settings.for_rules())
        verdicts = [verdict for document in documents for verdict in self.ask(document)]
        return conclude(verdicts, facts, self.settings)

    def fitted(
        self, pod: Raw, maker: Maker | None, namespace: str, world: World
    ) -> tuple[AiPod, Fitting] | None:
        """Recognise a pod or template and make its patch; None for pods that are not AI pods."""
        ai_pod = recognise(pod, maker, _claims(pod, namespace, world), self.knowledge)
        if ai_pod is None:
            return None
        return ai_pod, fit(pod, ai_pod, self.profile, world.bounds(namespace))


def validate(request: Request, world: World, judge: Judge) -> Decision:
    """Decide on an HPA, VPA or ScaledObject; everything else, and every DELETE, passes."""
    if request.operation not in {"CREATE", "UPDATE"} or request.sub_resource:
        return ALLOWED
    subject = read_autoscaler(request.object)
    if subject is None or world.is_ignored(subject.ref.namespace) or _is_bookkeeping(request):
        return ALLOWED
    findings = judge.findings(subject, world)
    old = read_autoscaler(request.old_object) if request.operation == "UPDATE" else None
    if old is not None and any(finding.action is Action.DENY for finding in findings):
        findings = ratchet(findings, judge.findings(old, world))
    denied = any(finding.action is Action.DENY for finding in findings)
    return Decision(allowed=not denied, findings=tuple(findings))


def mutate(request: Request, world: World, judge: Judge) -> Decision:
    """Fit a pod that is being created; everything else passes untouched."""
    if request.operation != "CREATE" or request.sub_resource or request.group_kind != POD:
        return ALLOWED
    namespace = request.namespace or DEFAULT_NAMESPACE
    if world.is_ignored(namespace):
        return ALLOWED
    containers = mapping(request.object, "spec").get("containers")
    listed = isinstance(containers, list) and all(isinstance(one, dict) for one in containers)
    if not containers or not listed:
        return Decision(allowed=False, invalid="spec.containers: a pod needs a list of containers")
    owner = controller(request.object)
    maker = Maker(GroupKind(owner.group, owner.kind)) if owner is not None else None
    fitted = judge.fitted(request.object, maker, namespace, world)
    if fitted is None:
        return ALLOWED
    return Decision(allowed=True, ai_pod=fitted[0], fitting=fitted[1])


def decision_id(uid: str) -> str:
    """The id by which a decision is found in the audit: derived from the review's uid."""
    return hashlib.sha256(uid.encode(errors="surrogatepass")).hexdigest()[:12]


def _claims(pod: Raw, namespace: str, world: World) -> Mapping[str, tuple[ClaimedDevice, ...]]:
    return {
        entry: world.claim(namespace, name, is_template=is_template)
        for entry, name, is_template in claim_names(pod)
    }


def _is_bookkeeping(request: Request) -> bool:
    """Whether an update changes nothing but bookkeeping and status: it must always pass."""
    return request.operation == "UPDATE" and _meaning(request.object) == _meaning(
        request.old_object
    )


def _meaning(raw: Raw) -> dict[str, object]:
    metadata = mapping(raw, "metadata")
    kept = {name: value for name, value in metadata.items() if name not in _BOOKKEEPING}
    return {**raw, "metadata": kept, "status": None}
