"""The one place where parts are put together: here a judge, beside it those who ask it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.config import Config
from webhook.core.accelerators import Catalogue
from webhook.core.decide import Judge
from webhook.core.verdict import Rule, Settings
from webhook.errors import ConfigError, Faults
from webhook.knowledge import knowledge
from webhook.policy import outside
from webhook.policy.catalogue import catalogue as rule_catalogue
from webhook.policy.engine import engine
from webhook.policy.places import places
from webhook.policy.references import unknown_references
from webhook.policy.source import Module, load

if TYPE_CHECKING:
    from webhook.policy.custom.rules import Terms

_log = logging.getLogger("scaleguard.custom")


def build_judge(config: Config, policies: Sequence[Path] = ()) -> Judge:
    """Read the rules and put a judge together; raises `ScaleguardError` with what to mend."""
    modules = load(policies)
    judge = judge_of(config, modules)
    warn_of_references(modules)
    return judge


def warn_of_references(modules: Sequence[Module]) -> None:
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
        outside.check(modules)
    with faults.noted():
        rules = rule_catalogue(modules)
        places(modules)
        _known_rules(config, rules)
    if config.opa is not None:
        faults.refuse()  # before a server has a part of the rules
    with faults.noted():
        ask = engine(config.opa, modules, terms)
    known = knowledge(config.accelerators, config.workloads, by_image=config.detect_by_image)
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
