"""Run the tests beside the rules in the embedded engine."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regopy import RegoError

from webhook.errors import PolicyError
from webhook.policy.embedded import compiled
from webhook.policy.source import TEST_SUFFIX, Module

_PACKAGE = re.compile(r"^package\s+([\w.]+)", re.MULTILINE)
_TEST = re.compile(r"^(test_\w+)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test and how it ended."""

    module: Module
    name: str
    passed: bool
    reason: str = ""


def run(modules: Iterable[Module]) -> Iterator[Outcome]:
    """Run every rule named `test_…` of the test modules; a test passes when it is true.

    Raises `PolicyError` when a module cannot be compiled.
    """
    every = list(modules)
    tests = [
        (module, package, name)
        for module in every
        if module.name.endswith(TEST_SUFFIX)
        for package in _package(module)
        for name in dict.fromkeys(_TEST.findall(module.text))
    ]
    if not tests:
        return
    entrypoints = [f"{package.replace('.', '/')}/{name}" for _, package, name in tests]
    interpreter, bundle = compiled(every, entrypoints)
    interpreter.set_input({})
    for (module, _, name), entrypoint in zip(tests, entrypoints, strict=True):
        try:
            output = interpreter.query_bundle_entrypoint(bundle, entrypoint)
            text = str(output)
            passed = output.ok() and json.loads(text).get("expressions") == [True]
        except (RegoError, ValueError) as error:
            yield Outcome(module, name, passed=False, reason=str(error)[:200])
            continue
        yield Outcome(module, name, passed=passed, reason="" if passed else text[:200])


def _package(module: Module) -> list[str]:
    found = _PACKAGE.findall(module.text)
    if not found:
        raise PolicyError(f"{module.path}: no package: a Rego file begins with `package …`")
    return found[:1]
