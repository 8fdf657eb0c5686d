"""The embedded engine: rego-cpp in this process.

An interpreter is not thread-safe, so each thread has its own; the rules are compiled once in each
(some 10 ms), and a query on a document then takes some tenths of a millisecond.
"""

import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from regopy import Bundle, Interpreter, Output, RegoError

from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError
from webhook.policy.answer import ENTRYPOINT, read_findings
from webhook.policy.source import Module


class Embedded:
    """Evaluates rules in this process; may be called from any thread."""

    def __init__(self, modules: Iterable[Module]) -> None:
        """Compile the rules once, so that a broken one is found before the first request."""
        self._modules = tuple(modules)
        self._local = threading.local()
        self._engine()

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        """Judge a document; raises `CannotJudge` when the engine gives no answer."""
        interpreter, bundle = self._engine()
        try:
            interpreter.set_input(escaped(document))
            answer = _result(interpreter.query_bundle_entrypoint(bundle, ENTRYPOINT))
        except (RegoError, ValueError) as error:
            # Some of the engine's errors surface as JSON that cannot be decoded (a ValueError).
            raise CannotJudge(f"the embedded engine failed: {error}") from error
        return read_findings(answer)

    def _engine(self) -> tuple[Interpreter, Bundle]:
        engine: tuple[Interpreter, Bundle] | None = getattr(self._local, "engine", None)
        if engine is None:
            engine = compiled(self._modules, [ENTRYPOINT])
            self._local.engine = engine
        return engine


def compiled(modules: Iterable[Module], entrypoints: Sequence[str]) -> tuple[Interpreter, Bundle]:
    """Compile modules; raises `PolicyError` naming the file that the engine refuses."""
    interpreter = Interpreter()
    for module in modules:
        try:
            interpreter.add_module(module.name, module.text)
        except (RegoError, ValueError) as error:
            raise PolicyError(f"{module.path}: {error}") from error
    try:
        bundle = interpreter.build(None, entrypoints)
    except (RegoError, ValueError) as error:
        raise PolicyError(f"the policies cannot be compiled: {error}") from error
    if not bundle.ok():
        raise PolicyError("the policies cannot be compiled: run `opa check --strict` on them")
    return interpreter, bundle


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


def _result(output: Output) -> Any:
    text = str(output)
    if not output.ok():
        raise ValueError(text[:500])
    answer = json.loads(text)
    expressions = answer.get("expressions") if isinstance(answer, dict) else None
    if not expressions:
        raise ValueError(f"no result: {text[:200]}")
    return expressions[0]
