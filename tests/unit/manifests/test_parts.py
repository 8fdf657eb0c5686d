import pytest

from webhook.manifests.parts import first_line, split

# text -> (line, text) of each part
STREAMS: dict[str, list[tuple[int, str]]] = {
    "": [],
    "\n\n": [],
    "# only a comment\n  # another\n": [],
    "a: 1": [(1, "a: 1")],
    "---": [(1, "---")],
    "---\n---\n": [(1, "---\n"), (2, "---\n")],
    "a: 1\n---\nb: 2\n": [(1, "a: 1\n"), (2, "---\nb: 2\n")],
    "---\na: 1\n---\n\n---\nb: 2": [(1, "---\na: 1\n"), (3, "---\n\n"), (5, "---\nb: 2")],
    "# licence\n\n---\na: 1\n": [(3, "---\na: 1\n")],
    "a: 1\n--- # next\nb: 2\n": [(1, "a: 1\n"), (2, "--- # next\nb: 2\n")],
    "a: 1\n---# next\nb: 2\n": [(1, "a: 1\n"), (2, "--- # next\nb: 2\n")],
    'a: 1\n--- {"b": 2}\n': [(1, "a: 1\n"), (2, '--- {"b": 2}\n')],
    "a: |\n  ---\n  x\n": [(1, "a: |\n  ---\n  x\n")],
    "%YAML 1.1\n---\na: 1\n": [(1, "%YAML 1.1\n---\na: 1\n")],
    "---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n": [(1, "---\na: 1\n"), (4, "%YAML 1.1\n---\nb: 2\n")],
    "a: 1\n...\n": [(1, "a: 1\n")],
    "a: 1\n...": [(1, "a: 1\n")],
    "a: 1\n... # over\n# more\n---\nb: 2\n": [(1, "a: 1\n"), (4, "---\nb: 2\n")],
    "a: 1\n...\nb: 2\n": [(1, "a: 1\n"), (3, "b: 2\n")],
    "a: 1\n...x\n": [(1, "a: 1\n...x\n")],
    "a: 1\n-----\nb: 2\n": [(1, "a: 1\n"), (2, "-----\nb: 2\n")],
}


@pytest.mark.parametrize("text", STREAMS)
def test_a_stream_is_split_where_documents_begin(text: str) -> None:
    assert [(part.line, part.text) for part in split(text)] == STREAMS[text]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# licence\na: 1\n---\n# why\n\nb: 2\n", [2, 6]),
        ("%YAML 1.1\n---\n# why\na: 1\n", [4]),
        ("--- {a: 1}\n---   # nothing\n---\n", [1, None, None]),
        ("\n# x\n  a: 1", [3]),
    ],
)
def test_a_document_begins_with_the_line_that_says_something(
    text: str, lines: list[int | None]
) -> None:
    assert [first_line(part) for part in split(text)] == lines
