"""The one place where parts are put together."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from webhook.config import Config
from webhook.core.accelerators import Catalogue
from webhook.core.decide import Decision, Judge
from webhook.core.review import Request
from webhook.core.verdict import Rule, Settings
from webhook.core.world import World
from webhook.errors import ConfigError, Faults, ScaleguardError
from webhook.knowledge import knowledge
from webhook.manifests import Document, Unreadable, read
from webhook.policy.catalogue import catalogue as rule_catalogue
from webhook.policy.engine import end, engine, for_request, put_back, remarks
from webhook.policy.places import places
from webhook.policy.references import unknown_references
from webhook.policy.source import Module, load

if TYPE_CHECKING:
    from webhook.cluster.state import ClusterState
    from webhook.policy.custom.rules import Terms
    from webhook.reload.reloading import Reloading
    from webhook.reload.sources import LastGood, Material, Sources

_log = logging.getLogger("scaleguard.custom")


def build_judge(config: Config, policies: Sequence[Path] = ()) -> Judge:
    """Read the rules and put a judge together; raises `ScaleguardError` with what to mend."""
    modules = load(policies)
    judge = judge_of(config, modules)
    _warn_of_references(modules)
    return judge


def _warn_of_references(modules: Sequence[Module]) -> None:
    """Tell who loads rules that a part of one never holds: no engine complains of it."""
    for said in unknown_references(modules):
        _log.warning("%s", said)


def judge_of(config: Config, modules: Sequence[Module], terms: "Terms | None" = None) -> Judge:
    """Put a judge together: knowledge, settings and the engine of the rules.

    `terms` are those on which the embedded engine hears the rules of users; without them such a
    rule has to answer. Raises `ScaleguardError` with every fault.
    """
    faults = Faults()
    with faults.noted():
        rules = rule_catalogue(modules)
        places(modules)
        _known_rules(config, rules)
    if config.opa is not None:
        faults.refuse()  # before a server has a part of the rules
    with faults.noted():
        ask = engine(config.opa, modules, terms)
    known = knowledge(config.accelerators, by_image=config.detect_by_image)
    with faults.noted():
        _known_accelerators(config, known.catalogue)
    faults.refuse()
    settings = Settings(
        rules,
        config.actions,
        config.strictness,
        config.gke_rightsizing,
        config.startup_boost,
        config.mode,
        config.namespaces,
    )
    return Judge(
        known,
        config.profiles,
        settings,
        ask,
        config.mutate_templates,
        config.plans_vpas,
    )


def _known_rules(config: Config, rules: dict[str, Rule]) -> None:
    named = [("rules", config.actions)]
    for index, here in enumerate(config.namespaces):
        named.append((f"namespaces[{index}].rules", here.actions))
    unknown = [
        f"{place}: {', '.join(sorted(set(actions) - set(rules)))}: no such rule"
        for place, actions in named
        if set(actions) - set(rules)
    ]
    if unknown:
        lines = "\n".join(unknown)
        raise ConfigError(f"{lines}; there are {', '.join(rules)}")


def _known_accelerators(config: Config, catalogue: Catalogue) -> None:
    """Refuse profiles that could never match: the name of an accelerator is misspelt there."""
    faults = [
        f"profiles: {name}: match.accelerators: {unknown} is no accelerator that is known"
        for name, (_, match) in config.profiles.named.items()
        for unknown in sorted(match.accelerators if match is not None else ())
        if not catalogue.knows(unknown)
    ]
    if faults:
        raise ConfigError("\n".join(faults))


@dataclass(frozen=True, slots=True)
class StaticService:
    """A world of manifests that never change, and who judges in it."""

    reloading: "Reloading"
    manifests: World

    @property
    def judge(self) -> Judge:
        """The last good one, for one request."""
        return for_request(self.reloading.judge)

    def decided(self, _asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        """Decide in the world of the manifests."""
        return decide(self.manifests)

    def not_ready(self) -> list[str]:
        """Everything was loaded before the server began."""
        return []

    def remarks(self) -> list[str]:
        """Say which rules are switched off."""
        return remarks(self.reloading.judge)


def static_world(judge: Judge, manifests: Path) -> World:
    """Load a folder of manifests as the state of the cluster.

    Raises `ScaleguardError` naming every manifest that cannot be read: judging by a part of the
    state would let conflicts through.
    """
    entries = list(read([str(manifests)], bytes))
    broken = [entry for entry in entries if isinstance(entry, Unreadable)]
    if broken:
        lines = "".join(f"\n  {entry.source}: {entry.reason}" for entry in broken)
        raise ScaleguardError(f"--manifests: {len(broken)} cannot be read:{lines}")
    objects = (entry.raw for entry in entries if isinstance(entry, Document))
    return World.of(objects, judge.knowledge.kinds)


@dataclass(frozen=True, slots=True)
class ClusterService:
    """A cluster that is followed, and who judges what happens there."""

    reloading: "Reloading"
    state: "ClusterState"
    certificates_missing: Callable[[], list[str]] = list

    @property
    def judge(self) -> Judge:
        """The last good one, for one request."""
        return for_request(self.reloading.judge)

    def decided(self, asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        """Decide in the world of a request."""
        return self.state.decided(asked, decide)

    def not_ready(self) -> list[str]:
        """Say what of the cluster is not known yet, or not known any more."""
        return [*self.state.not_ready(), *self.certificates_missing()]

    def remarks(self) -> list[str]:
        """Say which rules are switched off."""
        return remarks(self.reloading.judge)


_AT_START: Mapping[str, Callable[[Config], object]] = {
    "consistency": lambda config: config.consistency,
    "staleAfterSeconds": lambda config: config.stale_after_seconds,
}
"""What a cluster is followed by from the start on: a change of it waits for a restart."""


def waiting_for_restart(first: Config, now: Config) -> list[str]:
    """Name the keys whose change only a restart applies."""
    return [key for key, value in _AT_START.items() if value(first) != value(now)]


def cluster_state(config: Config, judge: Judge, plan: "ServePlan") -> "ClusterState":
    """Begin to follow a cluster: in a process that forks no more, because threads do it.

    Raises `ScaleguardError` where it cannot be found; one that does not answer is waited for.
    """
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.cluster.recorder import Counters  # noqa: PLC0415
    from webhook.cluster.state import ClusterState  # noqa: PLC0415
    from webhook.cluster.timing import Timing  # noqa: PLC0415

    return ClusterState(
        connect(plan.kubeconfig, plan.context),
        judge.knowledge.kinds,
        lease_namespace=_lease_namespace(config, plan),
        controller=plan.controller,
        timing=Timing(config.stale_after_seconds),
        recorder=Counters(),
    ).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """What `scaleguard webhook` was told."""

    bind: str
    metrics_bind: str | None
    certificate_folder: Path
    tls_names: tuple[str, ...]
    workers: int
    threads: int
    config: Path | None
    policies: tuple[Path, ...]
    manifests: Path | None = None
    """The cluster's state as files; None: it is that of an API server."""
    kubeconfig: Path | None = None
    context: str | None = None
    certificate_secret: tuple[str, str] | None = None
    """Namespace and name of the Secret that certificates are kept in; None: the folder alone."""
    webhook_configurations: tuple[str, ...] = ()
    drain_seconds: float = 0.0
    controller: str | None = None
    """The user who makes VPAs; None where nobody does: then no VPA counts as managed."""
    lease_namespace: str | None = None
    """Where replicas settle requests between each other; None: the namespace of this pod."""


