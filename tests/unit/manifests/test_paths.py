import os
from pathlib import Path

import pytest

from webhook.manifests import paths


def put(top: Path, *names: str) -> None:
    for name in names:
        file = top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a: 1\n")


def found(top: Path, *given: str) -> list[str]:
    return [str(Path(file).relative_to(top)) for file in paths.files(given or [str(top)])]


def test_a_folder_is_read_recursively_and_sorted_by_path(tmp_path: Path) -> None:
    put(tmp_path, "b.yaml", "a/z.yml", "a/b/c.json", "a-b/x.yaml", "B.yaml", "a.yaml")
    names = ["B.yaml", "a-b/x.yaml", "a.yaml", "a/b/c.json", "a/z.yml", "b.yaml"]
    assert found(tmp_path) == names


def test_only_manifest_suffixes_count_in_folders(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "b.yml", "c.json", "d.txt", "e.YAML", "yaml", "f.yaml.bak", "g.tpl")
    assert found(tmp_path) == ["a.yaml", "b.yml", "c.json"]


def test_hidden_folders_are_left_out_and_hidden_files_are_not(tmp_path: Path) -> None:
    put(tmp_path, ".git/a.yaml", "k8s/.cache/b.yaml", ".krew.yaml", "k8s/c.yaml")
    assert found(tmp_path) == [".krew.yaml", "k8s/c.yaml"]


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path: Path) -> None:
    put(tmp_path, ".github/a.yaml")
    assert found(tmp_path, str(tmp_path / ".github")) == [".github/a.yaml"]


def test_files_stay_in_the_given_order_whatever_their_suffix(tmp_path: Path) -> None:
    put(tmp_path, "z.txt", "a.yaml", "folder/b.yaml")
    given = [str(tmp_path / name) for name in ("z.txt", "folder", "a.yaml", "missing.yaml")]
    assert found(tmp_path, *given) == ["z.txt", "folder/b.yaml", "a.yaml", "missing.yaml"]


def test_the_same_path_twice_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml")
    assert found(tmp_path, str(tmp_path), str(tmp_path / "a.yaml")) == ["a.yaml"]


def test_paths_in_a_folder_are_written_as_a_person_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "k8s/a.yaml")
    monkeypatch.chdir(tmp_path)
    assert paths.files(["."]) == ["k8s/a.yaml"]
    assert paths.files(["k8s/"]) == ["k8s/a.yaml"]
    assert paths.files(["./k8s/a.yaml"]) == ["./k8s/a.yaml"]


def test_stdin_stays_itself_even_beside_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "-/a.yaml")
    monkeypatch.chdir(tmp_path)
    assert paths.files(["-"]) == ["-"]


def test_links_that_lead_back_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a/b/c.yaml")
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    assert found(tmp_path) == ["a/b/c.yaml"]


def test_a_linked_folder_is_read_once_and_under_its_own_name(tmp_path: Path) -> None:
    put(tmp_path, "z/c.yaml")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert found(tmp_path) == ["z/c.yaml"]


def test_a_linked_folder_from_elsewhere_is_read(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/c.yaml", "top/a.yaml")
    (tmp_path / "top/link").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path, str(tmp_path / "top")) == ["top/a.yaml", "top/link/c.yaml"]


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, "..2026_01_01/hpa.yaml")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "hpa.yaml").symlink_to("..data/hpa.yaml")
    assert found(tmp_path) == ["hpa.yaml"]


def test_a_link_to_nothing_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert found(tmp_path) == ["gone.yaml"]
    with pytest.raises(paths.CannotReadError, match="No such file or directory"):
        paths.text_of(str(tmp_path / "gone.yaml"))


def test_a_folder_that_cannot_be_listed_stands_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.yaml", "closed/b.yaml")
    iterdir = Path.iterdir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert found(tmp_path) == ["a.yaml", "closed"]
    with pytest.raises(paths.CannotReadError, match=r"^Permission denied$"):
        paths.text_of(str(tmp_path / "closed"))


def test_what_cannot_be_looked_at_counts_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.yaml")

    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert found(tmp_path) == ["a.yaml"]
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert paths.files(["x/y"]) == ["x/y"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("missing.yaml", "No such file or directory"), ("a\0b", "a path cannot hold a NUL character")],
)
def test_a_path_that_leads_nowhere(path: str, reason: str) -> None:
    with pytest.raises(paths.CannotReadError, match=f"^{reason}$"):
        paths.text_of(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_with_their_byte_order_marks(encoding: str) -> None:
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    assert paths.decode(f"{mark}a: é\n".encode(encoding)) == "a: é\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: 1\nb: \xe9\n", "not UTF-8: line 2: byte 0xe9"),
        (b"\xff\xfea\x00\x00\xd8", "not UTF-16-LE: line 1: byte 0x00"),
        (b"\x89PNG\r\n", "not UTF-8: line 1: byte 0x89"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(paths.CannotReadError, match=f"^{reason}$"):
        paths.decode(content)


def test_all_line_breaks_become_line_feeds() -> None:
    assert paths.decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_byte_order_marks_are_dropped_where_lines_begin() -> None:
    assert paths.decode("\ufeff\ufeffa\r\n\ufeffb: x\ufeff\n".encode()) == "a\nb: x\ufeff\n"


def test_files_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "LARGEST_BYTES", 2**20)
    file = tmp_path / "a.yaml"
    file.write_bytes(b"#" * 2**20)
    assert len(paths.text_of(str(file))) == 2**20
    file.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(paths.CannotReadError, match=r"^larger than 1 MiB; split it$"):
        paths.text_of(str(file))
