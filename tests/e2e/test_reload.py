"""Configuration and rules that change under a webhook that is being asked."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.webhook_process import Reviews, WebhookProcess, children, wait_until
from tests.unit.mount import Mount
from tests.unit.policy.rego import ABORTS, RULE

WARN = "rules: {hpa-vpa-same-metric: warn}"
DENY = "rules: {hpa-vpa-same-metric: deny}"
WORKERS = 2
HPA = hpa("web", "web")

pytestmark = pytest.mark.slow


class Webhook(WebhookProcess):
    """Judges in a world of files; its configuration and rules are mounted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, folder)
        self.config, self.rules = Mount(folder / "config"), Mount(folder / "rules")
        world = folder / "world"
        world.mkdir()
        (world / "all.json").write_text(stream(deployment("web"), vpa("web", "web")), "utf-8")
        self.command = [
            *(sys.executable, "-m", "webhook", "webhook", "--manifests", str(world)),
            *("--bind", f"127.0.0.1:{self.port}", "--cert-dir", str(folder / "certs")),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}", "--workers", str(WORKERS)),
            *("--config", str(self.config.folder / "config.yaml")),
            *("--policies", str(self.rules.folder)),
        ]

    def workers(self) -> set[int]:
        """Processes of the server, without those that are there to try something."""
        assert self.process is not None
        return {
            child
            for child in children(self.process.pid)
            if b"multiprocessing" not in Path(f"/proc/{child}/cmdline").read_bytes()
        }

    def wait_for(self, result: str, times: int) -> None:
        """Wait until every worker has taken up, or refused, so many changes."""
        name, wanted = "scaleguard_config_reloads_total", WORKERS * times
        wait_until(
            lambda: self.metric(name, result=result) == wanted,
            what=f"not {wanted} {result}: {self.log()}",
        )

    def refusals(self) -> list[str]:
        """What was refused since the start, as each worker said it."""
        lines = self.log().splitlines()
        return [line.partition(" goes on: ")[2] for line in lines if "refused, the last" in line]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    running = Webhook(tmp_path)
    running.config.write(config_yaml=DENY)
    running.rules.write(vpa_rego=RULE)
    with running:
        running.wait_until_ready()
        wait_until(lambda: len(running.workers()) == WORKERS)
        yield running
    assert "Traceback" not in running.log()


def test_changes_are_taken_up_and_broken_ones_refused_while_requests_are_answered(
    webhook: Webhook,
) -> None:
    with Reviews(webhook, HPA) as asked:
        wait_until(lambda: asked.answers[False])
        webhook.config.write(config_yaml=WARN)
        webhook.wait_for("applied", 1)
        wait_until(lambda: asked.answers[True])
        assert asked.answers.keys() == {False, True}
        asked.answers.clear()

        webhook.config.write(config_yaml="rules: {hpa-vpa-same-metric: refuse}\nrule: {}")
        webhook.wait_for("refused", 1)
        assert webhook.ready()
        assert webhook.metric("scaleguard_config_last_reload_successful") == 0
        wait_until(lambda: asked.answers[True] > 20)
        assert asked.answers.keys() == {True}, "by the last good one"

        webhook.config.write(config_yaml=WARN)
        webhook.wait_for("applied", 2)
        assert webhook.metric("scaleguard_config_last_reload_successful") == 1
        webhook.rules.write(vpa_rego=f"{RULE}\nx := {{\n")
        webhook.wait_for("refused", 2)
        assert asked.answers.keys() == {True}

        webhook.rules.write(vpa_rego=RULE)
        webhook.wait_for("applied", 3)
        webhook.config.write(config_yaml=DENY)
        webhook.wait_for("applied", 4)
        wait_until(lambda: asked.answers[False])
        assert None not in asked.answers
    first, second = sorted(set(webhook.refusals()), key=len, reverse=True)
    assert "config.yaml: 2 faults: rules.hpa-vpa-same-metric: " in first
    assert "the file: Additional properties are not allowed" in first
    assert second.endswith("rules/vpa.rego: line 22: this is unclosed")
    assert len(webhook.refusals()) == 2 * WORKERS


def test_rules_that_crash_the_engine_do_not_crash_the_webhook(webhook: Webhook) -> None:
    before = webhook.workers()
    webhook.rules.write(bad_rego=f"package scaleguard.rules.team.bad\n\n{ABORTS}")
    webhook.wait_for("refused", 1)
    assert "crashed (SIGABRT) when it compiles this" in webhook.refusals()[0]
    assert webhook.workers() == before
    assert webhook.validate(HPA) is False


def test_a_worker_that_is_replaced_goes_on_with_the_last_good_one(webhook: Webhook) -> None:
    webhook.config.write(config_yaml=WARN)
    webhook.wait_for("applied", 1)
    webhook.config.write(config_yaml="rules: [")
    webhook.wait_for("refused", 1)
    before = webhook.workers()
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: webhook.workers() - before and webhook.ready())
    assert webhook.validate(HPA) is True
    webhook.wait_for("refused", 2)