def serve(plan: ServePlan) -> None:
    """Serve the webhook until told to stop; raises `ScaleguardError` where it cannot begin."""
    from certs.authority import Names  # noqa: PLC0415 - the server's parts are not needed elsewhere
    from webhook.server.gunicorn import serve as serve_with_gunicorn  # noqa: PLC0415
    from webhook.server.options import ServeOptions  # noqa: PLC0415

    options = ServeOptions(
        bind=plan.bind,
        certificate_folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
        metrics_bind=plan.metrics_bind,
        workers=plan.workers,
        threads=plan.threads,
        drain_seconds=plan.drain_seconds,
    )
    # What workers share while they run lies in a folder of this process, which outlives them.
    with TemporaryDirectory(prefix="scaleguard-", ignore_cleanup_errors=True) as folder:
        serve_with_gunicorn(options, _service(plan, Path(folder)))


def _service(plan: ServePlan, folder: Path) -> Callable[[], StaticService | ClusterService]:
    """Return what makes the service of each worker: no thread and no engine survives a fork.

    Everything is tried here first, so that every mistake is told at once and by one process.
    """
    from webhook.reload.sources import LastGood, Sources  # noqa: PLC0415 - servers alone reload

    sources = Sources(plan.config, plan.policies)
    first = sources.read()
    judge = judge_of(first.config, first.modules)
    end(judge)  # nothing of it survives the fork
    last_good = LastGood(folder, first)
    manifests = plan.manifests
    if manifests is not None:
        static_world(judge, manifests)

        def make_static() -> StaticService:
            reloading = follow_files(sources, last_good.get(), last_good)
            return StaticService(reloading, static_world(reloading.judge, manifests))

        return make_static
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load

    connect(plan.kubeconfig, plan.context)
    _lease_namespace(first.config, plan)
    begin = _certificates(plan)

    def make_following() -> ClusterService:
        begun = last_good.get()
        waiting = partial(waiting_for_restart, begun.config)
        reloading = follow_files(sources, begun, last_good, waiting, plan.controller)
        state = cluster_state(begun.config, reloading.judge, plan)
        return ClusterService(reloading, state, begin())

    return make_following


