"""Run the cases beside the rules in the embedded engine.

The engine is a native library, and some policies crash it. So it works in a process of its own,
which is started anew behind a crash: the other cases are still judged.
"""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator

from webhook.core.frozen import frozen
from webhook.errors import PolicyError
from webhook.policy.source import Module
from webhook.policy.trial import COMPILE, Outcome, Step, Suite, work

# A case takes a millisecond; a rule that runs away ends by itself only after some seconds.
LONGEST_STEP_SECONDS = 20


@frozen
class _Crash:
    """The end of a process that should not have ended yet."""

    how: str


def run(modules: Iterable[Module]) -> Iterator[Outcome]:
    """Judge every case of the test files among the modules.

    Raises `PolicyError` when a module cannot be compiled or makes the engine crash there.
    """
    waiting = _suites(list(modules))
    while waiting:
        step = Step(0, COMPILE)
        for event in _apart(waiting):
            if isinstance(event, Step):
                step = event
            elif isinstance(event, Outcome):
                yield event
            elif isinstance(event, Exception):
                raise event
            else:
                yield _crashed(waiting[step.suite].module, step, event)
        waiting = waiting[step.suite + 1 :]


def _suites(modules: list[Module]) -> list[Suite]:
    """Each rule of a user alone, so that a crash is seen to be its own; then the test files.

    Built-in rules are tested without those of the user.
    """
    rules = [module for module in modules if not module.is_test]
    built_in = [module for module in rules if module.built_in]
    alone = [Suite(module, (*built_in, module)) for module in rules if not module.built_in]
    tests = [module for module in modules if module.is_test]
    return alone + [Suite(test, (*(built_in if test.built_in else rules), test)) for test in tests]


def _crashed(module: Module, step: Step, crash: _Crash) -> Outcome:
    if not module.is_test:
        raise PolicyError(f"{module.path}: the embedded engine {crash.how} when it compiles this")
    reason = f"the embedded engine {crash.how}"
    if step.name == COMPILE:
        reason += ", as it often does on `with`: write cases as data, or use --engine opa"
    return Outcome(module, step.name, passed=False, reason=reason)


def _apart(suites: list[Suite]) -> Iterator[Step | Outcome | Exception | _Crash]:
    """Start a process that works on the suites, and hand on what it tells."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, suites), daemon=True)
    process.start()
    theirs.close()
    try:
        while ours.poll(LONGEST_STEP_SECONDS):
            yield ours.recv()
        yield _Crash(f"gave no answer within {LONGEST_STEP_SECONDS} s")
    except EOFError:
        process.join()
        if process.exitcode:
            yield _Crash(f"crashed ({_how(process.exitcode)})")
    finally:
        process.kill()
        process.join()
        ours.close()


def _how(exit_code: int) -> str:
    return signal.Signals(-exit_code).name if exit_code < 0 else f"exit status {exit_code}"
