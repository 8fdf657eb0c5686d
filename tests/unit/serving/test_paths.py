from pathlib import Path

import pytest

from certs.rollover import make_path
from webhook.serving.paths import Segments


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_that_is_mounted_is_answered_and_no_other(tmp_path: Path, clock: Clock) -> None:
    segments = Segments(tmp_path, clock)
    assert segments.known() == ()
    paths = [make_path() for _ in range(3)]
    for name, path in zip(("path", "next", "before"), paths, strict=True):
        (tmp_path / name).write_text(f"{path}\n", "ascii")
    assert paths[0] not in segments, "they were looked at in this moment"
    clock.now += 0.06
    assert paths[0] in segments, "who asks under another one may be right"
    assert all(path in segments for path in paths)
    for other in (make_path(), "", "validate", paths[0][:-1], "é"):
        assert other not in segments
    (tmp_path / "before").unlink()
    clock.now += 1
    assert set(segments.known()) == set(paths[:2])


def test_what_a_kubelet_has_exchanged_counts_before_it_is_found_by_its_name(
    tmp_path: Path, clock: Clock
) -> None:
    first, second = make_path(), make_path()
    for number, files in enumerate(
        [{"path": first, "next": second}, {"path": second, "before": first}]
    ):
        (tmp_path / f"..{number}").mkdir()
        for name, path in files.items():
            (tmp_path / f"..{number}" / name).write_text(path, "ascii")
    (tmp_path / "..data").symlink_to("..0")
    for name in ("path", "next"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    segments = Segments(tmp_path, clock)
    assert set(segments.known()) == {first, second}
    (tmp_path / "..data").unlink()
    (tmp_path / "..data").symlink_to("..1")  # `before` has no link of its own yet
    clock.now += 1
    assert set(segments.known()) == {first, second}


@pytest.mark.parametrize("moved_after", range(3))
def test_none_is_missed_that_the_kubelet_moves_while_they_are_read(
    moved_after: int, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_path(), make_path()
    mounted = {"path": first, "next": second}
    read: list[str] = []

    def read_text(file: Path, **_: object) -> str:
        if len(read) == moved_after:
            mounted.clear()
            mounted.update({"path": second, "before": first})
        read.append(file.name)
        if file.name not in mounted:
            raise FileNotFoundError(file)
        return mounted[file.name]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert set(Segments(tmp_path, clock).known()) == {first, second}
