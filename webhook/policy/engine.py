"""Which engine evaluates the rules, and what some of them need beside being asked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook.config import OpaConfig
from webhook.core.decide import Judge
from webhook.core.verdict import Ask
from webhook.errors import ConfigError
from webhook.policy.kinds import Apart, Pushing
from webhook.policy.source import Module

if TYPE_CHECKING:
    from webhook.policy.custom.rules import Terms


def engine(opa: OpaConfig | None, modules: Sequence[Module], terms: "Terms | None") -> Ask:
    """Make the engine that evaluates the rules: embedded, or an OPA server."""
    # Each engine is imported only where it is used: one needs a native library, one an HTTP client.
    if opa is None:
        return _embedded(modules, terms)
    from webhook.policy.server import Opa, OpaServer  # noqa: PLC0415

    return Opa(OpaServer(opa.url, opa.timeout_seconds, _token(opa), opa.push), modules)


def _embedded(modules: Sequence[Module], terms: "Terms | None") -> Ask:
    """Built-in rules are Python in this process, those of users in one that can be ended."""
    from webhook.policy.compiled.rules import Compiled  # noqa: PLC0415

    built_in = Compiled(module for module in modules if module.built_in)
    if all(module.built_in for module in modules):
        return built_in
    from webhook.policy.custom.rules import OFFLINE, CustomRules, Together  # noqa: PLC0415

    return Together(built_in, CustomRules(modules, terms or OFFLINE))


def _token(opa: OpaConfig) -> str | None:
    if opa.token_file is None:
        return None
    try:
        return opa.token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"policies.opa.tokenFile: {error}") from error


def for_request(judge: Judge) -> Judge:
    """Return the judge of one request: it waits a bounded time for the rules of users."""
    asked: object = judge.ask
    if not isinstance(asked, Apart):
        return judge
    heard = asked.hearing()
    return replace(judge, ask=heard, unheard=heard.unheard)


def remarks(judge: Judge) -> list[str]:
    """Say what is worth knowing of the rules: which are switched off."""
    asked: object = judge.ask
    return asked.remarks() if isinstance(asked, Apart) else []


def end(judge: Judge) -> None:
    """End what an engine keeps running."""
    asked: object = judge.ask
    if isinstance(asked, Apart):
        asked.close()


def put_back(judge: Judge) -> None:
    """Put the rules in use back on a server that may have a part of those that were refused."""
    asked: object = judge.ask
    if isinstance(asked, Pushing):
        asked.put_rules()
