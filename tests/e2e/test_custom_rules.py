"""Rules of users that run away or crash, under a webhook that is being asked."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.webhook_process import WebhookProcess, children, wait_until
from tests.unit.mount import Mount
from tests.unit.policy.custom.files import CRASH, GOOD, RUNAWAY, rule
from webhook.policy.custom.process import MOST_RESIDENT_BYTES

# What the API server waits at most, by our webhook configurations.
PATIENCE_SECONDS = 3.0

# 0.2 s by default; these machines are busy, and a good rule must not be blamed for that.
BUDGET_SECONDS = 0.5

MOST_RESIDENT_MIB = 96

STARTS_WITHIN_SECONDS = 120

ENDS = {
    "overrun": f"it gave no answer within {BUDGET_SECONDS} s",
    "memory": f"it took more than {MOST_RESIDENT_BYTES // 2**20} MiB of memory",
}
"""What the log says of each reason."""

HPA = hpa("web", "web")

pytestmark = pytest.mark.slow


class Webhook(WebhookProcess):
    """One process that judges in a world of files, with rules of users."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, folder)
        self.config, self.rules = Mount(folder / "config"), Mount(folder / "rules")
        world = folder / "world"
        world.mkdir()
        objects = [deployment(name) for name in ("web", "free", "runaway", "crash")]
        (world / "all.json").write_text(stream(*objects, vpa("web", "web")), "utf-8")
        self.slowest_seconds = 0.0
        self.command = [
            *(sys.executable, "-m", "webhook", "webhook", "--manifests", str(world)),
            *("--bind", f"127.0.0.1:{self.port}", "--cert-dir", str(folder / "certs")),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}"),
            *("--config", str(self.config.folder / "config.yaml")),
            *("--policies", str(self.rules.folder)),
        ]

    def configure(self, on_failure: str = "ignore") -> None:
        custom = {"timeoutSeconds": BUDGET_SECONDS, "onFailure": on_failure}
        self.config.write(config_yaml=json.dumps({"policies": {"custom": custom}}))

    def asked(self, name: str) -> bool | None:
        """What becomes of an HPA of this name on the workload of this name."""
        begun = time.monotonic()
        verdict = self.validate(hpa(name, name))
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - begun)
        return verdict

    def failures(self, package: str, reason: str) -> float:
        labels = {"package": f"house.{package}", "reason": reason}
        return self.metric("scaleguard_custom_rules_failures_total", **labels) or 0

    def ends(self, package: str) -> dict[str, float]:
        """How often the process was ended for a package that does not end, by what was seen first.

        What never ends takes memory all the while: on these machines as much as it may, 256 MiB,
        at about the moment that its time is over.
        """
        return {reason: self.failures(package, reason) for reason in ENDS}

    def is_off(self, package: str) -> bool:
        return self.metric("scaleguard_custom_rules_off", package=f"house.{package}") == 1

    def found(self, name: str) -> float:
        return self.metric("scaleguard_findings_total", rule=f"custom/{name}") or 0

    def remarks(self) -> list[str]:
        status, body = self._ask("GET", "/readyz")
        assert status == 200
        remarks: list[str] = body.get("remarks", [])
        return remarks

    def custom_processes(self) -> list[int]:
        """The processes of custom rules, whichever thread of whichever process started them."""
        assert self.process is not None
        servers = {self.process.pid, *children(self.process.pid)}
        started = {
            int(child)
            for server in servers
            for listed in Path(f"/proc/{server}/task").glob("*/children")
            for child in listed.read_text("utf-8").split()
        }
        return [
            one for one in started if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()
        ]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    running = Webhook(tmp_path)
    running.configure()
    running.rules.write(good_rego=rule("good"))
    with running:
        wait_until(running.ready, STARTS_WITHIN_SECONDS, "not ready")
        yield running
        # Not behind its end: a process that is being started then says that nobody is left.
        assert "Traceback" not in running.log()
    assert running.slowest_seconds < PATIENCE_SECONDS


def ask_until(webhook: Webhook, name: str, happened: Callable[[], object]) -> None:
    """Ask about what a rule fails on and what a built-in rule denies, again and again."""
    deadline = time.monotonic() + 90
    while not happened():
        assert time.monotonic() < deadline, webhook.log()
        assert webhook.asked(name) is True
        assert webhook.asked("web") is False, "the built-in verdict stands"


def resident_mib(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_rule_that_never_ends_is_ended_switched_off_and_tried_again_when_it_is_mended(
    webhook: Webhook,
) -> None:
    wait_until(lambda: webhook.asked("free") and webhook.found("good"), 60)
    webhook.rules.write(good_rego=rule("good"), endless_rego=rule("endless", RUNAWAY))
    wait_until(lambda: webhook.metric("scaleguard_config_reloads_total", result="applied") == 1, 60)
    ask_until(webhook, "runaway", lambda: webhook.is_off("endless"))
    # Three in a row, or with answers between them, where it was asked about others, five.
    ends = webhook.ends("endless")
    assert 3 <= sum(ends.values()) <= 5
    log = webhook.log()
    for reason, how in ENDS.items():
        assert log.count(f"custom/house.endless said nothing: {how}") == (ends[reason] > 0)
    assert log.count("custom/house.endless is switched off, because it failed again and") == 1
    assert webhook.remarks() == ["custom/house.endless is switched off: see the log"]

    before = webhook.found("good")
    wait_until(lambda: webhook.asked("runaway") and webhook.found("good") > before, 60)
    assert webhook.ends("endless") == ends, "it is asked no more"
    assert not webhook.is_off("good")

    mended = f"{GOOD}\n\tnot input.nonsense"
    webhook.rules.write(good_rego=rule("good"), endless_rego=rule("endless", mended))
    wait_until(lambda: webhook.metric("scaleguard_config_reloads_total", result="applied") == 2, 60)
    wait_until(lambda: webhook.asked("runaway") and webhook.found("endless"), 60)
    assert not webhook.is_off("endless")
    assert webhook.remarks() == []
    assert "/endless.rego: line 12: input has no nonsense; it has version, " in webhook.log()
    (process,) = webhook.custom_processes()
    logging.getLogger(__name__).info("resident: %.0f MiB", resident_mib(process))
    assert resident_mib(process) < MOST_RESIDENT_MIB


def test_a_rule_that_crashes_the_engine_crashes_nobody_else(webhook: Webhook) -> None:
    webhook.rules.write(good_rego=rule("good"), bad_rego=rule("bad", CRASH))
    wait_until(lambda: webhook.metric("scaleguard_config_reloads_total", result="applied") == 1, 60)
    assert webhook.process is not None
    workers = children(webhook.process.pid)
    ask_until(webhook, "crash", lambda: webhook.is_off("bad"))
    assert children(webhook.process.pid) == workers
    assert 3 <= webhook.failures("bad", "crash") + webhook.failures("bad", "overrun") <= 5
    assert "custom/house.bad is switched off" in webhook.log()


def test_where_a_rule_has_to_be_heard_nothing_passes_without_it(webhook: Webhook) -> None:
    webhook.configure("fail")
    webhook.rules.write(endless_rego=rule("endless", RUNAWAY))
    wait_until(lambda: webhook.metric("scaleguard_config_reloads_total", result="applied"), 60)
    wait_until(lambda: webhook.asked("free") is True)
    deadline = time.monotonic() + 90
    while not webhook.is_off("endless"):
        assert time.monotonic() < deadline
        assert webhook.asked("runaway") is None, "no judgement: failurePolicy decides"
        assert webhook.asked("web") is False, "the built-in verdict stands"
    assert webhook.asked("free") is None
    assert webhook.asked("web") is False
