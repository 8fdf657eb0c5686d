"""Findings as Reports of openreports.io/v1alpha1: `kubectl apply` takes them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from webhook.audit.findings import Found
from webhook.audit.forms.shown import Shown, moment, shown
from webhook.core.record import RecordKind
from webhook.offline.stream import dump

_NAME: Final = "scaleguard"
SOURCE: Final = "scaleguard"

# etcd takes 1.5 MiB, and an update may carry an object twice in its bookkeeping of fields.
_MOST_BYTES: Final = 512 * 1024

_SEVERITIES: Final = {"deny": "high", "warn": "medium", "audit": "low"}
_COUNTED: Final = ("pass", "fail", "warn", "error", "skip")


def render(findings: Iterable[Found]) -> str:
    """Write a Report for each namespace, a ClusterReport for what is in none; in parts if large."""
    namespaces: dict[str, list[Shown]] = {}
    for found in findings:
        namespaces.setdefault(found.namespace, []).append(shown(found))
    reports = [
        _report(namespace, number, results)
        for namespace, listed in sorted(namespaces.items())
        for number, results in enumerate(_parts(map(result_of, listed)), start=1)
    ]
    return "".join("---\n" + dump(report) for report in reports)


def _parts(results: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for result in results:
        length = len(json.dumps(result))
        if part and size + length > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(result)
        size += length
    if part:
        yield part


def _report(namespace: str, number: int, results: list[dict[str, Any]]) -> dict[str, Any]:
    name = _NAME if number == 1 else f"{_NAME}-{number}"
    metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": SOURCE}}
    return {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report" if namespace else "ClusterReport",
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        "source": SOURCE,
        "summary": summary_of(result["result"] for result in results),
        "results": results,
    }


def summary_of(outcomes: Iterable[str]) -> dict[str, int]:
    """Count results by how they are."""
    summary = dict.fromkeys(_COUNTED, 0)
    for outcome in outcomes:
        summary[outcome] += 1
    return summary


def result_of(one: Shown) -> dict[str, Any]:
    """Write a finding as a member of `results`."""
    found, record, ref = one.found, one.record, one.record.object
    resource = {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace}
    resource["name"] = ref.name or ref.generate_name
    properties = {
        "decision": found.last_decision,
        "count": str(found.count),
        "firstSeen": moment(found.first_seen),
        "cluster": found.cluster,
        "action": record.action,
        "would": record.would,
        "user": record.user,
        "operation": record.operation,
        "owner": one.object if record.owner is not None else "",
        "workload": record.workload,
        "path": record.path,
        "fix": record.remedy,
    }
    whole = int(found.last_seen)
    return {
        "policy": one.rule,
        "rule": one.rule,
        "source": SOURCE,
        "category": "Autoscaling",
        "result": outcome_of(one),
        "severity": _SEVERITIES.get(record.would or record.action, "info"),
        "scored": True,
        "message": record.message,
        "timestamp": {"seconds": whole, "nanos": round((found.last_seen - whole) * 1000) * 10**6},
        "resources": [{name: value for name, value in resource.items() if value}],
        "properties": {name: value for name, value in properties.items() if value},
    }


def outcome_of(one: Shown) -> str:
    """Say how a finding is, in the words of a Report."""
    if one.record.kind is RecordKind.EXEMPTION:
        return "skip"
    if one.record.kind is RecordKind.MUTATION or one.found.resolved is not None:
        return "pass"
    return "fail" if "deny" in {one.record.action, one.record.would} else "warn"
