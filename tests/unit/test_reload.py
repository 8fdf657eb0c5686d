"""Configuration and rules that change while they are used: the last good ones always judge."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.mount import Mount
from tests.unit.policy.rego import RULE
from webhook.config import Config
from webhook.core.decide import Judge
from webhook.core.finding import Action
from webhook.errors import ConfigError, Faults, PolicyError, ScaleguardError, UnavailableError
from webhook.exposition import registry
from webhook.policy import engine
from webhook.policy.kinds import Pushing
from webhook.reload.recorder import Counters
from webhook.reload.reloading import Making, Reloading
from webhook.reload.sources import LastGood, Material, Sources
from webhook.serving.multiprocess import shared_counters
from webhook.wiring import judge_of
from webhook.wiring.reloading import OF_MANIFESTS, waiting_for_restart

WARN = "rules: {hpa-vpa-same-metric: warn}"
DENY = "rules: {hpa-vpa-same-metric: deny}"


@dataclass
class Trial:
    """Files, and who follows them; every look is made by the test."""

    config: Mount
    rules: Mount
    counters: Counters = field(default_factory=Counters)
    now: float = 1000.0
    kept: list[Material] = field(default_factory=list)
    put_back: list[Judge] = field(default_factory=list)
    made: list[Material] = field(default_factory=list)
    fails: Callable[[], Exception | None] = lambda: None

    @property
    def sources(self) -> Sources:
        return Sources(self.config.folder / "config.yaml", (self.rules.folder,))

    def begin(self) -> Reloading:
        material = self.sources.read()
        making = Making(
            self.sources,
            self.make,
            self.kept.append,
            self.put_back.append,
            lambda config: ["consistency"] if config.consistency == "cached" else [],
        )
        judge = judge_of(material.config, material.modules)
        return Reloading(material, judge, making, self.counters, lambda: self.now)

    def make(self, material: Material) -> Judge:
        self.made.append(material)
        if (error := self.fails()) is not None:
            raise error
        return judge_of(material.config, material.modules)

    def number(self, name: str, **labels: str) -> float | None:
        return self.counters.registry.get_sample_value(f"scaleguard_config_{name}", labels)

    def reloads(self) -> tuple[float | None, float | None]:
        applied, refused = (
            self.number("reloads_total", result=result) for result in ("applied", "refused")
        )
        return applied, refused


@pytest.fixture
def trial(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Trial:
    caplog.set_level(logging.INFO, "scaleguard.config")
    made = Trial(Mount(tmp_path / "config"), Mount(tmp_path / "rules"))
    made.config.write(config_yaml=DENY)
    made.rules.write(vpa_rego=RULE)
    return made


def action(judge: Judge) -> Action | None:
    return judge.settings.actions.get("hpa-vpa-same-metric")


def test_what_does_not_change_is_not_made_again(trial: Trial) -> None:
    followed = trial.begin()
    first = followed.judge
    trial.config.write(config_yaml=DENY)
    followed.look()
    assert followed.judge is first
    assert trial.made == []
    assert trial.reloads() == (0, 0)


def test_a_change_is_taken_up(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()
    before = trial.sources.read().hash
    assert trial.number("info", hash=before) == 1
    assert trial.number("last_reload_timestamp_seconds") == 1000
    trial.config.write(config_yaml=WARN)
    trial.now = 2000.0
    followed.look()
    assert action(followed.judge) is Action.WARN
    assert followed.config.actions == followed.judge.settings.actions
    assert trial.reloads() == (1, 0)
    assert trial.number("last_reload_successful") == 1
    assert trial.number("last_reload_timestamp_seconds") == 2000
    after = trial.sources.read().hash
    assert (trial.number("info", hash=before), trial.number("info", hash=after)) == (0, 1)
    assert caplog.messages == [f"configuration {after} applied"]
    assert [material.hash for material in trial.kept] == [after]


def test_rules_of_a_user_are_taken_up_and_go(trial: Trial) -> None:
    followed = trial.begin()
    assert "custom/vpa" in followed.judge.settings.rules
    trial.rules.write(
        vpa_rego=RULE.replace("custom/vpa", "custom/other").replace("team.vpa", "team.other")
    )
    followed.look()
    assert "custom/other" in followed.judge.settings.rules
    assert "custom/vpa" not in followed.judge.settings.rules


def test_what_is_broken_is_told_once_and_the_last_good_one_judges(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    followed = trial.begin()
    good = followed.judge
    trial.config.write(config_yaml="rules: {hpa-vpa-same-metric: refuse}\nrule: {}")
    trial.rules.write(vpa_rego="# METADATA\n# [\n" + RULE, b_rego="package a\n\nx := {")
    for _ in range(3):
        followed.look()
    assert followed.judge is good
    assert followed.config.actions == good.settings.actions
    assert trial.reloads() == (0, 1)
    assert trial.number("last_reload_successful") == 0
    assert trial.number("last_reload_timestamp_seconds") == 1000
    assert trial.put_back == [good]
    (message,) = caplog.messages
    path = trial.config.folder / "config.yaml"
    assert message == (
        f"configuration refused, the last good one goes on: {path}: 2 faults: "
        "rules.hpa-vpa-same-metric: 'refuse' is not one of ['deny', 'warn', 'audit', 'off']; "
        "the file: Additional properties are not allowed ('rule' was unexpected)"
    )


def test_every_file_that_is_broken_is_told_with_its_line(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    followed = trial.begin()
    trial.config.write(config_yaml="rules: {custom/none: warn}")
    trial.rules.write(
        vpa_rego=RULE + "\nx := {\n", b_rego="package b\n\nx := {", c_rego="# METADATA\n# [\n"
    )
    followed.look()
    (message,) = caplog.messages
    assert "vpa.rego: line 22: " in message
    assert "b.rego: line 3: " in message
    assert message.count("c.rego: line 2: the METADATA comment is not YAML") == 1
    trial.rules.write(vpa_rego=RULE + "\nx := {\n")
    followed.look()
    assert "rules: custom/none: no such rule" in caplog.messages[1]
    assert "vpa.rego: line 22: " in caplog.messages[1]


@pytest.mark.parametrize("mended", [DENY, WARN])
def test_what_is_mended_is_applied(trial: Trial, mended: str) -> None:
    followed = trial.begin()
    for text in ("rules: [", mended):
        trial.config.write(config_yaml=text)
        followed.look()
    assert action(followed.judge) is Action(mended[-5:-1])
    assert trial.reloads() == (1, 1)
    assert trial.number("last_reload_successful") == 1


def test_a_rule_that_reaches_the_network_is_refused_and_the_last_good_ones_go_on(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    followed = trial.begin()
    first = followed.judge
    reaching = RULE.replace("input.autoscaler.type", 'http.send({"url": "http://x"}).body')
    trial.rules.write(vpa_rego=reaching)
    followed.look()
    assert followed.judge is first
    assert trial.reloads() == (0, 1)
    assert "vpa.rego: line 13: http.send reads the network" in caplog.text


def test_other_broken_content_is_told_again(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()
    for text in ("a: 1", "b: 1", "a: 1"):
        trial.config.write(config_yaml=text)
        followed.look()
    assert trial.reloads() == (0, 3)
    assert len(caplog.messages) == 3


def test_files_that_are_gone_are_a_fault(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()
    (trial.config.folder / "config.yaml").unlink()
    (trial.rules.folder / "vpa.rego").unlink()
    followed.look()
    (message,) = caplog.messages
    assert "config.yaml: cannot be read: " in message
    assert "no *.rego file in this folder" in message


def test_what_cannot_be_reached_is_tried_again_and_told_once(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    followed = trial.begin()
    trial.fails = lambda: UnavailableError("OPA cannot be reached")
    trial.config.write(config_yaml=WARN)
    for _ in range(3):
        followed.look()
    assert trial.reloads() == (0, 1)
    trial.fails = lambda: None
    followed.look()
    assert action(followed.judge) is Action.WARN
    assert trial.reloads() == (1, 1)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_going_back_after_a_server_was_not_there_is_a_change(trial: Trial) -> None:
    followed = trial.begin()
    trial.fails = lambda: UnavailableError("OPA cannot be reached")
    trial.config.write(config_yaml=WARN)
    followed.look()
    trial.fails = lambda: None
    trial.config.write(config_yaml=DENY)
    followed.look()
    assert trial.number("last_reload_successful") == 1


def test_what_could_not_be_put_back_is_tried_again(trial: Trial) -> None:
    followed = trial.begin()
    trial.fails = lambda: PolicyError("OPA refuses it")
    calls: list[Judge] = []

    def put_back(judge: Judge) -> None:
        calls.append(judge)
        if len(calls) == 1:
            raise UnavailableError("OPA cannot be reached")

    followed._making = Making(trial.sources, trial.make, put_back=put_back)
    trial.config.write(config_yaml=WARN)
    for _ in range(3):
        followed.look()
    assert len(calls) == 2
    assert trial.reloads() == (0, 1)


def test_files_that_change_while_they_are_read_wait_for_the_next_look(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    followed = trial.begin()
    good = followed.judge

    def change() -> Exception | None:
        trial.config.write(config_yaml=f"{WARN} # {trial.config.versions}")
        return None if trial.config.versions < 5 else PolicyError("of both versions a half")

    trial.fails = change
    trial.config.write(config_yaml=WARN)
    for _ in range(3):
        followed.look()
    assert followed.judge is good
    assert caplog.messages == []
    trial.fails = lambda: None
    followed.look()
    assert action(followed.judge) is Action.WARN


def test_a_fault_of_ours_is_refused_too(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()
    good = followed.judge
    trial.fails = RuntimeError
    trial.config.write(config_yaml=WARN)
    for _ in range(2):
        followed.look()
    assert followed.judge is good
    (record,) = caplog.records
    assert record.getMessage().endswith("goes on: RuntimeError")
    assert record.exc_info is not None


def test_what_waits_for_a_restart_is_named(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()
    trial.config.write(config_yaml=f"{WARN}\nconsistency: cached")
    followed.look()
    assert action(followed.judge) is Action.WARN
    assert caplog.messages[1] == "consistency: changed, but only a restart applies it"


def test_keys_of_the_cluster_wait_for_a_restart() -> None:
    waiting = waiting_for_restart(Config(), Config(consistency="cached", stale_after_seconds=60.0))
    assert waiting == ["consistency", "staleAfterSeconds"]
    assert waiting_for_restart(Config(), Config(strictness="feedback")) == []
    assert waiting_for_restart(Config(), Config(workloads=({"group": "a.b"},))) == []


def test_manifests_are_read_once_by_the_kinds_of_the_start() -> None:
    """A cluster is looked at by those of now: tests/e2e/test_configured_kinds.py."""
    now = Config(workloads=({"group": "ai.example.com", "kind": "Model"},))
    assert waiting_for_restart(Config(), now, OF_MANIFESTS) == ["workloads"]
    assert waiting_for_restart(now, now, OF_MANIFESTS) == []


def test_rules_are_put_back_only_where_they_were_put(trial: Trial) -> None:
    class Server(Pushing):
        puts = 0

        def put_rules(self) -> None:
            self.puts += 1

    judge, server = trial.begin().judge, Server()
    engine.put_back(judge)
    object.__setattr__(judge, "ask", server)
    engine.put_back(judge)
    assert server.puts == 1


def test_what_cannot_be_kept_is_said(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    followed = trial.begin()

    def full(_material: Material) -> None:
        raise OSError(28, "No space left on device")

    followed._making = Making(trial.sources, trial.make, full)
    trial.config.write(config_yaml=WARN)
    followed.look()
    assert action(followed.judge) is Action.WARN
    assert "the last good configuration cannot be kept: " in caplog.messages[1]


class EndedError(Exception):
    """Ends a loop that has no end."""


def test_looks_are_at_the_same_time_in_all_processes_and_never_end(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    followed, slept = trial.begin(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        trial.now += seconds
        if len(slept) == 3:
            raise EndedError

    def look() -> None:
        trial.now += 0.25
        raise PermissionError

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(followed, "look", look)
    trial.now = 1000.5
    with pytest.raises(EndedError):
        followed._follow()
    assert slept == [1.5, 1.75, 1.75]
    assert caplog.messages == ["the configuration could not be looked at"] * 2


def test_a_thread_follows_only_where_there_are_files(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    class Thread:
        def __init__(self, *, name: str, **_: object) -> None:
            self.name = name

        def start(self) -> None:
            begun.append(self.name)

    monkeypatch.setattr(threading, "Thread", Thread)
    trial.begin().start()
    assert begun == ["configuration"]
    material = Sources(None).read()
    making = Making(Sources(None), trial.make)
    judge = judge_of(material.config, material.modules)
    Reloading(material, judge, making, Counters()).start()
    assert begun == ["configuration"]


# ---------------------------------------------------------------- files


def test_a_digest_is_of_content_and_names_alone(tmp_path: Path) -> None:
    one, other = Mount(tmp_path / "one"), Mount(tmp_path / "other")
    for mount in (one, other):
        mount.write(a_rego="x", b_rego="y")
    digests = {Sources(None, (mount.folder,)).digest() for mount in (one, other)}
    assert len(digests) == 1
    os.utime(one.folder / "a.rego")
    assert Sources(None, (one.folder,)).digest() in digests
    one.write(a_rego="xy", b_rego="")
    other.write(a_rego="x", c_rego="y")
    digests |= {Sources(None, (mount.folder,)).digest() for mount in (one, other)}
    assert len(digests) == 3


def test_all_files_are_read_before_any_is_refused(trial: Trial) -> None:
    trial.config.write(config_yaml="a: 1")
    (trial.rules.folder / "vpa.rego").unlink()
    with pytest.raises(ScaleguardError) as refused:
        trial.sources.read()
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert "1 fault" in lines[0]
    assert "no *.rego file" in lines[2]


def test_faults_keep_their_kind_and_are_told_once() -> None:
    faults = Faults()

    def fail(fault: ScaleguardError) -> None:
        with faults.noted():
            raise fault

    faults.refuse()
    for text in ("a", "b", "a"):
        fail(PolicyError(text))
    with pytest.raises(PolicyError, match=r"^b\na$"):
        faults.refuse()
    fail(ConfigError("c"))
    with pytest.raises(ScaleguardError, match=r"^b\na\nc$") as refused:
        faults.refuse()
    assert type(refused.value) is ScaleguardError


def test_a_new_worker_begins_with_what_another_one_applied(trial: Trial, tmp_path: Path) -> None:
    first = trial.sources.read()
    last_good = LastGood(tmp_path, first)
    assert last_good.get() is first
    trial.config.write(config_yaml=WARN)
    second = trial.sources.read()
    last_good.keep(second)
    trial.config.write(config_yaml="rules: [")
    found = last_good.get()
    assert found.digest == second.digest
    assert found.modules == second.modules
    assert action(judge_of(found.config, found.modules)) is Action.WARN
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["last-good"]


# ---------------------------------------------------------------- numbers


def test_processes_show_only_configurations_that_are_in_use() -> None:
    with shared_counters() as shared:
        for worker in (1, 2):
            shared.take_place(worker)
            shared.enter_place(worker)
            counters = Counters(CollectorRegistry())
            counters.in_use("aaa", 10.0)
            if worker == 1:
                counters.in_use("bbb", 20.0)
                counters.reloaded("applied")
            else:
                counters.reloaded("refused")
        shown = [
            (sample.name.removeprefix("scaleguard_config_"), sample.labels, sample.value)
            for metric in registry(shared.folder, lambda: None).collect()
            for sample in metric.samples
            if sample.value
        ]
        names = {name for name, _, _ in shown}
        assert ("info", {"hash": "aaa"}, 1) in shown, "the second process uses it"
        assert ("info", {"hash": "bbb"}, 1) in shown
        assert ("reloads_total", {"result": "applied"}, 1) in shown
        assert ("reloads_total", {"result": "refused"}, 1) in shown
        assert ("last_reload_timestamp_seconds", {}, 20) in shown
        assert "last_reload_successful" not in names, "one of them refused: 0"
        shared.leave_place(2)
        infos = [
            sample.labels
            for metric in registry(shared.folder, lambda: None).collect()
            for sample in metric.samples
            if sample.name == "scaleguard_config_info"
        ]
        assert infos == [{"hash": "bbb"}]
