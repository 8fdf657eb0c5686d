"""The one place where parts are put together."""

from collections.abc import Sequence
from pathlib import Path

from webhook.config import Config, OpaConfig
from webhook.core.decide import Judge
from webhook.core.verdict import Ask, Rule, Settings
from webhook.errors import ConfigError
from webhook.knowledge import knowledge
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
