"""Reviews in one process and nothing else: what `tests.bench.instructions` counts instructions of.

The rules were planned before: what judges is made of the plan, as always.

Prints `name process` for a process that answers `REVIEWS` of a kind, and for one that answers twice
as many: whoever counts by process can take away what is no review.
"""

import gc
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.bench.serving.autoscalers import Around, judged
from tests.bench.serving.rows import Row, rows
from webhook.audit.outbox import Outbox
from webhook.audit.recorder import Counters
from webhook.audit.recording import Recording
from webhook.cli.options import set_up_logging
from webhook.core.decide import Decision, Judge
from webhook.core.review import Request
from webhook.core.world import World
from webhook.policy.compiled import rules as compiled
from webhook.policy.compiled.plan import Plan
from webhook.policy.engine import for_request
from webhook.reload.sources import Sources
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving.environment import SHORT_WAY
from webhook.serving.plain import ShortWay, read_plain, written
from webhook.wiring import judge_of

MEASURED = ("gpu-pod", "plain-pod", "hpa-conflict-0", "hpa-alone-0")

REVIEWS = 25
"""Answered once, and as many again: the difference is that of these alone."""
_WARM_UP = 3
_BODIES = 2 * REVIEWS + _WARM_UP


@dataclass(frozen=True, slots=True)
class Service:
    """A world that never changes."""

    made: Judge
    world: World

    @property
    def judge(self) -> Judge:
        return for_request(self.made)

    def decided(self, _asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        return decide(self.world)

    def remarks(self) -> list[str]:
        return []

    def not_ready(self) -> list[str]:
        return []


def main() -> None:
    """Answer reviews of each kind, once and twice as many."""
    set_up_logging("json", "info")
    _plan_nothing(Path(sys.argv[1]))
    material = Sources(None).read()
    judge = judge_of(material.config, material.modules)
    service = Service(judge, World.of(judged(_BODIES, Around.NONE), judge.knowledge.kinds))
    by_name = {row.name: row for row in rows()}
    asked = {name: list(_requests(by_name[name])) for name in MEASURED}
    for name, requests in asked.items():
        # Valgrind translates code that it has not met: here once, and not in each process.
        _answer(by_name[name], service, requests[-_WARM_UP:])
    for name, requests in asked.items():
        for times in (1, 2):
            process = os.fork()
            if process == 0:
                _end(_answer(by_name[name], service, requests[: times * REVIEWS]))
            if os.waitpid(process, 0)[1] != 0:
                raise SystemExit(f"{name} was not answered as it should be")
            print(name, process, flush=True)


def _plan_nothing(file: Path) -> None:
    """Have rules compiled by a plan that is there: a process that plans would be counted, too."""
    planned = Plan(**json.loads(file.read_text(encoding="utf-8")))
    vars(compiled)["plan"] = lambda *_: planned


def _requests(row: Row) -> Iterator[tuple[bytes, int]]:
    """Requests as they come from a connection, and how much of each is headers."""
    for body in row.bodies(_BODIES):
        head = (
            f"POST /{row.endpoint} HTTP/1.1\r\nHost: 127.0.0.1:8443\r\n"
            f"User-Agent: kube-apiserver-admission\r\nContent-Length: {len(body)}\r\n"
            "Accept: application/json, */*\r\nContent-Type: application/json\r\n"
            "Accept-Encoding: gzip\r\n\r\n"
        ).encode()
        yield head + body, len(head)


def _answer(row: Row, service: Service, requests: list[tuple[bytes, int]]) -> bool:
    """Answer them all, with audit and metrics; say whether that went as it should."""
    counters = Counters()
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Outbox(Path(folder), counters), counters)
        app = create_app(service, Metrics(), audited=recording)
        gc.collect()
        gc.freeze()
        short: ShortWay = app.extensions[SHORT_WAY]
        asked = [read_plain(data, head_bytes) for data, head_bytes in requests]
        answers = [short(one, None) for one in asked if one is not None]
        sent = [written(one, stays=True) for one in answers if one is not None]
    response = json.loads(sent[-1].partition(b"\r\n\r\n")[2])["response"]
    return (response["allowed"], "patch" in response) == (row.allowed, row.patched)


def _end(is_good: bool) -> NoReturn:  # noqa: FBT001 - it is all there is to say
    logging.shutdown()
    os._exit(not is_good)


if __name__ == "__main__":
    main()
