"""The webhook as in production beside no-ops on the same server, measured by turns.

    make bench
    make bench args='--only gpu-pod --only plain-pod --rounds 5'
    make bench args='--only gpu-pod --peer kyverno=https://127.0.0.1:9443/{endpoint}/fail'

One worker has one core, and everybody else the other. See docs/performance.md.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.serving.bench import STARTUP, STRICT, Bench
from tests.bench.serving.drivers import Failed
from tests.bench.serving.measure import Rounds
from tests.bench.serving.report import Report, console, show
from tests.bench.serving.rows import rows
from tests.bench.serving.servers import Server, keep_to_driver_core

RESULTS = Path(__file__).resolve().parents[3] / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    given = _parser().parse_args(arguments)
    found = rows()
    if given.list:
        print("\n".join([*(f"{row.name:20}{row.title}" for row in found), STARTUP, STRICT]))
        return 0
    machine = {
        "processors": str(os.cpu_count()),
        "model": _model(),
        "python": sys.version.split()[0],
    }
    keep_to_driver_core()
    rounds = Rounds(given.rounds, given.seconds, given.bodies)
    report = Report(machine, {"rounds": given.rounds, "seconds": given.seconds})
    shown = console()
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        bench = Bench(
            rows=[row for row in found if _is_chosen(row.name, given.only)],
            beside=frozenset(name for name in (STARTUP, STRICT) if _is_chosen(name, given.only)),
            rounds=rounds,
            peers=[_peer(text, given.peer_ca) for text in given.peer],
            folder=Path(folder),
            with_full=not given.without_full,
            say=_say,
        )
        try:
            bench.run(report)
        except Failed as error:
            sys.stderr.write(f"\nbench: {error}\n")
            return 1
    _say("")
    missed = show(report, shown)
    shown.print(f"kept in {report.write(RESULTS)}")
    return 1 if missed and given.strict else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="medians are of as many (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn (4)")
    parser.add_argument("--bodies", type=int, default=1000, help="different ones (1,000)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="what begins so; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list what can be measured")
    parser.add_argument(
        "--without-full", action="store_true", help="leave out the cluster of 40,000 objects"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=URL",
        help="another webhook, asked with the same bodies; {endpoint} is mutate or validate",
    )
    parser.add_argument("--peer-ca", type=Path, help="who signed the peers' certificates")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    return parser


def _is_chosen(name: str, only: Sequence[str]) -> bool:
    return not only or any(name.startswith(each) for each in only)


def _peer(text: str, authority: Path | None) -> Server:
    name, equals, url = text.partition("=")
    if not (name and equals and url.startswith("https://")):
        raise SystemExit(f"--peer {text}: it is NAME=https://HOST:PORT/PATH")
    return Server(name, url, None, authority)


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _say(what: str) -> None:
    """Say what is going on, on a terminal in one line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{what}")
    elif what:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