def _lease_namespace(config: Config, plan: ServePlan) -> str | None:
    """Find the one namespace that all replicas keep the ledger of requests in flight in.

    None where there is none. Raises `ScaleguardError` where this pod does not know its own.
    """
    if config.consistency != "strict":
        return None
    from webhook.cluster.credentials import own_namespace  # noqa: PLC0415 - as in `_service`

    if plan.lease_namespace is not None:
        return plan.lease_namespace
    own = own_namespace(plan.kubeconfig, plan.context)
    if own is not None:
        return own
    return plan.certificate_secret[0] if plan.certificate_secret is not None else "default"


def follow_files(
    sources: "Sources",
    begun: "Material",
    last_good: "LastGood",
    waiting: Callable[[Config], list[str]] = lambda _config: [],
    controller: str | None = None,
) -> "Reloading":
    """Begin to follow the files, in a worker; `controller` is who labels VPAs as managed."""
    from webhook.policy.custom.recorder import Counters as CustomCounters  # noqa: PLC0415
    from webhook.policy.custom.rules import Terms  # noqa: PLC0415
    from webhook.reload.recorder import Counters  # noqa: PLC0415 - as in `_service`
    from webhook.reload.reloading import Making, Reloading  # noqa: PLC0415

    custom = CustomCounters()

    def make(material: "Material") -> Judge:
        told = material.config.custom
        terms = Terms(told.timeout_seconds, told.on_failure == "fail", custom)
        judge = judge_of(material.config, material.modules, terms)
        _warn_of_references(material.modules)
        return replace(judge, controller=controller)

    making = Making(sources, make, last_good.keep, put_back, waiting)
    judge = make(begun)
    return Reloading(begun, judge, making, Counters()).start()


def _certificates(plan: ServePlan) -> Callable[[], Callable[[], list[str]]]:
    """Have a certificate for the time being; return what begins to keep a good one in a worker.

    That in turn returns what says why there is no good one yet.
    """
    if plan.certificate_secret is None:
        return lambda: list
    from certs.authority import Names  # noqa: PLC0415 - as in `serve`
    from webhook.cluster.api import connect  # noqa: PLC0415
    from webhook.cluster.certificates import Keeper, Keeping, prepare  # noqa: PLC0415
    from webhook.server.tls import now_utc  # noqa: PLC0415

    keeping = Keeping(
        *plan.certificate_secret,
        configurations=plan.webhook_configurations,
        folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
    )
    temporary = prepare(keeping, now_utc())

    def begin() -> Callable[[], list[str]]:
        api = connect(plan.kubeconfig, plan.context)
        keeper = Keeper(api, keeping, now_utc, temporary)
        keeper.start()
        return keeper.not_ready

    return begin
