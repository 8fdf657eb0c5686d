"""The decision on a request: read, gather, ask the rules, conclude; or fit a pod or template."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from webhook.core.ai_pod import AiPod, Knowledge, device_totals, recognise
from webhook.core.autoscaler_facts import Around
from webhook.core.autoscalers.kinds import AUTOSCALERS, VPA
from webhook.core.classify import Maker, made_by
from webhook.core.conclude import conclude, in_order, ratchet
from webhook.core.exemptions import unknown_exemptions
from webhook.core.fields import Raw, annotation, mapping
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting, fit
from webhook.core.frozen import frozen
from webhook.core.gather import Facts, gather
from webhook.core.kinds import templates
from webhook.core.kueue import queue_of
from webhook.core.metric_facts import Fit
from webhook.core.mode import Mode
from webhook.core.nodes import NodeShape
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    MANAGED_LABEL,
    POD,
    GroupKind,
    controller,
    is_going,
    is_labelled,
    reference,
)
from webhook.core.patch import Operation, applied
from webhook.core.pod import ClaimedDevice, claim_names
from webhook.core.pod_facts import PodContext, PodFacts, PodSubject, gather_pod
from webhook.core.profile import PROFILE_ANNOTATION, Profile, Profiles
from webhook.core.review import Request
from webhook.core.templates import joined
from webhook.core.verdict import Ask, CannotJudge, Settings
from webhook.core.vpa_plan.plan import Plan, Subject, plan
from webhook.core.vpa_plan.terms import ACCEPTED_MODES
from webhook.core.workload import MadePod
from webhook.core.workload_change import Judging, brought
from webhook.core.world import Autoscaler, World, read_autoscalers

# Fields that change without anybody wanting anything else: who wrote what, and finalizers.
_BOOKKEEPING = frozenset({"finalizers", "generation", "managedFields", "resourceVersion"})


@frozen
class Decision:
    """The answer to one request."""

    allowed: bool
    findings: tuple[Finding, ...] = ()
    fitting: Fitting | None = None
    ai_pod: AiPod | None = None
    invalid: str | None = None
    """What makes the object invalid whatever rules say; the API server would refuse it too."""
    ask_again: str | None = None
    """Why there is no answer at this moment, and there will be one in a second."""
    notes: tuple[str, ...] = ()
    """What is to be said beside findings."""
    mode: Mode = Mode.ENFORCE

    @property
    def patch(self) -> list[Operation]:
        """What is changed: nothing where the mode lets it only be recorded."""
        return self.fitting.patch if self.fitting is not None and self.mode.acts else []

    @property
    def would(self) -> str | None:
        """The most that mode enforce would have done and this one does not: deny, warn, patch."""
        actions = [finding.would for finding in self.findings if finding.would is not None]
        if actions:
            return max(actions, key=lambda action: action.strength).value
        return "patch" if self.fitting is not None and self.fitting.patch != self.patch else None


ALLOWED = Decision(allowed=True)


@frozen
class Judge:
    """Everything that decisions need, put together once."""

    knowledge: Knowledge
    profiles: Profiles
    settings: Settings
    ask: Ask
    mutate_templates: bool = False
    """Whether the templates of what waits in a queue of Kueue are fitted as well as pods."""
    plans_vpas: bool = True
    """Whether AI workloads get VPAs."""
    controller: str | None = None
    """The user who may label VPAs as managed; None where that is not known."""
    unheard: Callable[[], str | None] = lambda: None
    """Say which rules had to be heard on a request and were not."""

    def findings(self, subject: Autoscaler, world: World) -> list[Finding]:
        """Judge one autoscaler in its world."""
        return self._conclude(self._gather(subject, world), subject.ref.namespace, world)

    def brought(self, request: Request, world: World) -> list[Finding]:
        """Judge what a request for a workload means to the autoscalers that act on it."""
        judging = Judging(
            self._gather, lambda facts: self._conclude(facts, facts.subject.ref.namespace, world)
        )
        found = brought(request, world, self.knowledge.kinds, judging)
        return in_order(found, self.settings)

    def settings_in(self, namespace: str | None, world: World) -> Settings:
        """What holds in a namespace; what is in none is judged by what holds for everybody."""
        if namespace is None or not self.settings.namespaces:
            return self.settings
        return self.settings.among(world.namespace(namespace).labels)

    def fitted(
        self, pod: Raw, maker: Maker | None, namespace: str, world: World
    ) -> tuple[AiPod, Fitting] | None:
        """Recognise a pod or template and make its patch; None for pods that are not AI pods."""
        ai_pod = recognise(pod, maker, _claims(pod, namespace, world), self.knowledge)
        if ai_pod is None:
            return None
        shares = (self.profiles.shares, world.node_shares())
        profile, notes = self._profile(pod, ai_pod, namespace, world)
        fitting = fit(pod, ai_pod, profile, world.bounds(namespace), shares)
        return ai_pod, replace(
            fitting, profile=profile.name, notes=(*ai_pod.notes, *notes, *fitting.notes)
        )

    def _profile(
        self, pod: Raw, ai_pod: AiPod, namespace: str, world: World
    ) -> tuple[Profile, tuple[str, ...]]:
        """The profile of an AI pod, and notes on those that it asks for in vain."""
        home = world.namespace(namespace)
        on_pod = annotation(pod, PROFILE_ANNOTATION) or ""
        return self.profiles.pick(
            ((on_pod, "the pod's annotation"), (home.profile, "its namespace's annotation")),
            ai_pod.workload_class,
            ai_pod.accelerators,
            ai_pod.totals,
            home.labels,
        )

    def plan(
        self, raw: Raw, world: World, accepted: frozenset[str] = ACCEPTED_MODES
    ) -> Plan | None:
        """Plan the VPA of an AI workload; None for everything else, and where nobody wants any.

        `accepted` are the update modes that the cluster takes.
        """
        ref = reference(raw)
        kind = self.knowledge.kinds.get(ref.group_kind)
        namespace = ref.namespace or DEFAULT_NAMESPACE
        lacks = ref.name is None or ref.group_kind == POD or is_going(raw)
        if not self.plans_vpas or kind is None or lacks or world.is_ignored(namespace):
            return None
        found = self.pods(raw, world)
        pods = [
            (applied(one.pod, one.fitting.patch), one.ai_pod)
            for one in found
            if one.ai_pod is not None and one.fitting is not None
        ]
        if not pods:
            return None
        # The template with accelerators speaks for the workload.
        pods.sort(key=lambda one: not one[1].accelerators)
        profile, _ = self._profile(*pods[0], namespace, world)
        subject = Subject(raw, kind, tuple(pods), profile)
        return plan(subject, world, self.shapes(world), accepted)

    def devices(self, made: MadePod, namespace: str, world: World) -> Mapping[str, int | str]:
        """Count the accelerators that a pod or template asks for."""
        claims = _claims(made.pod, namespace, world)
        return device_totals(made.containers, claims, self.knowledge.catalogue)

    def shapes(self, world: World) -> tuple[NodeShape, ...]:
        """The nodes that are known: those of the configuration, then those of the world."""
        return (*self.profiles.node_shapes, *world.node_shapes())

    def pods(self, raw: Raw, world: World) -> list[PodSubject]:
        """Fit the pod that an object is, or those that would be made from its templates."""
        ref = reference(raw)
        kind = self.knowledge.kinds.get(ref.group_kind)
        if kind is None:
            return []
        maker, namespace = made_by(raw), ref.namespace or DEFAULT_NAMESPACE
        found = []
        for template in templates(kind, raw):
            fitted = self.fitted(template.raw, maker, namespace, world)
            found.append(PodSubject(raw, template, *(fitted or (None, None))))
        return found

    def pod_findings(self, subject: PodSubject, world: World, *, is_new: bool) -> list[Finding]:
        """Judge a pod or template as it will be; `is_new` where nothing counts it as used yet."""
        context = PodContext(self.knowledge.catalogue, self.shapes(world), self.mutate_templates)
        facts = gather_pod(subject, world, context, is_new=is_new)
        return self._conclude(facts, subject.ref.namespace, world) if facts is not None else []

    def _gather(self, subject: Autoscaler, world: World) -> Facts:
        shares_cpu = self.settings.gke_rightsizing
        around = Around(_once(self.fitted), self.devices, self.profiles.node_shapes, shares_cpu)
        return gather(subject, world, around)

    def _conclude(
        self, facts: Facts | PodFacts, namespace: str | None, world: World
    ) -> list[Finding]:
        documents = facts.documents(self.settings.for_rules())
        verdicts = [verdict for document in documents for verdict in self.ask(document)]
        return conclude(verdicts, facts, self.settings_in(namespace, world))

    def all_findings(
        self, raw: Raw, autoscalers: Iterable[Autoscaler], world: World, *, is_new: bool
    ) -> list[Finding]:
        """Judge whatever an object is: autoscalers, something that makes pods, or both."""
        found = [one for each in autoscalers for one in self.findings(each, world)]
        for pod in self.pods(raw, world):
            found += self.pod_findings(pod, world, is_new=is_new)
        return found


def validate(request: Request, world: World, judge: Judge) -> Decision:
    """Decide on an autoscaler, or on what makes pods; everything else, and every DELETE, passes.

    What is made by something that is judged itself passes too: a ReplicaSet of a Deployment. On a
    workload is said as well what it means to the autoscalers that act on it.
    Raises `CannotJudge` where nothing is denied and a rule that has to be heard was not.
    """
    if request.operation not in {"CREATE", "UPDATE"} or request.sub_resource:
        return ALLOWED
    is_new = request.operation == "CREATE"
    namespace = request.namespace or DEFAULT_NAMESPACE
    if world.is_ignored(namespace) or _is_bookkeeping(request) or _is_made(request, judge):
        return ALLOWED
    mode = judge.settings_in(namespace, world).mode
    if mode is Mode.ENFORCE and (why := _forged(request, judge)) is not None:
        return Decision(allowed=False, invalid=why)
    findings = judge.all_findings(request.object, request.autoscalers, world, is_new=is_new)
    if not is_new and any(finding.enforced is Action.DENY for finding in findings):
        before = request.old_object
        old = judge.all_findings(before, read_autoscalers(before), world, is_new=False)
        findings = ratchet(findings, old)
    denied = any(finding.action is Action.DENY for finding in findings)
    if not denied and (why := judge.unheard()) is not None:
        raise CannotJudge(why)
    found = (*findings, *judge.brought(request, world))
    notes = unknown_exemptions(request.object, judge.settings.rules)
    return Decision(allowed=not denied, findings=found, notes=notes, mode=mode)


def mutate(request: Request, world: World, judge: Judge) -> Decision:
    """Fit a pod that is being created, or what waits in a queue; everything else stays as it is."""
    namespace = request.namespace or DEFAULT_NAMESPACE
    if request.operation != "CREATE" or request.sub_resource or world.is_ignored(namespace):
        return ALLOWED
    mode = judge.settings_in(namespace, world).mode
    if request.group_kind != POD:
        return replace(_fit_queued(request.object, world, judge), mode=mode)
    containers = mapping(request.object, "spec").get("containers")
    listed = isinstance(containers, list) and all(isinstance(one, dict) for one in containers)
    if not containers or not listed:
        if not mode.acts:
            return ALLOWED
        return Decision(allowed=False, invalid="spec.containers: a pod needs a list of containers")
    fitted = judge.fitted(request.object, made_by(request.object), namespace, world)
    if fitted is None:
        return ALLOWED
    return Decision(allowed=True, ai_pod=fitted[0], fitting=fitted[1], mode=mode)


def _fit_queued(raw: Raw, world: World, judge: Judge) -> Decision:
    """Fit the templates that Kueue looks at, where the configuration says so."""
    if not judge.mutate_templates or not queue_of(raw):
        return ALLOWED
    fitted = joined(judge.pods(raw, world))
    if fitted is None:
        return ALLOWED
    return Decision(allowed=True, ai_pod=fitted[0], fitting=fitted[1])


def decision_id(uid: str) -> str:
    """The id by which a decision is found in the audit: derived from the review's uid."""
    return hashlib.sha256(uid.encode(errors="surrogatepass")).hexdigest()[:12]


