import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from webhook.manifests import (
    Document,
    Entry,
    Skipped,
    Unreadable,
    files,
    read,
    read_file,
    yaml_builder,
)
from webhook.manifests.reading import read_text

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"


def from_stdin(text: str | bytes) -> list[Entry]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(read(["-"], lambda: content))


def no_stdin() -> bytes:
    raise AssertionError("nobody asked for stdin")


def outline(entries: Sequence[Entry]) -> list[tuple[int, str]]:
    """Each entry as (document, name or the first words of its reason)."""
    return [
        (
            entry.source.document,
            entry.raw["metadata"]["name"] if isinstance(entry, Document) else entry.reason[:20],
        )
        for entry in entries
    ]


def test_stdin_is_a_file_of_its_own_name() -> None:
    [document] = from_stdin(POD % "a")
    assert document.source.as_json() == {"file": "-", "document": 1}


def test_files_folders_and_stdin_in_the_given_order(tmp_path: Path) -> None:
    (tmp_path / "k8s").mkdir()
    for name in ("k8s/z.yaml", "k8s/a.yaml", "one.txt"):
        (tmp_path / name).write_text(POD % "x")
    given = [str(tmp_path / "one.txt"), "-", str(tmp_path / "k8s"), str(tmp_path / "gone.yaml")]
    entries = list(read(given, (POD % "x").encode))
    assert [Path(entry.source.file).name for entry in entries] == [
        *("one.txt", "-", "a.yaml", "z.yaml", "gone.yaml"),
    ]
    assert entries[-1] == Unreadable(entries[-1].source, "No such file or directory")
    assert entries[-1].source.as_json() == {"file": given[-1], "document": 1}


def test_a_caller_can_show_progress(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD % "a")
    [file] = files([str(tmp_path)])
    assert list(read_file(file, no_stdin)) == list(read([str(tmp_path)], no_stdin))


def test_documents_count_as_yaml_counts() -> None:
    text = f"# licence\n---\n{POD % 'a'}---\n---\n# nothing\n---\n{POD % 'b'}...\n{POD % 'c'}"
    assert outline(from_stdin(text)) == [(1, "a"), (4, "b"), (5, "c")]


def test_lines_are_those_of_the_file_whatever_its_line_breaks() -> None:
    text = f"# licence\n---\n\n{POD % 'a'}---\n{POD % 'b'}---\na: b: c\n"
    for broken in (text, text.replace("\n", "\r\n"), text.replace("\n", "\r")):
        entries = from_stdin(broken)
        assert [entry.source.line for entry in entries] == [4, 8, 12]
        assert isinstance(entries[2], Unreadable)
        assert entries[2].reason == "line 12: mapping values are not allowed in this context"


def test_parts_keep_their_text_and_place_for_later() -> None:
    entries = from_stdin(f"{POD % 'a'}---\n{POD % 'b'}")
    parts = [entry.part for entry in entries if isinstance(entry, Document)]
    assert [(part.line, part.text) for part in parts] == [(1, POD % "a"), (4, f"---\n{POD % 'b'}")]


def test_a_broken_document_costs_only_itself() -> None:
    entries = from_stdin(f"{POD % 'a'}---\n{{{{ x }}}}\n---\na: [\n---\nb: 1\n---\n{POD % 'e'}")
    assert [type(entry) for entry in entries] == [
        *(Document, Skipped, Unreadable, Skipped, Document),
    ]
    assert [entry.source.document for entry in entries] == [1, 2, 3, 4, 5]


def test_what_is_no_text_is_unreadable() -> None:
    [entry] = from_stdin(b"a: \xff")
    assert isinstance(entry, Unreadable)
    assert entry.reason == "not UTF-8: line 1: byte 0xff"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_content(encoding: str) -> None:
    assert outline(from_stdin((POD % "é").encode(encoding))) == [(1, "é")]


def test_concatenated_files_may_keep_their_byte_order_marks() -> None:
    text = f"\ufeff{POD % 'a'}\ufeff---\n{POD % 'b'}---\n\ufeff{POD % 'c'}"
    assert outline(from_stdin(text)) == [(1, "a"), (2, "b"), (3, "c")]


def pod_json(name: str, indent: int | None = None) -> str:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    return json.dumps(pod, indent=indent)


@pytest.mark.parametrize(
    "text",
    [
        pod_json("a") + pod_json("b"),
        pod_json("a") + "\n" + pod_json("b") + "\n",
        pod_json("a", 2) + "\n" + pod_json("b", 2),
        pod_json("a") + "\n---\n" + pod_json("b"),
        "--- " + pod_json("a") + "\n--- " + pod_json("b"),
        pod_json("a") + "\n---\n" + POD % "b",
        POD % "a" + "--- # json\n" + pod_json("b", 2),
        "[]\n---\n" + POD % "b",
    ],
)
def test_json_stands_beside_yaml_and_one_value_after_the_other(text: str) -> None:
    assert outline(from_stdin(text))[1] == (2, "b")


