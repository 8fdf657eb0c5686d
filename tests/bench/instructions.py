"""Instructions of one review, counted by valgrind: a regression shows without noise.

    make bench-instructions      # compare with the baseline
    make bench-baseline          # record it anew

Two runs of the same code differ by less than a percent, whatever else the machine does.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.instructed import REVIEWS
from webhook.policy.compiled.rules import planned
from webhook.policy.source import load

BASELINE = Path(__file__).with_name("instructions.json")
MOST_GROWTH = 0.15

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor} {os.uname().machine}"
"""Another interpreter has other instructions: each has a baseline of its own."""

_ROOT = Path(__file__).resolve().parents[2]
_COUNT = re.compile(r"^==(\d+)== I\s+refs:\s+([\d,]+)$", re.MULTILINE)


def count() -> dict[str, int]:
    """Return the instructions of one review of each kind."""
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        log, plan = Path(folder) / "valgrind", Path(folder) / "plan.json"
        plan.write_text(json.dumps(asdict(planned(load()))), "utf-8")
        counting = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
        program = (sys.executable, "-m", "tests.bench.instructed", str(plan))
        done = subprocess.run(
            ["valgrind", *counting, f"--log-file={log}", *program],
            cwd=_ROOT,
            # Few variables, and hashes that are the same each time: both change what is run.
            env={
                "PATH": os.environ["PATH"],
                "PYTHONHASHSEED": "0",
                "PROMETHEUS_MULTIPROC_DIR": folder,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"valgrind: {done.stderr[-2000:]}")
        counted = {pid: int(n.replace(",", "")) for pid, n in _COUNT.findall(log.read_text())}
    by_name: dict[str, list[int]] = {}
    for name, process in (line.split() for line in done.stdout.splitlines()):
        by_name.setdefault(name, []).append(counted[process])
    return {name: (twice - once) // REVIEWS for name, (once, twice) in by_name.items()}


def baseline() -> dict[str, int] | None:
    """Return what was recorded for this interpreter; None: nothing was."""
    recorded: dict[str, dict[str, int]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return recorded.get(PYTHON)


def why_not() -> str | None:
    """Say why nothing can be compared here; None: it can."""
    if shutil.which("valgrind") is None:
        return "no valgrind: run scripts/install-test-packages"
    if baseline() is None:
        return f"the baseline is of another Python than {PYTHON}: make bench-baseline"
    return None


def grown(counted: dict[str, int], recorded: dict[str, int]) -> list[str]:
    """Say which kinds of review take more instructions than they may."""
    return [
        f"{name}: {counted[name]:,} instructions a review, {counted[name] / before - 1:+.1%} "
        f"over the baseline of {before:,}"
        for name, before in recorded.items()
        if counted[name] > before * (1 + MOST_GROWTH)
    ]


def main() -> None:
    """Print the counts; compare them with the baseline or record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="make this the baseline")
    given = parser.parse_args()
    counted, recorded = count(), baseline() or {}
    for name, instructions in counted.items():
        change = f"{instructions / recorded[name] - 1:+8.1%}" if name in recorded else ""
        print(f"{name:20}{instructions:12,}{change}")
    if given.record:
        kept = json.loads(BASELINE.read_text("utf-8")) | {PYTHON: counted}
        BASELINE.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    elif said := grown(counted, recorded):
        raise SystemExit("\n".join(said))


if __name__ == "__main__":
    main()
