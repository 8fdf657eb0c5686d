"""The one place where parts are put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.config import Config, OpaConfig
from webhook.config import load as load_config
from webhook.core.decide import Judge
from webhook.core.review import Request
from webhook.core.verdict import Ask, Rule, Settings
from webhook.core.world import World
from webhook.errors import ConfigError, ScaleguardError
from webhook.knowledge import knowledge
from webhook.manifests import Document, Unreadable, read
from webhook.policy.catalogue import catalogue
from webhook.policy.source import Module, load

if TYPE_CHECKING:
    from webhook.cluster.state import ClusterState


def build_judge(config: Config, policies: Sequence[Path] = ()) -> Judge:
    """Put a judge together: knowledge, settings and the engine of the rules.

    Raises `ConfigError` or `PolicyError` with what to mend.
    """
    modules = load(policies)
    rules = catalogue(modules)
    _known_rules(config, rules)
    settings = Settings(
        rules, config.actions, config.strictness, config.gke_rightsizing, config.startup_boost
    )
    return Judge(
        knowledge(config.accelerators, by_image=config.detect_by_image),
        config.profile,
        settings,
        engine(config.opa, modules),
    )


def engine(opa: OpaConfig | None, modules: Sequence[Module]) -> Ask:
    """Make the engine that evaluates the rules: embedded, or an OPA server."""
    # Each engine is imported only where it is used: one needs a native library, one an HTTP client.
    if opa is None:
        from webhook.policy.embedded import Embedded  # noqa: PLC0415

        return Embedded(modules)
    from webhook.policy.server import Opa, OpaServer  # noqa: PLC0415

    return Opa(OpaServer(opa.url, opa.timeout_seconds, _token(opa), opa.push), modules)


def _token(opa: OpaConfig) -> str | None:
    if opa.token_file is None:
        return None
    try:
        return opa.token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"policies.opa.tokenFile: {error}") from error


def _known_rules(config: Config, rules: dict[str, Rule]) -> None:
    unknown = sorted(set(config.actions) - set(rules))
    if unknown:
        raise ConfigError(
            f"rules: {', '.join(unknown)}: no such rule; there are {', '.join(rules)}"
        )


@dataclass(frozen=True, slots=True)
class StaticService:
    """A judge and a world of manifests that never change: all that is needed without a cluster."""

    judge: Judge
    manifests: World

    def world(self, _asked: Request, /) -> World:
        """Return the world of the manifests."""
        return self.manifests

    def not_ready(self) -> list[str]:
        """Everything was loaded before the server began."""
        return []


def static_service(config: Config, policies: Sequence[Path], manifests: Path) -> StaticService:
    """Load a folder of manifests as the state of the cluster.

    Raises `ScaleguardError` naming every manifest that cannot be read: judging by a part of the
    state would let conflicts through.
    """
    judge = build_judge(config, policies)
    entries = list(read([str(manifests)], bytes))
    broken = [entry for entry in entries if isinstance(entry, Unreadable)]
    if broken:
        lines = "".join(f"\n  {entry.source}: {entry.reason}" for entry in broken)
        raise ScaleguardError(f"--manifests: {len(broken)} cannot be read:{lines}")
    objects = (entry.raw for entry in entries if isinstance(entry, Document))
    return StaticService(judge, World.of(objects, judge.knowledge.kinds))


@dataclass(frozen=True, slots=True)
class ClusterService:
    """A judge, and a cluster that is followed."""

    judge: Judge
    state: "ClusterState"
    certificates_missing: Callable[[], list[str]] = list

    def world(self, asked: Request, /) -> World:
        """Return the world of a request."""
        return self.state.world(asked)

    def not_ready(self) -> list[str]:
        """Say what of the cluster is not known yet, or not known any more."""
        return [*self.state.not_ready(), *self.certificates_missing()]


def cluster_service(
    config: Config, policies: Sequence[Path], kubeconfig: Path | None, context: str | None
) -> ClusterService:
    """Begin to follow a cluster: in a process that forks no more, because threads do it.

    Raises `ScaleguardError` where it cannot be found; one that does not answer is waited for.
    """
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load
    from webhook.cluster.recorder import Counters  # noqa: PLC0415
    from webhook.cluster.state import ClusterState  # noqa: PLC0415
    from webhook.cluster.timing import Timing  # noqa: PLC0415

    judge = build_judge(config, policies)
    state = ClusterState(
        connect(kubeconfig, context),
        judge.knowledge.kinds,
        strict=config.consistency == "strict",
        timing=Timing(config.stale_after_seconds),
        recorder=Counters(),
    )
    return ClusterService(judge, state.start())


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


def serve(plan: ServePlan) -> None:
    """Serve the webhook until told to stop; raises `ScaleguardError` where it cannot begin."""
    from certs.authority import Names  # noqa: PLC0415 - the server's parts are not needed elsewhere
    from webhook.server.gunicorn import serve as serve_with_gunicorn  # noqa: PLC0415
    from webhook.server.options import ServeOptions  # noqa: PLC0415

    config = load_config(plan.config)
    make_service = _service(config, plan)
    options = ServeOptions(
        bind=plan.bind,
        certificate_folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
        metrics_bind=plan.metrics_bind,
        workers=plan.workers,
        threads=plan.threads,
        drain_seconds=plan.drain_seconds,
    )
    serve_with_gunicorn(options, make_service)


def _service(config: Config, plan: ServePlan) -> Callable[[], StaticService | ClusterService]:
    """Return what makes the service of each worker: no thread and no engine survives a fork.

    Everything is tried here first, so that every mistake is told at once and by one process.
    """
    manifests = plan.manifests
    if manifests is not None:
        static_service(config, plan.policies, manifests)
        return lambda: static_service(config, plan.policies, manifests)
    from webhook.cluster.api import connect  # noqa: PLC0415 - the client takes a second to load

    build_judge(config, plan.policies)
    connect(plan.kubeconfig, plan.context)
    begin = _certificates(plan)
    return lambda: replace(
        cluster_service(config, plan.policies, plan.kubeconfig, plan.context),
        certificates_missing=begin(),
    )


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