def test_pieces_of_json_have_their_own_lines() -> None:
    entries = from_stdin(f"---\n{pod_json('a', 2)}\n\n{pod_json('b', 2)}\n{{}}\n")
    assert [entry.source.line for entry in entries] == [2, 10, 17]
    parts = [entry.part for entry in entries if isinstance(entry, Document)]
    assert [(part.text, part.line) for part in parts] == [
        (pod_json("a", 2), 2),
        (pod_json("b", 2), 10),
    ]


def test_one_broken_line_of_json_costs_only_itself() -> None:
    text = f'{pod_json("a")}\n{{"kind": }}\n{pod_json("c")}\n{{"a": {{{{ .x }}}} }}\n'
    assert outline(from_stdin(text)) == [
        (1, "a"),
        (2, "line 2: Expecting va"),
        (3, "c"),
        (4, "not plain YAML: line"),
    ]


def test_what_fails_as_json_may_be_yaml() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {name: a}, }"
    assert outline(from_stdin(text)) == [(1, "a")]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("a.json", "line 2: Expecting value in column 11"),
        ("a.yaml", "line 2: did not find expected node content"),
    ],
)
def test_the_name_of_the_file_decides_whose_fault_is_told(
    tmp_path: Path, file: str, reason: str
) -> None:
    (tmp_path / file).write_text('{"apiVersion": "v1",\n "kind": [}')
    [entry] = read([str(tmp_path)], no_stdin)
    assert isinstance(entry, Unreadable)
    assert entry.reason == reason


def test_a_json_file_with_comments_is_skipped_unless_it_could_be_an_object(tmp_path: Path) -> None:
    (tmp_path / "tsconfig.json").write_text('{\n  // why\n  "strict": true,\n}\n')
    (tmp_path / "z.json").write_text('{\n  // why\n  "apiVersion": "v1",\n}\n')
    skipped, unreadable = read([str(tmp_path)], no_stdin)
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "JSON with comments, not a Kubernetes object"
    assert isinstance(unreadable, Unreadable)


def test_a_list_inside_of_a_stream() -> None:
    listed = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [json.loads(pod_json("b")), "x"]}
    )
    entries = from_stdin(f"{POD % 'a'}---\n{listed}")
    assert [entry.source.as_json() for entry in entries] == [
        {"file": "-", "document": 1},
        {"file": "-", "document": 2, "item": 1},
        {"file": "-", "document": 2, "item": 2},
    ]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("{name: n}", "metadata.name is a boolean, not text: quote it"),
        ("{name: on}", "metadata.name is a boolean, not text: quote it"),
        ("{name: 0123}", "metadata.name is a number, not text: quote it"),
        ("{name: 1.5}", "metadata.name is a number, not text: quote it"),
        ("{name: [web]}", "metadata.name is a list, not text: quote it"),
        ("{name: web, namespace: 12}", "metadata.namespace is a number, not text: quote it"),
        ("{generateName: {a: b}}", "metadata.generateName is a mapping, not text: quote it"),
    ],
)
def test_a_name_that_is_no_text_is_unreadable_as_for_kubectl(metadata: str, reason: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\n"
    (found,) = read_text(text, "a.yaml")
    assert isinstance(found, Unreadable)
    assert found.reason == reason
    listed = (
        f"apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: Pod, metadata: {metadata}}}]"
    )
    (inside,) = read_text(listed, "a.yaml")
    assert isinstance(inside, Unreadable)
    assert inside.source.item == 1


@pytest.mark.parametrize("metadata", ["", "~", "{name: ~}", '{name: "on"}', "{name: ''}", "[]"])
def test_a_name_that_is_text_or_absent_is_read(metadata: str) -> None:
    (found,) = read_text(f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\n", "a.yaml")
    assert isinstance(found, Document)


def test_what_aliases_stand_for_is_bounded_for_all_documents_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml_builder, "MOST_COPIED_VALUES", 5)
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: &a a, labels: {x: *a, y: *a}}\n"
    entries = list(read_text("---\n".join([text] * 3), "a.yaml"))
    assert [type(entry) for entry in entries] == [Document, Document, Unreadable]
    assert isinstance(entries[2], Unreadable)
    assert entries[2].reason == "line 11: aliases stand for more than 5 values"
    (again,) = read_text(text, "b.yaml")
    assert isinstance(again, Document)


def test_unquoted_off_is_false_as_in_kubectl() -> None:
    [document] = from_stdin(POD % "a" + "updateMode: Off\n")
    assert isinstance(document, Document)
    assert document.raw["updateMode"] is False


@pytest.mark.slow
@pytest.mark.parametrize("separator", ["---\n", "\n"], ids=["yaml", "json"])
def test_ten_thousand_documents_take_seconds(separator: str) -> None:
    labels = "".join(f"  label-{number}: value\n" for number in range(60))
    pod = f"{POD % 'a'}labels:\n{labels}" if separator == "---\n" else pod_json("a")
    begun = time.perf_counter()
    assert len(from_stdin(separator.join([pod] * 10_000))) == 10_000
    assert time.perf_counter() - begun < 20  # 3 s on one core of a laptop
