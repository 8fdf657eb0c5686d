"""Starts everything that is measured, and measures it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.serving.autoscalers import Around, everything, judged
from tests.bench.serving.clusters import USER, cluster
from tests.bench.serving.filling import fill
from tests.bench.serving.measure import Rounds, measure
from tests.bench.serving.report import Report, RowReport
from tests.bench.serving.rows import FILES, FULL, SMALL, Row
from tests.bench.serving.servers import Server, Webhook, audit, floors
from tests.bench.serving.startup import help_seconds, starts
from tests.bench.serving.strict import round_trips
from tests.bench.serving.usage import pss_mebibytes
from tests.controlplane.cluster import ControlPlane
from tests.e2e.manifests import stream

Raw = dict[str, Any]
Say = Callable[[str], None]

STARTUP, STRICT = "startup", "strict"
"""What is measured beside the rows."""

_CACHED = {"consistency": "cached"}
_PODS_NAMESPACE: Raw = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}}


@dataclass(frozen=True)
class Bench:
    """What is to be measured, and with what."""

    rows: Sequence[Row]
    beside: frozenset[str]
    rounds: Rounds
    peers: Sequence[Server]
    folder: Path
    with_full: bool
    say: Say

    def run(self, report: Report) -> None:
        """Measure everything into a report."""
        with ExitStack() as stack:
            port = stack.enter_context(audit())
            planes = dict(self._planes(stack, port, report))
            webhooks = {
                name: stack.enter_context(self._webhook(name, planes, port))
                for name in self._needed()
            }
            servers = {name: webhook.server(name) for name, webhook in webhooks.items()}
            if self.rows:
                certificates = next(iter(webhooks.values())).folder / "certs"
                beside = stack.enter_context(floors(self.folder / "floors", certificates))
                for row in self.rows:
                    if own := [servers[name] for name in row.ours if name in servers]:
                        self._row(row, [*own, *beside, *self.peers], report)
            for name, webhook in webhooks.items():
                report.single[f"PSS after all of it, {name}"] = pss_mebibytes(webhook.worker)
            if STRICT in self.beside:
                self._strict(planes, port, report)

    def _row(self, row: Row, servers: list[Server], report: Report) -> None:
        found, rate = measure(row, servers, self.rounds, self.folder / "bodies", self.say)
        size = len(row.bodies(1)[0])
        report.rows.append(RowReport(row.name, row.title, row.endpoint, size, rate, found))

    def _needed(self) -> list[str]:
        """Our webhooks that a row needs."""
        needed = {name for row in self.rows for name in row.ours}
        return [
            name
            for name in (SMALL, FULL, FILES)
            if name in needed and (self.with_full or name != FULL)
        ]

    def _planes(
        self, stack: ExitStack, port: int, report: Report
    ) -> Iterator[tuple[str, ControlPlane]]:
        """Start clusters; what is measured of starts is measured on the way."""
        if STARTUP in self.beside:
            report.single["scaleguard --help"] = help_seconds()
            with cluster(self.folder / "empty") as plane:
                self._starts("empty", plane, port, report)
        places = self.rounds.bodies
        for name, objects in (
            (SMALL, lambda: [_PODS_NAMESPACE, *judged(places, Around.NONE)]),
            (FULL, lambda: everything(places)),
        ):
            beside = {STARTUP, STRICT} if name == FULL else {STRICT}
            is_needed = name in self._needed() or bool(beside & self.beside)
            if is_needed and (name != FULL or self.with_full):
                self.say(f"starting and filling an API server: {name}")
                short = "full" if name == FULL else "small"
                plane = stack.enter_context(cluster(self.folder / short))
                fill(plane, objects())
                if name == FULL:
                    self._starts("40,000 objects", plane, port, report)
                yield name, plane

    def _starts(self, said: str, plane: ControlPlane, port: int, report: Report) -> None:
        if STARTUP not in self.beside:
            return
        self.say(f"starting the webhook again and again, {said}")
        state = ["--kubeconfig", str(plane.user(USER))]
        make = partial(Webhook, self.folder / f"starts {said}", state, port, **_CACHED)
        seconds, memory = starts(make, self.rounds.count)
        report.single[f"start to ready, {said}"] = seconds
        report.single[f"PSS of the worker, {said}"] = memory

    @contextmanager
    def _webhook(self, name: str, planes: dict[str, ControlPlane], port: int) -> Iterator[Webhook]:
        folder = self.folder / name
        if name == FILES:
            world = folder / "world"
            world.mkdir(parents=True)
            objects = judged(self.rounds.bodies, Around.NONE)
            (world / "all.json").write_text(stream(*objects), "utf-8")
            state = ["--manifests", str(world)]
        else:
            state = ["--kubeconfig", str(planes[name].user(USER))]
        self.say(f"starting the webhook: {name}")
        with Webhook(folder, state, port, **_CACHED) as webhook:
            webhook.wait_until_ready()
            yield webhook

    def _strict(self, planes: dict[str, ControlPlane], port: int, report: Report) -> None:
        for name, plane in planes.items():
            self.say(f"counting round trips: {name}")
            suffix = ", 40,000 objects" if name == FULL else ""
            found = round_trips(plane, self.folder / f"strict{suffix}", port)
            for row, by in found.items():
                for consistency, count in by.items():
                    report.single[f"API round trips, {row}, {consistency}{suffix}"] = count
            more = max(by["strict"] - by["cached"] for by in found.values())
            report.single[f"strict: API round trips more{suffix}"] = more
