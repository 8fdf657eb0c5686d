"""The one place where parts are put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webhook.config import Config, OpaConfig
from webhook.config import load as load_config
from webhook.core.decide import Judge
from webhook.core.verdict import Ask, Rule, Settings
from webhook.core.world import World
from webhook.errors import ConfigError, ScaleguardError
from webhook.knowledge import knowledge
from webhook.manifests import Document, Unreadable, read
from webhook.policy.catalogue import catalogue
from webhook.policy.source import Module, load


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

    def world(self) -> World:
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
class ServePlan:
    """What `scaleguard webhook` was told."""

    bind: str
    metrics_bind: str | None
    certificate_folder: Path
    tls_names: tuple[str, ...]
    workers: int
    threads: int
    manifests: Path
    config: Path | None
    policies: tuple[Path, ...]


def serve(plan: ServePlan) -> None:
    """Serve the webhook until told to stop; raises `ScaleguardError` where it cannot begin."""
    from certs.authority import Names  # noqa: PLC0415 - the server's parts are not needed elsewhere
    from webhook.server.gunicorn import serve as serve_with_gunicorn  # noqa: PLC0415
    from webhook.server.options import ServeOptions  # noqa: PLC0415

    config = load_config(plan.config)
    # Built once before the server starts, so that every mistake is told at once and by one process;
    # each worker then builds its own, because neither threads nor engines survive a fork.
    static_service(config, plan.policies, plan.manifests)
    options = ServeOptions(
        bind=plan.bind,
        certificate_folder=plan.certificate_folder,
        names=Names.of(plan.tls_names),
        metrics_bind=plan.metrics_bind,
        workers=plan.workers,
        threads=plan.threads,
    )
    serve_with_gunicorn(options, lambda: static_service(config, plan.policies, plan.manifests))
