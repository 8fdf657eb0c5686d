"""How things stand in each namespace, as the bodies of Reports: bounded, the newest first."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, Final

from webhook.audit.findings import Filters, Found
from webhook.audit.forms.openreports import SOURCE, outcome_of, result_of, summary_of
from webhook.audit.forms.shown import Shown, shown
from webhook.audit.reading import Reader, every
from webhook.core.record import RecordKind

DENIED_SECONDS: Final = 86_400.0
"""So long a denial is shown: what was refused does not exist, and so nothing ever ends it."""

MOST_RESULTS: Final = 500
MOST_BYTES: Final = 254 * 1024
"""Of the results: with what else is in it a Report has 256 KiB at most."""

# 50 pages of the audit. Of each a count is kept, and of each namespace two times 500 results.
MOST_READ: Final = 50_000

LEFT_OUT_ANNOTATION: Final = "scaleguard.io/left-out"


@dataclass(slots=True)
class _Namespace:
    outcomes: dict[str, int] = field(default_factory=lambda: summary_of(()))
    newest: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    """When it was seen, its fingerprint, and the result: some 2 kB; a finding takes up to 18."""

    def add(self, one: Shown) -> None:
        found = one.found
        result = _without_user(result_of(one))
        self.newest.append((-found.last_seen, found.fingerprint, result))

    def body(self) -> dict[str, Any]:
        newest = sorted(self.newest, key=itemgetter(0, 1))
        results = list(_within(result for _, _, result in newest[:MOST_RESULTS]))
        body: dict[str, Any] = {"source": SOURCE, "summary": self.outcomes, "results": results}
        left_out = sum(self.outcomes.values()) - len(results)
        if left_out:
            said = f"{left_out} older results are counted and not listed; scaleguard report has all"
            body["metadata"] = {"annotations": {LEFT_OUT_ANNOTATION: said}}
        return body


def current(reader: Reader, cluster: str, now: float) -> Mapping[str, dict[str, Any]]:
    """Read what stands at the moment, and what was refused of late, by namespace.

    What is in no namespace is under the empty string. Raises `ScaleguardError`.
    """
    standing = Filters(cluster=cluster, kind=RecordKind.SCAN.value, open=True)
    denied = Filters(cluster=cluster, kind=RecordKind.DENIAL.value, since=now - DENIED_SECONDS)
    return bodies(islice(every(reader, filters), MOST_READ) for filters in (standing, denied))


def bodies(streams: Iterable[Iterable[Found]]) -> Mapping[str, dict[str, Any]]:
    """Make a body for each namespace of streams of findings, each of which has the newest first."""
    namespaces: dict[str, _Namespace] = {}
    for stream in streams:
        taken: dict[str, int] = {}
        for found in stream:
            one = shown(found)
            there = namespaces.setdefault(found.namespace, _Namespace())
            there.outcomes[outcome_of(one)] += 1
            if taken.setdefault(found.namespace, 0) < MOST_RESULTS:
                taken[found.namespace] += 1
                there.add(one)
    return {namespace: there.body() for namespace, there in namespaces.items()}


def _without_user(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out who asked: more people may read Reports than findings."""
    properties = {key: value for key, value in result["properties"].items() if key != "user"}
    return result | {"properties": properties}


def _within(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield as many as the bytes allow; of those behind one that is too large, none."""
    size = 0
    for result in results:
        size += len(json.dumps(result, ensure_ascii=False).encode())
        if size > MOST_BYTES:
            return
        yield result
