"""How rules of users are heard beside the built-in ones, whatever becomes of their process."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.policy.custom.files import document, module_of
from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.policy.custom import rules
from webhook.policy.custom.process import Answers, Ended
from webhook.policy.custom.recorder import Counters
from webhook.policy.custom.rules import OFFLINE, CustomRules, Terms, Together

BUILT_IN = Verdict("hpa-no-effect", Action.WARN, "m", "r")


@dataclass
class Fake:
    """Answers as it is told, in place of a process."""

    answers: list[Answers] = field(default_factory=list)
    asked: list[tuple[list[str], float]] = field(default_factory=list)
    takes_seconds: float = 0.0
    now: float = 0.0
    closed: bool = False

    def __call__(self, _work: object) -> "Fake":
        return self

    def ask(self, _document: Any, packages: Sequence[str], wait_seconds: float) -> Answers:
        self.asked.append(([one.rpartition(".")[2] for one in packages], wait_seconds))
        self.now += self.takes_seconds
        return self.answers.pop(0)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Fake:
    made = Fake()
    monkeypatch.setattr(rules, "CustomProcess", made)
    caplog.set_level(logging.INFO, "scaleguard.custom")
    return made


def package(name: str) -> str:
    return f"scaleguard.rules.house.{name}"


def finding(name: str) -> dict[str, str]:
    return {"rule": f"custom/{name}", "action": "warn", "message": "m"}


def heard(*names: str, ended: Ended | None = None, absent: str | None = None) -> Answers:
    found = {package(name): [finding(name)] for name in names}
    return Answers(found, ended=ended, absent=absent)


def overrun(name: str) -> Ended:
    return Ended(package(name), "overrun", "it gave no answer within 0.2 s")


def custom(fake: Fake, *, must_answer: bool = False) -> tuple[CustomRules, Counters]:
    counters = Counters()
    terms = Terms(0.2, must_answer, counters, lambda: fake.now)
    return CustomRules([module_of("a"), module_of("b")], terms), counters


def names(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.rule for verdict in verdicts]


def failures(counters: Counters, name: str, reason: str) -> float | None:
    labels = {"package": f"house.{name}", "reason": reason}
    return counters.registry.get_sample_value("scaleguard_custom_rules_failures_total", labels)


def is_off(counters: Counters, name: str) -> float | None:
    labels = {"package": f"house.{name}"}
    return counters.registry.get_sample_value("scaleguard_custom_rules_off", labels)


def test_verdicts_of_both_are_heard(fake: Fake) -> None:
    fake.answers = [heard("a", "b")]
    both = Together(lambda _: [BUILT_IN], custom(fake)[0])
    assert names(both(document())) == ["hpa-no-effect", "custom/a", "custom/b"]
    assert both.remarks() == []
    both.close()
    assert fake.closed


def test_built_in_verdicts_stand_when_a_rule_of_a_user_runs_away(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers = [heard("a", ended=overrun("b")), heard(absent="restarting")]
    mine, counters = custom(fake)
    hearing = Together(lambda _: [BUILT_IN], mine).hearing()
    assert names(hearing(document())) == ["hpa-no-effect", "custom/a"]
    assert names(hearing(document())) == ["hpa-no-effect"]
    assert hearing.unheard() is None
    assert failures(counters, "b", "overrun") == 1
    assert failures(counters, "a", "restarting") == failures(counters, "b", "restarting") == 1
    assert caplog.messages == ["custom/house.b said nothing: it gave no answer within 0.2 s"]


def test_a_rule_that_has_to_be_heard_is_missed(fake: Fake) -> None:
    fake.answers = [heard(ended=overrun("a"))] * 2
    both = Together(lambda _: [BUILT_IN], custom(fake, must_answer=True)[0])
    hearing = both.hearing()
    assert names(hearing(document())) == ["hpa-no-effect"]
    says = (
        "custom/house.a: it gave no answer within 0.2 s;"
        " custom/house.b: the process was ended for custom/house.a"
    )
    assert hearing.unheard() == says
    with pytest.raises(CannotJudge) as raised:
        both(document())
    assert str(raised.value) == says


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("text", "the rules answered str instead of a set of findings"),
        (
            [finding("b")],
            "rules/a.rego: a finding is of rule 'custom/b', which no METADATA names; there are: ",
        ),
        (
            [finding("a") | {"rule": "duplicate-hpa"}],
            "rules/a.rego: a finding is of rule 'duplicate-hpa', which",
        ),
        ([finding("a") | {"overlap": 3}], "rules/a.rego: a finding of custom/a: overlap is 3, not"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_its_package_alone(
    fake: Fake, caplog: pytest.LogCaptureFixture, answer: Any, says: str
) -> None:
    fake.answers = [Answers({package("a"): answer, package("b"): [finding("b")]})] * 9
    mine, counters = custom(fake)
    for _ in range(9):
        found, silent = mine.ask(document(), 1)
        assert names(found) == ["custom/b"]
        assert silent["house.a"].startswith(says)
    assert failures(counters, "a", "error") == 9
    assert is_off(counters, "a") == 0, "it costs the others nothing"
    assert len(caplog.messages) == 1


def test_where_it_ends_the_command_it_is_not_logged_as_well(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers = [Answers({package("b"): []}, errors={package("a"): "no such function"})]
    mine = CustomRules([module_of("a"), module_of("b")], OFFLINE)
    with pytest.raises(CannotJudge, match=r"custom/house\.a: rules/a\.rego: no such function"):
        Together(lambda _: [], mine)(document())
    assert caplog.messages == []


def test_an_error_of_the_engine_is_told(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    fake.answers = [Answers({package("b"): []}, errors={package("a"): "no such function"})]
    assert custom(fake)[0].ask(document(), 1) == ([], {"house.a": "rules/a.rego: no such function"})
    assert caplog.messages == ["custom/house.a said nothing: rules/a.rego: no such function"]


def test_what_fails_again_and_again_is_switched_off_and_the_others_go_on(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers = [heard(ended=overrun("a"))] * 3 + [heard("b")] * 2
    mine, counters = custom(fake, must_answer=True)
    both = Together(lambda _: [], mine)
    for _ in range(3):
        assert is_off(counters, "a") == 0
        both.hearing()(document())
    assert is_off(counters, "a") == 1
    assert (is_off(counters, "b"), failures(counters, "b", "skipped")) == (0, 3)
    assert both.remarks() == ["custom/house.a is switched off: see the log"]
    hearing = both.hearing()
    assert names(hearing(document())) == ["custom/b"]
    assert hearing.unheard() == "custom/house.a: it is switched off"
    assert [asked for asked, _ in fake.asked] == [["a", "b"]] * 3 + [["b"]]
    (last,) = caplog.messages[1:]
    assert last == (
        "custom/house.a is switched off, because it failed again and again: it gave no answer"
        " within 0.2 s; it is tried again when its files change"
    )


def test_whatever_its_process_was_ended_for_counts_alike(fake: Fake) -> None:
    """What never ends is ended for its time or for its memory, whichever is seen first."""
    ends = [Ended(package("a"), reason, "how") for reason in ("overrun", "memory", "crash")]
    fake.answers = [heard(ended=ended) for ended in ends]
    mine, counters = custom(fake)
    for _ in ends:
        assert is_off(counters, "a") == 0
        mine.ask(document(), 1)
    assert is_off(counters, "a") == 1
    assert {failures(counters, "a", ended.reason) for ended in ends} == {1}


def test_where_all_are_off_nobody_is_asked(fake: Fake) -> None:
    fake.answers = [heard(ended=overrun(name)) for name in "aaabbb"]
    mine, _ = custom(fake)
    for _ in range(6):
        mine.ask(document(), 1)
    assert mine.ask(document(), 1) == (
        [],
        {"house.a": "it is switched off", "house.b": "it is switched off"},
    )
    assert len(fake.asked) == 6


def test_new_files_are_tried_anew(fake: Fake) -> None:
    fake.answers = [heard(ended=overrun("a"))] * 3
    mine, counters = custom(fake)
    for _ in range(3):
        mine.ask(document(), 1)
    assert is_off(counters, "a") == 1
    renamed = CustomRules([module_of("c")], Terms(0.2, must_answer=False, recorder=counters))
    assert renamed.off() == []
    assert (is_off(counters, "a"), is_off(counters, "c")) == (0, 0)


def test_one_request_waits_a_bounded_time_however_many_documents_it_has(fake: Fake) -> None:
    fake.answers, fake.takes_seconds = [heard("a", "b")] * 3, 0.15
    hearing = Together(lambda _: [], custom(fake)[0]).hearing()
    for _ in range(3):
        hearing(document())
    assert [round(wait, 2) for _, wait in fake.asked] == [0.2, 0.05, -0.1]


def test_offline_a_rule_has_to_be_heard(fake: Fake) -> None:
    fake.answers = [heard(ended=overrun("a"))] * 3
    both = Together(lambda _: [BUILT_IN], CustomRules([module_of("a")], OFFLINE))
    for _ in range(3):
        with pytest.raises(CannotJudge, match=r"^custom/house\.a: it gave no answer"):
            both(document())
    with pytest.raises(CannotJudge, match="it is switched off"):
        both(document())
