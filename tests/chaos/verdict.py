"""What a run has shown: each failure with its excuse, conflicts, records that are missing."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg

from tests.chaos.run import Happened
from tests.chaos.traffic import Seen
from tests.chaos.windows import Windows
from tests.controlplane.cluster import ControlPlane

Raw = dict[str, Any]

CONFLICTS = {"hpa-vpa-same-metric", "duplicate-hpa", "duplicate-vpa"}


class Judged(NamedTuple):
    """The requests of a run."""

    excused: Counter[tuple[str, str]]
    """By what became of them and why that may be."""
    faults: list[Seen]
    """What nothing excuses."""


def judge(seen: Iterable[Seen], windows: Windows) -> Judged:
    """Find for each request that was not answered rightly the fault that it fell into."""
    excused: Counter[tuple[str, str]] = Counter()
    faults: list[Seen] = []
    for one in seen:
        if one.outcome == "right":
            continue
        why = None if one.outcome == "wrong" else windows.excuse(one.begun, one.ended)
        if why is None:
            faults.append(one)
        else:
            excused[one.outcome, why] += 1
    return Judged(excused, faults)


def conflicts(plane: ControlPlane) -> set[frozenset[str]]:
    """The names of autoscalers in the cluster that `scaleguard review` finds in conflict."""
    kinds = "deployments,hpa,vpa"
    listed = plane.kubectl("get", kinds, "-A", "-o", "json").stdout
    command = [sys.executable, "-m", "webhook", "review", "-", "-o", "json"]
    done = subprocess.run(command, input=listed, capture_output=True, text=True, check=False)
    results: list[Raw] = json.loads(done.stdout)["results"]
    return {
        frozenset({each["resource"]["name"], *(one["name"] for one in finding["related"])})
        for each in results
        for finding in each["findings"]
        if finding["rule"] in CONFLICTS
    }


def lasting_conflicts(plane: ControlPlane) -> set[frozenset[str]]:
    """Those that are there when they are looked for again.

    Kinds are listed one after the other: an HPA may be deleted and a VPA come to its workload in
    between, and the two were never there together.
    """
    found = conflicts(plane)
    return found & conflicts(plane) if found else found


def unexcused(
    pairs: Iterable[frozenset[str]], seen: Iterable[Seen], windows: Windows
) -> dict[str, list[Seen]]:
    """Of conflicts those that no window let in, with what became of their requests.

    Who was judged is in conflict with who was not: one of them has to have met a window.
    """
    of: dict[str, list[Seen]] = {}
    for one in seen:
        of.setdefault(one.name, []).append(one)
    asked = {
        " ".join(sorted(pair)): [one for name in pair for one in of.get(name, ())] for pair in pairs
    }
    return {
        pair: requests
        for pair, requests in asked.items()
        if not any(windows.excuse(one.begun, one.ended) for one in requests)
    }


def lost(database: str, told: Iterable[str], patience_seconds: float) -> set[str]:
    """The decisions that the audit does not know, once everything was delivered."""
    known = set(told)
    deadline = time.monotonic() + patience_seconds
    while True:
        with psycopg.connect(database) as connection:
            kept = {row for (row,) in connection.execute("SELECT decision FROM decisions")}
        if not (missing := known - kept) or time.monotonic() > deadline:
            return missing
        time.sleep(1)


def timeline(happened: Iterable[Happened], seen: list[Seen], begun: float) -> str:
    """A line for each fault: when, how long, and what was seen of it."""
    lines = ["    at s   away s  judged after s  slowest s  seen                          fault"]
    for each in happened:
        until = each.window.ended if each.window and each.window.ended else each.mended
        met = [one for one in seen if one.begun <= until + 0.5 and one.ended >= each.begun]
        bad = Counter(one.outcome for one in met if one.outcome != "right")
        slowest = max((one.ended - one.begun for one in met), default=0.0)
        told = ", ".join(f"{count} {name}" for name, count in sorted(bad.items())) or "nothing"
        judged = f"{until - each.begun:14.1f}" if each.window else f"{'-':>14}"
        lines.append(
            f"{each.begun - begun:8.1f} {each.mended - each.begun:8.1f}  {judged}"
            f"  {slowest:9.2f}  {told:28}  {each.what}"
        )
    return "\n".join(lines)
