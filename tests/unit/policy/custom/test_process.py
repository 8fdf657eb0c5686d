"""The process of the rules of users, with the real engine in it."""

import gc
import os
import signal
import time
from pathlib import Path

import pytest

from tests.unit.policy.custom.files import CRASH, GREEDY, RUNAWAY, document, module_of
from tests.unit.policy.rego import ABORTS, module
from webhook.errors import PolicyError
from webhook.policy.custom import process
from webhook.policy.custom.process import Answers, CustomProcess, Ended, Work
from webhook.policy.source import Module, load

# A busy machine takes its time for a good rule, too.
PATIENT_SECONDS = 10.0


def work(*modules: Module, seconds: float = PATIENT_SECONDS) -> Work:
    packages = tuple(one.package for one in modules if one.package.startswith("scaleguard.rules"))
    return Work((*load(), *modules), packages, seconds)


def asked(running: CustomProcess, name: str, *rules: str) -> Answers:
    packages = [f"scaleguard.rules.house.{one}" for one in rules]
    return running.ask(document(name), packages, PATIENT_SECONDS)


def wait_for_another(running: CustomProcess) -> None:
    deadline = time.monotonic() + 60
    while not running._holder:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pid(running: CustomProcess) -> int:
    found = running._holder[0]._process.pid
    assert found is not None
    return found


def is_there(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def test_each_package_answers_by_itself() -> None:
    nothing = module("package scaleguard.rules.house.nothing\n\nx := 1\n", "nothing.rego")
    odd = module("package scaleguard.rules.house.odd\n\nfindings := unheard_of(1)\n", "odd.rego")
    running = CustomProcess(work(module_of("good"), nothing, odd))
    found = asked(running, 'a\ud800"b\\', "good", "nothing", "odd")
    assert found.found == {
        "scaleguard.rules.house.good": [
            {"rule": "custom/good", "action": "warn", "message": 'HPA a\ud800"b\\'}
        ],
        "scaleguard.rules.house.nothing": [],
    }
    assert list(found.errors) == ["scaleguard.rules.house.odd"]
    assert "unheard_of" in found.errors["scaleguard.rules.house.odd"]
    assert found.ended is None
    assert asked(running, "a", "good").errors == {}
    before = pid(running)
    os.kill(before, signal.SIGINT)  # as Ctrl-C does to all processes of a terminal
    assert asked(running, "a", "good").found
    os.kill(before, signal.SIGKILL)
    while Path(f"/proc/{before}/stat").read_text("utf-8").split()[2] != "Z":
        time.sleep(0.01)
    assert asked(running, "a", "good").absent == "restarting", "nobody is to blame"
    wait_for_another(running)
    assert asked(running, "a", "good").found
    last = pid(running)
    del running
    gc.collect()
    assert not is_there(last), "it goes with the rules that nobody uses any more"


def test_what_runs_away_is_ended_and_named_and_another_process_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "MOST_RESIDENT_BYTES", 2**40)  # on a fast machine it comes far
    running = CustomProcess(
        work(module_of("a"), module_of("endless", RUNAWAY), module_of("z"), seconds=2)
    )
    before = pid(running)
    begun = time.monotonic()
    found = asked(running, "runaway", "a", "endless", "z")
    assert time.monotonic() - begun < 30
    assert list(found.found) == ["scaleguard.rules.house.a"]
    assert found.ended == Ended(
        "scaleguard.rules.house.endless", "overrun", "it gave no answer within 2 s"
    )
    assert not is_there(before)
    wait_for_another(running)
    assert len(asked(running, "web", "a", "endless", "z").found) == 3
    running.close()
    assert asked(running, "web", "a").absent == "restarting"


def test_what_crashes_is_named_and_another_process_takes_over() -> None:
    running = CustomProcess(work(module_of("bad", CRASH), module_of("good")))
    found = asked(running, "crash", "good", "bad")
    assert list(found.found) == ["scaleguard.rules.house.good"]
    assert found.ended is not None
    assert (found.ended.package, found.ended.reason) == ("scaleguard.rules.house.bad", "crash")
    assert found.ended.how == "the embedded engine crashed (SIGSEGV)"
    wait_for_another(running)
    assert asked(running, "web", "good", "bad").ended is None
    running.close()


def test_what_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    running = CustomProcess(work(module_of("big", GREEDY)))
    monkeypatch.setattr(process, "MOST_RESIDENT_BYTES", 2**20)
    found = asked(running, "greedy", "big")
    assert found.ended == Ended(
        "scaleguard.rules.house.big", "memory", "it took more than 1 MiB of memory"
    )
    wait_for_another(running)
    before = pid(running)
    # What is good answers before the first look, however busy the machine is.
    monkeypatch.setattr(process, "_LOOK_SECONDS", PATIENT_SECONDS)
    assert asked(running, "web", "big").found, "what grew over many documents is no rule's fault"
    assert not is_there(before)
    running.close()


def test_who_waits_too_long_for_others_is_not_asked() -> None:
    running = CustomProcess(work(module_of("good")))
    with running._turn:
        assert running.ask(document(), ["scaleguard.rules.house.good"], 0.01).absent == "busy"
    assert running.ask(document(), ["scaleguard.rules.house.good"], 0).absent == "busy"
    running.close()


def test_rules_that_cannot_be_compiled_are_named_with_their_lines() -> None:
    broken = "package scaleguard.rules.house.{}\n\nx := {{\n"
    one, other = (module(broken.format(name), f"{name}.rego") for name in ("one", "other"))
    with pytest.raises(PolicyError, match=r"/one\.rego: line 3: .*\n.*/other\.rego: line 3: "):
        CustomProcess(work(one, other))


def test_rules_that_crash_the_engine_when_it_compiles_them_are_named(
    capfd: pytest.CaptureFixture[str],
) -> None:
    bad = module(f"package scaleguard.rules.house.bad\n\n{ABORTS}", "bad.rego")
    with pytest.raises(PolicyError, match=r"/bad\.rego: .* crashed \(SIGABRT\) when it compiles"):
        CustomProcess(work(bad))
    assert capfd.readouterr() == ("", "")


def test_rules_that_are_never_compiled_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LONGEST_START_SECONDS", 0.0)
    with pytest.raises(PolicyError, match=r"/good\.rego: .* gave no answer within 0 s when it"):
        CustomProcess(work(module_of("good")))


@pytest.mark.slow
def test_a_process_whose_owner_is_gone_ends_itself_though_its_rule_never_ends() -> None:
    endless = work(module_of("endless", RUNAWAY), seconds=0.1)
    running = process._ready(process._Running(endless), endless, 60)
    running._connection.send_bytes(
        b'[{"object": {"name": "runaway", "text": ""}}, ["scaleguard.rules.house.endless"]]'
    )
    running._process.join(120)
    assert running._process.exitcode == -signal.SIGXCPU
