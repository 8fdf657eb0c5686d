"""Any text is a configuration, or refused with each fault on a line, by one error."""

from typing import Any

from tests.cases.case import cases
from tests.fuzz.judges import CONFIG
from tests.fuzz.mutation import by_pieces, by_structure, either
from tests.fuzz.target import Target, encoded
from webhook import config as configuration
from webhook.errors import ConfigError

WORDS = [
    *("mode: ", "rules: ", "profiles:\n  - ", "namespaces: [", "workloads: ", "accelerators: "),
    *("1: 2\n",),
    *("off", "deny", "true", "2026-13-45", "&a ", "*a", "<<: ", "!!int ", "!!binary ", "- ", "? "),
    *("|\n",),
    *("0x", "1e400", ".inf", ".nan", "1:30", "~", "{", "}", "[", "]", ":", "\n", "  ", "\t", "#"),
    *("[" * 70,),
    *("match: {classes: [training]}", "selector: {matchLabels: {a: b}}", "timeoutSeconds: "),
    *("\x00", "é"),
]  # fmt: skip
# 100 faults of a file of 16 kB, each of which may quote a part of it.
MOST_CHARACTERS = 2_000_000


class Text:
    """A file that is a text."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_text(self, encoding: str) -> str:
        return self._data.decode(encoding)

    def __str__(self) -> str:
        return "config.yaml"


def seeds() -> list[bytes]:
    written = [case.header["config"] for case in cases() if case.header.get("config")]
    return sorted({encoded(one) for one in (CONFIG, *written)})


def run(data: bytes) -> None:
    try:
        file: Any = Text(data)
        configuration.load(file)
    except ConfigError as error:
        said = str(error)
        assert said.startswith("config.yaml: "), said
        assert len(said) <= MOST_CHARACTERS, len(said)


TARGET = Target(run=run, seeds=seeds, mutate=either(by_structure, by_pieces(WORDS)), share=60)