def _once(fit: Fit) -> Fit:
    """Fit each pod of one judgement once: several facts of it look at the same template."""
    known: dict[int, tuple[Raw, tuple[AiPod, Fitting] | None]] = {}

    def fitted(
        pod: Raw, maker: Maker | None, namespace: str, world: World
    ) -> tuple[AiPod, Fitting] | None:
        if id(pod) not in known:  # with the pod itself: no other one gets its id meanwhile
            known[id(pod)] = pod, fit(pod, maker, namespace, world)
        return known[id(pod)][1]

    return fitted


def _claims(pod: Raw, namespace: str, world: World) -> Mapping[str, tuple[ClaimedDevice, ...]]:
    return {
        entry: world.claim(namespace, name, is_template=is_template)
        for entry, name, is_template in claim_names(pod)
    }


def _is_made(request: Request, judge: Judge) -> bool:
    """Whether a controller made the object from one that is judged, where a person sees it.

    Anybody can name an owner, and speak as a ServiceAccount of a namespace that they edit.
    """
    near = f"system:serviceaccount:{request.namespace}:"
    is_controller = request.user.startswith("system:") and not request.user.startswith(near)
    if request.group_kind in AUTOSCALERS or not is_controller:
        return False
    owner = controller(request.object)
    kinds = judge.knowledge.kinds
    return owner is not None and kinds.get(GroupKind(owner.group, owner.kind)) is not None


def _forged(request: Request, judge: Judge) -> str | None:
    """Say why a VPA's label is refused: it makes scalers pass, so it is the controller's alone.

    Where nobody knows who the controller is, the label means nothing and may stand anywhere.
    """
    known = judge.controller is not None and request.user != judge.controller
    if request.group_kind != VPA or not known or not is_labelled(request.object):
        return None
    if is_labelled(request.old_object):
        return None
    return (
        f"metadata.labels[{MANAGED_LABEL}]: only {judge.controller} sets this label; leave it out, "
        "and the VPA is yours"
    )


def _is_bookkeeping(request: Request) -> bool:
    """Whether an update changes nothing but bookkeeping and status: it must always pass."""
    return request.operation == "UPDATE" and _meaning(request.object) == _meaning(
        request.old_object
    )


def _meaning(raw: Raw) -> dict[str, object]:
    metadata = mapping(raw, "metadata")
    kept = {name: value for name, value in metadata.items() if name not in _BOOKKEEPING}
    return {**raw, "metadata": kept, "status": None}
