"""The embedded engine: rego-cpp, which reads rules and evaluates those of users.

An interpreter serves one thread at a time. To compile the built-in rules takes a tenth of a second
and 10 MB, to judge a document of ours by them some milliseconds: that is done by what is made of
their plan (`webhook.policy.compiled`).
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from regopy import Bundle, BundleFormat, Interpreter, LogLevel, RegoError

from webhook.core.verdict import CannotJudge
from webhook.errors import Faults, PolicyError
from webhook.policy import arity
from webhook.policy.source import Module

# How the engine writes an error into its syntax trees: where (byte offset) and what.
_ERROR = re.compile(r"\(error\s*+(?:\d+:[^|\n]*\|(\d+)\|\d+)?\s*+\(errormsg (\d+):")
_LONGEST_ANSWER_SHOWN = 200

_NO_TERM = "Not a term"
_NO_TERM_MEANS = (
    f"{_NO_TERM}: a value cannot be had: a function as concat got null or another type than it"
    " takes, or nothing binds a variable"
)


class Engine:
    """Compiled modules, for one thread at a time."""

    def __init__(self, modules: Iterable[Module], entrypoints: Sequence[str]) -> None:
        """Compile; raises `PolicyError` naming every file that the engine refuses."""
        self._interpreter = Interpreter()
        # It would print its errors to stdout, which belongs to results.
        self._interpreter.log_level = LogLevel.NONE
        added = list(modules)
        arity.check(added)
        faults = Faults()
        for module in added:
            with faults.noted():
                self._add(module)
        faults.refuse()
        try:
            self._bundle: Bundle = self._interpreter.build(None, entrypoints)
        except (RegoError, ValueError) as error:
            raise PolicyError(f"{_named(added)}: {_explained(str(error))}") from error
        if not self._bundle.ok():
            raise PolicyError(f"{_named(added)}: cannot be compiled: `opa check --strict` says why")

    def _add(self, module: Module) -> None:
        try:
            self._interpreter.add_module(module.name, module.text)
        except (RegoError, ValueError) as error:
            raise PolicyError(_located(module, str(error))) from error

    def save(self, folder: Path, form: BundleFormat) -> None:
        """Write the plan of the entrypoints into a folder."""
        self._interpreter.save_bundle(str(folder), self._bundle, form)

    def answer(self, entrypoint: str, document: Any) -> Any:
        """Evaluate an entrypoint on a document; raises `CannotJudge` when there is no answer."""
        self.put(document)
        return self.evaluate(entrypoint)

    def put(self, document: Any) -> None:
        """Let what is evaluated from now on read a document."""
        self._interpreter.set_input(escaped(document))

    def evaluate(self, entrypoint: str, undefined: Any = None) -> Any:
        """Evaluate an entrypoint; raises `CannotJudge` when there is no answer.

        So it does where it is not defined, unless something is to be answered then.
        """
        try:
            output = self._interpreter.query_bundle_entrypoint(self._bundle, entrypoint)
            text = str(output)
            if text == "undefined":
                if undefined is not None:
                    return undefined
                raise CannotJudge(f"data.{entrypoint.replace('/', '.')} is not defined")
            answer = json.loads(text) if output.ok() else None
        except json.JSONDecodeError as error:  # an error in place of a value is no JSON
            raise CannotJudge(_failed(error.doc)) from error
        except (RegoError, ValueError) as error:
            raise CannotJudge(_failed(str(error))) from error
        expressions = answer.get("expressions") if isinstance(answer, dict) else None
        if not expressions:
            raise CannotJudge(_failed(text))
        return expressions[0]


def escaped(value: Any) -> Any:
    """Escape the strings of a document as JSON does.

    The engine (regopy 1.5) prints strings of its answer as they are, without escaping quotes and
    backslashes, while strings of the rules' own text keep their escapes. With an escaped input
    both are alike, and the answer is JSON.
    """
    if isinstance(value, str):
        plain = value.isprintable() and '"' not in value and "\\" not in value
        return value if plain else json.dumps(value)[1:-1]
    if isinstance(value, dict):
        return {escaped(key): escaped(member) for key, member in value.items()}
    return [escaped(member) for member in value] if isinstance(value, list) else value


def _named(modules: Iterable[Module]) -> str:
    """Name the files of which one is at fault: the built-in ones are tested."""
    return ", ".join(str(module.path) for module in modules if not module.built_in) or "policies"


def _located(module: Module, text: str) -> str:
    """Say in which line of a file an error is, where the engine says it."""
    found = _ERROR.search(text)
    if found is None or found[1] is None:
        return f"{module.path}: {_explained(text)}"
    line = module.text.encode()[: int(found[1])].count(b"\n") + 1
    return f"{module.path}: line {line}: {_explained(text)}"


def _failed(text: str) -> str:
    return f"the embedded engine failed: {_explained(text)}"


def _explained(text: str) -> str:
    """Take the sentence out of an error that the engine tells as a syntax tree."""
    found = _ERROR.search(text)
    if found is None:
        return text[:_LONGEST_ANSWER_SHOWN]
    said = text[found.end() : found.end() + int(found[2])]
    return _NO_TERM_MEANS if said == _NO_TERM else said
