"""Any text is read into objects, what cannot be read is named with its line; no bomb goes off."""

import msgspec

from tests.fuzz.mutation import by_pieces
from tests.fuzz.seeds import manifests
from tests.fuzz.target import Target
from webhook.manifests.entries import Document
from webhook.manifests.reading import read_text
from webhook.manifests.yaml_builder import DEEPEST_LEVEL, MOST_COPIED_VALUES

WORDS = [
    *("---\n", "...\n", "--- ", "\n---", "%YAML 1.1\n", "&a ", "*a", "*b", "&b [*a,*a,*a,*a]"),
    *("<<: *a\n",),
    *("<<: ", "!!binary ", "!!float ", "!!python/object:os.system ", "!x ", "| \n", ">-\n", "? "),
    *(": ", "- "),
    *("{", "}", "[", "]", '"', "'", ",", "#", "\t", "  ", "\r\n", "\x00", "\x85", "\u2028"),
    *("\ufeff", "é"),
    *("[" * (DEEPEST_LEVEL + 1), "- " * 100, "0x" + "f" * 40, "9" * 400, "1e999", "0b", "0o8"),
    *("1_0", "~"),
    *('{"apiVersion":"v1","kind":"List","items":[', '{"a":', '"\\ud800"', "{{ .Values.x }}"),
    *("{{- if x }}",),
    *("kind: List\nitems:\n- ", "apiVersion: v1\n", "2026-13-45", ".inf", ".nan", "-0", "1.0"),
    *("y", "No"),
]  # fmt: skip
MOST_BYTES = 200 * MOST_COPIED_VALUES


def run(data: bytes) -> None:
    text = data.decode(errors="replace")
    lines = len(text.splitlines()) + 1
    for file in ("a.yaml", "a.json"):
        written = 0
        for entry in read_text(text, file):
            assert entry.source.document >= 1
            assert 1 <= (entry.source.line or 1) <= lines
            if isinstance(entry, Document):
                written += len(msgspec.json.encode(entry.raw))
            else:
                assert entry.reason
        assert written <= MOST_BYTES


TARGET = Target(run=run, seeds=manifests, mutate=by_pieces(WORDS), share=200)
