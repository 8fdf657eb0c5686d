"""On which line of a file a field stands, in files as people write them."""

import pytest

from webhook.manifests import Document
from webhook.manifests.lines import Lines
from webhook.manifests.paths import decode
from webhook.manifests.reading import read_text

BLOCK = """\
# a comment first
apiVersion: v1
kind: Thing
metadata:
  name: one
  annotations:
    example.com/a.b: x
    example.com/a: y
spec:
  "quoted":   # with a comment
    - first: 1
      second: 2

    - first: 3
---
# the second document

kind: Thing
apiVersion: v1
spec: {a: {b: 1},
  c: [1,
    2]}
"""


def documents(text: str | bytes, file: str = "a.yaml") -> list[Document]:
    plain = decode(text if isinstance(text, bytes) else text.encode())
    return [entry for entry in read_text(plain, file) if isinstance(entry, Document)]


def line(text: str | bytes, path: str | None, number: int = 0, file: str = "a.yaml") -> int:
    return Lines().of(documents(text, file)[number], path)


@pytest.mark.parametrize(
    ("number", "path", "wanted"),
    [
        (0, None, 2),
        (0, "", 2),
        (0, "apiVersion", 2),
        (0, "metadata.name", 5),
        (0, "metadata.annotations", 6),
        (0, "metadata.annotations.example.com/a.b", 7),
        (0, "metadata.annotations.example.com/a", 8),
        (0, "spec.quoted", 10),
        (0, "spec.quoted[0]", 11),
        (0, "spec.quoted[0].second", 12),
        (0, "spec.quoted[1]", 14),
        (0, "spec.quoted[1].first", 14),
        (0, "spec.quoted[7]", 10),
        (0, "spec.missing.deeper", 9),
        (0, "status.missing", 2),
        (1, None, 18),
        (1, "spec.a.b", 20),
        (1, "spec.c", 21),
        (1, "spec.c[1]", 22),
    ],
)
@pytest.mark.parametrize("form", ["lf", "crlf", "cr", "bom", "utf-16", "no end"])
def test_lines_of_fields(number: int, path: str | None, wanted: int, form: str) -> None:
    text = {
        "lf": BLOCK.encode(),
        "crlf": BLOCK.replace("\n", "\r\n").encode(),
        "cr": BLOCK.replace("\n", "\r").encode(),
        "bom": BLOCK.encode("utf-8-sig"),
        "utf-16": BLOCK.encode("utf-16"),
        "no end": BLOCK.rstrip("\n").encode(),
    }[form]
    assert line(text, path, number) == wanted


def test_members_of_lists() -> None:
    text = (
        "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: A\n"
        "  spec: {x: 1}\n- kind: B\n  apiVersion: v1\n  spec:\n    x: 1\n"
    )
    assert [line(text, "spec.x", number) for number in (0, 1)] == [6, 10]
    assert [line(text, None, number) for number in (0, 1)] == [4, 7]
    assert [line(text, "nowhere", number) for number in (0, 1)] == [4, 7]


def test_json() -> None:
    begin = '{\n\t"apiVersion": "v1",\n\t"kind": "A",\n'
    text = begin + '\t"spec": {\n\t\t"a": [\n\t\t\t1\n\t\t]\n\t}\n}\n'
    assert line(text, "spec.a[0]", file="a.json") == 6
    assert line(text, "spec", file="a.json") == 4
    two = f'{text}{{"apiVersion": "v1", "kind": "B",\n"spec": {{}}}}\n'
    assert line(two, "spec", 1, file="a.json") == 11
    assert line(two, None, 1, file="a.json") == 10


def test_json_that_yaml_does_not_read_is_its_first_line() -> None:
    text = '\n{"apiVersion": "v1", "kind": "A",\n "odd": "\\ud83d\\ude00", "spec": 1}'
    assert line(text, "spec", file="a.json") == 2


def test_aliases_anchors_and_merges() -> None:
    text = (
        "apiVersion: v1\nkind: A\nbase: &base\n  x: 1\nspec: *base\n"
        "merged:\n  <<: *base\n  y: 2\nbase2: &base [1]\nuse: *base\n"
    )
    assert line(text, "spec") == 5
    assert line(text, "spec.x") == 4  # where the alias's value is written
    assert line(text, "merged.x") == 6
    assert line(text, "merged.y") == 8
    assert line(text, "use[0]") == 9  # the anchor that is given twice means the last one


def test_a_key_that_stands_twice_is_the_one_that_counts() -> None:
    assert line("apiVersion: v1\nkind: A\nspec: 1\nspec: 2\n", "spec") == 4


def test_a_key_that_is_no_word_is_passed_over() -> None:
    assert line("apiVersion: v1\nkind: &k A\n*k : 1\n? spec\n: 1\n", "spec") == 4


def test_odd_line_breaks_are_those_of_line_feeds() -> None:
    assert line("apiVersion: v1\nkind: A\na: 'x\u2028y\u0085z'\nspec: 1\n", "spec") == 4


def test_documents_far_down() -> None:
    text = "".join(f"---\napiVersion: v1\nkind: A\nspec:\n  n: {n}\n" for n in range(50))
    lines = Lines()
    assert [lines.of(one, "spec.n") for one in documents(text)] == list(range(5, 255, 5))
