"""Fuzz all targets, as many at once as there are processors: `make fuzz`.

    python -m tests.fuzz [--count N] [--seconds S] [--seed N] [TARGET…]

`--count` executions in all, shared out by what an execution costs; no target takes more than
`--seconds`. What fails is kept in build/fuzz/found/<target>/: an input goes to
tests/fuzz/corpus/<target>/, and stays there.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.fuzz.registry import NAMES, load
from tests.fuzz.watched import FOUND, MOST_SECONDS

_SAY_SECONDS = 10
# What is kept of each execution, be it one small object of 64 bytes, is 62 kB in 1,000; what the
# fuzzer itself keeps grows ever more slowly. Fewer MB than this are noise.
MOST_KB_PER_THOUSAND = 20.0
_NOISE_MB = 32


class Progress:
    """What is known of each target, said now and then."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._said = time.monotonic()
        self.reports: dict[str, dict[str, Any]] = {}

    def heard(self, name: str, report: dict[str, Any]) -> None:
        self.reports[name] = report
        if time.monotonic() - self._said < _SAY_SECONDS:
            return
        self._said = time.monotonic()
        done = sum(one["executions"] for one in self.reports.values())
        found = sum(len(one["found"]) for one in self.reports.values())
        running = f"{name}: {report['executions']:,}"
        print(f"{done:12,} of {self._wanted:,} executions, {found} faults; {running}", flush=True)


def shares(names: list[str], count: int) -> dict[str, int]:
    """How many executions each target gets."""
    parts = {name: load(name).share for name in names}
    return {name: max(count * part // sum(parts.values()), 1) for name, part in parts.items()}


def fuzz(name: str, executions: int, seconds: float, seed: int, progress: Progress) -> str | None:
    """Run the engine on one target; what it said at its end where it did not end well."""
    words = [name, str(executions), str(seconds), str(seed)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.engine", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    ) as engine:
        assert engine.stdout is not None
        rest: list[str] = []
        for line in engine.stdout:
            if line.startswith('{"executions"'):
                progress.heard(name, json.loads(line))
            else:
                rest = [*rest, line][-40:]
    return "".join(rest) if engine.returncode != 0 else None


def grew(report: Mapping[str, Any]) -> bool:
    """Whether memory grows with the executions, by the second half of them."""
    slope: float = report["slope"]
    grown_mb = slope * report["executions"] / 2 / 1000 / 1024
    return slope > MOST_KB_PER_THOUSAND and grown_mb > _NOISE_MB


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    figures = f"{'executions':>12} {'a second':>9} {'slowest ms':>10} {'RSS MB':>7} {'kB/1,000':>9}"
    lines = [f"{'target':14} {figures} {'faults':>6}  the slowest input"]
    for name, one in sorted(reports.items()):
        rate = one["executions"] / max(one["seconds"], 0.001)
        lines.append(
            f"{name:14} {one['executions']:12,} {rate:9,.0f} {one['slowest'] * 1000:10.1f} "
            f"{one['resident_mb']:7.0f} {one['slope']:9.2f} {len(one['found']):6}  "
            f"{one['slowest_input'][:60]!r}"
        )
    total = sum(one["executions"] for one in reports.values())
    return "\n".join([*lines, f"{'in all':14} {total:12,}"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("targets", nargs="*", default=NAMES)
    asked = parser.parse_args()
    planned = shares(asked.targets, asked.count)
    print(f"seed {asked.seed}; {', '.join(f'{name}: {n:,}' for name, n in planned.items())}")
    progress = Progress(sum(planned.values()))
    begun = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ended = {
            name: pool.submit(fuzz, name, count, asked.seconds, asked.seed % 2**32, progress)
            for name, count in planned.items()
        }
    print(table(progress.reports), f"in {time.monotonic() - begun:.0f} s")
    died = {name: said for name, one in ended.items() if (said := one.result()) is not None}
    grows = [name for name, one in progress.reports.items() if grew(one)]
    for name, said in died.items():
        print(f"\n{name}: the engine ended:\n{said}")
    for name in grows:
        print(f"\n{name}: memory grows by more than {MOST_KB_PER_THOUSAND} kB in 1,000 executions")
    for name, one in progress.reports.items():
        for where, trace in one["found"].items():
            print(f"\n{name}: {where}\n{trace}")
    if any(one["found"] for one in progress.reports.values()):
        print(f"inputs are in {FOUND}; none may take {MOST_SECONDS:.0f} s or raise")
        sys.exit(1)
    sys.exit(bool(died or grows))


if __name__ == "__main__":
    main()
