"""SARIF 2.1.0: what code hosts show beside the lines of a change (OASIS standard)."""

import hashlib
import json
import re
from collections import Counter
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

# Where the paths of a review begin: the folder that it was started in. Viewers know their own.
_ROOT = "%SRCROOT%"
_INDEX = re.compile(r"\[\d+\]")

_LEVELS = {Action.DENY: "error", Action.WARN: "warning", Action.AUDIT: "note", Action.OFF: "none"}


def render(judged: Review, rules: Mapping[str, Rule], _fail_on: str) -> str:
    """Write a review as one SARIF log with one run."""
    order = {rule: index for index, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
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
                "originalUriBaseIds": {
                    _ROOT: {"description": {"text": "The folder that the review was started in."}}
                },
                "results": [_result(one, order, seen) for one in placed(judged)],
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
    description = rule.description or rule.title
    links = "".join(f"\n\n<{link}>" for link in rule.links)
    told: dict[str, Any] = {
        "id": rule.rule,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": description},
        "help": {
            "text": f"{description}\n\nFix: {rule.remedy}",
            "markdown": f"{description}\n\n**Fix:** {rule.remedy}{links}",
        },
        "defaultConfiguration": {
            "level": _LEVELS[rule.default],
            "enabled": rule.default is not Action.OFF,
        },
    }
    return told | ({"helpUri": rule.links[0]} if rule.links else {})


def _result(one: Placed, order: Mapping[str, int], seen: Counter[str]) -> dict[str, Any]:
    finding, ref = one.finding, one.result.ref
    logical = {"fullyQualifiedName": f"{ref}/{finding.path}" if finding.path else str(ref)}
    return {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": _LEVELS[finding.action],
        "message": {"text": _message(one.text)},
        "locations": [
            {
                "physicalLocation": _location(one.result.source, one.line, one.column),
                "logicalLocations": [logical],
            }
        ],
        # By what a finding is about, not by its line: it stays the same finding when lines move.
        "partialFingerprints": {"scaleguard/v1": _fingerprint(one, seen)},
    }


def _message(text: str) -> str:
    """Write braces as the standard wants them, and let no name in a manifest become a link."""
    doubled = text.replace("{", "{{").replace("}", "}}")
    return doubled.replace("](", "]\N{ZERO WIDTH SPACE}(")


def _fingerprint(one: Placed, seen: Counter[str]) -> str:
    """Tell findings apart by what they are about; those that are alike in that, by their order."""
    finding = one.finding
    related = [str(ref) for ref in finding.related]
    path = _INDEX.sub("[]", finding.path or "")
    about = [one.file, finding.rule, str(one.result.ref), finding.resource_name, path]
    found = hashlib.sha256(json.dumps([about, finding.containers, related]).encode()).hexdigest()
    seen[found] += 1
    return f"{found[:32]}:{seen[found]}"


def _notification(unreadable: Unreadable) -> dict[str, Any]:
    source = unreadable.source
    return {
        "level": "error",
        "message": {"text": _message(f"cannot be read: {unreadable.reason}")},
        "locations": [{"physicalLocation": _location(source, source.line or 1)}],
    }


def _location(source: Source, line: int, column: int | None = None) -> dict[str, Any]:
    """Name a file as a URI: what is no part of one is escaped, also bytes that are no text."""
    name = "stdin" if source.file == STDIN else source.file
    uri = quote(name, safe="/", errors="surrogateescape")
    artifact = {"uri": f"file://{uri}"} if name.startswith("/") else {"uri": uri}
    if source.file != STDIN and not name.startswith(("/", "../")):
        artifact["uriBaseId"] = _ROOT
    region = {"startLine": line} | ({} if column is None else {"startColumn": column})
    return {"artifactLocation": artifact, "region": region}
