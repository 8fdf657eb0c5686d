"""The rules of users beside the built-in ones, whose verdicts stand whatever becomes of these."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from webhook.core.frozen import frozen
from webhook.core.verdict import Ask, CannotJudge, Rule, Verdict
from webhook.errors import Faults
from webhook.policy.answer import read_findings
from webhook.policy.catalogue import catalogue
from webhook.policy.custom.process import Answers, CustomProcess, Work
from webhook.policy.custom.recorder import Nobody, Recorder
from webhook.policy.custom.standing import Standing
from webhook.policy.kinds import Apart
from webhook.policy.places import places
from webhook.policy.source import Module

_log = logging.getLogger("scaleguard.custom")

BUILT_IN = "scaleguard"
"""The package that asks all rules."""

_ENDS = frozenset({"overrun", "memory", "crash"})
"""Reasons for which a process had to be ended, or ended itself."""

_OTHERS_FAULT = frozenset({"busy", "restarting", "skipped"})

_ABSENT = {
    "busy": "the time that a request waits for custom rules was over before",
    "restarting": "the process of custom rules is being started again",
}


@frozen
class Terms:
    """On which terms the rules of users are heard."""

    seconds: float
    """How long a request waits for them."""
    must_answer: bool
    """Whether there is no judgement without them."""
    recorder: Recorder
    clock: Callable[[], float] = time.monotonic
    logs: bool = True
    """Whether a rule that says nothing is logged; not where that ends the command, and is told."""


OFFLINE = Terms(seconds=10.0, must_answer=True, recorder=Nobody(), logs=False)
"""Where a person waits: a rule that says nothing is told, and nothing passes for want of it."""


class CustomRules:
    """All packages of users, and how each does; asked by many threads."""

    def __init__(self, modules: Sequence[Module], terms: Terms) -> None:
        """Start their process; raises `PolicyError` with what is wrong in which file."""
        self.terms = terms
        rules: dict[str, Rule] = {}
        packages: dict[str, set[str]] = {}
        faults = Faults()
        with faults.noted():
            rules = catalogue(modules)
        with faults.noted():
            packages = places(modules)
        with faults.noted():
            # Where there is no place of rules, files may have other faults, which are told as well;
            # the engine compiles nothing unless it is to be asked for something.
            asked = tuple(packages) or (BUILT_IN,)
            self._process = CustomProcess(Work(tuple(modules), asked, terms.seconds))
        faults.refuse()
        self._rules = {
            package: {name: rule for name, rule in rules.items() if rule.path in files}
            for package, files in packages.items()
        }
        self._standing = {package: Standing() for package in self._rules}
        self._told: set[tuple[str, str]] = set()
        self._noting = threading.Lock()
        terms.recorder.in_use(map(_name, self._rules))

    def close(self) -> None:
        """End their process."""
        self._process.close()

    def off(self) -> list[str]:
        """The packages that are asked no more."""
        return [_name(package) for package, one in self._standing.items() if one.is_off]

    def ask(
        self, document: dict[str, Any], wait_seconds: float
    ) -> tuple[list[Verdict], dict[str, str]]:
        """Judge a document: verdicts, and why packages said nothing, by their names."""
        silent = dict.fromkeys(self.off(), "it is switched off")
        asked = [package for package in self._rules if _name(package) not in silent]
        answers = self._process.ask(document, asked, wait_seconds) if asked else Answers()
        verdicts: list[Verdict] = []
        for package in asked:
            reason, how = self._why_not(package, answers)
            if not reason:
                try:
                    found, rules = answers.found[package], self._rules[package]
                    verdicts += read_findings(found, document, rules)
                except CannotJudge as error:
                    reason, how = "error", str(error)
            self._note(package, reason, how)
            if reason:
                silent[_name(package)] = how
        return verdicts, silent

    def _why_not(self, package: str, answers: Answers) -> tuple[str, str]:
        """Say why there is no answer of a package; nothing where there is one."""
        ended = answers.ended
        if ended is not None and ended.package == package:
            return ended.reason, ended.how
        if package in answers.found:
            return "", ""
        if package in answers.errors:
            files = ", ".join(dict.fromkeys(rule.path for rule in self._rules[package].values()))
            return "error", f"{files}: {answers.errors[package]}"
        if ended is not None:
            return "skipped", f"the process was ended for custom/{_name(ended.package)}"
        return answers.absent or "", _ABSENT[answers.absent or "busy"]

    def _note(self, package: str, reason: str, how: str) -> None:
        """Count, tell once, and switch a package off that failed too often."""
        name, standing = _name(package), self._standing[package]
        with self._noting:
            if not reason:
                standing.answered()
                return
            self.terms.recorder.failed(name, reason)
            if (
                self.terms.logs
                and reason not in _OTHERS_FAULT
                and (package, reason) not in self._told
            ):
                self._told.add((package, reason))
                _log.error("custom/%s said nothing: %s", name, how)
            if reason in _ENDS and standing.ended(self.terms.clock()):
                self.terms.recorder.switched_off(name)
                _log.error(
                    "custom/%s is switched off, because it failed again and again: %s;"
                    " it is tried again when its files change",
                    name,
                    how,
                )


class Together(Apart):
    """The built-in rules and those of users, as one."""

    def __init__(self, built_in: Ask, custom: CustomRules) -> None:
        self._built_in = built_in
        self._custom = custom

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        """Judge one document; raises `CannotJudge` where rules of users have to be heard."""
        hearing = self.hearing()
        verdicts = hearing(document)
        if (why := hearing.unheard()) is not None:
            raise CannotJudge(why)
        return verdicts

    def hearing(self) -> "Hearing":
        """Begin with a request."""
        return Hearing(self._built_in, self._custom)

    def remarks(self) -> list[str]:
        """Say which packages are switched off."""
        return [f"custom/{name} is switched off: see the log" for name in self._custom.off()]

    def close(self) -> None:
        """End the process of the rules of users."""
        self._custom.close()


class Hearing:
    """All documents of one request, which waits a bounded time for the rules of users."""

    def __init__(self, built_in: Ask, custom: CustomRules) -> None:
        self._built_in = built_in
        self._custom = custom
        self._left_seconds = custom.terms.seconds
        self._silent: dict[str, str] = {}

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        """Judge a document; the built-in rules first."""
        verdicts = self._built_in(document)
        begun = self._custom.terms.clock()
        found, silent = self._custom.ask(document, self._left_seconds)
        self._left_seconds -= self._custom.terms.clock() - begun
        self._silent |= silent
        return verdicts + found

    def unheard(self) -> str | None:
        """Say which rules of users had to be heard and were not."""
        if not self._silent or not self._custom.terms.must_answer:
            return None
        return "; ".join(f"custom/{name}: {why}" for name, why in self._silent.items())


def _name(package: str) -> str:
    """How people know a package: by its end, as in the ids of its rules."""
    return package.removeprefix("scaleguard.rules.")
