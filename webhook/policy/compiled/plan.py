"""The plan of rules: OPA's intermediate representation, as rego-cpp makes it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from regopy import BundleFormat

from webhook.policy.embedded import Engine
from webhook.policy.source import Module


@dataclass(frozen=True, slots=True)
class Plan:
    """Functions, and the texts that their statements name by number."""

    functions: Sequence[dict[str, Any]]
    strings: Sequence[str]


def plan(modules: Iterable[Module], entrypoints: Sequence[str]) -> Plan:
    """Plan rules; raises `PolicyError` naming every file that the engine refuses."""
    engine = Engine(modules, entrypoints)
    with TemporaryDirectory(prefix="scaleguard-plan-") as folder:
        engine.save(Path(folder), BundleFormat.JSON)
        read = json.loads(Path(folder, "plan.json").read_text(encoding="utf-8"))
    strings = [_text(one["value"]) for one in read["static"]["strings"]]
    return Plan(read["funcs"]["funcs"], strings)


def _text(written: str) -> str:
    """Read a text of a rule: rego-cpp keeps its escapes, and with some its quotes."""
    quoted = written if written.startswith('"') else f'"{written}"'
    text: str = json.loads(quoted)
    return text
