"""SARIF 2.1.0: what code hosts show beside the lines of a change (OASIS standard)."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.manifests.entries import Source, Unreadable
from webhook.offline.formats import STDIN, Placed, placed
from webhook.offline.results import Review

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {Action.DENY: "error", Action.WARN: "warning", Action.AUDIT: "note", Action.OFF: "none"}


def render(judged: Review, rules: Mapping[str, Rule], _fail_on: str) -> str:
    """Write a review as one SARIF log with one run."""
    order = {rule: index for index, rule in enumerate(rules)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "scaleguard",
                        "version": version("scaleguard"),
                        "rules": [_rule(rule) for rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, order) for one in placed(judged)],
                "invocations": [
                    {
                        "executionSuccessful": not judged.unreadable,
                        "toolExecutionNotifications": [
                            _notification(one) for one in judged.unreadable
                        ],
                    }
                ],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.rule,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description or rule.title},
        "help": {"text": f"{rule.description or rule.title}\n\nFix: {rule.remedy}"},
        "defaultConfiguration": {
            "level": _LEVELS[rule.default],
            "enabled": rule.default is not Action.OFF,
        },
    }


def _result(one: Placed, order: Mapping[str, int]) -> dict[str, Any]:
    finding, ref = one.finding, one.result.ref
    logical = {"fullyQualifiedName": f"{ref}/{finding.path}" if finding.path else str(ref)}
    return {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": _LEVELS[finding.action],
        "message": {"text": _message(one.text)},
        "locations": [
            {
                "physicalLocation": _location(one.result.source, one.line),
                "logicalLocations": [logical],
            }
        ],
        # By what a finding is about, not by its line: it stays the same finding when lines move.
        "partialFingerprints": {"scaleguard/v1": _fingerprint(one)},
    }


def _message(text: str) -> str:
    """Write braces as the standard wants them, and let no name in a manifest become a link."""
    doubled = text.replace("{", "{{").replace("}", "}}")
    return doubled.replace("](", "]\N{ZERO WIDTH SPACE}(")


def _fingerprint(one: Placed) -> str:
    related = [str(ref) for ref in one.finding.related]
    about = [one.file, one.finding.rule, str(one.result.ref), one.finding.resource_name, *related]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def _notification(unreadable: Unreadable) -> dict[str, Any]:
    source = unreadable.source
    return {
        "level": "error",
        "message": {"text": _message(f"cannot be read: {unreadable.reason}")},
        "locations": [{"physicalLocation": _location(source, source.line or 1)}],
    }


def _location(source: Source, line: int) -> dict[str, Any]:
    """Name a file as a URI: what is no part of one is escaped, also bytes that are no text."""
    name = "stdin" if source.file == STDIN else source.file
    uri = quote(name, safe="/", errors="surrogateescape")
    if name.startswith("/"):
        uri = f"file://{uri}"
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
